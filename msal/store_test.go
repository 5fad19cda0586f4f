package msal_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// brokenStore is a store whose methods a test can replace. It has none of the
// optional abilities but Sealed, as the simplest store of a stranger.
type brokenStore struct {
	cache.Store
	mu   sync.Mutex
	put  func(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error)
	get  func(ctx context.Context, key string) ([]byte, cache.Rev, error)
	lock func(ctx context.Context, key string) (func() error, error)
	puts int
}

func (s *brokenStore) Sealed() bool { return true }

func (s *brokenStore) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	s.mu.Lock()
	s.puts++
	put := s.put
	s.mu.Unlock()
	if put != nil && key[0] == 'a' {
		return put(ctx, key, data, prev)
	}
	return s.Store.Put(ctx, key, data, prev)
}

func (s *brokenStore) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	if s.get != nil && key[0] == 'a' {
		return s.get(ctx, key)
	}
	return s.Store.Get(ctx, key)
}

func (s *brokenStore) Lock(ctx context.Context, key string) (func() error, error) {
	if s.lock != nil {
		return s.lock(ctx, key)
	}
	return s.Store.Lock(ctx, key)
}

func noLock(context.Context, string) (func() error, error) { return func() error { return nil }, nil }

var errDisk = errors.New("disk full")

// A full disk costs no session: the token comes with a warning, the next
// refresh uses the refresh token in memory, and the store gets it when it can.
func TestStoreFails_CA15(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := expire(t, p, c, "read")
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		for range 3 {
			token, err := c.Token(t.Context(), "read")
			require.NoError(t, err)
			require.ErrorIs(t, token.Warning, errDisk)
			require.True(t, p.SessionAlive(first.Account.Subject))
			time.Sleep(time.Until(token.Expiry))
		}
		store.put = nil
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, token.Warning)
		p.ResetLog()
		other, err := newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), other.AccessToken())
		require.Zero(t, p.Count())
	})
}

// Without a further refresh the store gets it too, at the next call or at the
// latest in Shutdown.
func TestStoreRecovers(t *testing.T) {
	for name, retry := range map[string]func(*testing.T, *msal.Client){
		"at a call": func(t *testing.T, c *msal.Client) {
			time.Sleep(2 * time.Second)
			token, err := c.Token(t.Context(), "read")
			require.NoError(t, err)
			require.NoError(t, token.Warning)
		},
		"in Shutdown": func(t *testing.T, c *msal.Client) { require.NoError(t, c.Shutdown(t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := &brokenStore{Store: cache.Memory()}
				with := func(cfg *msal.Config) { cfg.Cache = store }
				c := newClient(t, p, with)
				store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
				first := signIn(t, p, c, "read")
				require.ErrorIs(t, first.Warning, errDisk)
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, first.AccessToken(), token.AccessToken())
				store.put = nil
				retry(t, c)
				other, err := newClient(t, p, with).Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, first.AccessToken(), other.AccessToken())
			})
		})
	}
}

// A Put that reports an error and has written all the same is no conflict with
// ourselves.
func TestPutThatLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		first := expire(t, p, c, "read")
		store.put = func(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
			store.Store.Put(ctx, key, data, prev)
			return "", errDisk
		}
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, token.Warning)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// Two processes whose lock does not hold refresh at once. Compare-and-swap
// keeps both their access tokens, and a live refresh token.
func TestLostLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.Grace
		inner := cache.Memory()
		unlocked := func() *brokenStore {
			return &brokenStore{Store: inner, lock: noLock}
		}
		a := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = unlocked() })
		b := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = unlocked() })
		first := expire(t, p, a, "read", "write")
		p.Fail("token", msaltest.Fault{Delay: time.Second, Times: 2})
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := a.Token(t.Context(), "read")
			require.NoError(t, err)
		})
		wg.Go(func() {
			_, err := b.Token(t.Context(), "write")
			require.NoError(t, err)
		})
		wg.Wait()
		p.ResetLog()
		fresh := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner })
		for _, scope := range []string{"read", "write"} {
			_, err := fresh.Token(t.Context(), scope)
			require.NoError(t, err)
		}
		require.Zero(t, p.Count())
		time.Sleep(time.Hour)
		_, err := fresh.Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// The lock did not hold and another process had rotated: its refresh token is
// found under the lock and tried.
func TestInvalidGrantReadsAgain_RF03(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.KeepOld
		inner := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = inner }
		stale := &brokenStore{Store: inner, lock: noLock}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = stale })
		c = c.For(expire(t, p, c, "read", "other").Account)

		old, oldRev, err := inner.Get(t.Context(), recordKey(t, inner))
		require.NoError(t, err)
		reads := 0
		stale.get = func(ctx context.Context, key string) ([]byte, cache.Rev, error) {
			if reads++; reads == 1 {
				// Another process refreshes between our look and our request.
				_, err := newClient(t, p, with).Token(ctx, "other")
				require.NoError(t, err)
				p.ResetLog()
				p.Fail("token", msaltest.Fault{Code: "invalid_grant"})
				return old, oldRev, nil
			}
			return inner.Get(ctx, key)
		}
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		sent := p.TokenRequests("refresh_token")
		require.Len(t, sent, 2)
		require.NotEqual(t, sent[0].Form.Get("refresh_token"), sent[1].Form.Get("refresh_token"))
	})
}

func recordKey(t *testing.T, store cache.Store) string {
	t.Helper()
	for key, err := range store.List(t.Context(), "a-") {
		require.NoError(t, err)
		return key
	}
	t.Fatal("no record")
	return ""
}

// A sign-out or another sign-in that happens while a refresh is under way and
// its lock is lost decides: nothing comes back.
func TestSignOutDuringRefresh_RF20(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		inner := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner })
		expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 5 * time.Second})
		done := make(chan error)
		go func() {
			_, err := c.Token(t.Context(), "read")
			done <- err
		}()
		synctest.Wait()
		require.NoError(t, inner.Delete(t.Context(), recordKey(t, inner))) // another process, without the lock
		require.ErrorIs(t, <-done, msal.ErrSignInRequired)
		for key := range inner.List(t.Context(), "a-") {
			t.Errorf("%s has reappeared", key)
		}
	})
}

func TestSignInDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		inner := cache.Memory()
		with := func(cfg *msal.Config) {
			cfg.Cache = &brokenStore{Store: inner, lock: noLock}
		}
		c := newClient(t, p, with)
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 5 * time.Second})
		done := make(chan error)
		go func() {
			_, err := c.Token(t.Context(), "read")
			done <- err
		}()
		synctest.Wait()
		second := signIn(t, p, newClient(t, p, with), "read")
		require.NoError(t, <-done)
		p.ResetLog()
		token, err := newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, second.AccessToken(), token.AccessToken())
		time.Sleep(time.Hour)
		_, err = newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// What another process does is noticed within a second.
func TestOthersAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		here, there := newClient(t, p, with), newClient(t, p, with)
		signIn(t, p, here, "read")
		_, err := here.Token(t.Context(), "read")
		require.NoError(t, err)
		renewed, err := there.ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		time.Sleep(time.Second)
		token, err := here.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, renewed.AccessToken(), token.AccessToken())
		require.NoError(t, there.SignOut(t.Context()))
		time.Sleep(time.Second)
		_, err = here.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	})
}

// A lock that another process holds on to: the current token while there is
// one, then ErrBusy.
func TestHeldLock_CA18(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		first := signIn(t, p, c, "read")
		unlock, err := store.Lock(t.Context(), recordKey(t, store))
		require.NoError(t, err)
		time.Sleep(time.Until(first.Expiry) - time.Minute)
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, first.AccessToken(), token.AccessToken())
		time.Sleep(time.Minute)
		began := time.Now()
		_, err = c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrBusy)
		require.Equal(t, 75*time.Second, time.Since(began))
		require.NoError(t, unlock())
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
	})
}

// A record that nobody can read asks for a person, and a sign-in replaces it.
func TestUnreadableRecord(t *testing.T) {
	for name, data := range map[string]string{
		"empty": "", "not JSON": "\x00\x01", "no account": `{"schema":1}`, "wrong type": `{"schema":1,"account":7}`,
		"somebody else's": `{"schema":1,"account":{"id":"x"}}`, "duplicate": `{"schema":1,"schema":1,"account":{"id":"x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := msaltest.New(t)
			store := cache.Memory()
			with := func(cfg *msal.Config) { cfg.Cache = store }
			signIn(t, p, newClient(t, p, with), "read")
			key := recordKey(t, store)
			_, rev, err := store.Get(t.Context(), key)
			require.NoError(t, err)
			_, err = store.Put(t.Context(), key, []byte(data), rev)
			require.NoError(t, err)
			c := newClient(t, p, with)
			_, err = c.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.ErrorIs(t, err, cache.ErrUnreadable)
			token := signIn(t, p, c, "read")
			require.NoError(t, token.Warning)
			_, err = newClient(t, p, with).Token(t.Context(), "read")
			require.NoError(t, err)
		})
	}
}

// A record of a newer version is left alone, down to the byte.
func TestNewerSchema_CA06(t *testing.T) {
	p := msaltest.New(t)
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	signIn(t, p, newClient(t, p, with), "read")
	key := recordKey(t, store)
	_, rev, err := store.Get(t.Context(), key)
	require.NoError(t, err)
	newer := `{"schema":2,"everything":"else"}`
	_, err = store.Put(t.Context(), key, []byte(newer), rev)
	require.NoError(t, err)
	c := newClient(t, p, with)
	_, err = c.Token(t.Context(), "read")
	require.ErrorContains(t, err, "newer version")
	require.NotErrorIs(t, err, msal.ErrSignInRequired)
	token := signIn(t, p, c, "read")
	require.Error(t, token.Warning)
	data, _, err := store.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, newer, string(data))
}

// The only account was another one when we last looked.
func TestOnlyAccountChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		here, there := newClient(t, p, with), newClient(t, p, with)
		signIn(t, p, there, "read")
		_, err := here.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, there.SignOut(t.Context()))
		p.SignInAs(msaltest.User{Subject: "somebody-else"})
		other := signIn(t, p, there, "read")
		time.Sleep(time.Second)
		_, _ = here.Token(t.Context(), "read") // finds that its account has gone
		token, err := here.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, other.Account, token.Account)
	})
}

// A sign-out needs no key: the record goes, and the error says that the server
// was not told.
func TestSignOutWhileLocked(t *testing.T) {
	t.Parallel()
	for _, why := range []error{cache.ErrLocked, cache.ErrUnavailable, cache.ErrNoSecureStorage} {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		with := func(cfg *msal.Config) { cfg.Cache = store }
		readable := store.get
		for _, whose := range []func(msal.Account) *msal.Client{
			func(msal.Account) *msal.Client { return newClient(t, p, with) },
			func(a msal.Account) *msal.Client { return newClient(t, p, with).For(a) },
		} {
			store.get = readable
			account := signIn(t, p, newClient(t, p, with), "read").Account
			store.get = func(context.Context, string) ([]byte, cache.Rev, error) { return nil, "", why }
			err := whose(account).SignOut(t.Context())
			requireNotRevoked(t, err, why)
			require.ErrorContains(t, err, "the server was not told")
			for key := range store.List(t.Context(), "a-") {
				t.Errorf("%s is still there", key)
			}
		}
	}
}

// The same with the file of a key that is gone, which is how an application meets it.
func TestSignOutWithoutTheKey_LO02(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	dir := newSharedDir(t)
	for _, whose := range []func(*msal.Client, msal.Account) *msal.Client{
		(*msal.Client).For, func(c *msal.Client, _ msal.Account) *msal.Client { return c },
	} {
		account := signIn(t, p, newClient(t, p, dir.config), "read").Account
		require.NoError(t, os.Rename(dir.key(), dir.key()+".away"))
		p.ResetLog()
		err := whose(newClient(t, p, dir.config), account).SignOut(t.Context())
		require.NoError(t, os.Rename(dir.key()+".away", dir.key()))
		require.ErrorIs(t, err, msal.ErrNotRevoked)
		require.Zero(t, p.Count())
		requireNobody(t, newClient(t, p, dir.config))
	}
}
