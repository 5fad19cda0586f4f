package scopes

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits keep the work of a mistake small. No real request comes near: the
// scopes travel in a URL at sign-in, and RFC 9110, section 4.1 asks a server
// for no more than 8,000 octets of it.
const (
	maxScope   = 1 << 10  // bytes of one scope
	maxRequest = 16 << 10 // bytes of all of them, joined by spaces
)

// ErrInvalid is what every [*InvalidError] is, for errors.Is.
var ErrInvalid = errors.New("invalid scope")

// An InvalidError reports a string that cannot be a scope of a request. It is
// always a mistake of the caller, found before anything is sent.
type InvalidError struct {
	Scope  string // as the caller wrote it, not fit for a terminal
	Index  int    // its place in the caller's list, from 0
	Reason string // what is wrong with it and what to do, fit for a terminal
}

// Error quotes at most the first 80 characters of the scope, in ASCII.
func (e *InvalidError) Error() string {
	return fmt.Sprintf("invalid scope %s at index %d: %s", quote(e.Scope), e.Index, e.Reason)
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

// New returns the set of the given scopes, in their order. Exact duplicates
// collapse into the first.
//
// Each must be one scope-token of RFC 6749, section 3.3: printable ASCII but
// for the space, the double quote and the backslash. It may have 1 KiB, and all
// together, joined by spaces, 16 KiB. Nothing is trimmed, split or repaired:
// the first string that breaks a rule is reported as an [*InvalidError]. A comma
// is an ordinary character: "User.Read,Mail.Read" is one scope, of a permission
// that no server knows.
func New(scope ...string) (Set, error) {
	if err := check(scope, 0); err != nil {
		return Set{}, err
	}
	return newSet(slices.Clone(scope)), nil
}

// Parse reads the wire form, scopes joined by single spaces, by the rules of
// [New]; the Index of an [*InvalidError] counts the scopes in s. The empty
// string is the empty Set. A second space, or one at either end, is an error,
// since "scope = scope-token *( SP scope-token )" (RFC 6749, section 3.3).
//
// To be lenient with what a server answered, split at the spaces and keep what
// New accepts.
func Parse(s string) (Set, error) {
	if s == "" {
		return Set{}, nil
	}
	// One scope more than a request can hold is enough to be refused, however
	// many spaces there are.
	n := min(strings.Count(s, " ")+1, maxRequest/2+2)
	list := strings.SplitN(s, " ", n)
	if err := check(list, 0); err != nil {
		return Set{}, err
	}
	return newSet(list), nil
}

// check finds the first scope of list that is at fault, or that no longer fits
// into a request in which reserved bytes are taken already.
func check(list []string, reserved int) error {
	size := reserved
	for i, scope := range list {
		reason := fault(scope)
		if size += len(scope); reason == "" && size > maxRequest {
			reason = fmt.Sprintf("with it the request has more than %d bytes of scopes: ask for fewer", maxRequest)
		}
		if reason != "" {
			return &InvalidError{Scope: scope, Index: i, Reason: reason}
		}
		size++ // the space before the next one
	}
	return nil
}

// fault says why scope is not a scope-token, or returns "".
func fault(scope string) string {
	switch {
	case scope == "":
		return "it is empty: leave it out, and join scopes by single spaces"
	case len(scope) > maxScope:
		return fmt.Sprintf("it has %d bytes, at most %d are allowed: pass the name of one permission", len(scope), maxScope)
	}
	for i := range len(scope) {
		if !isTokenByte(scope[i]) {
			return faultAt(scope, i)
		}
	}
	return ""
}

// isTokenByte is NQCHAR of RFC 6749, appendix A: %x21 / %x23-5B / %x5D-7E.
func isTokenByte(b byte) bool {
	return '!' <= b && b <= '~' && b != '"' && b != '\\'
}

// faultAt explains the character at scope[i]. It names the code point and never
// shows it: a Cyrillic o looks right on every screen, and an escape sequence
// would run on some.
func faultAt(scope string, i int) string {
	r, size := utf8.DecodeRuneInString(scope[i:])
	if r == utf8.RuneError && size == 1 {
		return fmt.Sprintf("byte 0x%02X is not UTF-8: write the name in ASCII", scope[i])
	}
	what, advice := "outside ASCII", "retype the name"
	switch {
	case r == ' ':
		what, advice = "space", splitAdvice(len(strings.Fields(scope)))
	case r == '"':
		what, advice = "double quote", "remove it"
	case r == '\\':
		what, advice = "backslash", "remove it, or write a slash"
	case unicode.IsControl(r):
		what, advice = "control character", "remove it, or pass what it separates as strings of their own"
	case unicode.IsLetter(r):
		what = "a letter outside ASCII, even if it looks like one inside"
	case unicode.IsSpace(r) || unicode.Is(unicode.Cf, r):
		what = "invisible, as copied from a web page"
	}
	return fmt.Sprintf("%U (%s) is not allowed in a scope: %s", r, what, advice)
}

// splitAdvice says what to do about a space in a string of so many words.
func splitAdvice(words int) string {
	switch words {
	case 0, 1:
		return "remove it"
	case 2:
		return "pass two strings instead of one"
	}
	return fmt.Sprintf("pass %d strings instead of one", words)
}

// quote returns the first 80 characters of s as a Go string in ASCII.
func quote(s string) string {
	n := 0
	for i := range s {
		if n == 80 {
			return strconv.QuoteToASCII(s[:i]) + "..."
		}
		n++
	}
	return strconv.QuoteToASCII(s)
}
