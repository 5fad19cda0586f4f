package msal_test

import (
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// heard collects the refresh tokens that p gives, in order.
func heard(p *msaltest.Platform) *[]string {
	var list []string
	p.EditToken = func(_ string, members map[string]any) {
		if token, ok := members["refresh_token"].(string); ok {
			list = append(list, token)
		}
	}
	return &list
}

// No API gets the token of another one, where the difference is an audience
// (documented of Auth0): neither from memory nor from the store, and a refresh
// token of the one is not spent for the other.
func TestAudiencesHaveTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 1
		given := heard(p)
		store := cache.Memory()
		of := func(name string) *msal.Client {
			return newClient(t, p, func(cfg *msal.Config) {
				cfg.Cache = store
				cfg.Provider.Authorize = url.Values{"audience": {name}}
			})
		}
		with := func(name string) *msal.Client {
			return of("https://a.example/").With(msal.Params{Extra: url.Values{"audience": {name}}})
		}
		first, err := of("https://a.example/").SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
		p.ResetLog()
		for name, other := range map[string]*msal.Client{"Provider.Authorize": of("https://b.example/"), "Params.Extra": with("https://b.example/")} {
			_, err = other.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired, name)
		}
		require.Empty(t, p.Requests(), "what a refresh would bring is for another API")

		b := with("https://b.example/")
		second, err := b.SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
		for range 2 {
			for c, want := range map[*msal.Client]msal.Token{
				of("https://a.example/"): first, of("https://b.example/"): second, b: second, with("https://a.example/"): first,
			} {
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, want.AccessToken(), token.AccessToken())
			}
			time.Sleep(time.Second)
		}

		time.Sleep(2 * time.Hour)
		require.Len(t, *given, 2)
		for i, c := range []*msal.Client{of("https://a.example/"), b} {
			p.ResetLog()
			_, err = c.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, (*given)[i], p.TokenRequests("refresh_token")[0].Form.Get("refresh_token"), "each its own")
			require.False(t, p.TokenRequests("refresh_token")[0].Form.Has("audience"))
		}
	})
}

// A program that signs in with an audience and asks without one gets what its
// session is for.
func TestAudienceAtSignInAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 1
		c := newClient(t, p)
		_, err := c.With(msal.Params{Extra: url.Values{"audience": {"https://a.example/"}}}).SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
		for range 3 {
			_, err = c.Token(t.Context(), "read")
			require.NoError(t, err)
		}
		require.Len(t, p.TokenRequests("refresh_token"), 1)
	})
}
