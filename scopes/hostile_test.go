package scopes_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

// Every byte alone, and between two letters: a scope has the characters of RFC 6749, section 3.3, and no other.
func TestGrammar_R6749_6(t *testing.T) {
	t.Parallel()
	allowed := regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]$`)
	for b := range 256 {
		one := string([]byte{byte(b)})
		for _, scope := range []string{one, "a" + one + "b"} {
			_, err := scopes.New(scope)
			require.Equal(t, allowed.MatchString(one), err == nil, "%q", scope)
		}
	}
	list, err := scopes.New("read", "Read", "write")
	require.NoError(t, err)
	require.Equal(t, "read Read write", list.String(), "one space between two, and letter case counts")
	turned, err := scopes.New("write", "read", "Read")
	require.NoError(t, err)
	require.True(t, list.Covers(turned) && turned.Covers(list), "order does not")
}

// The longest scope, the longest request, and one byte more.
func TestLimits(t *testing.T) {
	t.Parallel()
	full := slices.Repeat([]string{strings.Repeat("x", 1023)}, 15)
	for i := range full {
		full[i] = fmt.Sprintf("%02d%s", i, full[i][2:])
	}
	request := func(bytes int) []string {
		last := bytes - len(strings.Join(full, " ")) - 1
		return append(slices.Clone(full), strings.Repeat("y", last))
	}
	for name, test := range map[string]struct {
		scopes []string
		ok     bool
	}{
		"SC-11 limit: scope, 1 KiB":                       {[]string{strings.Repeat("x", 1<<10)}, true},
		"SC-11 limit: scope, a byte more":                 {[]string{strings.Repeat("x", 1<<10+1)}, false},
		"SC-11 limit: scopes of a request, 16 KiB":        {request(16 << 10), true},
		"SC-11 limit: scopes of a request, a byte more":   {request(16<<10 + 1), false},
		"SC-11 limit: scopes of a request, with defaults": {request(16<<10 - len(" openid profile email offline_access")), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := scopes.New(test.scopes...)
			require.Equal(t, test.ok, err == nil, "%v", err)
			if strings.HasSuffix(name, "defaults") {
				_, err = scopes.Build(test.scopes, scopes.Defaults())
				require.NoError(t, err)
				require.Len(t, set.Union(scopes.Defaults()).String(), 16<<10)
			}
		})
	}
}
