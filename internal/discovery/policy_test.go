package discovery

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published string
		want      []string // nil: refused
	}{
		"DD-21 missing":          {"", []string{"RS256"}},
		"DD-21 null":             {`null`, []string{"RS256"}},
		"DD-21 none":             {`["none"]`, nil},
		"DD-21 shared secret":    {`["HS256","HS384","HS512"]`, nil},
		"DD-21 empty":            {`[]`, nil},
		"DD-21 none beside":      {`["RS256","none"]`, []string{"RS256"}},
		"shared secret beside":   {`["HS256","ES256"]`, []string{"ES256"}},
		"all":                    {`["EdDSA","ES512","ES384","ES256","PS512","PS384","PS256","RS512","RS384","RS256"]`, asymmetric[:]},
		"twice":                  {`["RS256","RS256"]`, []string{"RS256"}},
		"case of another system": {`["rs256"]`, nil},
		"of blockchains":         {`["ES256K"]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(with("id_token_signing_alg_values_supported", c.published), false)
			require.NoError(t, err)
			got, err := d.Algorithms()
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == nil, err != nil)
			if err != nil {
				require.ErrorContains(t, err, "https://idp.example")
			}
		})
	}
}

func TestSupportsS256(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		published string
		ok        bool
	}{
		"not published":    {"", true},
		"S256":             {`["S256"]`, true},
		"both":             {`["plain","S256"]`, true},
		"DD-22 plain only": {`["plain"]`, false},
		"DD-22 none":       {`[]`, false},
		"DD-22 lower case": {`["s256"]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(with("code_challenge_methods_supported", c.published), false)
			require.NoError(t, err)
			if err := d.SupportsS256(); c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, "want S256")
			}
		})
	}
}

// TestErrorsOfListsStaySafe: lists are the server's text as well.
func TestErrorsOfListsStaySafe(t *testing.T) {
	t.Parallel()
	d, err := Parse(with("code_challenge_methods_supported", `["\u001b]0;pwn"]`), false)
	require.NoError(t, err)
	err = d.SupportsS256()
	require.Error(t, err)
	require.NotContains(t, err.Error(), "\x1b")
}
