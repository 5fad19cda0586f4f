package msal_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestHitMakesNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		require.NotEmpty(t, first.AccessToken())
		require.True(t, first.Renewable)
		p.ResetLog()
		for range 3 {
			token, err := c.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, first.AccessToken(), token.AccessToken())
		}
		require.Zero(t, p.Count())
	})
}

func TestRefreshCostsOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		first := signIn(t, p, newClient(t, p, with), "read")
		time.Sleep(time.Until(first.Expiry))
		p.ResetLog()
		fresh := newClient(t, p, with) // as a new process would
		token, err := fresh.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, first.AccessToken(), token.AccessToken())
		require.Equal(t, first.Account, token.Account)
		require.Equal(t, 1, p.Count())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// A provider that never answers must not matter to a process that finds a
// valid token in its store.
func TestValidTokenNeedsNoNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		first := signIn(t, p, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store }), "read")
		requests := 0
		offline := newClient(t, p, func(cfg *msal.Config) {
			cfg.Cache = store
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				requests++
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}
		})
		token, err := offline.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, first.AccessToken(), token.AccessToken())
		require.Zero(t, requests)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A thousand callers over two Clients on one store, with a server that ends
// the session when a refresh token comes twice.
func TestStampede_RF02(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		clients := []*msal.Client{newClient(t, p, with), newClient(t, p, with)}
		first := signIn(t, p, clients[0], "read")
		for range 50 {
			token, err := clients[1].Token(t.Context(), "read")
			require.NoError(t, err)
			time.Sleep(time.Until(token.Expiry))
			p.ResetLog()
			p.Fail("token", msaltest.Fault{Delay: 50 * time.Millisecond})
			var wg sync.WaitGroup
			failed := make(chan error, 1000)
			for i := range 1000 {
				wg.Go(func() {
					if _, err := clients[i%2].Token(t.Context(), "read"); err != nil {
						failed <- err
					}
				})
			}
			wg.Wait()
			close(failed)
			for err := range failed {
				require.NoError(t, err)
			}
			require.Equal(t, 1, p.Count())
		}
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

func TestOutageWhileTokenIsValid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		time.Sleep(time.Until(first.Expiry) - 4*time.Minute)
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Status: 503})
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, first.AccessToken(), token.AccessToken())
		require.Equal(t, 1, p.Count())

		_, err = c.Token(t.Context(), "read") // the cool-down
		require.NoError(t, err)
		require.Equal(t, 1, p.Count())

		time.Sleep(31 * time.Second)
		token, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, first.AccessToken(), token.AccessToken())
	})
}

func TestTerminalInvalidGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		time.Sleep(time.Until(first.Expiry))
		p.Revoke(first.Account.Subject)
		p.ResetLog()
		_, err := c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		refused, ok := errors.AsType[*msal.ServerError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "invalid_grant", refused.Code)
		require.Equal(t, 1, p.Count())

		_, err = c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.Equal(t, 1, p.Count(), "a dead refresh token is not sent again")
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, []msal.Account{first.Account}, accounts, "the account stays: it is who has to sign in")
	})
}

func TestCancelledCallerKeepsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		time.Sleep(time.Until(first.Expiry))
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second, After: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Token(ctx, "read")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, c.Shutdown(t.Context()))
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, 1, p.Count())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// Two demands for a newer token wait for the lock, and a token comes between them:
// it is new for the first, and what the second will not have.
func TestForceRefreshJoinsNoEarlierOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := &brokenStore{Store: cache.Memory()}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		signIn(t, p, c, "read", "write")
		released := make(chan struct{})
		force := func() (token *msal.Token) {
			token = new(msal.Token)
			forced := c.ForceRefresh()
			go func() { *token, _ = forced.Token(t.Context(), "read") }()
			synctest.Wait()
			return token
		}
		store.lock = func(ctx context.Context, key string) (func() error, error) {
			store.lock = func(ctx context.Context, key string) (func() error, error) {
				<-released
				return store.Store.Lock(ctx, key)
			}
			return store.Store.Lock(ctx, key)
		}
		p.Fail("token", msaltest.Fault{Delay: time.Second})
		go func() { _, _ = c.ForceRefresh().Token(t.Context(), "read", "write") }()
		synctest.Wait()
		first := force()
		time.Sleep(2 * time.Second)
		between, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		second := force()
		close(released)
		synctest.Wait()
		require.NotEmpty(t, first.AccessToken(), "either one: the lock is whose it is")
		require.NotEmpty(t, second.AccessToken())
		require.NotEqual(t, between.AccessToken(), second.AccessToken())
	})
}

// A server that does not answer holds up the one caller that refreshes ahead of
// time for two seconds, and what it answers then is not lost.
func TestSlowRefreshAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		time.Sleep(time.Until(first.RefreshAfter) + time.Second)
		p.Fail("token", msaltest.Fault{Delay: 20 * time.Second})
		began := time.Now()
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(began))
		require.Equal(t, first.AccessToken(), token.AccessToken())
		time.Sleep(20 * time.Second)
		token, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, first.AccessToken(), token.AccessToken())
		require.Equal(t, 1, len(p.TokenRequests("refresh_token")))
	})
}

// Whose context ends waits for it, and who has none that does not longer than 75
// seconds, for a lock and for a server.
func TestWaitsAsLongAsTheContext(t *testing.T) {
	for name, hold := range map[string]func(*testing.T, *msaltest.Platform, cache.Store){
		"server": func(_ *testing.T, p *msaltest.Platform, _ cache.Store) {
			p.Fail("token", msaltest.Fault{Delay: 100 * time.Second})
		},
		"lock": func(t *testing.T, _ *msaltest.Platform, store cache.Store) {
			unlock, err := store.Lock(t.Context(), recordKey(t, store))
			require.NoError(t, err)
			time.AfterFunc(100*time.Second, func() { _ = unlock() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := cache.Memory()
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.Timeout = store, 2*time.Minute })
				expire(t, p, c, "read")
				hold(t, p, store)
				began := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() {
					_, err := c.Token(context.Background(), "read")
					require.ErrorIs(t, err, msal.ErrBusy)
					require.Equal(t, 75*time.Second, time.Since(began))
				})
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
					defer cancel()
					_, err := c.Token(ctx, "read")
					require.NoError(t, err)
					require.Equal(t, 100*time.Second, time.Since(began))
				})
				wg.Wait()
				require.Equal(t, 1, p.Count())
			})
		})
	}
}
