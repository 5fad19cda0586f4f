package scopes

import (
	"iter"
	"slices"
	"strings"
)

// A Set is an immutable, ordered set of scopes. The zero Set is empty.
//
// Scopes compare exactly: "User.Read" and "user.read" are two scopes, as
// RFC 6749, section 3.3 has it ("case-sensitive strings"). Two sets hold the
// same scopes, in whatever order, if each [Set.Covers] the other; sets of the
// same scopes in the same order are deeply equal, however they were made.
//
// To encode a Set, write its String and read it with [Parse]; in JSON and the
// like it is that string.
type Set struct {
	list  []string
	index map[string]struct{} // nil for small sets
}

// Up to this size a scan beats a map, and most requests name one or two scopes.
const small = 8

// newSet takes ownership of list, whose elements have been checked, and drops
// all but the first of equal ones.
func newSet(list []string) Set {
	if len(list) == 0 {
		return Set{} // not an empty slice: see the promise about deep equality
	}
	s := Set{list: list[:0]}
	if len(list) > small {
		s.index = make(map[string]struct{}, len(list))
	}
	for _, scope := range list {
		if s.Has(scope) {
			continue
		}
		s.list = append(s.list, scope)
		if s.index != nil {
			s.index[scope] = struct{}{}
		}
	}
	if len(s.list) <= small {
		s.index = nil
	}
	return s
}

// String returns the wire form, the scopes joined by single spaces, which
// [Parse] reads. It is "" for the empty Set.
func (s Set) String() string { return strings.Join(s.list, " ") }

// MarshalText returns the wire form.
func (s Set) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText is [Parse].
func (s *Set) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err == nil {
		*s = parsed
	}
	return err
}

// Len returns the number of scopes.
func (s Set) Len() int { return len(s.list) }

// All yields the scopes in order.
func (s Set) All() iter.Seq[string] { return slices.Values(s.list) }

// Slice returns the scopes in order, as a copy; nil for the empty Set.
func (s Set) Slice() []string { return slices.Clone(s.list) }

// Has reports whether scope is in the set. It does not allocate.
func (s Set) Has(scope string) bool {
	if s.index == nil {
		return slices.Contains(s.list, scope)
	}
	_, ok := s.index[scope]
	return ok
}

// Covers reports whether every scope of want is in the set. Every set covers
// the empty one. It does not allocate.
func (s Set) Covers(want Set) bool {
	for _, scope := range want.list {
		if !s.Has(scope) {
			return false
		}
	}
	return true
}

// Union returns the scopes of s, then those that only t has. The limits of
// [New] are for one request and do not bind it.
func (s Set) Union(t Set) Set {
	switch {
	case s.Covers(t):
		return s
	case s.Len() == 0:
		return t
	}
	return newSet(slices.Concat(s.list, t.list))
}

// Without returns the scopes of s that t has not, in the order of s. What was
// asked without what was granted is what MSAL calls the declined scopes.
func (s Set) Without(t Set) Set {
	return newSet(slices.DeleteFunc(s.Slice(), t.Has))
}
