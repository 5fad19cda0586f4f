// Package secret holds a string so that nothing prints it by accident.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// String is a secret: a token, a code, a verifier. The zero String is empty.
//
// The text sits behind a closure, not in a string field. Methods alone do not
// protect it: fmt calls none on a value that it reaches through an unexported
// field, but prints what it finds there by reflection, and of a closure that is
// an address. For the same reason a String is not comparable and cannot become
// the key of a map.
//
// Decoding into a String always fails. What was printed of one is a mark, and a
// mark that came back as a secret would be sent to a server as a token.
type String struct{ reveal func() string }

const mark, emptyMark = "[secret]", "[empty]"

// New hides s.
func New(s string) String {
	if s == "" {
		return String{}
	}
	return String{func() string { return s }}
}

// Reveal is the only way back to the text. Each call of it is a place to look at
// in a review: a request's form, a sealed record, a header.
func (s String) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// Empty reports whether there is nothing to hide.
func (s String) Empty() bool { return s.reveal == nil }

// String returns a mark that says only whether there is a secret.
func (s String) String() string {
	if s.Empty() {
		return emptyMark
	}
	return mark
}

// Format prints the mark under every verb, %x and %#v included.
func (s String) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// GoString is for those who call it by name; fmt prefers Format.
func (s String) GoString() string { return s.String() }

// MarshalText gives the mark to encoding/json, encoding/xml and their like.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue gives the mark to log/slog.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }
