package msaltest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// What the client did wrong in its own name it is told through its redirect URI.
func TestRefusedAuthorizations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"response type":      {[]string{"response_type", "token"}, "unsupported_response_type"},
		"no response type":   {[]string{"response_type", ""}, "unsupported_response_type"},
		"response mode":      {[]string{"response_mode", "fragment"}, "invalid_request"},
		"no challenge":       {[]string{"code_challenge", ""}, "invalid_request"},
		"short challenge":    {[]string{"code_challenge", strings.Repeat("a", 42)}, "invalid_request"},
		"odd challenge":      {[]string{"code_challenge", strings.Repeat("a", 42) + "="}, "invalid_request"},
		"no method":          {[]string{"code_challenge_method", ""}, "invalid_request"},
		"plain":              {[]string{"code_challenge_method", "plain"}, "invalid_request"},
		"prompt":             {[]string{"prompt", "beg"}, "invalid_request"},
		"none and login":     {[]string{"prompt", "none login"}, "invalid_request"},
		"max_age":            {[]string{"max_age", "soon"}, "invalid_request"},
		"negative max_age":   {[]string{"max_age", "-1"}, "invalid_request"},
		"request object":     {[]string{"request", "e30"}, "request_not_supported"},
		"request by address": {[]string{"request_uri", "https://x.example"}, "request_not_supported"},
		"nobody signed in":   {[]string{"prompt", "none"}, "login_required"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := newApp(t, msaltest.New(t)).authorize(c.pairs...)
			require.Equal(t, c.want, answer.Get("error"), answer)
			require.Equal(t, "state-1", answer.Get("state"))
			require.Equal(t, msaltest.DefaultURL, answer.Get("iss"))
			require.Empty(t, answer.Get("code"))
		})
	}
}

// Where it is not certain whose redirect URI it is, nobody is redirected.
func TestPagesInsteadOfRedirects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ registered, pairs []string }{
		"no client":           {nil, []string{"client_id", ""}},
		"another client":      {nil, []string{"client_id", "other"}},
		"no redirect":         {nil, []string{"redirect_uri", ""}},
		"http elsewhere":      {nil, []string{"redirect_uri", "http://app.example/cb"}},
		"loopback look-alike": {nil, []string{"redirect_uri", "http://127.0.0.1.evil.example/cb"}},
		"another scheme":      {nil, []string{"redirect_uri", "ftp://127.0.0.1/cb"}},
		"script":              {nil, []string{"redirect_uri", "javascript:alert(1)"}},
		"fragment":            {nil, []string{"redirect_uri", callback + "#x"}},
		"userinfo":            {nil, []string{"redirect_uri", "https://a@app.example/cb"}},
		"not registered":      {[]string{"https://app.example/cb"}, nil},
		"another path":        {[]string{"http://127.0.0.1/cb"}, nil},
		"another host":        {[]string{"http://localhost/callback"}, nil},
		"another https port":  {[]string{"https://app.example/cb"}, []string{"redirect_uri", "https://app.example:8443/cb"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := msaltest.New(t)
			p.ClientID, p.RedirectURIs = "app", c.registered
			r := newApp(t, p).get("/authorize?" + authorization(c.pairs...).Encode())
			require.Equal(t, http.StatusBadRequest, r.status)
			require.Empty(t, r.header.Get("Location"))
			require.Contains(t, r.body, "<h1>")
		})
	}
}

func TestRegisteredRedirects(t *testing.T) {
	t.Parallel()
	for registered, uri := range map[string]string{
		"http://127.0.0.1/callback":  callback,
		"http://[::1]/cb":            "http://[::1]:4444/cb",
		"http://localhost:1234":      "http://localhost:4444",
		"https://app.example/cb?a=b": "https://app.example/cb?a=b",
		"com.example.app:/callback":  "com.example.app:/callback",
	} {
		p := msaltest.New(t)
		p.RedirectURIs = []string{"https://unrelated.example", registered}
		r := newApp(t, p).get("/authorize?" + authorization("redirect_uri", uri).Encode())
		require.Equal(t, http.StatusSeeOther, r.status, uri)
		require.True(t, strings.HasPrefix(r.header.Get("Location"), uri), r.header.Get("Location"))
		target, err := url.Parse(r.header.Get("Location"))
		require.NoError(t, err)
		require.NotEmpty(t, target.Query().Get("code"))
		require.Equal(t, strings.Contains(uri, "?"), target.Query().Get("a") == "b", "the URI's own query")
	}
}

func TestDuplicateParameters(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	form := authorization()
	form.Add("scope", "more")
	r := a.get("/authorize?" + form.Encode())
	require.Contains(t, r.header.Get("Location"), "error=invalid_request")
	form = authorization()
	form.Add("redirect_uri", "https://evil.example")
	require.Equal(t, http.StatusBadRequest, a.get("/authorize?"+form.Encode()).status)
}

func TestAuthorizationByPost(t *testing.T) {
	t.Parallel()
	r := newApp(t, msaltest.New(t)).post("/authorize", authorization())
	require.Equal(t, http.StatusSeeOther, r.status, "after 302 a browser might post the form on")
	require.Contains(t, r.header.Get("Location"), "code=")
}

func TestResponseModes(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	r := a.get("/authorize?" + authorization("response_mode", "form_post", "state", `"><script>x</script>`).Encode())
	require.Equal(t, http.StatusOK, r.status)
	require.Contains(t, r.body, `action="`+callback+`"`)
	require.Contains(t, r.body, `name="code"`)
	require.NotContains(t, r.body, "<script>x")
	for _, element := range []string{"style", "script"} {
		_, inside, _ := strings.Cut(r.body, "<"+element+">")
		inside, _, _ = strings.Cut(inside, "</"+element+">")
		sum := sha256.Sum256([]byte(inside))
		require.Contains(t, r.header.Get("Content-Security-Policy"),
			element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}

	p.ResponseModes = []string{"form_post"}
	require.Equal(t, http.StatusOK, a.get("/authorize?"+authorization().Encode()).status, "the only mode is the default")
	r = a.get("/authorize?" + authorization("response_mode", "query").Encode())
	require.Contains(t, r.body, "invalid_request")
	require.Equal(t, []any{"form_post"}, a.get("/.well-known/openid-configuration").json["response_modes_supported"])
}

func TestOmitIss(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.OmitIss = true
	a := newApp(t, p)
	require.NotContains(t, a.authorize(), "iss")
	require.Equal(t, false,
		a.get("/.well-known/openid-configuration").json["authorization_response_iss_parameter_supported"])
}

func TestWhoSignsIn(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	ann := msaltest.User{Subject: "ann", Username: "ann@idp.example"}
	bob := msaltest.User{Subject: "bob", Email: "bob@mail.example"}
	p.Users = []msaltest.User{ann, bob}
	a := newApp(t, p)
	subject := func(hint string) any { return a.claims(a.signIn("login_hint", hint).str("id_token"))["sub"] }

	require.Equal(t, "ann", subject(""), "the first")
	require.Equal(t, "bob", subject("bob"), "by subject")
	require.Equal(t, "bob", subject("bob@mail.example"), "by email")
	require.Equal(t, "ann", subject("ann@idp.example"), "by username")
	require.Equal(t, "ann", subject("nobody"), "a hint is a hint")
	p.SignInAs(bob)
	require.Equal(t, "bob", subject("ann"), "the person chose another account")
	p.SignInAs(msaltest.User{Subject: "cleo"})
	require.Equal(t, "cleo", subject("ann"), "somebody new")
	p.SignInAs(msaltest.User{})
	require.Equal(t, "ann", subject("ann"))

	p.Deny()
	require.Equal(t, "access_denied", a.authorize().Get("error"))
	p.SignInAs(msaltest.User{})
	require.NotEmpty(t, a.authorize().Get("code"))
}

func TestBrowserSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		a := newApp(t, p)
		authTime := func(pairs ...string) any {
			return a.claims(a.signIn(append(pairs, "max_age", "3600")...).str("id_token"))["auth_time"]
		}
		first := time.Now().Unix()
		require.EqualValues(t, first, authTime())
		time.Sleep(time.Minute)
		require.EqualValues(t, first, authTime(), "the session answers")
		require.EqualValues(t, first, authTime("prompt", "none"), "also silently")
		again := time.Now().Unix()
		require.EqualValues(t, again, authTime("prompt", "login"))
		time.Sleep(time.Hour)
		require.EqualValues(t, again, authTime("prompt", "none"))
		time.Sleep(time.Second)
		require.Equal(t, "login_required", a.authorize("prompt", "none", "max_age", "3600").Get("error"))
		require.EqualValues(t, time.Now().Unix(), authTime(), "too old: the person proves it again")

		refreshed := a.refresh(a.signIn("max_age", "3600").str("refresh_token"))
		claims := a.claims(refreshed.str("id_token"))
		require.Contains(t, claims, "auth_time")
		require.NotContains(t, claims, "nonce")
	})
}

func TestConsentPage(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Interactive = true
	p.Users = []msaltest.User{{Subject: "ann", Name: "Ann <b>"}, {Subject: "bob"}}
	a := newApp(t, p)
	r := a.get("/authorize?" + authorization().Encode())
	require.Equal(t, http.StatusOK, r.status)
	require.Contains(t, r.body, "Continue as Ann &lt;b&gt;")
	require.Contains(t, r.body, "Continue as bob")
	require.Contains(t, r.header.Get("Content-Security-Policy"), "default-src 'none'")

	decide := func(subject string) reply {
		return a.post("/signin", url.Values{"request": {authorization().Encode()}, "subject": {subject}})
	}
	require.Contains(t, decide("bob").header.Get("Location"), "code=")
	require.Contains(t, decide("").header.Get("Location"), "error=access_denied")
	require.Equal(t, http.StatusBadRequest, decide("mallory").status)
	require.Equal(t, http.StatusBadRequest, a.post("/signin", url.Values{"request": {"%zz"}}).status)
	require.Equal(t, http.StatusBadRequest, a.post("/signin", url.Values{}).status)
	require.NotEmpty(t, a.authorize("prompt", "none", "login_hint", "bob").Get("code"), "no page for prompt=none")
}
