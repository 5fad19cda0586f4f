package msaltest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// imitated is a platform under a preset, and the application's view of it.
func imitated(t *testing.T, provider string) *app {
	t.Helper()
	p := msaltest.New(t)
	p.Imitate(provider)
	return newApp(t, p)
}

// Which scopes win a refresh token, and which are refused where and how. A scope with a slash is one of an API.
func TestPresetsDecideAboutScopes(t *testing.T) {
	t.Parallel()
	const api = "https://api.example/read"
	for _, c := range []struct {
		provider, scope string
		pairs           []string
		refresh         bool
		echo            string // of the scopes; empty: as asked
		refused         string // code and description, of a redirect
		page            string // likewise, but on a page
	}{
		{provider: "google", scope: "openid offline_access", page: "invalid_scope: Some requested scopes were invalid. {valid=[openid], invalid=[offline_access]}"},
		{provider: "google", scope: "openid email profile", echo: "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile"},
		{provider: "google", scope: "openid", pairs: []string{"access_type", "offline"}, refresh: true},
		{provider: "gitlab", scope: "openid offline_access", page: "invalid_scope: The requested scope is invalid, unknown, or malformed."},
		{provider: "gitlab", scope: "openid read_api", refresh: true},
		{provider: "cognito", scope: "openid offline_access", refused: "invalid_scope: "},
		{provider: "cognito", scope: "openid phone", refresh: true},
		{provider: "keycloak", scope: "openid", refresh: true},
		{provider: "keycloak", scope: "openid offline_access", refresh: true},
		{provider: "okta", scope: "openid " + api, refused: "invalid_scope: One or more scopes are not configured for the authorization server resource."},
		{provider: "okta", scope: "openid"},
		{provider: "okta", scope: "openid offline_access", refresh: true},
		{provider: "auth0", scope: api},
		{provider: "auth0", scope: api + " offline_access", refresh: true},
		{provider: "logto", scope: "openid offline_access", echo: "openid"},
		{provider: "logto", scope: "openid offline_access", pairs: []string{"prompt", "consent"}, refresh: true},
		{provider: "node-oidc-provider", scope: "openid offline_access", echo: "openid"},
		{provider: "dex", scope: "openid a b", refused: `invalid_scope: Unrecognized scope(s) ["a" "b"]`},
		{provider: "dex", scope: "openid groups offline_access", refresh: true},
		{provider: "hydra", scope: "openid offline", refresh: true},
		{provider: "hydra", scope: "openid offline_access", refresh: true},
		{provider: "hydra", scope: "openid"},
		{provider: "github", scope: "user gist read:user repo:status", echo: "user,gist,repo:status"},
		{provider: "github", scope: "repo openid offline_access public_repo", echo: "repo"},
		{provider: "github-app", scope: "repo", echo: "-", refresh: true},
		{provider: "slack", scope: "openid offline_access", refused: "invalid_scope: these scopes are not supported: offline_access"},
		{provider: "slack", scope: "openid email"},
		{provider: "salesforce", scope: "api refresh_token", refresh: true},
		{provider: "salesforce", scope: "api offline_access", refresh: true},
		{provider: "salesforce", scope: "api"},
		{provider: "atlassian", scope: "read:me offline_access", refresh: true},
		{provider: "atlassian", scope: "read:me"},
		{provider: "duende", scope: "openid offline_access", refresh: true},
		{provider: "b2c", scope: api + " openid profile email offline_access", echo: api + " openid offline_access", refresh: true},
		{provider: "b2c", scope: api + " https://b.example/x", refused: "invalid_request: AADB2C90146: The scope '" + api + " https://b.example/x' provided in request specifies more than one resource for an access token, which is not supported."},
		{provider: "adfs", scope: "openid offline_access", refresh: true},
		{provider: "adfs", scope: "openid", refresh: true},
	} {
		t.Run(c.provider+" "+c.scope, func(t *testing.T) {
			t.Parallel()
			a := imitated(t, c.provider)
			metadata := a.metadata(c.provider)
			r := a.get(path(t, metadata.str("authorization_endpoint")) + "?" + authorization(append(c.pairs, "scope", c.scope)...).Encode())
			if c.page != "" {
				require.Equal(t, http.StatusBadRequest, r.status)
				text := strings.NewReplacer("<h1>Error 400: ", "", "</h1>\n<p>", ": ", "</p>", "").Replace(r.body)
				require.Contains(t, text, c.page)
				return
			}
			back, err := url.Parse(r.header.Get("Location"))
			require.NoError(t, err)
			answer := back.Query()
			if c.refused != "" {
				text, _, _ := strings.Cut(answer.Get("error_description"), "\r\n")
				require.Equal(t, c.refused, answer.Get("error")+": "+text)
				return
			}
			got := a.json(path(t, metadata.str("token_endpoint")), redemption(answer.Get("code")))
			require.Equal(t, c.refresh, got.str("refresh_token") != "", got.body)
			want := strings.NewReplacer("-", "").Replace(c.echo)
			if c.echo == "" {
				want = c.scope
			}
			require.Equal(t, want, got.str("scope"))
		})
	}
}

// metadata finds the document of a preset, and makes its paths those of the app.
func (a *app) metadata(provider string) reply {
	a.t.Helper()
	at := map[string]string{
		"github": "/.well-known/oauth-authorization-server/login/oauth", "github-app": "/.well-known/oauth-authorization-server/login/oauth",
		"atlassian": "/.well-known/oauth-authorization-server",
		"b2c":       "/contoso.onmicrosoft.com/b2c_1_signin/v2.0/.well-known/openid-configuration",
		"adfs":      "/adfs/.well-known/openid-configuration",
	}[provider]
	if at == "" {
		at = "/.well-known/openid-configuration"
	}
	r := a.get(at)
	require.Equal(a.t, http.StatusOK, r.status, r.body)
	return r
}

func path(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Path
}

// json posts a form and accepts JSON.
func (a *app) json(path string, form url.Values) reply {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodPost, a.base+path, strings.NewReader(form.Encode()))
	require.NoError(a.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	r, err := a.do(req)
	require.NoError(a.t, err)
	return r
}

// What becomes of a refresh token: whether another one comes, and whether the first works again at once.
func TestPresetsDecideAboutRefreshTokens(t *testing.T) {
	t.Parallel()
	for provider, c := range map[string]struct{ another, again bool }{
		"google":             {false, true},
		"gitlab":             {true, false},
		"cognito":            {false, true},
		"keycloak":           {true, true},
		"okta":               {true, true},
		"auth0":              {true, false},
		"logto":              {true, false},
		"node-oidc-provider": {true, false},
		"dex":                {true, true},
		"hydra":              {true, false},
		"github-app":         {true, false},
		"salesforce":         {false, true},
		"atlassian":          {true, true},
		"duende":             {true, false},
		"b2c":                {true, true},
		"adfs":               {true, true},
	} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			a := imitated(t, provider)
			a.p.KnownScopes = nil
			metadata := a.metadata(provider)
			front := authorization("scope", "openid offline_access", "access_type", "offline", "prompt", "consent")
			back, err := url.Parse(a.get(path(t, metadata.str("authorization_endpoint")) + "?" + front.Encode()).header.Get("Location"))
			require.NoError(t, err)
			token := path(t, metadata.str("token_endpoint"))
			first := a.json(token, redemption(back.Query().Get("code"))).str("refresh_token")
			require.NotEmpty(t, first)
			require.Equal(t, c.another, a.json(token, refreshment(first)).str("refresh_token") != "")
			require.Equal(t, c.again, a.json(token, refreshment(first)).code() == "")
		})
	}
}

func TestPresetsErrors(t *testing.T) {
	t.Parallel()
	device := url.Values{"client_id": {"app"}, "grant_type": {grantDevice}, "device_code": {"dc-0"}}
	for _, c := range []struct {
		provider string
		form     url.Values
		status   int
		want     string
	}{
		{"github", redemption("code-0"), 200, "bad_verification_code: The code passed is incorrect or expired."},
		{"github-app", refreshment("rt-0"), 200, "bad_refresh_token: The refresh token passed is incorrect or expired."},
		{"github", device, 200, "incorrect_device_code: The device_code provided is not valid."},
		{"github", with(refreshment("rt-0"), "grant_type", "x"), 200, `unsupported_grant_type: there is no grant_type "x"`},
		{"slack", refreshment("rt-0"), 200, "invalid_refresh_token: this refresh token was never issued"},
		{"slack", redemption("code-0"), 200, "invalid_grant: this code was never issued"},
		{"b2c", refreshment("rt-0"), 400, "invalid_grant: AADB2C90080: The provided grant has expired. Please re-authenticate and try again."},
		{"b2c", redemption("code-0"), 400, "invalid_grant: this code was never issued"},
		{"google", refreshment("rt-0"), 400, "invalid_grant: this refresh token was never issued"},
	} {
		a := imitated(t, c.provider)
		r := a.json(path(t, a.metadata(c.provider).str("token_endpoint")), c.form)
		require.Equal(t, c.status, r.status)
		text, rest, found := strings.Cut(r.str("error_description"), "\r\n")
		require.Equal(t, c.want, r.code()+": "+text)
		if found {
			require.Regexp(t, `^Correlation ID: [0-9a-f-]{36}\r\nTimestamp: \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\r\n$`, rest)
		}
	}
	a := imitated(t, "github")
	require.Equal(t, http.StatusNotFound, a.get("/login/oauth/.well-known/openid-configuration").status, "where clients may look")
	require.Contains(t, a.metadata("github").str("device_authorization_endpoint"), "/login/device/code")

	a = imitated(t, "b2c")
	a.p.Deny()
	a.base += "/contoso.onmicrosoft.com/b2c_1_signin/oauth2/v2.0"
	answer := a.authorize()
	require.Equal(t, "access_denied", answer.Get("error"))
	require.Contains(t, answer.Get("error_description"), "AADB2C90091: ")

	a = imitated(t, "keycloak")
	a.p.KnownScopes = []string{"openid", "email"}
	require.Equal(t, "Invalid scopes: openid email x", a.authorize("scope", "openid x email").Get("error_description"))
	a = imitated(t, "hydra")
	a.p.RejectScopes = []string{"offline_access"}
	require.Equal(t, "The requested scope is invalid, unknown, or malformed. The OAuth 2.0 Client is not allowed to request scope 'offline_access'.",
		a.authorize().Get("error_description"))
}

// A preset takes back what another one has set, and shares nothing with the next platform.
func TestImitateTwice(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Imitate("b2c")
	p.Layout.Paths["token"] = "/changed"
	p.ScopesSupported[0] = "changed"
	p.Imitate("google")
	p.KnownScopes[0] = "changed"
	p.Imitate("auth0")
	require.Equal(t, everything, newApp(t, p).signIn().str("scope"))
	other := imitated(t, "b2c")
	require.Contains(t, other.metadata("b2c").str("token_endpoint"), "/oauth2/v2.0/token")
	require.Equal(t, []any{"openid"}, other.metadata("b2c").json["scopes_supported"])
	require.Equal(t, "openid", func() string { a := imitated(t, "google"); return a.p.KnownScopes[0] }())
}
