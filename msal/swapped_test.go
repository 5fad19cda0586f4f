package msal_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// swapping is a store of an application's own, which seals what it keeps and does not bind it to its name: whoever can
// write there exchanges two records.
type swapping struct {
	cache.Store
	mu   sync.Mutex
	name map[string]string // under which a key is kept
}

func (s *swapping) Sealed() bool { return true }

func (s *swapping) Changed(context.Context, string, cache.Rev) (bool, error) { return true, nil }

func (s *swapping) at(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if name := s.name[key]; name != "" {
		return name
	}
	return key
}

func (s *swapping) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	return s.Store.Get(ctx, s.at(key))
}

func (s *swapping) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	return s.Store.Put(ctx, s.at(key), data, prev)
}

// swap exchanges the records of the two accounts that there are.
func (s *swapping) swap(t *testing.T) {
	keys := slices.Collect(keysOf(t, s.Store))
	require.Len(t, keys, 2)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.name = map[string]string{keys[0]: keys[1], keys[1]: keys[0]}
}

// A record under another account's name is nobody's session, whenever it comes to lie there: who asks for one account never
// gets the other's token.
func TestSwappedRecord_CA04(t *testing.T) {
	for name, meet := range map[string]func(t *testing.T, c, fresh *msal.Client, swap func()) *msal.Client{
		"in a new process":  func(_ *testing.T, _, fresh *msal.Client, swap func()) *msal.Client { swap(); return fresh },
		"in an old process": func(_ *testing.T, c, _ *msal.Client, swap func()) *msal.Client { swap(); return c },
		"before a refresh":  func(_ *testing.T, c, _ *msal.Client, swap func()) *msal.Client { swap(); return c.ForceRefresh() },
		"a second afterwards": func(_ *testing.T, c, _ *msal.Client, swap func()) *msal.Client {
			swap()
			time.Sleep(2 * time.Second)
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Users = people
				store := &swapping{Store: cache.Memory()}
				with := func(cfg *msal.Config) { cfg.Cache = store }
				c := newClient(t, p, with)
				signIn(t, p, c, "read")
				p.SignInAs(blake)
				signIn(t, p, c, "read")
				accounts, err := c.Accounts(t.Context())
				require.NoError(t, err)
				c = meet(t, c, newClient(t, p, with), func() { store.swap(t) })
				for _, a := range accounts {
					token, err := c.For(a).Token(t.Context(), "read")
					if name == "in an old process" { // whose memory has the right ones
						require.NoError(t, err)
						require.Equal(t, a, token.Account)
						continue
					}
					require.ErrorIs(t, err, msal.ErrSignInRequired)
					require.ErrorIs(t, err, cache.ErrUnreadable)
				}
				left, err := newClient(t, p, with).Accounts(t.Context())
				require.NoError(t, err)
				require.Empty(t, left)
			})
		})
	}
}

// Nor does it become a session in the middle of a refresh: what cannot be read is replaced.
func TestSwappedDuringARefresh_CA04(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	store := &swapping{Store: cache.Memory()}
	swap := func() {}
	c := newClient(t, p, func(cfg *msal.Config) {
		cfg.Cache = store
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			swap()
			return p.Client().Transport.RoundTrip(r)
		})}
	})
	first := signIn(t, p, c, "read").Account
	p.SignInAs(blake)
	signIn(t, p, c, "read")
	swap = func() { store.swap(t) }
	token, err := c.For(first).ForceRefresh().Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, first, token.Account)
}
