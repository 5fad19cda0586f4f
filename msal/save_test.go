package msal_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// While a refresh is under way the record becomes bytes that nobody can read:
// the process goes on, and the new refresh token takes their place.
func TestRecordBecomesUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 5 * time.Second})
		done := make(chan error)
		go func() {
			_, err := c.Token(t.Context(), "read")
			done <- err
		}()
		synctest.Wait()
		key := recordKey(t, store)
		_, rev, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		_, err = store.Put(t.Context(), key, []byte("\x00 not JSON"), rev)
		require.NoError(t, err)
		require.NoError(t, <-done)
		p.ResetLog()
		_, err = newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Zero(t, p.Count())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// A full disk, and another process that refreshes another grant meanwhile: the
// refresh token in memory is put on top of what they wrote.
func TestUnsavedAgainstAnotherGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		inner := cache.Memory()
		store := &brokenStore{Store: inner}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		there := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner })
		signIn(t, p, c, "other")
		first := expire(t, p, c, "read")
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.ErrorIs(t, token.Warning, errDisk)
		_, err = there.Token(t.Context(), "other")
		require.NoError(t, err)
		store.put = nil
		time.Sleep(2 * time.Second)
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		_, err = there.Token(t.Context(), "read")
		require.NoError(t, err, "with the refresh token that was in memory only")
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// A Client of For that was made before its account was known finds the session
// that it has signed in to, also if the store did not take it.
func TestForBeforeSignIn(t *testing.T) {
	p := msaltest.New(t)
	account := signIn(t, p, newClient(t, p), "read").Account
	store := &brokenStore{Store: cache.Memory(), put: func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store }).For(account)
	first := signIn(t, p, c, "read")
	require.ErrorIs(t, first.Warning, errDisk)
	token, err := c.Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, first.AccessToken(), token.AccessToken())
}
