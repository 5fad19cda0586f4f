package strictjson

import (
	"bytes"
	"encoding/json"
	"iter"
)

// Parts yields the members of an object, or the elements of an array under no
// name, as they are written in data, names in their quotes; of anything else,
// nothing. data must have passed [Check] or be a part of what has: all that is
// left to do is to find where values end, which costs next to nothing.
func Parts(data []byte) iter.Seq2[json.RawMessage, json.RawMessage] {
	return func(yield func(name, value json.RawMessage) bool) {
		var name json.RawMessage
		depth, start := 0, 0
		for i := 0; i < len(data); i++ {
			switch c := data[i]; c {
			case '"':
				i = closing(data, i)
			case '{', '[':
				if depth++; depth == 1 {
					start = i + 1
				}
			case ':':
				if depth == 1 {
					name, start = bytes.TrimSpace(data[start:i]), i+1
				}
			case ',', '}', ']':
				if depth == 1 {
					part := bytes.TrimSpace(data[start:i]) // nothing, in an empty object or array
					if start = i + 1; len(part) > 0 && !yield(name, part) {
						return
					}
				}
				if c != ',' {
					depth--
				}
			}
		}
	}
}

// closing returns where the string ends that begins at data[i].
func closing(data []byte, i int) int {
	for {
		i += 1 + bytes.IndexByte(data[i+1:], '"')
		escapes := 0
		for data[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}
