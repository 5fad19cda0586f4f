// Package strictjson decodes JSON that a stranger wrote: token answers,
// metadata, key sets, claims, stored records.
//
// Two readers that disagree about one document are a hole: the one that checks
// sees the first "sub", the one that acts sees the last, or sees "SUB". So a
// document that could be read in two ways is refused as a whole, and one that
// would cost more than it says is refused before anything is built from it.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	jose "github.com/go-jose/go-jose/v4/json"
)

// What one document may hold. No server that we know of comes near any of them.
const (
	MaxDepth    = 32      // objects and arrays inside each other
	MaxMembers  = 1000    // members of one object
	maxElements = 100_000 // elements of one array
)

// Unmarshal decodes data, which must be exactly one JSON value, into v as
// encoding/json would, but for this: member names match by exact bytes only; a
// name that an object has twice (in any spelling, at any depth, also in members
// that v does not have) is refused, and so are a byte order mark, invalid UTF-8,
// half of a surrogate pair, and anything above [MaxDepth] and [MaxMembers].
//
// Its errors name the member at fault and never a value. What a type's own
// UnmarshalJSON says is passed on as it is.
//
// A field for a number as it was written has the type json.RawMessage;
// encoding/json's Number is not known here.
func Unmarshal(data []byte, v any) error {
	if _, err := inspect(data, len(data), MaxMembers); err != nil {
		return err
	}
	if err := jose.Unmarshal(data, v); err != nil {
		return explain(data, err)
	}
	return nil
}

// UnmarshalUpTo is [Unmarshal] for a document whose objects are lists of many
// things: each may have so many members. What a stranger's document can cost
// grows with the square of that number; at 10,000 it is 50 ms for each such
// object.
func UnmarshalUpTo(data []byte, members int, v any) error {
	if _, err := inspect(data, len(data), members); err != nil {
		return err
	}
	if err := jose.Unmarshal(data, v); err != nil {
		return explain(data, err)
	}
	return nil
}

// Check holds data against the rules of [Unmarshal] and decodes nothing.
func Check(data []byte) error {
	if _, err := inspect(data, len(data), MaxMembers); err != nil {
		return err
	}
	// The grammar is json.Valid's. It takes longest where there is least to see,
	// in a token of kilobytes, so the strings that break no rule are left out of what it sees.
	shown := make([]byte, 0, 1024) // enough for a record, on the stack
	for start := bytes.IndexByte(data, '"'); start >= 0; start = bytes.IndexByte(data, '"') {
		end := closing(data, start)
		shown = append(shown, data[:start+1]...)
		if s := data[start+1 : end]; slices.ContainsFunc(s, func(c byte) bool { return c < ' ' || c == '\\' }) {
			shown = append(shown, s...)
		}
		shown = append(shown, '"')
		data = data[end+1:]
	}
	if !json.Valid(append(shown, data...)) {
		return errSyntax
	}
	return nil
}

var errSyntax = errors.New("not one JSON value: cut short, or followed or broken by something else")

// explain turns the decoder's error into one that names the member and no
// value: its own would print a number that does not fit (an account id, say).
func explain(data []byte, err error) error {
	if _, ok := errors.AsType[*jose.SyntaxError](err); ok {
		return errSyntax
	}
	if e, ok := errors.AsType[*jose.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(e.Value, " ") // "number 12" is a kind and a value
		return fmt.Errorf("%s is a JSON %s, want one for %s", memberAt(data, int(e.Offset)), kind, e.Type)
	}
	if strings.HasPrefix(err.Error(), "json: invalid") {
		return errors.New("a member does not have the form that its Go type wants")
	}
	return err
}
