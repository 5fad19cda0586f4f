package msal

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClaimsChallenge(t *testing.T) {
	t.Parallel()
	const bearer = `Bearer error="insufficient_claims", claims="eyJ9"`
	for name, tc := range map[string]struct {
		headers []string
		want    string
	}{
		"Microsoft's":                  {[]string{`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000", errorDescription="Continuous access evaluation resulted in challenge", error="insufficient_claims", claims="eyJ9"`}, "eyJ9"},
		"scheme in any case":           {[]string{"bEARER" + bearer[6:]}, "eyJ9"},
		"names in any case":            {[]string{`Bearer ERROR="insufficient_claims", Claims="eyJ9"`}, "eyJ9"},
		"tokens":                       {[]string{"Bearer error=insufficient_claims,claims=eyJ9"}, "eyJ9"},
		"white space":                  {[]string{"Bearer\terror = insufficient_claims ,, claims\t=\t\"eyJ9\" , "}, "eyJ9"},
		"other order":                  {[]string{`Bearer claims="eyJ9", error="insufficient_claims"`}, "eyJ9"},
		"quoted pairs":                 {[]string{`Bearer error="insufficient_\claims", claims="{\"a\":\"\\\"}"`}, `{"a":"\"}`},
		"R-6750-4 after another":       {[]string{`Basic realm="x, y", ` + bearer}, "eyJ9"},
		"R-6750-4 before another":      {[]string{bearer + `, Basic realm="x"`}, "eyJ9"},
		"R-6750-4 after a token68":     {[]string{"Negotiate oYG0MIGx==, NTLM TlRMTVNTUAAC=, " + bearer}, "eyJ9"},
		"R-6750-4 schemes alone":       {[]string{"Negotiate, NTLM, " + bearer}, "eyJ9"},
		"R-6750-4 several headers":     {[]string{`Basic realm="x"`, "", bearer}, "eyJ9"},
		"the second bearer":            {[]string{`Bearer error="invalid_token", ` + bearer}, "eyJ9"},
		"none":                         {nil, ""},
		"another error":                {[]string{`Bearer error="invalid_token", claims="eyJ9"`}, ""},
		"no error":                     {[]string{`Bearer claims="eyJ9"`}, ""},
		"no claims":                    {[]string{`Bearer error="insufficient_claims"`}, ""},
		"another scheme":               {[]string{`DPoP error="insufficient_claims", claims="eyJ9"`}, ""},
		"of two schemes":               {[]string{`Bearer error="insufficient_claims", Basic claims="eyJ9"`}, ""},
		"within quotes":                {[]string{`Basic realm="x, Bearer error=insufficient_claims, claims=eyJ9"`}, ""},
		"within quotes, escaped":       {[]string{`Basic realm="\", Bearer error=insufficient_claims, claims=eyJ9, x=\""`}, ""},
		"within misplaced quotes":      {[]string{`Basic "x, Bearer error=insufficient_claims, claims=eyJ9"`}, ""},
		"within quotes after a value":  {[]string{`Basic realm="x"="y, Bearer error=insufficient_claims, claims=eyJ9"`}, ""},
		"R-6750-4 twice":               {[]string{bearer + `, claims="eyJ8"`}, ""},
		"R-6750-4 twice, same":         {[]string{bearer + `, Claims="eyJ9"`}, ""},
		"R-6750-4 twice, not it":       {[]string{`Basic realm="x", realm="y", ` + bearer}, "eyJ9"},
		"R-6750-4 quote without end":   {[]string{`Bearer error="insufficient_claims", claims="eyJ9`}, ""},
		"R-6750-4 pair without end":    {[]string{`Bearer error="insufficient_claims", claims="eyJ9\`}, ""},
		"R-6750-4 parameters alone":    {[]string{bearer[7:]}, ""},
		"R-6750-4 rubbish":             {[]string{"=,=\"", "\"", ",,,", "\x00", "Bearer =", "Bearer ===,=x"}, ""},
		"R-6750-4 too long to be read": {[]string{bearer + `, x="` + strings.Repeat("a", maxHeader) + `"`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, claimsChallenge(tc.headers))
		})
	}
}

// FuzzClaimsChallenge: whatever stands in quotes is a value and nothing else.
// A header in the grammar gives the claims that went in, byte by byte, and none
// if it says something twice; text that a server copies from a request into the
// realm of another challenge gives none; and no header makes claims appear that
// are longer than itself.
func FuzzClaimsChallenge(f *testing.F) {
	for _, s := range []string{"", "x", `"`, `\`, `", Bearer error="insufficient_claims", claims="y`, "\\\", Bearer error=insufficient_claims, claims=y", "=,= \t", "ü\x00"} {
		f.Add(s, "eyJ9")
		f.Add("realm", s)
	}
	quote := func(s string) string { return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"` }
	f.Fuzz(func(t *testing.T, realm, claims string) {
		if len(realm)+len(claims) > maxHeader/4 {
			return
		}
		header := "Basic realm=" + quote(realm) + ",Bearer realm=" + quote(realm) + `, error="insufficient_claims", claims=` + quote(claims)
		require.Equal(t, claims, claimsChallenge([]string{header}))
		require.Equal(t, claims, claimsChallenge([]string{`Basic realm="x"`, header + ", Negotiate"}))
		require.Empty(t, claimsChallenge([]string{header + ", CLAIMS=" + quote(claims)}))
		require.Empty(t, claimsChallenge([]string{"Basic realm=" + quote(realm)}))
		if got := claimsChallenge([]string{realm}); got != "" {
			require.Less(t, len(got), len(realm))
			for _, word := range []string{"bearer", "error", "claims"} {
				require.Contains(t, strings.ToLower(realm), word)
			}
		}
	})
}
