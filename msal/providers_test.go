package msal_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	drive   = "https://www.googleapis.com/auth/drive.readonly"
	b2cRead = "https://contoso.onmicrosoft.com/api/read"
	b2cPath = "/contoso.onmicrosoft.com/b2c_1_signin"
)

// provider is one that msaltest imitates, and what has to happen there.
type provider struct {
	imitate string
	edit    func(*msaltest.Platform)
	url     string // of the platform; empty: one that says nothing of the provider
	path    string // what the authority has after it
	name    string // Provider.Name
	scopes  []string

	front   url.Values // what an authorization request has beyond the protocol's own parameters
	refresh string     // scope of a refresh; empty: the session cannot be renewed
}

// platform returns the imitation, and a maker of clients of it that share a store.
func (x provider) platform(t *testing.T) (*msaltest.Platform, func(edit ...func(*msal.Config)) *msal.Client) {
	t.Helper()
	p := msaltest.New(t)
	p.Imitate(x.imitate)
	if x.edit != nil {
		x.edit(p)
	}
	if x.url != "" {
		p.URL = x.url
	}
	store := cache.Memory()
	return p, func(edit ...func(*msal.Config)) *msal.Client {
		return newClient(t, p, append(edit, func(cfg *msal.Config) {
			cfg.Cache, cfg.Provider.Name, cfg.InstalledAppSecret = store, x.name, p.ClientSecret
			cfg.Authority += x.path
		})...)
	}
}

// sent is what an authorization request has beyond the protocol's own parameters.
func sent(t *testing.T, z *msal.Authorization) url.Values {
	t.Helper()
	front := query(t, z.URL())
	for _, name := range []string{"client_id", "response_type", "redirect_uri", "state", "code_challenge", "code_challenge_method"} {
		require.True(t, front.Has(name), name)
		front.Del(name)
	}
	front.Del("nonce")
	return front
}

// asks is a request for these scopes, and for pairs of name and value.
func asks(scope string, pairs ...string) url.Values {
	v := url.Values{"scope": {scope}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

func knows(scope ...string) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) { p.KnownScopes = append(p.KnownScopes, scope...) }
}

// inTenant lets somebody sign in whose ID token has a tid, as custom policies of B2C can have it.
func inTenant(p *msaltest.Platform) {
	p.Users = []msaltest.User{{Subject: "avery", Username: "avery@contoso.com", TenantID: avery.TenantID}}
}

var providers = map[string]provider{
	"google": {
		imitate: "google", url: "https://accounts.google.com", scopes: []string{drive},
		edit:  func(p *msaltest.Platform) { p.ClientSecret = "of a desktop application"; knows(drive)(p) },
		front: asks(drive+" openid profile email", "access_type", "offline", "prompt", "consent"), refresh: drive + " openid profile email",
	},
	"google by name": {
		imitate: "google", name: "google", edit: knows(drive), scopes: []string{drive},
		front: asks(drive+" openid profile email", "access_type", "offline", "prompt", "consent"), refresh: drive + " openid profile email",
	},
	"gitlab": {
		imitate: "gitlab", url: "https://gitlab.com", scopes: []string{"read_api"},
		front: asks("read_api openid profile email"), refresh: "read_api openid profile email",
	},
	"gitlab, self-managed": {
		imitate: "gitlab", scopes: []string{"read_api"},
		front: asks("read_api openid profile email"), refresh: "read_api openid profile email",
	},
	"cognito": {
		imitate: "cognito", url: "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example",
		front: asks("openid profile email"), refresh: "openid profile email",
	},
	"keycloak by name": {
		imitate: "keycloak", name: "keycloak", scopes: []string{"roles"},
		front: asks("roles openid profile email"), refresh: "roles openid profile email",
	},
	"keycloak by its metadata": {
		imitate: "keycloak", scopes: []string{"roles"},
		front: asks("roles openid profile email offline_access"), refresh: "roles openid profile email offline_access",
	},
	"okta": {
		imitate: "okta", url: "https://contoso.okta.com/oauth2/default", edit: knows("api:read"), scopes: []string{"api:read"},
		front: asks("api:read openid profile email offline_access"), refresh: "api:read openid profile email offline_access",
	},
	"auth0": {
		imitate: "auth0", url: "https://contoso.eu.auth0.com/", scopes: []string{"read:x"},
		front: asks("read:x openid profile email offline_access"), refresh: "read:x openid profile email offline_access",
	},
	"auth0, an API without offline access": {
		imitate: "auth0", url: "https://contoso.eu.auth0.com/", scopes: []string{"read:x"},
		edit: func(p *msaltest.Platform) {
			p.GrantScopes = func([]string) []string { return []string{"read:x", "openid", "profile", "email"} }
		},
		front: asks("read:x openid profile email offline_access"),
	},
	"logto": {
		imitate: "logto", url: "https://contoso.logto.app/oidc",
		front: asks("openid profile email offline_access", "prompt", "consent"), refresh: "openid profile email offline_access",
	},
	"node-oidc-provider by name": {
		imitate: "node-oidc-provider", name: "node-oidc-provider",
		front: asks("openid profile email offline_access", "prompt", "consent"), refresh: "openid profile email offline_access",
	},
	"node-oidc-provider by its metadata": {
		imitate: "node-oidc-provider", front: asks("openid profile email offline_access"),
	},
	"dex": {
		imitate: "dex", scopes: []string{"groups"},
		front: asks("groups openid profile email offline_access"), refresh: "groups openid profile email offline_access",
	},
	"hydra": {
		imitate: "hydra", scopes: []string{"photos.read"},
		front: asks("photos.read openid offline_access"), refresh: "photos.read openid offline_access",
	},
	"salesforce": {
		imitate: "salesforce", scopes: []string{"api"},
		front: asks("api openid profile email offline_access"), refresh: "api openid profile email offline_access",
	},
	"slack": {imitate: "slack", url: "https://slack.com", front: asks("openid profile email")},
	"slack with token rotation": {
		imitate: "slack", url: "https://slack.com", edit: rotates,
		front: asks("openid profile email"), refresh: "openid profile email",
	},
	"duende": {
		imitate: "duende", scopes: []string{"api1"},
		front: asks("api1 openid profile email offline_access"), refresh: "api1 openid profile email offline_access",
	},
	"b2c": {
		imitate: "b2c", url: "https://contoso.b2clogin.com", path: b2cPath, edit: inTenant, scopes: []string{b2cRead},
		front: asks(b2cRead + " openid offline_access"), refresh: b2cRead + " openid offline_access",
	},
	"b2c by name": {
		imitate: "b2c", name: "b2c", path: b2cPath + "/v2.0", edit: inTenant, scopes: []string{b2cRead},
		front: asks(b2cRead + " openid offline_access"), refresh: b2cRead + " openid offline_access",
	},
	"b2c, a token for the application itself": {
		imitate: "b2c", url: "https://contoso.b2clogin.com", path: "/tfp" + b2cPath, edit: inTenant, scopes: []string{clientID},
		front: asks(clientID + " openid offline_access"), refresh: clientID + " openid offline_access",
	},
}

// rotates is Slack with token rotation.
func rotates(p *msaltest.Platform) { p.Renewal, p.NoExpiry = msaltest.RenewAlways, false }

// What goes to each provider at a sign-in, whether the session can be renewed and goes on over several lives of its access
// token, and that a second sign-in, of another client over the same store, is no different.
func TestProviders(t *testing.T) {
	for name, x := range providers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, x.run)
		})
	}
}

func (x provider) run(t *testing.T) {
	p, client := x.platform(t)
	for range 2 {
		c := client()
		p.ResetLog()
		z, callback := begin(t, p, c, x.scopes...)
		require.Equal(t, x.front, sent(t, z))
		token, err := z.Redeem(t.Context(), callback)
		require.NoError(t, err)
		redeemed := p.TokenRequests("authorization_code")
		require.Len(t, redeemed, 1)
		require.Equal(t, x.front.Get("scope"), redeemed[0].Form.Get("scope"))
		require.Equal(t, x.refresh != "", token.Renewable)
		require.Zero(t, token.Missing.Len(), token.Missing.String())
		x.goesOn(t, p, c, token)
	}
}

// goesOn lets the access token expire, twice.
func (x provider) goesOn(t *testing.T, p *msaltest.Platform, c *msal.Client, token msal.Token) {
	t.Helper()
	for range 2 {
		time.Sleep(time.Until(token.Expiry))
		next, err := c.Token(t.Context(), x.scopes...)
		if x.refresh == "" {
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.Empty(t, p.TokenRequests("refresh_token"))
			return
		}
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken(), next.AccessToken())
		require.True(t, next.Renewable)
		require.Zero(t, next.Missing.Len(), next.Missing.String())
		require.True(t, p.SessionAlive("avery"))
		require.Equal(t, token.Account, next.Account)
		token = next
	}
	refreshes := p.TokenRequests("refresh_token")
	require.Len(t, refreshes, 2)
	for _, r := range refreshes {
		require.Equal(t, x.refresh, r.Form.Get("scope"))
		require.Less(t, r.Status, http.StatusBadRequest)
	}
}

// A default that the provider refuses by name is left out at once, and the person is asked once: they saw no page of the
// request that was refused. The next sign-in asks for it again, because a redirect is nobody's word to remember.
func TestProviderRefusesADefault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		provider
		refused      string
		first, after string
	}{
		{provider{imitate: "hydra", scopes: []string{"photos.read"}}, "offline_access", "photos.read openid offline_access", "photos.read openid"},
		{provider{imitate: "dex"}, "email", "openid profile email offline_access", "openid profile offline_access"},
	} {
		t.Run(c.imitate, func(t *testing.T) {
			t.Parallel()
			p, client := c.platform(t)
			p.RejectScopes, p.Interactive = []string{c.refused}, true
			opened := 0
			browser := msal.Browser{Open: func(ctx context.Context, address string) error {
				opened++
				return p.Browse(ctx, address)
			}}
			token, err := client().SignIn(t.Context(), browser, c.scopes...)
			require.NoError(t, err)
			require.Equal(t, c.refused != "offline_access", token.Renewable)
			require.Equal(t, []string{c.first, c.after}, asked(p))
			require.Equal(t, 2, opened)
			require.Equal(t, 1, p.Count("signin"), "one page")

			p.ResetLog()
			_, err = client().SignIn(t.Context(), browser, c.scopes...)
			require.NoError(t, err)
			require.Equal(t, []string{c.first, c.after}, asked(p))
		})
	}
}

// On a device too: nobody is shown a code that could win nothing.
func TestProviderRefusesADeviceADefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := provider{imitate: "hydra"}.platform(t)
		p.RejectScopes, p.AutoApproveAfter = []string{"offline_access"}, 1
		shown := 0
		show := func(context.Context, msal.DevicePrompt) error { shown++; return nil }
		for range 2 {
			p.ResetLog()
			token, err := client().SignIn(t.Context(), msal.DeviceCode{Show: show}, "photos.read")
			require.NoError(t, err)
			require.False(t, token.Renewable)
			require.Equal(t, 2, p.Count("device"))
		}
		require.Equal(t, 2, shown)
	})
}

// asked lists the scopes of the authorization requests.
func asked(p *msaltest.Platform) (scopes []string) {
	for _, r := range p.Requests() {
		if r.Endpoint == "authorize" {
			scopes = append(scopes, r.Form.Get("scope"))
		}
	}
	return scopes
}

// A refusal that names no scope, of a request whose defaults the provider has all published, is not guessed at: it stands.
func TestProviderRefusesWithoutAName(t *testing.T) {
	t.Parallel()
	for imitate, text := range map[string]string{
		"okta":    "One or more scopes are not configured for the authorization server resource.",
		"cognito": "",
	} {
		t.Run(imitate, func(t *testing.T) {
			t.Parallel()
			p, client := provider{imitate: imitate}.platform(t)
			p.RejectScopes = []string{"profile"}
			for range 2 {
				p.ResetLog()
				_, err := client().SignIn(t.Context(), msal.Browser{Open: p.Browse})
				refused := asServerError(t, err)
				require.Equal(t, "invalid_scope", refused.Code)
				require.Equal(t, text, refused.Description)
				require.Len(t, asked(p), 1)
				require.Contains(t, asked(p)[0], "openid profile email")
			}
		})
	}
}

// Where a refusal ends on a page, no client can know. OmitScopes helps, and costs what it says.
func TestProviderRefusesOnAPage(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "duende"}.platform(t)
	p.RejectScopes = []string{"offline_access"}
	z, err := client().Authorize(t.Context(), testRedirect, "api1")
	require.NoError(t, err)
	require.ErrorContains(t, p.Browse(t.Context(), z.URL()), "Error 400: invalid_scope")
	token := signIn(t, p, client(func(cfg *msal.Config) { cfg.OmitScopes = []string{"offline_access"} }), "api1")
	require.False(t, token.Renewable)
}

// Each process that signs in at Google again wins a refresh token again, because consent is asked for; a device always does.
func TestGoogleRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := provider{imitate: "google", name: "google"}.platform(t)
		p.AutoApproveAfter, p.ClientSecret = 1, "of a desktop application"
		show := func(context.Context, msal.DevicePrompt) error { return nil }
		for range 2 {
			c := client(func(cfg *msal.Config) { cfg.InstalledAppSecret = p.ClientSecret })
			token, err := c.SignIn(t.Context(), msal.DeviceCode{Show: show})
			require.NoError(t, err)
			require.True(t, token.Renewable)
			require.True(t, signIn(t, p, c).Renewable)
			require.NoError(t, c.SignOut(t.Context()))
			require.False(t, p.SessionAlive("avery"))
		}
		without := client(func(cfg *msal.Config) {
			cfg.InstalledAppSecret, cfg.OmitScopes = p.ClientSecret, []string{"offline_access"}
		})
		z, callback := begin(t, p, without)
		require.Equal(t, asks("openid profile email"), sent(t, z), "who wants no refresh token asks nobody for one")
		token, err := z.Redeem(t.Context(), callback)
		require.NoError(t, err)
		require.False(t, token.Renewable)
	})
}

// What a person decides at B2C reaches the caller in its words, on one line.
func TestB2CRefuses(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "b2c", url: "https://contoso.b2clogin.com", path: b2cPath}.platform(t)
	p.Deny()
	z, callback := begin(t, p, client(), b2cRead)
	_, err := z.Redeem(t.Context(), callback)
	refused := asServerError(t, err)
	require.Equal(t, "access_denied", refused.Code)
	require.Contains(t, refused.Description, "AADB2C90091: ")
	require.NotContains(t, err.Error(), "\n")
}

// Two habits of GitHub at a server that is otherwise one of OpenID Connect: forms for whoever does not ask for JSON, and
// errors with the status of success.
func TestFormsAndErrorsWithStatus200(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.FormAnswers, p.ErrorStatus = true, http.StatusOK
	c := newClient(t, p)
	require.True(t, signIn(t, p, c, "read").Renewable)
	p.RevokeAll()
	_, err := c.ForceRefresh().Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.Equal(t, http.StatusOK, asServerError(t, err).StatusCode)
}

// The port of a redirect URI that is compared exactly has to be the registered one.
func TestProviderComparesPorts(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "okta"}.platform(t)
	p.RedirectURIs = []string{"http://127.0.0.1:8400/callback"}
	z, err := client().Authorize(t.Context(), p.RedirectURIs[0])
	require.NoError(t, err)
	token, err := z.Redeem(t.Context(), visit(t, p, z.URL()))
	require.NoError(t, err)
	require.True(t, token.Renewable)
	z, err = client().Authorize(t.Context(), "http://127.0.0.1:8401/callback")
	require.NoError(t, err)
	require.ErrorContains(t, p.Browse(t.Context(), z.URL()), "is not registered")
}
