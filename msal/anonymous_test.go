package msal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// oauthOnly takes OpenID Connect from a platform: it publishes what RFC 8414
// wants, and gives no ID token also to those who ask for one.
func oauthOnly(p *msaltest.Platform) {
	p.ScopesSupported = []string{"read", "write", "offline_access"}
	p.EditMetadata = func(document map[string]any) {
		for _, name := range []string{"jwks_uri", "userinfo_endpoint", "id_token_signing_alg_values_supported", "subject_types_supported"} {
			delete(document, name)
		}
	}
	p.EditToken = func(_ string, answer map[string]any) { delete(answer, "id_token") }
}

// A server without OpenID Connect gives a session without a name, which is
// refreshed, stored and ended as any other.
func TestAnonymous(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		oauthOnly(p)
		p.Fail("discovery", msaltest.Fault{Status: http.StatusNotFound}) // OpenID Connect's address
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		z, callback := begin(t, p, c, "read")
		sent := query(t, z.URL())
		require.Equal(t, "read offline_access", sent.Get("scope"))
		require.NotContains(t, sent, "nonce")
		require.Equal(t, "S256", sent.Get("code_challenge_method"))
		require.NotEmpty(t, sent.Get("state"))
		token, err := z.Redeem(t.Context(), callback)
		require.NoError(t, err)
		require.Equal(t, msal.Account{ID: p.URL, Issuer: p.URL}, token.Account)
		require.Equal(t, "read offline_access", token.Scopes.String())
		require.Zero(t, token.Missing.Len())
		require.True(t, token.Renewable)
		require.ErrorContains(t, token.Claims(&struct{}{}), "no ID token")
		for _, r := range p.Requests() {
			require.NotContains(t, r.Form.Get("scope"), "openid")
		}
		require.Equal(t, []string{"discovery", "discovery", "authorize", "token"}, endpoints(p), "no keys")

		fresh := newClient(t, p, with)
		p.ResetLog()
		again, err := fresh.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), again.AccessToken())
		require.Zero(t, p.Count())
		time.Sleep(time.Until(token.Expiry))
		again, err = fresh.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken(), again.AccessToken())
		require.Equal(t, token.Account, again.Account)
		require.Equal(t, []string{"token"}, endpoints(p))
		require.Equal(t, "read offline_access", p.Requests()[0].Form.Get("scope"))

		accounts, err := fresh.Accounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []msal.Account{token.Account}, accounts)
		require.NoError(t, fresh.For(accounts[0]).SignOut(t.Context()))
		require.Equal(t, 1, p.Count("revocation"))
		requireNobody(t, newClient(t, p, with))
	})
}

func endpoints(p *msaltest.Platform) (names []string) {
	for _, r := range p.Requests() {
		names = append(names, r.Endpoint)
	}
	return names
}

// The device flow is the same.
func TestAnonymousDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		oauthOnly(p)
		p.AutoApproveAfter = 2
		token, err := newClient(t, p).SignIn(t.Context(), quietDevice, "read")
		require.NoError(t, err)
		require.Equal(t, p.URL, token.Account.ID)
		require.Equal(t, []string{"discovery", "device", "token", "token"}, endpoints(p))
		require.Equal(t, "read offline_access", p.Requests()[1].Form.Get("scope"))
	})
}

// A second sign-in replaces the first, and nothing of it is left: it may have
// been somebody else.
func TestAnonymousSecondSignIn(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	oauthOnly(p)
	p.Users = people
	store := cache.Memory()
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
	p.SignInAs(avery)
	first := signIn(t, p, c, "read")
	p.SignInAs(blake)
	second := signIn(t, p, c, "write")
	require.Equal(t, first.Account, second.Account)
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, 1)

	p.ResetLog()
	for _, c := range []*msal.Client{c, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })} {
		_, err = c.Token(t.Context(), "read") // which only the first asked for
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		token, err := c.Token(t.Context(), "write")
		require.NoError(t, err)
		require.Equal(t, second.AccessToken(), token.AccessToken())
	}
	for key := range keysOf(t, store) {
		record, _, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		require.NotContains(t, string(record), first.AccessToken())
		require.Equal(t, 1, strings.Count(string(record), `"refresh_token"`))
	}
}

// What only an ID token could show is refused before a person is bothered, in
// both flows.
func TestAnonymousRefuses(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	oauthOnly(p)
	c := newClient(t, p)
	first := signIn(t, p, c, "read")
	restricted := newClient(t, p, func(cfg *msal.Config) { cfg.AllowedTenants = []string{wireTenant} })
	for name, c := range map[string]*msal.Client{
		"AllowedTenants":   restricted,
		"Params.MaxAge":    c.With(msal.Params{MaxAge: time.Hour}),
		"Params.ACRValues": c.With(msal.Params{ACRValues: []string{"1"}}),
		"account of For":   c.For(msal.Account{ID: p.URL + "#avery"}),
	} {
		before := p.Count("authorize", "device", "token")
		_, err := c.Authorize(t.Context(), testRedirect, "read")
		require.ErrorContains(t, err, name)
		_, err = c.SignIn(t.Context(), quietDevice, "read")
		require.ErrorContains(t, err, "gives no ID tokens")
		require.Equal(t, before, p.Count("authorize", "device", "token"))
	}
	_, err := c.For(msal.Account{ID: p.URL + "#avery"}).Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	again := signIn(t, p, c.For(first.Account), "read") // there is no other one
	require.Equal(t, first.Account, again.Account)

	before := p.Count()
	_, err = newClient(t, p, func(cfg *msal.Config) { cfg.Metadata = []byte(oauthMetadata) }).
		Import(t.Context(), unifiedOf(t, map[string]string{"avery": "rt"}), "read")
	require.ErrorContains(t, err, "gives no ID tokens")
	require.Equal(t, before, p.Count(), "no refresh token was spent")
}

const oauthMetadata = `{"issuer":"https://idp.example","authorization_endpoint":"https://idp.example/authorize",
	"token_endpoint":"https://idp.example/token","device_authorization_endpoint":"https://idp.example/device"}`

// Whose word counts: the application's, then the metadata's, of which one sign
// of OpenID Connect is enough.
func TestWhoIsAnOpenIDProvider(t *testing.T) {
	t.Parallel()
	with := func(members string) func(*msal.Config) {
		return func(cfg *msal.Config) { cfg.Metadata = []byte(strings.Replace(oauthMetadata, "{", "{"+members+",", 1)) }
	}
	for name, tt := range map[string]struct {
		edit  func(*msal.Config)
		scope string // of the authorization request; "": New refuses
	}{
		"metadata without a sign": {func(cfg *msal.Config) { cfg.Metadata = []byte(oauthMetadata) }, "read"},
		"scopes of OAuth":         {with(`"scopes_supported":["read","email","offline_access"]`), "read offline_access"},
		"keys":                    {with(`"jwks_uri":"https://idp.example/keys"`), "read openid profile email"},
		"openid and no keys":      {with(`"scopes_supported":["openid"]`), ""},
		"userinfo and no keys":    {with(`"userinfo_endpoint":"https://idp.example/me"`), ""},
		"algorithms and no keys":  {with(`"id_token_signing_alg_values_supported":["RS256"]`), ""},
		"Defaults with openid": {func(cfg *msal.Config) {
			cfg.Metadata, cfg.Provider.Defaults = []byte(oauthMetadata), []string{"openid"}
		}, ""},
		"a profile with openid": {func(cfg *msal.Config) { cfg.Metadata, cfg.Provider.Name = []byte(oauthMetadata), "okta" }, ""},
		"NoOpenID over keys": {func(cfg *msal.Config) {
			with(`"jwks_uri":"https://idp.example/keys","scopes_supported":["openid","offline_access"]`)(cfg)
			cfg.Provider.NoOpenID = true
		}, "read offline_access"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			cfg := msal.Config{ClientID: clientID, Authority: p.URL, HTTPClient: p.Client()}
			tt.edit(&cfg)
			c, err := msal.New(cfg)
			if tt.scope == "" {
				require.ErrorContains(t, err, "no jwks_uri")
				return
			}
			require.NoError(t, err)
			z, err := c.Authorize(t.Context(), testRedirect, "read")
			require.NoError(t, err)
			require.Equal(t, tt.scope, query(t, z.URL()).Get("scope"))
			require.Equal(t, strings.Contains(tt.scope, "openid"), query(t, z.URL()).Has("nonce"))
		})
	}
	for _, authority := range []string{ // Microsoft's are OpenID Providers, whatever a document lacks
		"https://login.microsoftonline.com/" + wireTenant, "https://contoso.ciamlogin.com/" + wireTenant,
		"https://contoso.b2clogin.com/" + wireTenant + "/b2c_1_x", "https://fs.contoso.com/adfs",
	} {
		issuer := map[string]string{"login": authority + "/v2.0", "fs": authority, "contoso": authority + "/v2.0"}[strings.Split(authority[8:], ".")[0]]
		if strings.Contains(authority, "b2clogin") {
			issuer = "https://contoso.b2clogin.com/" + wireTenant + "/v2.0/"
		}
		cfg := offline(t)
		cfg.Authority, cfg.Metadata = authority, []byte(strings.Replace(oauthMetadata, "https://idp.example\"", issuer+"\"", 1))
		_, err := msal.New(cfg)
		require.ErrorContains(t, err, "no jwks_uri", authority)
		cfg.Metadata, cfg.Provider.NoOpenID = nil, true
		_, err = msal.New(cfg)
		require.ErrorContains(t, err, "Provider.NoOpenID: ", authority)
	}
}

// What was an OpenID Provider is not taken for less when its metadata has lost
// a few members: it is asked for ID tokens as before, in this process and in
// every other one.
func TestNoDowngradeByMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := signIn(t, p, c, "read")
		oauthOnly(p)
		for _, c := range []*msal.Client{c, newClient(t, p, with)} {
			time.Sleep(2 * time.Hour) // so that a sign-in looks at the metadata
			z, callback := begin(t, p, c, "read")
			require.Equal(t, "read openid profile email offline_access", query(t, z.URL()).Get("scope"))
			_, err := z.Redeem(t.Context(), callback)
			require.ErrorContains(t, err, "no ID token though openid was asked for")
			token, err := c.Token(t.Context(), "read")
			require.NoError(t, err, "the session goes on")
			require.Equal(t, first.Account, token.Account)
		}
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []msal.Account{first.Account}, accounts)
	})
}

// An answer without an ID token where openid was sent is an error, in both
// flows, and nothing is stored.
func TestNoDowngradeByAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.EditToken = func(_ string, answer map[string]any) { delete(answer, "id_token") }
		p.AutoApproveAfter = 1
		c := newClient(t, p)
		z, callback := begin(t, p, c, "read")
		_, err := z.Redeem(t.Context(), callback)
		require.ErrorContains(t, err, "no ID token though openid was asked for")
		_, err = c.SignIn(t.Context(), quietDevice, "read")
		require.ErrorContains(t, err, "no ID token though openid was asked for")
		requireNobody(t, c)
	})
}

// A session of OpenID Connect does not spend its refresh token where the answer
// could not be verified, and is there when it can be again.
func TestSessionWaitsForOpenID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		first := expire(t, p, newClient(t, p, with), "read")
		_, err := newClient(t, p, with, func(cfg *msal.Config) { cfg.Provider.NoOpenID = true }).Token(t.Context(), "read")
		require.ErrorContains(t, err, "the session began at an OpenID Provider")
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		require.Zero(t, p.Count("token"))
		token, err := newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, first.Account, token.Account)
	})
}

// A server that learns OpenID Connect ends no session: what began without goes
// on without, and the next sign-in has a name.
func TestServerLearnsOpenID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		oauthOnly(p)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := signIn(t, p, c, "read")
		p.ScopesSupported, p.EditMetadata = nil, nil
		p.EditToken = func(_ string, answer map[string]any) { answer["id_token"] = "forged." } // nobody asked for it
		time.Sleep(2 * time.Hour)
		_, err := c.Authorize(t.Context(), testRedirect, "read") // looks at the metadata, and is given up
		require.NoError(t, err)
		p.ResetLog()
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, first.Account, token.Account)
		require.Error(t, token.Claims(&struct{}{}))
		require.Equal(t, "read offline_access", p.TokenRequests("refresh_token")[0].Form.Get("scope"))

		p.EditToken = nil
		named := signIn(t, p, c, "read")
		require.Equal(t, p.URL+"#avery", named.Account.ID)
		_, err = newClient(t, p, with).Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrAccountRequired)
	})
}

// An ID token that nobody asked for and nobody can verify is not shown.
func TestUnaskedIDToken(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	oauthOnly(p)
	store := cache.Memory()
	p.EditToken = func(_ string, answer map[string]any) {
		answer["id_token"] = p.SignIDToken(map[string]any{"iss": p.URL, "sub": "mallory", "aud": clientID})
	}
	token := signIn(t, p, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store }), "read")
	require.Equal(t, msal.Account{ID: p.URL, Issuer: p.URL}, token.Account)
	require.Error(t, token.Claims(&struct{}{}))
	for key := range keysOf(t, store) {
		record, _, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		require.NotContains(t, string(record), "id_token")
	}
}

// How long a session lives for which the server gives no refresh token.
func TestWithoutRefreshToken(t *testing.T) {
	for name, tt := range map[string]struct {
		openID, lasting, renewable bool
	}{
		"a life":                    {lasting: true},
		"no life, as at GitHub":     {},
		"OpenID Connect, no life":   {openID: true},
		"no life, a refresh token":  {renewable: true},
		"OpenID Connect, the same":  {openID: true, renewable: true},
		"OpenID Connect and a life": {openID: true, lasting: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				if !tt.openID {
					oauthOnly(p)
				}
				p.EditToken = func(_ string, answer map[string]any) {
					if !tt.openID {
						delete(answer, "id_token")
					}
					if !tt.lasting {
						delete(answer, "expires_in")
					}
					if !tt.renewable {
						delete(answer, "refresh_token")
					}
				}
				store := cache.Memory()
				with := func(cfg *msal.Config) { cfg.Cache = store }
				c := newClient(t, p, with)
				first := signIn(t, p, c, "read")
				require.Equal(t, tt.renewable, first.Renewable)
				time.Sleep(59 * time.Minute)
				p.ResetLog()
				token, err := newClient(t, p, with).Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, tt.renewable, token.AccessToken() != first.AccessToken(), "5 minutes, where a refresh can follow")
				time.Sleep(9 * 365 * 24 * time.Hour)
				token, err = newClient(t, p, with).Token(t.Context(), "read")
				switch {
				case tt.lasting:
					require.ErrorIs(t, err, msal.ErrSignInRequired)
				case !tt.renewable:
					require.NoError(t, err)
					require.Equal(t, first.AccessToken(), token.AccessToken())
					require.Zero(t, p.Count("token"))
				}
				if !tt.renewable { // what HTTPClient does when the API refuses the token
					_, err = c.ForceRefresh().Token(t.Context(), "read")
					require.ErrorIs(t, err, msal.ErrSignInRequired)
				}
			})
		})
	}
}

// GitHub's profile, at an address of its own, with the platform's names of the
// endpoints: nothing is fetched, scopes come with commas, and its word for a
// refresh token that is over is understood.
func TestGitHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.URL += "/login/oauth"
		p.ClientSecret = "an-installed-app"
		p.AllowUnknown = true
		grantOffline(p)
		p.ScopeEcho = func([]string) string { return "repo,read:user" }
		github, ok := msal.LookupProvider("github")
		require.True(t, ok)
		require.Equal(t, "/login/oauth/access_token", github.Endpoints["token_endpoint"])
		github.Endpoints["token_endpoint"] = "/login/oauth/token"
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Provider, cfg.InstalledAppSecret = github, p.ClientSecret })
		token := signIn(t, p, c, "repo", "read:user", "gist")
		require.Equal(t, []string{"authorize", "token"}, endpoints(p))
		require.Equal(t, "repo read:user gist", p.Requests()[0].Form.Get("scope"))
		require.True(t, token.Scopes.Has("repo") && token.Scopes.Has("read:user"))
		require.False(t, token.Scopes.Has(scopes.OpenID))
		require.Equal(t, "gist", token.Missing.String())

		time.Sleep(time.Until(token.Expiry))
		_, err := c.Token(t.Context(), "repo", "read:user")
		require.NoError(t, err)
		require.Equal(t, "repo read:user", p.TokenRequests("refresh_token")[0].Form.Get("scope"))
		p.Fail("token", msaltest.Fault{Status: http.StatusOK, Body: `{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or expired."}`})
		_, err = c.ForceRefresh().Token(t.Context(), "repo")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.Equal(t, "invalid_grant", asServerError(t, err).Code)
		before := p.Count("token")
		_, err = c.ForceRefresh().Token(t.Context(), "repo")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.Equal(t, before, p.Count("token"), "it is buried")
	})
}
