package msal_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// A program that signs in for one scope, and for another one when it needs that, keeps both: also once their tokens have
// expired, and for whoever opens the store later.
func TestScopesOfEarlierSignIns(t *testing.T) {
	for name, entra := range map[string]bool{"a plain provider": false, "Microsoft": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, first, second := msaltest.New(t), "read", "write"
				edit := []func(*msal.Config){newSharedDir(t).config}
				if entra {
					p.Imitate("entra")
					p.URL = "https://login.microsoftonline.com"
					first, second = "User.Read", "Mail.Read"
					edit = append(edit, func(cfg *msal.Config) { cfg.Authority += "/organizations" })
				}
				c := newClient(t, p, edit...)
				signIn(t, p, c, first)
				token := signIn(t, p, c, second)
				for range 2 {
					for _, scope := range []string{first, second} {
						got, err := c.Token(t.Context(), scope)
						require.NoError(t, err, scope)
						require.Empty(t, got.Missing)
					}
					require.NoError(t, c.Shutdown(t.Context()))
					time.Sleep(time.Until(token.Expiry) + time.Hour)
					c = newClient(t, p, edit...)
				}

				both, err := c.Token(t.Context(), first, second)
				if entra { // which remembers what somebody has consented to
					require.NoError(t, err)
					require.Empty(t, both.Missing)
					return
				}
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				signIn(t, p, c, second)
				_, err = c.Token(t.Context(), first, second)
				require.ErrorIs(t, err, msal.ErrSignInRequired, "it is one scope's again")
				signIn(t, p, c, first, second)
				both, err = c.Token(t.Context(), first, second)
				require.NoError(t, err)
				require.Empty(t, both.Missing)
			})
		})
	}
}
