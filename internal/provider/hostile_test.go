package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is no issuer, and whose a document is when its issuer looks like the right one.
func TestIssuers(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"R-8414-1 http":           "http://idp.example",
		"R-8414-1 no host":        "https:///realm",
		"R-8414-1 query":          "https://idp.example?realm=1",
		"R-8414-1 empty query":    "https://idp.example?",
		"R-8414-1 fragment":       "https://idp.example#",
		"R-8414-1 user":           "https://user@idp.example",
		"R-8414-1 loopback, http": "http://127.0.0.1:8080",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(raw, Options{})
			require.Error(t, err)
		})
	}
	for name, test := range map[string]struct{ authority, document string }{
		"R-MS-10 another path":              {"https://idp.example/a", "https://idp.example/b"},
		"R-MS-10 the end of the host":       {"https://a.b.example", "https://b.example"},
		"R-MS-10 the end of the host, bare": {"https://a.b.example", "https://example"},
		"R-MS-10 a host behind ours":        {"https://idp.example", "https://idp.example.evil.example"},
		"R-MS-10 a host of Microsoft's":     {"https://idp.example", "https://login.microsoftonline.com/common/v2.0"},
		"R-MS-10 R-DISC-1 a slash":          {"https://idp.example", "https://idp.example/"},
		"R-MS-10 R-8414-3 a letter":         {"https://idp.example/Realm", "https://idp.example/realm"},
		"R-MS-10 the port":                  {"https://idp.example", "https://idp.example:443"},
		"R-MS-10 nothing":                   {"https://idp.example", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := Parse(test.authority, Options{})
			require.NoError(t, err)
			require.NoError(t, a.AcceptsIssuer(test.authority))
			require.Error(t, a.AcceptsIssuer(test.document))
		})
	}
}

// Where metadata is looked for: behind the issuer, and between its host and its path, and nowhere else.
func TestWellKnown_R8414_2(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string][]string{
		"https://idp.example":        {"https://idp.example" + openidSuffix, "https://idp.example" + oauthSuffix},
		"https://idp.example/":       {"https://idp.example" + openidSuffix, "https://idp.example" + oauthSuffix},
		"https://idp.example/realm":  {"https://idp.example/realm" + openidSuffix, "https://idp.example" + oauthSuffix + "/realm"},
		"https://idp.example/realm/": {"https://idp.example/realm" + openidSuffix, "https://idp.example" + oauthSuffix + "/realm"},
	} {
		a, err := Parse(issuer, Options{})
		require.NoError(t, err)
		for _, url := range want {
			require.Contains(t, a.MetadataURLs(), url)
		}
		for _, url := range a.MetadataURLs() {
			require.Regexp(t, `^https://idp\.example(/realm)?/\.well-known/(openid-configuration|oauth-authorization-server)(/realm)?$`, url)
		}
	}
}

// Two spellings that a server may tell apart are two authorities, with sessions of their own.
func TestIssuersShareNothing_AU20(t *testing.T) {
	t.Parallel()
	keys, accounts := map[string]string{}, map[string]string{}
	for _, issuer := range []string{
		"https://idp.example", "https://idp.example/", "https://idp.example/realm", "https://idp.example/realm/", "https://idp.example/Realm",
		"https://idp.example:8443", "https://idp.example//realm", "https://idp.example/realm;x",
	} {
		a, err := Parse(issuer, Options{})
		require.NoError(t, err)
		require.Empty(t, keys[a.Key], "%s and %s", issuer, keys[a.Key])
		keys[a.Key] = issuer
		id := a.AccountID(issuer, "sub", "", "")
		require.Empty(t, accounts[id], "%s and %s", issuer, accounts[id])
		accounts[id] = issuer
		require.True(t, strings.HasSuffix(a.Key, issuer))
	}
}
