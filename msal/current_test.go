package msal_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// two are two processes over one store. The time in between is a bubble's.
type two struct {
	*msaltest.Platform
	config      func(*msal.Config)
	here, there *msal.Client
}

func newTwo(t *testing.T) two {
	p := msaltest.New(t)
	p.Users = people
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	return two{p, with, newClient(t, p, with), newClient(t, p, with)}
}

// ways are those in which a program comes by a token of the account.
var ways = map[string]func(*testing.T, two, msal.Account) func() (string, error){
	"Token": func(t *testing.T, w two, _ msal.Account) func() (string, error) {
		return func() (string, error) { return access(w.here.Token(t.Context(), "read")) }
	},
	"For": func(t *testing.T, w two, a msal.Account) func() (string, error) {
		c := w.here.For(a)
		return func() (string, error) { return access(c.Token(t.Context(), "read")) }
	},
	"For, each time": func(t *testing.T, w two, a msal.Account) func() (string, error) {
		return func() (string, error) { return access(w.here.For(a).Token(t.Context(), "read")) }
	},
	"With": func(t *testing.T, w two, _ msal.Account) func() (string, error) {
		c := w.here.With(msal.Params{Prompt: "login"})
		return func() (string, error) { return access(c.Token(t.Context(), "read")) }
	},
	"TokenSource": func(t *testing.T, w two, a msal.Account) func() (string, error) {
		source := w.here.For(a).TokenSource(t.Context(), "read")
		return func() (string, error) {
			token, err := source.Token()
			if err != nil {
				return "", err
			}
			return token.AccessToken, nil
		}
	},
	"HTTPClient": func(t *testing.T, w two, a msal.Account) func() (string, error) {
		var sent string
		c := newClient(t, w.Platform, w.config, func(cfg *msal.Config) {
			base := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if bearer := r.Header.Get("Authorization"); bearer != "" {
					sent = bearer[len("Bearer "):]
				}
				return base.RoundTrip(r)
			})}
		})
		api := c.For(a).HTTPClient(w.URL, "read")
		return func() (string, error) {
			resp, err := api.Get(w.URL + "/userinfo")
			if err != nil {
				return "", err
			}
			return sent, resp.Body.Close()
		}
	},
}

func access(token msal.Token, err error) (string, error) { return token.AccessToken(), err }

// A refresh, a sign-out and another sign-in elsewhere are here a second later,
// whichever way leads to the token, and without a token request.
func TestStaysCurrent(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwo(t)
				first := signIn(t, w.Platform, w.there, "read")
				token := way(t, w, first.Account)
				got, err := token()
				require.NoError(t, err)
				require.Equal(t, first.AccessToken(), got)

				renewed, err := w.there.ForceRefresh().Token(t.Context(), "read")
				require.NoError(t, err)
				w.ResetLog()
				time.Sleep(time.Second)
				got, err = token()
				require.NoError(t, err)
				require.Equal(t, renewed.AccessToken(), got)

				time.Sleep(time.Until(renewed.Expiry) + time.Hour)
				renewed, err = w.there.Token(t.Context(), "read")
				require.NoError(t, err)
				w.ResetLog()
				got, err = token()
				require.NoError(t, err)
				require.Equal(t, renewed.AccessToken(), got, "also if both were over")

				require.NoError(t, w.there.SignOut(t.Context()))
				time.Sleep(time.Second)
				for range 3 {
					_, err = token()
					require.ErrorIs(t, err, msal.ErrSignInRequired, "nothing comes back from memory")
				}
				again := signIn(t, w.Platform, w.there, "read")
				got, err = token()
				require.NoError(t, err)
				require.Equal(t, again.AccessToken(), got)
				require.Empty(t, w.TokenRequests("refresh_token"))
			})
		})
	}
}

// A daemon calls when its token is due. Then it notices, without a request; a
// token that somebody else has renewed is not due.
func TestKeepFreshStaysCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		signIn(t, w.Platform, w.there, "read")
		ended, _ := keepFresh(t, w.here)
		time.Sleep(30 * time.Minute)
		renewed, err := w.there.ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		w.ResetLog()
		time.Sleep(time.Until(renewed.RefreshAfter) - time.Second)
		requireRunning(t, ended)
		require.Zero(t, w.Count())
		require.NoError(t, w.there.SignOut(t.Context()))
		_, err = w.here.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired, "whoever calls knows at once")
		require.ErrorIs(t, <-ended, msal.ErrSignInRequired)
		require.True(t, time.Now().Before(renewed.Expiry))
		require.Empty(t, w.TokenRequests(""))
	})
}

// Without For the only account stays the one that is meant when a second one
// signs in elsewhere. When it has gone that is said once, before another one is
// taken for it.
func TestStaysCurrentPinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwo(t)
		w.SignInAs(people[0])
		first := signIn(t, w.Platform, w.there, "read")
		requireToken(t, w.here, "read")
		w.SignInAs(people[1])
		second := signIn(t, w.Platform, w.there, "read")
		accounts, err := w.here.Accounts(t.Context())
		require.NoError(t, err)
		require.ElementsMatch(t, []msal.Account{first.Account, second.Account}, accounts)
		for range 3 {
			time.Sleep(time.Second)
			token, err := w.here.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, first.Account, token.Account)
		}
		_, err = newClient(t, w.Platform, w.config).Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrAccountRequired, "nothing was pinned there")

		require.NoError(t, w.there.For(first.Account).SignOut(t.Context()))
		time.Sleep(time.Second)
		_, err = w.here.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		token, err := w.here.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, second.Account, token.Account)
		_, err = w.here.For(first.Account).Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	})
}

// A sign-out elsewhere while a refresh ahead of time is about to begin, or on
// its way.
func TestSignOutWithinTheMargin(t *testing.T) {
	for name, order := range map[string]func(t *testing.T, w two, first msal.Token){
		"before the refresh": func(t *testing.T, w two, first msal.Token) {
			time.Sleep(time.Until(first.RefreshAfter) - time.Millisecond)
			requireToken(t, w.here, "read") // the store was just asked
			require.NoError(t, w.there.SignOut(t.Context()))
			time.Sleep(time.Millisecond)
			w.ResetLog()
			requireToken(t, w.here, "read")
			require.Empty(t, w.TokenRequests(""), "the refresh finds the record gone")
		},
		"during the refresh": func(t *testing.T, w two, first msal.Token) {
			time.Sleep(time.Until(first.RefreshAfter))
			w.Fail("token", msaltest.Fault{Delay: 5 * time.Second})
			refreshed := make(chan error)
			go func() {
				_, err := w.here.Token(t.Context(), "read")
				refreshed <- err
			}()
			synctest.Wait()
			require.NoError(t, w.there.SignOut(t.Context()))
			require.NoError(t, <-refreshed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTwo(t)
				first := signIn(t, w.Platform, w.here, "read")
				requireToken(t, w.here, "read")
				order(t, w, first)
				time.Sleep(time.Second)
				w.ResetLog()
				for range 3 {
					_, err := w.here.Token(t.Context(), "read")
					require.ErrorIs(t, err, msal.ErrSignInRequired)
				}
				require.Zero(t, w.Count())
				require.False(t, w.SessionAlive(first.Account.Subject), "what was there last was revoked")
				accounts, err := w.here.Accounts(t.Context())
				require.NoError(t, err)
				require.Empty(t, accounts)
			})
		})
	}
}

// askedStore tells the questions whether something has changed from all else.
type askedStore struct {
	*countingStore
	asked atomic.Int64
}

func (s *askedStore) Changed(ctx context.Context, key string, since cache.Rev) (bool, error) {
	s.asked.Add(1)
	return s.Store.(cache.Changer).Changed(ctx, key, since)
}

// A thousand hits within a second ask the store once at most whether something
// has changed, and for nothing else.
func TestHitsAreFree(t *testing.T) {
	for name, derive := range map[string]func(*msal.Client, msal.Account) *msal.Client{
		"New":  func(c *msal.Client, _ msal.Account) *msal.Client { return c },
		"For":  func(c *msal.Client, a msal.Account) *msal.Client { return c.For(a) },
		"With": func(c *msal.Client, a msal.Account) *msal.Client { return c.For(a).With(msal.Params{Prompt: "login"}) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := &askedStore{countingStore: &countingStore{Store: cache.Memory()}}
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				c = derive(c, signIn(t, p, c, "read").Account)
				requireToken(t, c, "read")
				p.ResetLog()
				for range 60 {
					time.Sleep(time.Second)
					store.calls.Store(0)
					store.asked.Store(0)
					for range 1000 {
						requireToken(t, c, "read")
						time.Sleep(time.Millisecond - time.Microsecond)
					}
					require.LessOrEqual(t, store.asked.Load(), int64(1))
					require.Zero(t, store.calls.Load())
				}
				require.Zero(t, p.Count())
			})
		})
	}
}
