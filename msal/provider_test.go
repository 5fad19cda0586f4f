package msal_test

import (
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// TestLookupProvider: what it returns is the caller's to change, and is what
// Config.Provider does by name.
func TestLookupProvider(t *testing.T) {
	t.Parallel()
	google, ok := msal.LookupProvider("google")
	require.True(t, ok)
	require.Equal(t, msal.Provider{
		Name: "google", Defaults: []string{"openid", "profile", "email"},
		Offline:    url.Values{"access_type": {"offline"}, "prompt": {"consent"}},
		Loopback:   "http://127.0.0.1",
		ScopeNames: google.ScopeNames,
	}, google)
	google.Defaults[0] = "x"
	google.Offline.Set("access_type", "x")
	again, _ := msal.LookupProvider("google")
	require.Equal(t, "openid", again.Defaults[0])
	require.Equal(t, "offline", again.Offline.Get("access_type"))
	none, ok := msal.LookupProvider("googel")
	require.False(t, ok)
	require.Zero(t, none)
}

// TestProviderFields: each field stands over the profile, which stands over the
// metadata; a zero one leaves it alone.
func TestProviderFields(t *testing.T) {
	t.Parallel()
	all := scopes.Defaults().String()
	for name, tt := range map[string]struct {
		provider msal.Provider
		omit     []string
		metadata []string // scopes_supported; nil: all
		scope    string
		sent     url.Values // beside the protocol's own
	}{
		"nothing":                    {scope: all},
		"metadata":                   {metadata: []string{"email"}, scope: "openid email"},
		"profile over metadata":      {provider: msal.Provider{Name: "okta"}, metadata: []string{"openid"}, scope: all},
		"Defaults over the profile":  {provider: msal.Provider{Name: "okta", Defaults: []string{"openid"}}, scope: "openid"},
		"OfflineScope":               {provider: msal.Provider{Name: "okta", OfflineScope: "offline"}, scope: "openid profile email offline"},
		"OfflineScope by metadata":   {provider: msal.Provider{OfflineScope: "offline"}, metadata: []string{"offline", "offline_access"}, scope: "openid offline"},
		"OfflineScope, omitted":      {provider: msal.Provider{OfflineScope: "offline"}, omit: []string{"offline_access"}, metadata: []string{"offline"}, scope: "openid"},
		"Authorize":                  {provider: msal.Provider{Authorize: url.Values{"audience": {"x"}}}, scope: all, sent: url.Values{"audience": {"x"}}},
		"the profile's Offline":      {provider: msal.Provider{Name: "google"}, scope: "openid profile email", sent: url.Values{"access_type": {"offline"}, "prompt": {"consent"}}},
		"its own Offline":            {provider: msal.Provider{Name: "google", Offline: url.Values{"access_type": {"x"}}}, scope: "openid profile email", sent: url.Values{"access_type": {"x"}}},
		"no Offline":                 {provider: msal.Provider{Name: "google", Offline: url.Values{}}, scope: "openid profile email"},
		"Offline, omitted":           {provider: msal.Provider{Name: "google"}, omit: []string{"offline_access"}, scope: "openid profile email"},
		"Authorize of the profile":   {provider: msal.Provider{Name: "atlassian"}, scope: "offline_access", sent: url.Values{"audience": {"api.atlassian.com"}, "prompt": {"consent"}}},
		"Authorize over the profile": {provider: msal.Provider{Name: "atlassian", Authorize: url.Values{"audience": {"x"}}}, scope: "offline_access", sent: url.Values{"audience": {"x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.ScopesSupported = tt.metadata
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider, cfg.OmitScopes = tt.provider, tt.omit })
			z, err := c.Authorize(t.Context(), testRedirect)
			require.NoError(t, err)
			sent := query(t, z.URL())
			require.Equal(t, tt.scope, sent.Get("scope"))
			for _, name := range []string{"client_id", "response_type", "redirect_uri", "state", "nonce", "scope", "code_challenge", "code_challenge_method"} {
				sent.Del(name)
			}
			require.Equal(t, tt.sent.Encode(), sent.Encode())
		})
	}
}

// TestProviderRefused: New says which field contradicts what.
func TestProviderRefused(t *testing.T) {
	t.Parallel()
	only := func(name, value string) map[string]string {
		m := map[string]string{"token_endpoint": "/token", name: value}
		return m
	}
	for name, tt := range map[string]struct {
		provider    msal.Provider
		field, says string
	}{
		"a parameter of the protocol":  {msal.Provider{Offline: url.Values{"Nonce": {"x"}}}, "Offline", `"Nonce" is a parameter of the protocol`},
		"Defaults without openid":      {msal.Provider{Defaults: []string{"email"}}, "Defaults", "set NoOpenID if that is meant"},
		"no Defaults":                  {msal.Provider{Defaults: []string{}}, "Defaults", "set NoOpenID if that is meant"},
		"openid without OpenID":        {msal.Provider{Defaults: []string{"openid"}, NoOpenID: true}, "NoOpenID", "an OpenID Provider as well"},
		"a profile without OpenID":     {msal.Provider{Name: "okta", NoOpenID: true}, "NoOpenID", "an OpenID Provider as well"},
		"openid at X":                  {msal.Provider{Name: "x", Defaults: []string{"openid"}}, "NoOpenID", "an OpenID Provider as well"},
		"ScopeSeparator":               {msal.Provider{ScopeSeparator: ";"}, "ScopeSeparator", "want a comma or a space"},
		"Loopback with a port":         {msal.Provider{Loopback: "http://localhost:8080"}, "Loopback", "RedirectURI"},
		"Loopback elsewhere":           {msal.Provider{Loopback: "http://evil.example"}, "Loopback", "want http://localhost"},
		"OfflineScope of two":          {msal.Provider{OfflineScope: "a b"}, "OfflineScope", "a b"},
		"endpoint over http":           {msal.Provider{Endpoints: only("token_endpoint", "http://idp.example/token")}, "Endpoints", "https is needed"},
		"endpoint that is a script":    {msal.Provider{Endpoints: only("authorization_endpoint", "javascript:alert(1)")}, "Endpoints", "authorization_endpoint"},
		"endpoint with a password":     {msal.Provider{Endpoints: only("token_endpoint", "https://u:hunter2@idp.example/token")}, "Endpoints", "user name"},
		"no endpoint":                  {msal.Provider{Endpoints: only("token_endpoint", "")}, "Endpoints", "token_endpoint"},
		"endpoint of an unknown name":  {msal.Provider{Endpoints: only("authorisation_endpoint", "/authorize")}, "Endpoints", "no authorisation_endpoint"},
		"another issuer":               {msal.Provider{Endpoints: only("issuer", "https://evil.example")}, "Endpoints", "issuer"},
		"endpoints without the tokens": {msal.Provider{Endpoints: map[string]string{"authorization_endpoint": "/authorize"}}, "Endpoints", "no token_endpoint"},
		"endpoints without keys":       {msal.Provider{Name: "okta", Endpoints: only("token_endpoint", "/token")}, "Endpoints", "no jwks_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t)
			cfg.Provider = tt.provider
			_, err := msal.New(cfg)
			require.ErrorContains(t, err, "msal: new: Provider."+tt.field+": ")
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// Endpoints make metadata whose issuer is the authority's URL. Where it never is,
// the error names what to use.
func TestEndpointsOfMicrosoft(t *testing.T) {
	t.Parallel()
	cfg := offline(t)
	cfg.Provider.Endpoints = map[string]string{"token_endpoint": "/common/oauth2/v2.0/token"}
	for _, authority := range []string{"https://login.microsoftonline.com/common", "https://contoso.ciamlogin.com", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_susi"} {
		cfg.Authority = authority
		_, err := msal.New(cfg)
		require.ErrorContains(t, err, "Provider.Endpoints: ")
		require.ErrorContains(t, err, "into Metadata")
	}
}

// TestProviderEndpoints: given endpoints spare the metadata, of an OpenID
// Provider as well, whose keys are fetched.
func TestProviderEndpoints(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	given := map[string]string{"authorization_endpoint": "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": "keys"}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.Endpoints = given })
	given["token_endpoint"] = "changed afterwards"
	token := signIn(t, p, c, "read")
	require.Equal(t, "avery", token.Account.Subject)
	require.Equal(t, []string{"keys", "authorize", "token"}, endpoints(p))

	c = newClient(t, p, func(cfg *msal.Config) { // Config stands over its profile
		cfg.Provider.Endpoints = map[string]string{"token_endpoint": "/nowhere"}
		cfg.Metadata = []byte(`{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/authorize","token_endpoint":"https://idp.example/token","jwks_uri":"https://idp.example/keys"}`)
	})
	signIn(t, p, c, "read")
}

// An issuer that sends people to another one gets nothing of what they
// say there: the answer names who gave it.
func TestForeignEndpoint_DD07(t *testing.T) {
	t.Parallel()
	honest, evil := msaltest.New(t), msaltest.New(t)
	evil.URL = "https://evil.example"
	evil.EditMetadata = func(document map[string]any) {
		document["authorization_endpoint"] = honest.URL + "/authorize"
		delete(document, "authorization_response_iss_parameter_supported")
	}
	for _, oauth := range []bool{false, true} {
		c := newClient(t, evil, func(cfg *msal.Config) { cfg.Provider.NoOpenID = oauth })
		z, err := c.Authorize(t.Context(), testRedirect, "read")
		require.NoError(t, err)
		_, err = z.Redeem(t.Context(), visit(t, honest, z.URL()))
		require.ErrorContains(t, err, `the redirect's iss is "https://idp.example", want https://evil.example`)
		require.Zero(t, evil.Count("token"))
	}
}

// DD-23: a sign-in that has begun keeps to the endpoints that it began with.
func TestSignInKeepsItsMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.CodeLife = time.Hour
		c := newClient(t, p)
		signIn(t, p, c, "read")
		time.Sleep(55 * time.Minute)
		begun, callback := begin(t, p, c, "read")
		time.Sleep(6 * time.Minute)
		p.AllowUnknown = true
		p.EditMetadata = func(document map[string]any) { document["token_endpoint"] = p.URL + "/elsewhere" }
		later, other := begin(t, p, c, "read") // looks at the metadata, which is too old for a person
		_, err := later.Redeem(t.Context(), other)
		require.ErrorContains(t, err, "status 404")
		_, err = begun.Redeem(t.Context(), callback)
		require.NoError(t, err)
	})
}

// A Browser without a redirect URI takes the form of the profile.
func TestProviderLoopback(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{"": "http://127.0.0.1:", "cognito": "http://localhost:"} {
		p := msaltest.New(t)
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.Name = provider })
		_, err := c.SignIn(t.Context(), msal.Browser{Open: p.Browse}, "read")
		require.NoError(t, err)
		for _, r := range p.Requests() {
			if r.Endpoint == "authorize" {
				require.Contains(t, r.Form.Get("redirect_uri"), want)
			}
		}
	}
}

// What a provider needs to give a refresh token is asked for beside what the
// caller wants; prompt=none stands alone.
func TestPromptBesideConsent(t *testing.T) {
	t.Parallel()
	for prompt, want := range map[string][2]string{ // without a profile, and with Google's
		"": {"", "consent"}, "consent": {"consent", "consent"}, "login": {"login", "login consent"},
		"select_account": {"select_account", "select_account consent"}, "none": {"none", "none"},
		"consent select_account": {"consent select_account", "consent select_account"},
	} {
		for i, name := range []string{"", "google"} {
			p := msaltest.New(t)
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.Name = name }).With(msal.Params{Prompt: prompt})
			z, err := c.Authorize(t.Context(), testRedirect, "read")
			require.NoError(t, err)
			require.Equal(t, want[i], query(t, z.URL()).Get("prompt"))
		}
	}
}

// Google calls profile and email otherwise in its answers: they were granted, and
// a refresh asks for them again.
func TestScopeNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		grantOffline(p)
		p.ScopeEcho = func([]string) string {
			return "read https://www.googleapis.com/auth/userinfo.profile https://www.googleapis.com/auth/userinfo.email openid"
		}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.Name = "google" })
		token := expire(t, p, c, "read")
		require.True(t, token.Scopes.Has("profile") && token.Scopes.Has("email"))
		next, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, "read openid profile email", p.TokenRequests("refresh_token")[0].Form.Get("scope"))
		require.Equal(t, token.Account, next.Account)
	})
}

// A separator that is not a comma leaves the commas of a scope alone.
func TestScopeSeparator(t *testing.T) {
	t.Parallel()
	for separator, want := range map[string]string{"": "a,b c openid", " ": "a,b c openid", ",": "a b c openid"} {
		p := msaltest.New(t)
		p.ScopeEcho = func([]string) string { return "a,b c" }
		p.GrantScopes = func([]string) []string { return []string{"openid", "a,b", "c"} }
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.ScopeSeparator = separator })
		require.Equal(t, want, signIn(t, p, c, "a,b", "c").Scopes.String(), "%q", separator)
	}
}

// Only what the profile names is taken for invalid_grant.
func TestInvalidGrantOfAProfile(t *testing.T) {
	for over, want := range map[string]bool{"token_over": true, "other": false} {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider.InvalidGrant = []string{"token_over"} })
			expire(t, p, c, "read")
			p.Fail("token", msaltest.Fault{Status: http.StatusBadRequest, Code: over})
			_, err := c.Token(t.Context(), "read")
			require.Error(t, err)
			_, err = c.Token(t.Context(), "read")
			if want {
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				require.Equal(t, 1, p.Count("token"))
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// NoOpenID asks the address of RFC 8414 alone, whatever is at the other one.
func TestNoOpenIDAsksOneAddress(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p, func(cfg *msal.Config) {
		cfg.Provider = msal.Provider{NoOpenID: true, Defaults: []string{"offline_access"}, OfflineScope: "offline.access"}
	})
	z, err := c.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	require.Equal(t, "read offline.access", query(t, z.URL()).Get("scope"))
	require.Len(t, p.Requests(), 1)
	require.Equal(t, "/.well-known/oauth-authorization-server", p.Requests()[0].URL)
}
