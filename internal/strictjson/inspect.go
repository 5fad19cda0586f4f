package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	jose "github.com/go-jose/go-jose/v4/json"
)

// level is one object or array that is open where the inspection stands.
type level struct {
	object bool
	room   int // members or elements that may still follow the present one
	first  int // where its names begin among those of all open objects
}

type name struct {
	hash uint64
	text []byte // without quotes and escapes
}

// seed keeps a server from choosing names that collide.
var seed = maphash.MakeSeed()

// inspect enforces the rules that the decoder does not, on data up to stop, and
// returns the name of the innermost member open there. It looks only at the
// characters that give a document its structure; whether there is more wrong with
// it is for the grammar of the decoder that reads it next. A document of usual
// size is inspected without an allocation.
func inspect(data []byte, stop, members int) (member []byte, err error) {
	switch {
	case len(bytes.TrimLeft(data, " \t\r\n")) == 0:
		return nil, errors.New("empty where JSON was expected")
	case bytes.HasPrefix(data, []byte("\ufeff")): // RFC 8259 section 8.1: MUST NOT be added
		return nil, errors.New("begins with a byte order mark; JSON has none")
	case !utf8.Valid(data):
		return nil, errors.New("not UTF-8")
	}
	var open [MaxDepth + 1]level // [0] stands for the outside
	depth := 0
	names := make([]name, 0, 48)
	last := byte(0) // the structural character before this one
	for i := 0; i < stop; i++ {
		in := &open[depth]
		switch c := data[i]; c {
		case '"':
			var quoted []byte
			if n := 1 + bytes.IndexByte(data[i+1:], '"'); n > 0 && bytes.IndexByte(data[i:i+n], '\\') < 0 {
				quoted = data[i : i+n+1]
			} else if quoted, err = escaped(data[i:]); err != nil {
				return nil, err
			}
			i += len(quoted) - 1
			if in.object && (last == '{' || last == ',') {
				if names, err = appendName(names, in.first, quoted); err != nil {
					return nil, err
				}
			}
		case '{', '[':
			if depth++; depth > MaxDepth {
				return nil, fmt.Errorf("nested more than %d deep", MaxDepth)
			}
			open[depth] = level{c == '{', maxElements - 1, len(names)}
			if c == '{' {
				open[depth].room = members - 1
			}
			last = c
		case '}', ']':
			if depth > 0 {
				names = names[:in.first]
				depth--
			}
			last = c
		case ',':
			if in.room--; in.room < 0 && depth > 0 {
				return nil, fmt.Errorf("more than %d members in an object or %d elements in an array", members, maxElements)
			}
			last = c
		case ':':
			last = c
		}
	}
	if len(names) > 0 {
		member = names[len(names)-1].text
	}
	return member, nil
}

// appendName notes one more name of the object whose names begin at first. It
// compares each with each, but hashes, and as many of them as are allowed: for
// the handful of members of real answers that beats a map.
func appendName(names []name, first int, quoted []byte) ([]name, error) {
	text := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(text, '\\') >= 0 { // "a" and "\u0061" are one name
		var s string
		if err := jose.Unmarshal(quoted, &s); err != nil {
			return nil, errSyntax
		}
		text = []byte(s)
	}
	hash := maphash.Bytes(seed, text)
	for _, other := range names[first:] {
		if other.hash == hash && bytes.Equal(other.text, text) {
			return nil, fmt.Errorf("member %s appears twice in one object", quote(text))
		}
	}
	return append(names, name{hash, text}), nil
}

// escaped returns the string literal at the beginning of data. Of its escapes it
// refuses half a surrogate pair: one decoder keeps it, another makes U+FFFD of
// it, and two different names become one.
func escaped(data []byte) ([]byte, error) {
	i := 1
	for ; i < len(data) && data[i] != '"'; i++ {
		if data[i] != '\\' {
			continue
		}
		switch r := codeUnit(data, i); {
		case r < 0:
			i++ // \" and its like
		case !utf16.IsSurrogate(r):
			i += 5
		case utf16.DecodeRune(r, codeUnit(data, i+6)) == utf8.RuneError:
			return nil, errors.New("half of a surrogate pair in a string")
		default:
			i += 11
		}
	}
	if i >= len(data) {
		return nil, errSyntax
	}
	return data[:i+1], nil
}

// codeUnit reads \uXXXX at data[i:]; -1 if something else is there.
func codeUnit(data []byte, i int) rune {
	if i+6 > len(data) || data[i] != '\\' || data[i+1] != 'u' {
		return -1
	}
	r, err := strconv.ParseUint(string(data[i+2:i+6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(r)
}

// memberAt says in which member of data, which was inspected, a value ends.
func memberAt(data []byte, end int) string {
	if member, _ := inspect(data, min(end, len(data)), len(data)); member != nil {
		return "member " + quote(member)
	}
	return "the document"
}

// quote shows a name that a stranger chose: printable and not endless.
func quote(name []byte) string {
	const most = 64
	if len(name) > most {
		return strconv.QuoteToASCII(string(name[:most])) + "..."
	}
	return strconv.QuoteToASCII(string(name))
}
