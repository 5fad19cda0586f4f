package msaltest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// EditError sees every error that a client is told, once, and what it is about.
func TestEditError(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.RejectScopes = []string{"email"}
	var seen []msaltest.Refusal
	p.EditError = func(e *msaltest.Refusal) {
		seen = append(seen, *e)
		e.Code, e.Description = "no", "never"
	}
	a := newApp(t, p)
	answer := a.authorize()
	require.Equal(t, "no", answer.Get("error"))
	require.Equal(t, "never", answer.Get("error_description"))
	require.Equal(t, "state-1", answer.Get("state"))
	a.authorize("prompt", "beg")
	a.post("/device", url.Values{"client_id": {"app"}, "scope": {"email x"}})
	r := a.refresh("rt-0", "scope", "x")
	require.Equal(t, "no", r.code())
	require.Equal(t, http.StatusBadRequest, r.status)
	a.post("/token", with(refreshment("rt-0"), "client_secret", "x"))
	code := a.authorize("scope", "openid offline_access").Get("code")
	a.refresh(a.post("/token", redemption(code)).str("refresh_token"), "scope", "x")
	require.Equal(t, []msaltest.Refusal{
		{"invalid_scope", "these scopes are not supported: email", "", []string{"email"}, []string{"openid", "profile", "offline_access", "api.read"}},
		{Code: "invalid_request", Description: `there is no prompt "beg"`},
		{"invalid_scope", "these scopes are not supported: email", "", []string{"email"}, []string{"x"}},
		{Code: "invalid_grant", Description: "this refresh token was never issued", Grant: "refresh_token"},
		{Code: "invalid_client", Description: "this client is public and has no secret", Grant: "refresh_token"},
		{"invalid_scope", `the scope "x" has not been granted`, "refresh_token", nil, []string{"x"}},
	}, seen)

	p.EditError = func(e *msaltest.Refusal) { e.Description = "" }
	require.NotContains(t, a.authorize(), "error_description")
	require.NotContains(t, a.refresh("rt-0").json, "error_description")
}

func TestErrorStatus(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.ErrorStatus = http.StatusOK
	a := newApp(t, p)
	r := a.refresh("rt-0")
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "invalid_grant", r.code())
	r = a.post("/device", url.Values{})
	require.Equal(t, http.StatusOK, r.status)
	require.Equal(t, "invalid_client", r.code())
	require.Equal(t, http.StatusUnauthorized, a.post("/revoke", url.Values{}).status, "not of these endpoints")
	require.Equal(t, http.StatusOK, a.post("/token", redemption(a.authorize().Get("code"))).status)
}

func TestFormAnswers(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.FormAnswers, p.AccessTokenLife = true, 30*24*time.Hour
	a := newApp(t, p)
	read := func(r reply) url.Values {
		require.Equal(t, "application/x-www-form-urlencoded; charset=utf-8", r.header.Get("Content-Type"))
		values, err := url.ParseQuery(r.body)
		require.NoError(t, err)
		return values
	}
	got := read(a.post("/token", redemption(a.authorize().Get("code"))))
	require.Equal(t, "2592000", got.Get("expires_in"))
	require.Equal(t, everything, got.Get("scope"))
	require.NotEmpty(t, got.Get("access_token"))
	require.Equal(t, "invalid_grant", read(a.refresh("rt-0")).Get("error"))
	require.NotEmpty(t, read(a.post("/device", url.Values{"client_id": {"app"}})).Get("device_code"))
	require.NotEmpty(t, a.get("/keys").json["keys"], "JSON all the same")

	req, err := http.NewRequest(http.MethodPost, p.URL+"/token", nil)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	r, err := a.do(req)
	require.NoError(t, err)
	require.Equal(t, "invalid_client", r.code())
}

// Who never says when an access token expires has to take it for ever.
func TestNoExpiry(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		p.NoExpiry = true
		r := a.signIn()
		require.NotContains(t, r.json, "expires_in")
		time.Sleep(365 * 24 * time.Hour)
		require.Equal(t, "avery", a.userinfo(r.str("access_token")).str("sub"))
	})
}
