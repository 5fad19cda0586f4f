package msaltest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestKnownScopes(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.KnownScopes = []string{"openid", "api.read", "offline_access"}
	p.RejectScopes = []string{"offline_access"}
	a := newApp(t, p)
	answer := a.authorize()
	require.Equal(t, "invalid_scope", answer.Get("error"))
	require.Equal(t, "these scopes are not supported: profile email offline_access", answer.Get("error_description"))
	device := a.post("/device", url.Values{"client_id": {"app"}, "scope": {"x"}})
	require.Equal(t, "invalid_scope", device.code())
	require.Empty(t, a.signIn("scope", "openid api.read").code())
	p.KnownScopes = nil
	require.Empty(t, a.signIn("scope", "anything").code())
}

// The person is told, and the client never.
func TestScopePage(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.RejectScopes, p.ScopePage = []string{"email"}, true
	a := newApp(t, p)
	r := a.get("/authorize?" + authorization().Encode())
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Empty(t, r.header.Get("Location"))
	require.Contains(t, r.body, "Error 400: invalid_scope")
	require.Contains(t, r.body, "these scopes are not supported: email")
	require.ErrorContains(t, p.Browse(t.Context(), p.URL+"/authorize?"+authorization().Encode()),
		"the platform answers 400 Bad Request: Error 400: invalid_scope: these scopes are not supported: email")
	require.Equal(t, "invalid_request", a.authorize("prompt", "beg").Get("error"), "other errors are redirected")
	p.EditError = func(e *msaltest.Refusal) { e.Code, e.Description = "no", "never" }
	require.Contains(t, a.get("/authorize?"+authorization().Encode()).body, "Error 400: no")
}

func TestOneResource(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	const one, other = "https://a.example/api/read", "https://b.example/api/read"
	require.Empty(t, a.authorize("scope", one+" "+other).Get("error"), "it takes the knob")
	p.OneResource = true
	for scope, want := range map[string]string{
		"openid " + one: "",
		one + " https://a.example/api/write offline_access": "",
		"openid app":             "",
		"openid":                 "",
		one + " openid " + other: "these scopes are not supported: " + one + " " + other,
		one + " app":             "these scopes are not supported: " + one + " app",
	} {
		require.Equal(t, want, a.authorize("scope", scope).Get("error_description"), scope)
	}
	p.RejectScopes = []string{other}
	require.Equal(t, "these scopes are not supported: "+other, a.authorize("scope", one+" app "+other).Get("error_description"))

	require.NotEmpty(t, a.signIn("scope", "openid app").str("access_token"))
	r := a.signIn("scope", "openid profile offline_access")
	require.NotContains(t, r.json, "access_token")
	require.NotContains(t, r.json, "expires_in")
	require.NotEmpty(t, r.str("id_token"))
	require.NotEmpty(t, r.str("refresh_token"))
}

func TestExactPorts(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.RedirectURIs = []string{"http://127.0.0.1:1/callback"}
	a := newApp(t, p)
	require.NotEmpty(t, a.authorize().Get("code"))
	p.ExactPorts = true
	require.Equal(t, http.StatusBadRequest, a.get("/authorize?"+authorization().Encode()).status)
	require.NotEmpty(t, a.authorize("redirect_uri", p.RedirectURIs[0]).Get("code"))
	p.RedirectURIs = nil
	require.NotEmpty(t, a.authorize().Get("code"), "nobody registered one")
}
