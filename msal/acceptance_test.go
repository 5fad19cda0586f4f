package msal_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// What a client of Microsoft's platform has to get right about scopes, one row for each, through the public API and
// against a platform that has Microsoft's rules. A row that concerns another provider uses its preset.

const things = "api://contoso/Things.Read"

// acceptance is a platform and a client of it.
type acceptance struct {
	*testing.T
	p *msaltest.Platform
	c *msal.Client
}

// at is the address of each preset's platform, and the authority that a client of it has.
var at = map[string]struct{ url, authority string }{
	"entra":   {"https://login.microsoftonline.com", "https://login.microsoftonline.com/organizations"},
	"google":  {"https://accounts.google.com", "https://accounts.google.com"},
	"cognito": {"https://cognito-idp.eu-west-1.amazonaws.com/pool", "https://cognito-idp.eu-west-1.amazonaws.com/pool"},
	"b2c":     {"https://contoso.b2clogin.com", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x"},
}

func accept(t *testing.T, preset string, edit ...func(*msal.Config)) acceptance {
	p := msaltest.New(t)
	p.Imitate(preset)
	p.URL = at[preset].url
	edit = append([]func(*msal.Config){func(cfg *msal.Config) { cfg.Authority = at[preset].authority }}, edit...)
	return acceptance{t, p, newClient(t, p, edit...)}
}

func (a acceptance) asked() url.Values {
	a.Helper()
	for _, r := range a.p.Requests() {
		if r.Endpoint == "authorize" {
			return r.Form
		}
	}
	a.Fatal("nobody was asked")
	return nil
}

// refused asks for scopes in each method, and expects an error before any request.
func (a acceptance) refused(want error, hint string, scope ...string) {
	a.Helper()
	before := a.p.Count()
	_, err := a.c.Authorize(a.Context(), "http://localhost", scope...)
	require.ErrorIs(a, err, want)
	require.ErrorContains(a, err, hint)
	_, err = a.c.SignIn(a.Context(), quietDevice, scope...)
	require.ErrorIs(a, err, want)
	_, err = a.c.Token(a.Context(), scope...)
	require.ErrorIs(a, err, want)
	require.Equal(a, before, a.p.Count())
}

func TestAcceptance(t *testing.T) {
	type config = func(*msal.Config)
	v1 := func(cfg *msal.Config) { cfg.Endpoint = msal.V1 }
	for name, row := range map[string]struct {
		preset string
		edit   []config
		check  func(a acceptance)
	}{
		"a default that is named again is refused": {"entra", nil, func(a acceptance) {
			for _, s := range []string{"openid", "OpenID", "https://graph.microsoft.com/openid", msaltest.MicrosoftGraph + "/EMAIL"} {
				a.refused(scopes.ErrDuplicateDefault, s, "User.Read", s)
			}
			a.refused(scopes.ErrInvalid, "space", " profile ")
		}},
		"or sent once": {"entra", []config{func(cfg *msal.Config) { cfg.MergeDefaults = true }}, func(a acceptance) {
			a.p.Entra.RejectDuplicates = true
			token := signIn(a, a.p, a.c, "openid", "User.Read", "OFFLINE_ACCESS", "https://graph.microsoft.com/profile", "Email")
			require.Equal(a, "User.Read openid profile email offline_access", a.asked().Get("scope"))
			require.Zero(a, token.Missing)
		}},
		"no scopes": {"entra", nil, func(a acceptance) {
			token := signIn(a, a.p, a.c)
			require.Equal(a, "openid profile email offline_access", a.asked().Get("scope"))
			require.NotEmpty(a, token.Account.Username)
			require.True(a, token.Renewable)
		}},
		"without offline_access": {"entra", []config{func(cfg *msal.Config) { cfg.OmitScopes = []string{"offline_access"} }}, func(a acceptance) {
			token := signIn(a, a.p, a.c, "User.Read")
			require.Equal(a, "User.Read openid profile email", a.asked().Get("scope"))
			require.False(a, token.Renewable)
			time.Sleep(2 * time.Hour)
			a.p.ResetLog()
			_, err := a.c.Token(a.Context(), "User.Read")
			require.ErrorIs(a, err, msal.ErrSignInRequired)
			require.Zero(a, a.p.Count())
		}},
		"offline_access is not missing because no answer names it": {"entra", nil, func(a acceptance) {
			var answered any
			a.p.EditToken = func(_ string, answer map[string]any) { answered = answer["scope"] }
			token := signIn(a, a.p, a.c, "User.Read")
			require.NotContains(a, answered, "offline_access")
			require.True(a, token.Scopes.Has("offline_access"), "a refresh token says that it was granted")
			require.Zero(a, token.Missing)
			require.True(a, token.Renewable)
		}},
		"short names, answered in full": {"entra", nil, func(a acceptance) {
			a.p.Entra.ScopeStyle = msaltest.QualifiedNames
			token := signIn(a, a.p, a.c, "User.Read", "mail.read")
			require.True(a, token.Scopes.Has("https://graph.microsoft.com/User.Read"))
			require.Zero(a, token.Missing)
			a.free("Mail.Read", "https://graph.microsoft.com/user.read")
		}},
		"full names, answered in short": {"entra", nil, func(a acceptance) {
			a.p.Entra.ScopeStyle = msaltest.ShortNames
			require.Zero(a, signIn(a, a.p, a.c, "https://graph.microsoft.com/User.Read").Missing)
			a.free("User.Read", msaltest.MicrosoftGraph+"/User.Read")
		}},
		"more than was asked for": {"entra", nil, func(a acceptance) {
			a.p.Consent(msaltest.Grant{User: "avery", Client: clientID, Permissions: []string{"Mail.Read"}})
			token := signIn(a, a.p, a.c, "User.Read")
			require.True(a, token.Scopes.Has("Mail.Read"))
			a.free("Mail.Read")
		}},
		"no scope in the answer": {"entra", nil, func(a acceptance) {
			a.p.OmitScope = true
			require.Zero(a, signIn(a, a.p, a.c, "User.Read", "Mail.Read").Missing)
			a.free("mail.read")
		}},
		"less than was asked for": {"entra", nil, func(a acceptance) {
			a.p.ScopeEcho = func([]string) string { return "User.Read" }
			token := signIn(a, a.p, a.c, "User.Read", "Mail.Read")
			require.Equal(a, "Mail.Read", token.Missing.String())
			a.p.ResetLog()
			token, err := a.c.Token(a.Context(), "Mail.Read")
			require.NoError(a, err)
			require.Equal(a, "Mail.Read", token.Missing.String(), "the token is there, and what it lacks is said again")
			require.Zero(a, a.p.Count())
		}},
		".default beside the defaults": {"entra", nil, func(a acceptance) {
			token := signIn(a, a.p, a.c, "https://graph.microsoft.com/.default")
			require.Equal(a, "https://graph.microsoft.com/.default openid profile email offline_access", a.asked().Get("scope"))
			require.Zero(a, token.Missing)
			a.free("https://graph.microsoft.com/.default")
		}},
		".default beside a permission": {"entra", nil, func(a acceptance) {
			a.refused(scopes.ErrInvalid, "ask for it in a call of its own", "User.Read", "api://contoso/.default")
		}},
		"two slashes stay two": {"entra", nil, func(a acceptance) {
			token := signIn(a, a.p, a.c, "https://management.azure.com//.default")
			require.Equal(a, "https://management.azure.com//.default", strings.Fields(a.asked().Get("scope"))[0])
			require.Zero(a, token.Missing)
			a.free("https://management.azure.com//.default")
		}},
		"two resources": {"entra", nil, func(a acceptance) {
			token := signIn(a, a.p, a.c, "User.Read", things)
			require.Equal(a, "User.Read "+things+" openid profile email offline_access", a.asked().Get("scope"))
			require.Equal(a, "User.Read openid profile email offline_access", a.p.TokenRequests("authorization_code")[0].Form.Get("scope"))
			require.Zero(a, token.Missing)
			a.p.ResetLog()
			requireToken(a.T, a.c, things)
			require.Equal(a, things+" openid profile email offline_access", a.p.TokenRequests("refresh_token")[0].Form.Get("scope"))
			require.Equal(a, 1, a.p.Count())
			_, err := a.c.Token(a.Context(), "User.Read", things)
			require.ErrorIs(a, err, scopes.ErrInvalid)
		}},
		"errors about scopes are the application's to mend": {"entra", nil, func(a acceptance) {
			z, err := a.c.Authorize(a.Context(), "http://localhost", "User.Reed")
			require.NoError(a, err)
			_, err = z.Redeem(a.Context(), visit(a, a.p, z.URL()))
			a.is(err, 650053, msal.ActionFixApp)
			signIn(a, a.p, a.c, "User.Read")
			for _, number := range []int{28000, 70011} {
				a.p.Fail("token", msaltest.Fault{AADSTS: number})
				_, err := a.c.ForceRefresh().Token(a.Context(), "User.Read")
				a.is(err, number, msal.ActionFixApp)
			}
			requireToken(a.T, a.c.ForceRefresh(), "User.Read")
		}},
		"strict rotation and two refreshes at once": {"entra", nil, func(a acceptance) {
			a.p.Rotation = msaltest.RotateStrict
			signIn(a, a.p, a.c, "User.Read")
			time.Sleep(2 * time.Hour)
			a.p.ResetLog()
			a.p.Fail("token", msaltest.Fault{Delay: time.Second})
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() {
					_, err := a.c.Token(a.Context(), "User.Read")
					require.NoError(a, err)
				})
			}
			both.Wait()
			require.Equal(a, 1, a.p.Count())
			require.True(a, a.p.SessionAlive("avery"))
		}},
		"Cognito answers a refresh without another refresh token": {"cognito", nil, func(a acceptance) {
			signIn(a, a.p, a.c, "aws.cognito.signin.user.admin")
			for range 3 {
				time.Sleep(2 * time.Hour)
				requireToken(a.T, a.c, "aws.cognito.signin.user.admin")
			}
			sent := map[string]bool{}
			for _, r := range a.p.TokenRequests("refresh_token") {
				sent[r.Form.Get("refresh_token")] = true
			}
			require.Len(a, sent, 1)
		}},
		"Google is asked in its own words": {"google", nil, func(a acceptance) {
			require.True(a, signIn(a, a.p, a.c).Renewable)
			require.Equal(a, "offline", a.asked().Get("access_type"))
			require.Equal(a, "openid profile email", a.asked().Get("scope"))
		}},
		"B2C takes offline_access and does not list it": {"b2c", nil, func(a acceptance) {
			require.True(a, signIn(a, a.p, a.c, "https://contoso.onmicrosoft.com/api/read").Renewable)
			require.Contains(a, a.asked().Get("scope"), "offline_access")
		}},
		"v1.0 has a resource, openid, and numbers in strings": {"entra", []config{v1}, func(a acceptance) {
			token := signIn(a, a.p, a.c, "https://management.azure.com//user_impersonation")
			require.Equal(a, "openid", a.asked().Get("scope"))
			require.Equal(a, "https://management.azure.com/", a.asked().Get("resource"))
			require.True(a, token.Renewable, "without offline_access")
			require.Greater(a, time.Until(token.Expiry), 50*time.Minute)
			a.p.ResetLog()
			requireToken(a.T, a.c, "api://contoso/Things.Read")
			require.Equal(a, "api://contoso", a.p.TokenRequests("refresh_token")[0].Form.Get("resource"), "one refresh token for all resources")
		}},
		"the issuer of common is a template": {"entra", []config{func(cfg *msal.Config) { cfg.Authority = at["entra"].url + "/common" }}, func(a acceptance) {
			require.Equal(a, at["entra"].url+"/"+msaltest.DefaultTenant+"/v2.0", signIn(a, a.p, a.c, "User.Read").Account.Issuer)
		}},
		"a tenant that the token is not of": {"entra", nil, func(a acceptance) {
			a.p.EditClaims = func(claims map[string]any) { claims["tid"] = msaltest.PersonalTenant }
			z, err := a.c.Authorize(a.Context(), "http://localhost", "User.Read")
			require.NoError(a, err)
			_, err = z.Redeem(a.Context(), visit(a, a.p, z.URL()))
			require.ErrorContains(a, err, "iss is")
			requireNobody(a.T, a.c)
		}},
		"keys change during a sign-in": {"entra", nil, func(a acceptance) {
			signIn(a, a.p, a.c, "User.Read")
			z, err := a.c.Authorize(a.Context(), "http://localhost", "User.Read")
			require.NoError(a, err)
			back := visit(a, a.p, z.URL())
			a.p.RotateKeys()
			a.p.ResetLog()
			_, err = z.Redeem(a.Context(), back)
			require.NoError(a, err)
			require.Equal(a, 1, a.p.Count("keys"))
			require.Equal(a, 2, a.p.Count())
		}},
		"Retry-After": {"entra", nil, func(a acceptance) {
			signIn(a, a.p, a.c, "User.Read")
			time.Sleep(2 * time.Hour)
			a.p.ResetLog()
			a.p.Fail("token", msaltest.Fault{AADSTS: 90055, RetryAfter: "60"})
			began := time.Now()
			for range 100 {
				_, err := a.c.Token(a.Context(), "User.Read")
				require.Equal(a, msal.ActionWait, asServerError(a.T, err).Action())
				require.NotErrorIs(a, err, msal.ErrSignInRequired)
			}
			require.Equal(a, 1, a.p.Count())
			require.Equal(a, began, time.Now(), "nobody waits for it but who wants to")
			time.Sleep(time.Minute)
			requireToken(a.T, a.c, "User.Read")
		}},
		"a loop": {"entra", nil, func(a acceptance) {
			signIn(a, a.p, a.c, "User.Read")
			time.Sleep(2 * time.Hour)
			a.p.ResetLog()
			a.p.Fail("token", msaltest.Fault{AADSTS: 50196})
			for range 100 {
				_, err := a.c.Token(a.Context(), "User.Read")
				require.Equal(a, msal.ActionWait, asServerError(a.T, err).Action())
			}
			require.Equal(a, 1, a.p.Count())
			time.Sleep(time.Minute)
			requireToken(a.T, a.c, "User.Read")
		}},
		"a claims challenge, from the API to the sign-in and back": {"entra", nil, func(a acceptance) {
			api := a.p.NewAPI("https://api.contoso.example", "api://contoso", "Things.Read")
			api.Challenge(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`)
			signIn(a, a.p, a.c, things)
			client := a.c.HTTPClient("https://api.contoso.example", things)
			_, err := client.Get("https://api.contoso.example/")
			require.ErrorIs(a, err, msal.ErrSignInRequired)
			claims := asServerError(a.T, err).Claims
			require.Contains(a, claims, `"c1"`)
			signIn(a, a.p, a.c.WithClaims(claims), things)
			resp, err := client.Get("https://api.contoso.example/")
			require.NoError(a, err)
			require.Equal(a, http.StatusOK, resp.StatusCode)
		}},
		"an API that revokes": {"entra", []config{func(cfg *msal.Config) { cfg.Capabilities = []string{"cp1"} }}, func(a acceptance) {
			a.p.NewAPI("https://api.contoso.example", "api://contoso", "Things.Read")
			signIn(a, a.p, a.c, things)
			client := a.c.HTTPClient("https://api.contoso.example", things)
			resp, err := client.Get("https://api.contoso.example/")
			require.NoError(a, err)
			require.Equal(a, http.StatusOK, resp.StatusCode)
			time.Sleep(time.Minute)
			a.p.Revoke("avery")
			_, err = client.Get("https://api.contoso.example/")
			require.ErrorIs(a, err, msal.ErrSignInRequired)
		}},
		"a code that is spent is not sent again": {"entra", nil, func(a acceptance) {
			z, err := a.c.Authorize(a.Context(), "http://localhost", "User.Read")
			require.NoError(a, err)
			back := visit(a, a.p, z.URL())
			a.p.Fail("token", msaltest.Fault{AADSTS: 54005})
			_, err = z.Redeem(a.Context(), back)
			require.Contains(a, asServerError(a.T, err).Codes, 54005)
			_, err = z.Redeem(a.Context(), back)
			require.ErrorContains(a, err, "redeemed before")
			require.Len(a, a.p.TokenRequests(""), 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { row.check(accept(t, row.preset, row.edit...)) })
		})
	}
}

// free asks for tokens that are at hand already.
func (a acceptance) free(scope ...string) {
	a.Helper()
	a.p.ResetLog()
	for _, s := range scope {
		token, err := a.c.Token(a.Context(), s)
		require.NoError(a, err)
		require.Zero(a, token.Missing)
	}
	require.Zero(a, a.p.Count())
}

func (a acceptance) is(err error, number int, action msal.Action) {
	a.Helper()
	refused := asServerError(a.T, err)
	require.Contains(a, refused.Codes, number)
	require.Equal(a, action, refused.Action(), "%v", err)
}
