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

// leasingStore is a store whose locks are leases. It has no other ability: it
// cannot tell of changes.
type leasingStore struct {
	brokenStore
	reserve func(context.Context) error
	lost    chan struct{}
	once    sync.Once
}

func newLeasingStore() *leasingStore {
	return &leasingStore{brokenStore: brokenStore{Store: cache.Memory()}, lost: make(chan struct{})}
}

func (s *leasingStore) Lost(string) <-chan struct{} { return s.lost }

func (s *leasingStore) lose() { s.once.Do(func() { close(s.lost) }) }

func (s *leasingStore) Reserve(ctx context.Context, _ string, _ int) error {
	if s.reserve != nil {
		return s.reserve(ctx)
	}
	return nil
}

// A lock that is lost before the refresh token is sent costs nothing: nothing is
// sent, and the next call refreshes.
func TestLeaseLostBeforeSending(t *testing.T) {
	for name, arrange := range map[string]func(*leasingStore, *msal.Config){
		"before it is asked": func(s *leasingStore, _ *msal.Config) {
			s.lock = func(ctx context.Context, key string) (func() error, error) {
				s.lose()
				return s.Store.Lock(ctx, key)
			}
		},
		"in the store, which says so": func(s *leasingStore, _ *msal.Config) {
			s.reserve = func(ctx context.Context) error {
				s.lose()
				<-ctx.Done()
				return context.Cause(ctx)
			}
		},
		"in the store, which says that its context has ended": func(s *leasingStore, _ *msal.Config) {
			s.reserve = func(ctx context.Context) error {
				s.lose()
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"on the way to the server": func(s *leasingStore, cfg *msal.Config) {
			inner := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Method != http.MethodPost {
					return inner.RoundTrip(r)
				}
				s.lose()
				<-r.Context().Done()
				return nil, r.Context().Err()
			})}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := newLeasingStore()
				inner := store.Store
				first := expire(t, p, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner }), "read")
				c := newClient(t, p, func(cfg *msal.Config) {
					cfg.Cache = store
					arrange(store, cfg)
				})
				_, err := c.Token(t.Context(), "read")
				require.ErrorIs(t, err, msal.ErrBusy)
				require.ErrorContains(t, err, "lock was lost")
				require.Zero(t, p.Count())

				_, err = newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner }).Token(t.Context(), "read")
				require.NoError(t, err)
				require.True(t, p.SessionAlive(first.Account.Subject))
			})
		})
	}
}

// What was sent runs to its end, and is stored.
func TestLeaseLostAfterSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := newLeasingStore()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 5 * time.Second})
		time.AfterFunc(time.Second, store.lose)
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, token.Warning)
		require.Equal(t, 1, p.Count())
		again, err := newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), again.AccessToken())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// Whose caller leaves is told so, and not that the lock was lost.
func TestLeaseHeldAndCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := newLeasingStore()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		expire(t, p, c, "read")
		store.reserve = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		why := errors.New("the caller has left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := c.Token(ctx, "read")
		require.ErrorIs(t, err, why)
		require.NotErrorIs(t, err, msal.ErrBusy)
		require.Zero(t, p.Count())
	})
}

// Who lost the lock, or never got it, looks whether the one who has it stored a
// token: in the store, also if that cannot tell of changes.
func TestBusyReadsOnceMore(t *testing.T) {
	for name, lock := range map[string]func(*leasingStore, context.Context) error{
		"lost": func(s *leasingStore, _ context.Context) error { s.lose(); return nil },
		"held": func(_ *leasingStore, ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := newLeasingStore()
				inner := store.Store
				here := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				there := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner })
				expire(t, p, here, "read")
				var theirs msal.Token
				store.lock = func(ctx context.Context, _ string) (func() error, error) {
					return func() error { return nil }, lock(store, ctx)
				}
				store.reserve = func(context.Context) error { // between the look under the lock and the request
					var err error
					theirs, err = there.Token(t.Context(), "read")
					return err
				}
				if name == "held" {
					require.NoError(t, store.reserve(t.Context()))
				}
				token, err := here.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, theirs.AccessToken(), token.AccessToken())
				require.Equal(t, 1, p.Count())
			})
		})
	}
}

// What was sent and got no answer is not sent again once the lock is lost:
// whoever has it now may have spent the token.
func TestLeaseLostBeforeRepeating(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := newLeasingStore()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{CutBefore: true, Delay: 5 * time.Second})
		time.AfterFunc(time.Second, store.lose)
		_, err := c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrOutcomeUnknown)
		require.Equal(t, 1, p.Count())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// nextStore is a leasingStore with a channel for each lock, of which it knows the
// one of the last.
type nextStore struct{ *leasingStore }

func (s nextStore) Lock(context.Context, string) (func() error, error) {
	s.lost = make(chan struct{})
	return func() error { return nil }, nil
}

// A second refresh has the lock by the time that the first hears of its request:
// the first asks about its own lock.
func TestLeaseOfTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.RotateStrict
		store := nextStore{newLeasingStore()}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{CutBefore: true, Delay: 5 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Token(ctx, "read")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(store.lost)
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, c.Shutdown(t.Context()))
		require.Equal(t, 2, p.Count(), "the first is not repeated")
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}
