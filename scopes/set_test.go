package scopes_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

func set(t testing.TB, scope ...string) scopes.Set {
	t.Helper()
	s, err := scopes.New(scope...)
	require.NoError(t, err)
	return s
}

// numbered returns n scopes from s<from> on: above eight, sets change their insides.
func numbered(from, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("s%d", from+i)
	}
	return list
}

func TestZeroSetIsEmpty(t *testing.T) {
	t.Parallel()
	var zero scopes.Set
	require.Zero(t, zero.Len())
	require.Empty(t, zero.String())
	require.Nil(t, zero.Slice())
	require.False(t, zero.Has(""))
	require.True(t, zero.Covers(zero))
	require.Empty(t, slices.Collect(zero.All()))

	one := set(t, "a")
	require.False(t, zero.Covers(one))
	require.Equal(t, one, zero.Union(one))
	require.Equal(t, one, one.Union(zero))
	require.Equal(t, zero, one.Without(one))
	require.Equal(t, zero, set(t))
	require.Equal(t, zero, set(t, []string{}...))
}

func TestSetAlgebra(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 4, 8, 9, 40} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			left, right := numbered(0, size), numbered(size/2, size)
			l, r := set(t, left...), set(t, right...)

			require.Equal(t, numbered(0, size/2+size), l.Union(r).Slice())
			require.Equal(t, slices.Concat(right, numbered(0, size/2)), r.Union(l).Slice())
			require.Equal(t, numbered(0, size/2), append([]string{}, l.Without(r).Slice()...))
			require.True(t, l.Union(r).Covers(l))
			require.True(t, l.Union(r).Covers(r))
			require.Equal(t, size == 1, l.Covers(r))
			for _, scope := range right {
				require.Equal(t, slices.Contains(left, scope), l.Has(scope), scope)
			}
			require.False(t, l.Has("S0"), "sets compare exactly")

			require.Equal(t, left, slices.Collect(l.All()))
			require.Equal(t, size, l.Len())
			require.Equal(t, left, l.Slice(), "the operands have not changed")
		})
	}
}

// The same scopes in the same order are deeply equal, whichever way they came:
// tests and caches compare structures that contain sets.
func TestSetIsDeeplyEqualHoweverMade(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2, 8, 9, 40} {
		want := set(t, numbered(0, size)...)
		doubled := set(t, slices.Repeat(numbered(0, size), 3)...)
		parsed, err := scopes.Parse(want.String())
		require.NoError(t, err)
		require.Equal(t, want, doubled)
		require.Equal(t, want, parsed)
		require.Equal(t, want, set(t, numbered(0, size/2)...).Union(set(t, numbered(size/2, size-size/2)...)))
		require.Equal(t, want, set(t, numbered(0, 2*size)...).Without(set(t, numbered(size, size)...)))
	}
}

func TestSetIsImmutable(t *testing.T) {
	t.Parallel()
	given := []string{"a", "b", "a", "c"}
	s := set(t, given...)
	require.Equal(t, []string{"a", "b", "a", "c"}, given, "New leaves its argument alone")
	given[0] = "changed"
	s.Slice()[1] = "changed"
	_ = append(s.Slice()[:0], "changed")
	_ = s.Union(set(t, "d"))
	_ = s.Without(set(t, "a"))
	require.Equal(t, "a b c", s.String())
}

func TestSetPrintsItsScopes(t *testing.T) {
	t.Parallel()
	s := set(t, "openid", "User.Read")
	require.Equal(t, "openid User.Read", fmt.Sprint(s))
	require.Equal(t, "[openid User.Read]", fmt.Sprintf("[%v]", s))
	require.Equal(t, "{openid User.Read}", fmt.Sprintf("%v", struct{ Granted scopes.Set }{s}))
	require.Equal(t, `"openid User.Read"`, fmt.Sprintf("%q", s))
}

func TestSetStopsIteratingWhenAsked(t *testing.T) {
	t.Parallel()
	for scope := range set(t, "a", "b").All() {
		require.Equal(t, "a", scope)
		break
	}
}

// A cached token is found by asking sets, so asking must cost nothing.
func TestAskingASetAllocatesNothing(t *testing.T) {
	for _, size := range []int{1, 8, 9, 100} {
		s, same := set(t, numbered(0, size)...), set(t, numbered(0, size)...)
		require.Zero(t, testing.AllocsPerRun(10, func() {
			if !s.Has("s0") || s.Has("absent") || !s.Covers(same) || s.Len() != size {
				panic("wrong answer")
			}
		}), size)
	}
}

// A Set in JSON is its wire form, also inside of other things.
func TestSetText(t *testing.T) {
	t.Parallel()
	type configuration struct {
		Scope scopes.Set `json:"scope"`
		Other scopes.Set `json:"other,omitzero"`
	}
	raw, err := json.Marshal(configuration{Scope: set(t, "User.Read", "openid")})
	require.NoError(t, err)
	require.Equal(t, `{"scope":"User.Read openid"}`, string(raw))
	var back configuration
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, set(t, "User.Read", "openid"), back.Scope)

	require.ErrorIs(t, json.Unmarshal([]byte(`{"scope": "a  b"}`), &back), scopes.ErrInvalid)
	require.Equal(t, set(t, "User.Read", "openid"), back.Scope, "a mistake changes nothing")
	require.NoError(t, json.Unmarshal([]byte(`{"scope": ""}`), &back))
	require.Zero(t, back.Scope)
}
