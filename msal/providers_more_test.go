package msal_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// TestProviders, for those that differ in more than scopes: their ID tokens name no tenant, or there are none.
func TestMoreProviders(t *testing.T) {
	for name, x := range map[string]provider{
		"adfs": {
			imitate: "adfs", url: "https://fs.contoso.com", path: "/adfs", scopes: []string{"user_impersonation"},
			front:   asks("user_impersonation openid profile email offline_access"),
			refresh: "user_impersonation openid profile email offline_access",
		},
		"adfs by name": {
			imitate: "adfs", name: "adfs", path: "/adfs/", scopes: []string{"user_impersonation"},
			front:   asks("user_impersonation openid profile email offline_access"),
			refresh: "user_impersonation openid profile email offline_access",
		},
		"b2c, a user flow, whose tokens have no tid": {
			imitate: "b2c", url: "https://contoso.b2clogin.com", path: b2cPath, scopes: []string{b2cRead},
			front: asks(b2cRead + " openid offline_access"), refresh: b2cRead + " openid offline_access",
		},
		"github": {
			imitate: "github", url: "https://github.com", path: "/login/oauth", scopes: []string{"repo", "gist"},
			front: asks("repo gist"),
		},
		"github by name": {
			imitate: "github", name: "github", path: "/login/oauth", scopes: []string{"repo", "gist"},
			front: asks("repo gist"),
		},
		"atlassian": {
			imitate: "atlassian", url: "https://auth.atlassian.com", scopes: []string{"read:me"},
			front:   asks("read:me offline_access", "audience", "api.atlassian.com", "prompt", "consent"),
			refresh: "read:me offline_access",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, x.run)
		})
	}
}

// A GitHub App has permissions and no scopes, so it asks for none.
func TestGitHubApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := provider{imitate: "github-app", url: "https://github.com", path: "/login/oauth"}.platform(t)
		c := client()
		z, callback := begin(t, p, c)
		require.Empty(t, sent(t, z))
		token, err := z.Redeem(t.Context(), callback)
		require.NoError(t, err)
		require.True(t, token.Renewable)
		for range 2 {
			time.Sleep(time.Until(token.Expiry))
			token, err = c.Token(t.Context())
			require.NoError(t, err)
		}
		p.RevokeAll()
		_, err = c.ForceRefresh().Token(t.Context())
		require.ErrorIs(t, err, msal.ErrSignInRequired, "bad_refresh_token means invalid_grant")
	})
}

// Slack has a word of its own for a refresh token that is over.
func TestSlackEndsASession(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "slack", url: "https://slack.com", edit: rotates}.platform(t)
	c := client()
	signIn(t, p, c)
	p.RevokeAll()
	_, err := c.ForceRefresh().Token(t.Context())
	require.ErrorIs(t, err, msal.ErrSignInRequired)
}

// A person who may choose among accounts has to consent as well, or the second sign-in wins no refresh token.
func TestGoogleChoosesAnAccount(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "google", name: "google"}.platform(t)
	c := client()
	require.True(t, signIn(t, p, c).Renewable)
	choose := c.With(msal.Params{Prompt: "select_account"})
	z, callback := begin(t, p, choose)
	require.Equal(t, "select_account consent", sent(t, z).Get("prompt"))
	token, err := z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	require.True(t, token.Renewable)
}

// B2C gives no access token to those who ask for no resource. Somebody has signed in all the same.
func TestB2CWithoutAResource(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "b2c", url: "https://contoso.b2clogin.com", path: b2cPath, edit: inTenant}.platform(t)
	z, callback := begin(t, p, client())
	token, err := z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	require.True(t, token.Renewable)
}

// B2C refuses scopes of several resources also where somebody signs in, so that nobody is bothered with them.
func TestB2CWithTwoResources(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "b2c", url: "https://contoso.b2clogin.com", path: b2cPath}.platform(t)
	_, err := client().Authorize(t.Context(), testRedirect, b2cRead, "https://contoso.onmicrosoft.com/other/read")
	require.ErrorIs(t, err, scopes.ErrInvalid)
	require.Zero(t, p.Count())
}

// Keycloak's refusal repeats the whole request. What is left out is the default that it refuses, and no other with it; if
// that is openid, or more than one, or a scope of the caller, the refusal stands.
func TestKeycloakRefusesOneDefault(t *testing.T) {
	t.Parallel()
	const all = "openid profile email offline_access"
	for name, row := range map[string]struct {
		known, explicit []string
		asked           []string // in this order
		then            string   // the last of them, if it is granted
	}{
		"offline_access": {[]string{"openid", "profile", "email"}, nil, []string{all, "openid profile email"}, "openid profile email"},
		"email": {[]string{"openid", "profile", "offline_access"}, nil,
			[]string{all, "openid profile email", "openid profile offline_access"}, "openid profile offline_access"},
		"profile": {[]string{"openid", "email", "offline_access"}, nil,
			[]string{all, "openid profile email", "openid profile offline_access", "openid email offline_access"}, "openid email offline_access"},
		"two of them": {[]string{"openid", "email"}, nil,
			[]string{all, "openid profile email", "openid profile offline_access", "openid email offline_access"}, ""},
		"the caller's": {[]string{"openid", "profile", "email", "offline_access"}, []string{"tpyo"}, []string{"tpyo " + all}, ""},
		"all":          {[]string{"roles"}, nil, []string{all, "openid profile email", "openid profile offline_access", "openid email offline_access"}, ""},
	} {
		signIn := func(t *testing.T, flow func(*msaltest.Platform) msal.Flow) {
			p, client := provider{imitate: "keycloak", edit: func(p *msaltest.Platform) {
				p.KnownScopes = row.known // of this client; what is published is of all
				p.ScopesSupported = []string{"openid", "profile", "email", "offline_access", "roles"}
			}}.platform(t)
			_, err := client().SignIn(t.Context(), flow(p), row.explicit...)
			require.Equal(t, row.then == "", err != nil, "%v", err)
			var asked []string
			for _, r := range p.Requests() {
				if r.Endpoint == "authorize" || r.Endpoint == "device" {
					asked = append(asked, r.Form.Get("scope"))
				}
			}
			require.Equal(t, row.asked, asked)
			z, err := client().Authorize(t.Context(), testRedirect)
			require.NoError(t, err)
			require.Equal(t, all, query(t, z.URL()).Get("scope"), "nothing is remembered")
		}
		t.Run(name+", browser", func(t *testing.T) {
			t.Parallel()
			signIn(t, func(p *msaltest.Platform) msal.Flow { return msal.Browser{Open: p.Browse} })
		})
		t.Run(name+", device", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				signIn(t, func(p *msaltest.Platform) msal.Flow {
					return msal.DeviceCode{Show: func(_ context.Context, d msal.DevicePrompt) error { p.Approve(d.UserCode); return nil }}
				})
			})
		})
	}
}

// A person who has signed in at the second try is not sent there a third time.
func TestKeycloakRefusesAtTheEnd(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "keycloak", edit: func(p *msaltest.Platform) {
		p.KnownScopes = []string{"openid", "profile", "email"}
		p.ScopesSupported = []string{"openid", "profile", "email", "offline_access"}
	}}.platform(t)
	p.Fail("token", msaltest.Fault{Code: "invalid_scope", Description: "Invalid scopes: openid profile email"})
	_, err := client().SignIn(t.Context(), msal.Browser{Open: p.Browse})
	require.Equal(t, "invalid_scope", asServerError(t, err).Code)
	require.Equal(t, 1, p.Count("token"))
	require.Len(t, asked(p), 2)
}

// Likewise at a refresh, as after an administrator has taken a scope from the client.
func TestKeycloakRefusesOneDefaultLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, client := provider{imitate: "keycloak", edit: func(p *msaltest.Platform) {
			p.ScopesSupported = []string{"openid", "profile", "email", "offline_access"}
		}}.platform(t)
		c := client()
		expire(t, p, c)
		p.KnownScopes = []string{"openid", "profile", "offline_access"}
		requireToken(t, c)
		var asked []string
		for _, r := range p.TokenRequests("refresh_token") {
			asked = append(asked, r.Form.Get("scope"))
		}
		require.Equal(t, []string{"openid profile email offline_access", "openid profile email", "openid profile offline_access"}, asked)

		p.KnownScopes, asked = []string{"openid", "offline_access"}, nil
		p.ResetLog()
		requireToken(t, c.ForceRefresh()) // without email from now on, so that the refusal repeats three scopes
		for _, r := range p.TokenRequests("refresh_token") {
			asked = append(asked, r.Form.Get("scope"))
		}
		require.Equal(t, []string{"openid profile offline_access", "openid profile", "openid offline_access"}, asked)
	})
}

// Keycloak says only at the end that a person may have no offline token. The sign-in starts again without.
func TestKeycloakWithoutTheRole(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "keycloak", edit: func(p *msaltest.Platform) {
		p.Users = []msaltest.User{{Subject: "avery", NoOffline: true}}
	}}.platform(t)
	token, err := client().SignIn(t.Context(), msal.Browser{Open: p.Browse})
	require.NoError(t, err)
	require.Equal(t, []string{"openid profile email offline_access", "openid profile email"}, asked(p))
	require.True(t, token.Renewable, "a plain refresh token comes without")
}

// Who leaves out the "secret" of a desktop application is told which field it belongs to.
func TestGoogleWithoutSecret(t *testing.T) {
	t.Parallel()
	p, client := provider{imitate: "google", url: "https://accounts.google.com"}.platform(t)
	z, callback := begin(t, p, client())
	p.Fail("token", msaltest.Fault{Status: 400, Code: "invalid_request", Description: "client_secret is missing."})
	_, err := z.Redeem(t.Context(), callback)
	var refused *msal.ServerError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, msal.ActionFixApp, refused.Action())
	require.True(t, strings.HasSuffix(err.Error(), "; set Config.InstalledAppSecret"), err.Error())
}
