package msal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const guestTenant = "22222222-2222-4333-8444-555555555555"

// newGuest is avery, signed in to no tenant yet: at home in one, and a guest in
// guestTenant.
func newGuest(t *testing.T) (*msaltest.Platform, *msal.Client) {
	p, entra := newEntra(t)
	p.Entra.Tenants = append(p.Entra.Tenants, msaltest.Tenant{ID: guestTenant, Guests: []string{"avery"}})
	return p, newClient(t, p, entra)
}

// A demand that is made before With names the tenant is one for a newer token of
// that tenant, however many answers each of the two has had.
func TestDemandInAnotherTenant(t *testing.T) {
	t.Parallel()
	for name, demand := range map[string]func(*msal.Client) *msal.Client{
		"ForceRefresh": (*msal.Client).ForceRefresh,
		"WithClaims":   func(c *msal.Client) *msal.Client { return c.WithClaims(cae) },
	} {
		t.Run(name+", few answers at home", func(t *testing.T) {
			t.Parallel()
			p, c := newGuest(t)
			there := c.With(msal.Params{Tenant: guestTenant})
			before := signIn(t, p, there, "User.Read").AccessToken()
			for range 3 {
				p.ResetLog()
				newer, err := demand(c).With(msal.Params{Tenant: guestTenant}).Token(t.Context(), "User.Read")
				require.NoError(t, err)
				require.NotEqual(t, before, newer.AccessToken())
				require.Equal(t, 1, p.Count())
				before = newer.AccessToken()
			}
		})
		t.Run(name+", many answers at home", func(t *testing.T) {
			t.Parallel()
			p, c := newGuest(t)
			signIn(t, p, c, "User.Read")
			for range 10 {
				requireToken(t, c.ForceRefresh(), "User.Read")
			}
			signIn(t, p, c.With(msal.Params{Tenant: guestTenant}), "User.Read")
			p.ResetLog()
			there := demand(c).With(msal.Params{Tenant: guestTenant})
			for range 3 {
				requireToken(t, there, "User.Read")
			}
			require.Equal(t, 1, p.Count(), "the first one is newer")
		})
	}
}
