package msal

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/discovery"
	"github.com/staysigned/staysigned/internal/secret"
)

// FuzzRedirect: from the parameters of a redirect comes a code only if state,
// iss and code are there once each and are what they have to be, and no error
// beside them. What is said about anything else is fit for a terminal.
func FuzzRedirect(f *testing.F) {
	const state, issuer = "s-Yq0zR5N1f8", "https://idp.example"
	for _, query := range []string{
		"code=c&state=s-Yq0zR5N1f8&iss=https://idp.example", "state=s-Yq0zR5N1f8&error=access_denied&iss=https://idp.example",
		"error=access_denied", "code=c&state=s-Yq0zR5N1f8", "code=c&code=d&state=s-Yq0zR5N1f8&iss=https://idp.example",
		"state=s-Yq0zR5N1f8&state=x&code=c", "state=s-Yq0zR5N1f8&iss=%1b[2J", "state=s-Yq0zR5N1f8&iss=https://idp.example&error=%1b&error_description=%0a",
		"code=%00&state=s-Yq0zR5N1f8&iss=https://idp.example", "&;%zz", "state",
	} {
		f.Add(query, true)
		f.Add(query, false)
	}
	f.Fuzz(func(t *testing.T, query string, announced bool) {
		callback, _ := url.ParseQuery(query)
		doc := &discovery.Document{Issuer: issuer, IssParameter: announced}
		z := &Authorization{attempt: &attempt{md: &metadata{doc: doc}}, state: secret.New(state)}
		if !z.owns(callback) {
			require.NotEqual(t, []string{state}, callback["state"])
			return
		}
		require.Equal(t, []string{state}, callback["state"])
		code, err := z.code(callback)
		if err != nil {
			require.Empty(t, code)
			require.Less(t, len(err.Error()), 5000)
			require.NotContains(t, strings.Map(visible, err.Error()), "\x00")
			if refused, ok := errors.AsType[*ServerError](err); ok {
				require.NotEmpty(t, callback.Get("error"))
				require.NotContains(t, strings.Join([]string{refused.Code, refused.Description, refused.URI}, " "), state)
			}
			return
		}
		require.Equal(t, []string{code}, callback["code"])
		require.NotContains(t, strings.Map(visible, code), "\x00")
		require.Empty(t, callback.Get("error"))
		if announced || callback.Has("iss") {
			require.Equal(t, []string{issuer}, callback["iss"])
		}
	})
}

// visible maps what a terminal may act on to NUL.
func visible(r rune) rune {
	if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2028' {
		return 0
	}
	return r
}

func TestIssuedBy(t *testing.T) {
	t.Parallel()
	const tenant = "11111111-2222-4333-8444-555555555555"
	for iss, want := range map[string]bool{
		"https://login.example/" + tenant + "/v2.0":   true,
		"https://login.example/{tenantid}/v2.0":       true,
		"https://login.example//v2.0":                 false,
		"https://login.example/evil/v2.0":             false,
		"https://evil.example/" + tenant + "/v2.0":    false,
		"https://login.example/" + tenant + "/v2.0/x": false,
	} {
		require.Equal(t, want, issuedBy(iss, "https://login.example/{tenantid}/v2.0"), iss)
	}
	require.True(t, issuedBy("https://a.example", "https://a.example"))
	require.False(t, issuedBy("https://a.example/", "https://a.example"))
	require.False(t, issuedBy("https://a.example"+tenant, "https://a.example"), "another host, without a placeholder to fill")
}

// Who is back within Browser.Timeout is not too late, however long that is.
func TestAuthorizationLivesAsLongAsTheBrowser(t *testing.T) {
	t.Parallel()
	doc, err := discovery.Parse([]byte(`{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/authorize"}`), false)
	require.NoError(t, err)
	c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example"})
	require.NoError(t, err)
	a := &attempt{client: c, md: &metadata{doc: doc}}
	z, err := a.authorize("http://127.0.0.1", "", Browser{Timeout: 15 * time.Minute}.timeout())
	require.NoError(t, err)
	z.began = z.began.Add(-12 * time.Minute)
	_, err = z.redeem(t.Context(), url.Values{"state": {z.state.Reveal()}, "error": {"access_denied"}})
	require.ErrorContains(t, err, "access_denied")
	require.NotErrorIs(t, err, ErrSignInTimeout)
}
