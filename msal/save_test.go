package msal_test

import (
	"context"
	"fmt"
	"log/slog"
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
	for _, refreshes := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(refreshes), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				inner := cache.Memory()
				store := &brokenStore{Store: inner}
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				there := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner })
				signIn(t, p, c, "other")
				first := expire(t, p, c, "read")
				store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
				for range refreshes {
					token, err := c.ForceRefresh().Token(t.Context(), "read")
					require.NoError(t, err)
					require.ErrorIs(t, token.Warning, errDisk)
				}
				_, err := there.Token(t.Context(), "other")
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
		})
	}
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

// Somebody signs out while a store that is slow to fail is asked again.
func TestSignOutWhileSavingAgain(t *testing.T) {
	for name, again := range map[string]func(context.Context, *msal.Client) error{
		"Token":    func(ctx context.Context, c *msal.Client) error { _, err := c.Token(ctx, "read"); return err },
		"Accounts": func(ctx context.Context, c *msal.Client) error { _, err := c.Accounts(ctx); return err },
		"Shutdown": func(ctx context.Context, c *msal.Client) error { return c.Shutdown(ctx) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := &brokenStore{Store: cache.Memory()}
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				signIn(t, p, c, "read")
				_, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) {
					time.Sleep(time.Second)
					return "", errDisk
				}
				token, err := c.ForceRefresh().Token(t.Context(), "read")
				require.NoError(t, err)
				require.ErrorIs(t, token.Warning, errDisk)
				time.Sleep(2 * time.Second)
				time.AfterFunc(100*time.Millisecond, func() { _ = c.SignOut(context.Background()) })
				err = again(t.Context(), c)
				if name == "Token" {
					require.ErrorIs(t, err, msal.ErrSignInRequired)
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}

// Somebody else signs out while an account is looked at whose refresh token is
// in memory only: it stays there.
func TestSignOutOfAnotherDuringALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		a := signIn(t, p, c, "read").Account
		key := recordKey(t, store)
		p.SignInAs(msaltest.User{Subject: "blake"})
		b := signIn(t, p, c, "read").Account
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		token, err := c.For(a).ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		require.ErrorIs(t, token.Warning, errDisk)
		store.get = func(ctx context.Context, looked string) ([]byte, cache.Rev, error) {
			data, rev, err := store.Store.Get(ctx, looked)
			if looked == key {
				require.NoError(t, c.For(b).SignOut(ctx))
			}
			return data, rev, err
		}
		_, err = c.Accounts(t.Context())
		require.NoError(t, err)
		store.put, store.get = nil, nil
		time.Sleep(2 * time.Hour)
		_, err = c.For(a).Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(a.Subject))
	})
}

// logged is called with each message of a log.
type logged func(string)

func (logged) Enabled(context.Context, slog.Level) bool        { return true }
func (f logged) Handle(_ context.Context, r slog.Record) error { f(r.Message); return nil }
func (f logged) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f logged) WithGroup(string) slog.Handler                 { return f }

// A record is saved while the log says that it was not, in a store that cannot
// tell of changes: the warning is over at the next look.
func TestSavedWhileWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		var c *msal.Client
		c = newClient(t, p, func(cfg *msal.Config) {
			cfg.Cache = store
			cfg.Logger = slog.New(logged(func(message string) {
				if message == "session not stored" {
					store.put = nil
					require.NoError(t, c.Shutdown(context.Background()))
				}
			}))
		})
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		first := signIn(t, p, c, "read")
		require.ErrorIs(t, first.Warning, errDisk)
		time.Sleep(2 * time.Second)
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, token.Warning)
		require.Equal(t, first.AccessToken(), token.AccessToken())
	})
}

// Somebody signs in beside a stored account and the store does not take it: there
// are two, now and once it is stored.
func TestUnsavedIsNotTheOnlyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		with := func(cfg *msal.Config) { cfg.Cache = store }
		signIn(t, p, newClient(t, p, with), "read")
		c := newClient(t, p, with)
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		p.SignInAs(msaltest.User{Subject: "blake"})
		second := signIn(t, p, c, "read")
		require.ErrorIs(t, second.Warning, errDisk)
		_, err := c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrAccountRequired)
		requireToken(t, c.For(second.Account), "read")
		store.put = nil
		for range 3 {
			time.Sleep(2 * time.Second)
			requireToken(t, c.For(second.Account), "read")
			_, err = c.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrAccountRequired)
		}
		require.Len(t, records(t, store), 2)
	})
}
