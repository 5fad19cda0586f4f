package msal_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// asksFor returns the scopes that the next sign-in of c would ask for.
func asksFor(t testing.TB, c *msal.Client) string {
	t.Helper()
	z, err := c.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	return query(t, z.URL()).Get("scope")
}

const allAsked = "read openid profile email offline_access"

// Whoever has a state can say that the server refuses everything. It ends that sign-in, and changes nothing for the next
// one, of this process, of another one and of another program over the same store.
func TestForgedRefusal_CB33(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditMetadata = func(document map[string]any) { delete(document, "authorization_response_iss_parameter_supported") }
	store := cache.Memory()
	client := func(id string) *msal.Client {
		return newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.ClientID = store, id })
	}
	c := client(clientID)
	z, err := c.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	_, err = z.Redeem(t.Context(), url.Values{
		"state": {query(t, z.URL()).Get("state")}, "error": {"invalid_scope"}, "error_description": {"offline_access profile email"},
	})
	require.Equal(t, "invalid_scope", asServerError(t, err).Code)
	require.ErrorContains(t, err, "if profile email offline_access is refused every time, name it in Config.OmitScopes")
	for _, next := range []*msal.Client{c, client(clientID), client("another-client")} {
		require.Equal(t, allAsked, asksFor(t, next))
	}
	token := signIn(t, p, c, "read")
	require.True(t, token.Renewable)
	require.NotEmpty(t, token.Account.Email)
}

// Somebody who has read the address of the browser answers before the server does. The sign-in starts again without what
// they named, its session stays without, and nobody else's.
func TestForgedRefusalAtThePort_CB33(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	opened := 0
	open := func(ctx context.Context, address string) error {
		if opened++; opened > 1 {
			return p.Browse(ctx, address)
		}
		q := query(t, address)
		forged := url.Values{"state": {q.Get("state")}, "iss": {p.URL}, "error": {"invalid_scope"}, "error_description": {"offline_access profile email"}}
		resp, err := http.Post(q.Get("redirect_uri"), "application/x-www-form-urlencoded", strings.NewReader(forged.Encode()))
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	token, err := c.SignIn(t.Context(), msal.Browser{Open: open}, "read")
	require.NoError(t, err)
	require.Equal(t, 2, opened)
	require.False(t, token.Renewable)
	require.Equal(t, allAsked, asksFor(t, c))
	require.True(t, signIn(t, p, c, "read").Renewable)
}

// What a sign-in went without, the refreshes of its session go without: the request that the server refused is not made
// again and again. The next sign-in asks anew, so that what was true once, or never, heals.
func TestRefusedDefaultOfASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.RejectScopes, p.AutoApproveAfter = []string{"email"}, 1
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		_, err := newClient(t, p, with).SignIn(t.Context(), quietDevice, "read")
		require.NoError(t, err)
		for range 3 {
			p.ResetLog()
			_, err = newClient(t, p, with).ForceRefresh().Token(t.Context(), "read") // in a new process
			require.NoError(t, err)
			require.Equal(t, 1, p.Count("token"))
			require.Equal(t, "read openid profile offline_access", p.TokenRequests("refresh_token")[0].Form.Get("scope"))
		}
		p.RejectScopes = nil
		token, err := newClient(t, p, with).SignIn(t.Context(), quietDevice, "read")
		require.NoError(t, err)
		require.NotEmpty(t, token.Account.Email)
	})
}

// What a refresh is refused for, that session does without from then on, in every process, and no other session.
func TestRefusedDefaultAtARefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Users = people
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		first := signIn(t, p, newClient(t, p, with), "read").Account
		p.SignInAs(blake)
		second := signIn(t, p, newClient(t, p, with), "read").Account
		time.Sleep(time.Hour)
		p.Fail("token", msaltest.Fault{Code: "invalid_scope", Description: "email is not allowed"})
		for _, x := range []struct {
			account msal.Account
			sent    []string
		}{
			{first, []string{allAsked, "read openid profile offline_access"}},
			{first, []string{"read openid profile offline_access"}},
			{second, []string{allAsked}},
		} {
			p.ResetLog()
			_, err := newClient(t, p, with).For(x.account).ForceRefresh().Token(t.Context(), "read")
			require.NoError(t, err)
			var sent []string
			for _, r := range p.TokenRequests("refresh_token") {
				sent = append(sent, r.Form.Get("scope"))
			}
			require.Equal(t, x.sent, sent)
		}
		require.Equal(t, allAsked, asksFor(t, newClient(t, p, with)))
	})
}

// Keycloak refuses offline_access when a person is done: SignIn starts again without, once, and others keep it. A redirect
// that says the same is nobody's word.
func TestOfflineRefusedAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for description, want := range map[string]int{"Offline tokens not allowed for the user or client": 2, "not on Sundays": 1} {
			p := msaltest.New(t)
			p.AutoApproveAfter = 1
			c := newClient(t, p)
			refuse := msaltest.Fault{Code: "not_allowed", Description: description}
			p.Fail("token", refuse)
			_, err := c.SignIn(t.Context(), quietDevice, "read")
			require.Equal(t, want == 2, err == nil, "%v", err)
			require.Equal(t, want, p.Count("device"))

			refuse.Times = -1
			p.Fail("token", refuse)
			p.ResetLog()
			_, err = c.SignIn(t.Context(), quietDevice, "read")
			require.Equal(t, "not_allowed", asServerError(t, err).Code)
			require.Equal(t, want, p.Count("device"), "no third time")
			p.Heal()
			require.Equal(t, allAsked, asksFor(t, c))

			z, callback := begin(t, p, c, "read")
			p.Fail("token", msaltest.Fault{Code: "not_allowed", Description: description})
			_, err = z.Redeem(t.Context(), callback)
			require.Equal(t, "not_allowed", asServerError(t, err).Code)
			require.Equal(t, want == 2, strings.Contains(err.Error(), "name it in Config.OmitScopes"), "%v", err)
			require.Equal(t, allAsked, asksFor(t, c))

			z, callback = begin(t, p, c, "read")
			callback.Del("code")
			callback.Set("error", "not_allowed")
			callback.Set("error_description", description)
			_, err = z.Redeem(t.Context(), callback)
			require.NotContains(t, err.Error(), "OmitScopes")
		}
	})
}
