package msaltest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func (a *app) userinfo(token string) reply {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodGet, a.base+"/userinfo", nil)
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	r, err := a.do(req)
	require.NoError(a.t, err)
	return r
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	tokens := a.signIn()
	revoke := func(token, client string) reply {
		return a.post("/revoke", url.Values{"token": {token}, "client_id": {client}})
	}
	for _, r := range []reply{
		revoke("unknown", "app"), revoke(tokens.str("refresh_token"), "other"), revoke(tokens.str("access_token"), "other"),
	} {
		require.Equal(t, http.StatusOK, r.status, "RFC 7009 §2.2")
	}
	require.Equal(t, http.StatusOK, a.userinfo(tokens.str("access_token")).status)
	require.True(t, p.SessionAlive("avery"))

	require.Equal(t, http.StatusOK, revoke(tokens.str("access_token"), "app").status)
	require.Equal(t, http.StatusUnauthorized, a.userinfo(tokens.str("access_token")).status)
	require.True(t, p.SessionAlive("avery"))

	tokens = a.refresh(tokens.str("refresh_token"))
	require.Equal(t, http.StatusOK, revoke(tokens.str("refresh_token"), "app").status)
	require.False(t, p.SessionAlive("avery"))
	require.Equal(t, http.StatusUnauthorized, a.userinfo(tokens.str("access_token")).status, "the session's too")

	require.Equal(t, "invalid_request", revoke("", "app").code())
	require.Equal(t, "invalid_client", revoke("x", "").code())
	require.Equal(t, "invalid_request", a.post("/revoke", url.Values{"token": {"a", "b"}}).code())
}

func TestUserinfo(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	require.Equal(t, http.StatusUnauthorized, a.get("/userinfo").status)
	r := a.userinfo("at-unknown")
	require.Equal(t, http.StatusUnauthorized, r.status)
	require.Contains(t, r.header.Get("WWW-Authenticate"), "invalid_token")
	r = a.userinfo(a.signIn("scope", "api.read").str("access_token"))
	require.Equal(t, http.StatusForbidden, r.status)
	r = a.userinfo(a.signIn("scope", "openid email").str("access_token"))
	require.Equal(t, map[string]any{"sub": "avery", "email": "avery@idp.example", "email_verified": true}, r.json)
}

func TestLogout(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.RedirectURIs = []string{callback, "https://app.example/bye"}
	a := newApp(t, p)
	tokens := a.signIn()
	out := func(pairs ...string) reply { return a.get("/logout?" + with(url.Values{}, pairs...).Encode()) }
	back := "https://app.example/bye"

	for name, r := range map[string]reply{
		"nobody's redirect":   out("post_logout_redirect_uri", back),
		"another redirect":    out("client_id", "app", "post_logout_redirect_uri", "https://evil.example"),
		"a foreign hint":      out("id_token_hint", "e30.e30.e30"),
		"another's hint":      out("id_token_hint", tokens.str("id_token"), "client_id", "other"),
		"a forged hint":       out("id_token_hint", tokens.str("id_token")+"A"),
		"a parameter twice":   a.get("/logout?state=a&state=b"),
		"a post without form": a.post("/logout", url.Values{"state": {"a", "b"}}),
	} {
		require.Equal(t, http.StatusBadRequest, r.status, name)
	}
	require.NotEmpty(t, a.authorize("prompt", "none").Get("code"), "none of these signed anybody out")

	p.RotateKeys()
	p.RetireKeys()
	r := out("id_token_hint", tokens.str("id_token"), "post_logout_redirect_uri", back, "state", "s")
	require.Equal(t, back+"?state=s", r.header.Get("Location"))
	require.Equal(t, "login_required", a.authorize("prompt", "none").Get("error"))
	require.Empty(t, a.refresh(tokens.str("refresh_token")).code(), "offline access goes on")

	a.signIn()
	require.Equal(t, http.StatusOK, out().status)
	require.Equal(t, "login_required", a.authorize("prompt", "none").Get("error"))
}
