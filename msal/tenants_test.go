package msal_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
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

// Params replace those before them, the tenant included, and a tenant is the same
// by whichever way it is named.
func TestWithReplacesTheTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := newGuest(t)
		home := signIn(t, p, c, "User.Read").Account.Tenant
		there := c.With(msal.Params{Tenant: guestTenant})
		require.Equal(t, guestTenant, signIn(t, p, there, "User.Read").Account.Tenant)
		token, err := there.With(msal.Params{Prompt: "login"}).Token(t.Context(), "User.Read")
		require.NoError(t, err)
		require.Equal(t, home, token.Account.Tenant)

		detour := c.With(msal.Params{Tenant: home}).With(msal.Params{Tenant: guestTenant})
		requireToken(t, detour, "User.Read")
		require.NoError(t, there.SignOut(t.Context()))
		_, err = detour.Token(t.Context(), "User.Read")
		require.ErrorIs(t, err, msal.ErrSignInRequired, "at once: it is one session")
	})
}

// Shutdown is the program's, whichever of its Clients it is called on.
func TestShutdownOfAllTenants(t *testing.T) {
	t.Parallel()
	p, entra := newEntra(t)
	p.Entra.Tenants = append(p.Entra.Tenants, msaltest.Tenant{ID: guestTenant, Guests: []string{"avery"}})
	store := &brokenStore{Store: cache.Memory()}
	c := newClient(t, p, entra, func(cfg *msal.Config) { cfg.Cache = store })
	store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
	require.ErrorIs(t, signIn(t, p, c, "User.Read").Warning, errDisk)
	require.ErrorIs(t, c.With(msal.Params{Tenant: guestTenant}).Shutdown(t.Context()), errDisk)
}

// A Client of a tenant that was forgotten meanwhile goes on, and others find what
// it has stored.
func TestTenantForgotten(t *testing.T) {
	t.Parallel()
	p, c := newGuest(t)
	there := c.With(msal.Params{Tenant: guestTenant})
	for i := range 300 {
		_, err := c.With(msal.Params{Tenant: fmt.Sprintf("t%d.example", i)}).Token(t.Context(), "User.Read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	}
	first := signIn(t, p, there, "User.Read")
	p.ResetLog()
	for _, each := range []*msal.Client{there, c.With(msal.Params{Tenant: guestTenant}), c.With(msal.Params{Tenant: guestTenant}).For(first.Account)} {
		token, err := each.Token(t.Context(), "User.Read")
		require.NoError(t, err)
		require.Equal(t, first.AccessToken(), token.AccessToken())
	}
	require.Zero(t, p.Count())
}

// A refresh in a tenant that was forgotten before somebody signed in there is one
// that Shutdown waits for.
func TestTenantForgottenShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := newGuest(t)
		there := c.With(msal.Params{Tenant: guestTenant})
		for i := range 300 {
			c.With(msal.Params{Tenant: fmt.Sprintf("t%d.example", i)})
		}
		signIn(t, p, there, "User.Read")
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second})
		ctx, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		_, err := there.ForceRefresh().Token(ctx, "User.Read")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		began := time.Now()
		require.NoError(t, c.Shutdown(t.Context()))
		require.Equal(t, 9*time.Second, time.Since(began))
	})
}
