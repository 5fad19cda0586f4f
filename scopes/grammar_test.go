package scopes_test

import (
	"errors"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

// token is scope-token as RFC 6749, appendix A.4 writes it.
var token = regexp.MustCompile(`\A[\x21\x23-\x5B\x5D-\x7E]+\z`)

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		given []string
		want  string
	}{
		{"SC-01 two", []string{"openid", "profile"}, "openid profile"},
		{"SC-05 the neighbours of quote and backslash", []string{"!", "#", "[", "]", "~"}, "! # [ ] ~"},
		{"SC-09 letter case", []string{"openid", "OpenID"}, "openid OpenID"},
		{"SC-10 duplicates", []string{"b", "a", "b", "c", "a"}, "b a c"},
		{"SC-12 resources", []string{"https://graph.microsoft.com/.default", "api://guid/scope", "urn:x:y"}, "https://graph.microsoft.com/.default api://guid/scope urn:x:y"},
		{"SC-12 a resource that ends in a slash", []string{"https://management.azure.com//.default"}, "https://management.azure.com//.default"},
		{"SC-13 form characters", []string{"a&client_id=evil", "a=b#x", "%20", "a+b"}, "a&client_id=evil a=b#x %20 a+b"},
		{"a comma", []string{"User.Read,Mail.Read"}, "User.Read,Mail.Read"},
		{"the longest scope", []string{strings.Repeat("x", 1024)}, strings.Repeat("x", 1024)},
		{"none", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := scopes.New(tc.given...)
			require.NoError(t, err)
			require.Equal(t, tc.want, s.String())
			parsed, err := scopes.Parse(tc.want)
			require.NoError(t, err)
			require.Equal(t, s, parsed)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, scope, reason string }{
		{"SC-02 two in one", "User.Read Mail.Read", "U+0020 (space) is not allowed in a scope: pass two strings instead of one"},
		{"SC-02 three in one", "a b  c", "pass 3 strings instead of one"},
		{"SC-02 padded", " profile ", "U+0020 (space) is not allowed in a scope: remove it"},
		{"SC-02 only a space", " ", "remove it"},
		{"SC-03 empty", "", "it is empty: leave it out"},
		{"SC-04 NUL", "a\x00", "U+0000 (control character)"},
		{"SC-04 tab", "a\tb", "U+0009 (control character)"},
		{"SC-04 line feed", "user.read\nmail.read", "U+000A (control character)"},
		{"SC-04 carriage return", "\r", "U+000D (control character)"},
		{"SC-04 escape", "\x1b[2J", "U+001B (control character)"},
		{"SC-04 delete", "a\x7f", "U+007F (control character)"},
		{"SC-04 C1", "a\u009b2J", "U+009B (control character)"},
		{"SC-05 quote", `"openid"`, "U+0022 (double quote)"},
		{"SC-05 backslash", `a\b`, "U+005C (backslash)"},
		{"SC-06 no-break space", "a\u00a0b", "U+00A0 (invisible"},
		{"SC-06 em space", "a\u2003b", "U+2003 (invisible"},
		{"SC-06 ideographic space", "a\u3000b", "U+3000 (invisible"},
		{"SC-06 zero-width space", "openid\u200b", "U+200B (invisible"},
		{"SC-06 byte order mark", "\ufeffopenid", "U+FEFF (invisible"},
		{"SC-06 direction override", "a\u202eb", "U+202E (invisible"},
		{"SC-07 accent", "caf\u00e9", "U+00E9 (a letter outside ASCII"},
		{"SC-07 Cyrillic", "\u043epenid", "U+043E (a letter outside ASCII"},
		{"SC-07 emoji", "a\U0001F600", "U+1F600 (outside ASCII)"},
		{"SC-08 invalid UTF-8", "a\xff", "byte 0xFF is not UTF-8"},
		{"SC-08 the replacement character itself", "a\ufffd", "U+FFFD (outside ASCII)"},
		{"SC-11 one byte too long", strings.Repeat("x", 1025), "it has 1025 bytes, at most 1024 are allowed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := scopes.New("fine", tc.scope, "also\x00bad")
			require.Zero(t, s)
			require.ErrorIs(t, err, scopes.ErrInvalid)
			invalid, ok := errors.AsType[*scopes.InvalidError](err)
			require.True(t, ok)
			require.Equal(t, tc.scope, invalid.Scope)
			require.Equal(t, 1, invalid.Index)
			require.Contains(t, invalid.Reason, tc.reason)
			requirePlain(t, err)
		})
	}
}

// requirePlain holds an error text against what a terminal and a log line bear.
func requirePlain(t testing.TB, err error) {
	t.Helper()
	require.Regexp(t, `\A[\x20-\x7E]+\z`, err.Error())
	require.Less(t, len(err.Error()), 1200)
}

func TestInvalidErrorText(t *testing.T) {
	t.Parallel()
	_, err := scopes.New("User.Read", "Mail.Read \x1b]0;pwned\a")
	require.EqualError(t, err, `invalid scope "Mail.Read \x1b]0;pwned\a" at index 1: `+
		`U+0020 (space) is not allowed in a scope: pass two strings instead of one`)

	_, err = scopes.New("\u043epenid" + strings.Repeat("\U0001F600", 1<<18))
	requirePlain(t, err)
	require.Contains(t, err.Error(), `"\u043epenid`)
	require.Contains(t, err.Error(), `\U0001f600"... at index 0`)

	_, err = scopes.New(strings.Repeat("\xff", 80))
	require.NotContains(t, err.Error(), "...", "80 characters are shown whole")
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, wire string
		index      int
		scope      string
	}{
		{"SC-16 leading space", " a b", 0, ""},
		{"SC-16 trailing space", "a b ", 2, ""},
		{"SC-16 two spaces", "a  b", 1, ""},
		{"SC-16 only a space", " ", 0, ""},
		{"SC-16 tab", "a b\tc d", 1, "b\tc"},
		{"SC-16 no-break space", "a b c\u00a0d", 2, "c\u00a0d"},
		{"SC-16 line feed at the end", "a b\n", 1, "b\n"},
		{"SC-17 an array printed by Go is no list", "[\"a\" \"b\"]", 0, `["a"`},
		{"SC-11 a long one", "a " + strings.Repeat("x", 1025) + " b", 1, strings.Repeat("x", 1025)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := scopes.Parse(tc.wire)
			require.Zero(t, s)
			invalid, ok := errors.AsType[*scopes.InvalidError](err)
			require.True(t, ok)
			require.Equal(t, tc.index, invalid.Index)
			require.Equal(t, tc.scope, invalid.Scope)
			requirePlain(t, err)
		})
	}
}

// A request has 16 KiB of scopes, the spaces between them included.
func TestLimitOfARequest(t *testing.T) {
	t.Parallel()
	full := slices.Repeat([]string{strings.Repeat("x", 1023)}, 16) // 16 × 1,023 and 15 spaces
	full[15] += "y"
	require.Len(t, strings.Join(full, " "), 16<<10)
	_, err := scopes.New(full...)
	require.NoError(t, err)
	_, err = scopes.Parse(strings.Join(full, " "))
	require.NoError(t, err)

	full[0] += "y"
	_, err = scopes.New(full...)
	require.ErrorContains(t, err, `at index 15: with it the request has more than 16384 bytes`)
	_, parseErr := scopes.Parse(strings.Join(full, " "))
	require.Equal(t, err, parseErr)

	// The most scopes that fit, and one more.
	most := slices.Repeat([]string{"x"}, 8192)
	s, err := scopes.Parse(strings.Join(most, " "))
	require.NoError(t, err)
	require.Equal(t, "x", s.String())
	_, err = scopes.Parse(strings.Join(append(most, "x"), " "))
	require.ErrorContains(t, err, "at index 8192:")
	_, err = scopes.Parse(strings.Join(append(most, "x", "x", "x"), " "))
	require.ErrorContains(t, err, `"x" at index 8192:`)
}

// SC-11: the refusal of an absurd request costs no more than reading it.
func TestAbsurdRequestsAreRefusedCheaply(t *testing.T) {
	huge, many := strings.Repeat("x", 1<<20), numbered(0, 1e5)
	wire, spaces := strings.Join(many, " "), strings.Repeat(" ", 1<<20)
	for name, refused := range map[string]func() error{
		"one scope of 1 MiB": func() error { _, err := scopes.New(huge); return err },
		"100,000 scopes":     func() error { _, err := scopes.New(many...); return err },
		"the same as one":    func() error { _, err := scopes.Parse(wire); return err },
		"a MiB of spaces":    func() error { _, err := scopes.Parse(spaces); return err },
		"explicit ones":      func() error { _, err := scopes.Build(many, scopes.Defaults()); return err },
	} {
		require.ErrorIs(t, refused(), scopes.ErrInvalid, name)
		require.Less(t, allocated(refused), 256<<10, name)
		require.Less(t, len(refused().Error()), 1200, name)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func() error) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_ = f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// What String writes, Parse reads.
func FuzzParseReadsString_SC18(f *testing.F) {
	f.Add([]byte("openid profile"))
	f.Add([]byte("a a b"))
	f.Add([]byte{0, 1, 2, 253, 254, 255, ' ', ' '})
	f.Add([]byte("one two three four five six seven eight nine ten nine"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := set(t, validScopes(data)...)
		parsed, err := scopes.Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s, parsed)
	})
}

// validScopes turns any bytes into scopes within the limits.
func validScopes(data []byte) []string {
	var list []string
	for _, word := range strings.Fields(string(data[:min(len(data), 8<<10)])) {
		scope := []byte(word)[:min(len(word), 1024)]
		for i, b := range scope {
			if b = '!' + b%('~'-'!'+1); b == '"' || b == '\\' {
				b = '/'
			}
			scope[i] = b
		}
		list = append(list, string(scope))
	}
	return list
}

func FuzzNewKeepsToTheGrammar(f *testing.F) {
	for _, s := range []string{"", "openid", "a b", "\x00", "\u043e", "\xff", `"`, `\`, "~", "\x7f", strings.Repeat("x", 1025)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := scopes.New(s)
		require.Equal(t, token.MatchString(s) && len(s) <= 1024, err == nil, "%q", s)
		if err == nil {
			require.Equal(t, s, got.String())
			return
		}
		require.ErrorIs(t, err, scopes.ErrInvalid)
		requirePlain(t, err)
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", " ", "a b", "a  b", "a a", "a\tb", "openid profile email offline_access", "a \xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		s, err := scopes.Parse(wire)
		if err != nil {
			invalid, ok := errors.AsType[*scopes.InvalidError](err)
			require.True(t, ok)
			require.Equal(t, strings.Split(wire, " ")[invalid.Index], invalid.Scope)
			requirePlain(t, err)
			return
		}
		// Nothing invented, nothing lost: the words of the wire, once each.
		seen := map[string]bool{}
		words := slices.DeleteFunc(strings.Split(wire, " "), func(w string) bool {
			again := seen[w] || w == ""
			seen[w] = true
			return again
		})
		require.Equal(t, strings.Join(words, " "), s.String())
		for scope := range s.All() {
			require.Regexp(t, token, scope)
			require.True(t, s.Has(scope))
		}
	})
}
