package msal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// signInAll signs in avery and blake.
func signInAll(t testing.TB, p *msaltest.Platform, c *msal.Client) (tokens []msal.Token) {
	t.Helper()
	p.Users = people
	for _, u := range people {
		p.SignInAs(u)
		tokens = append(tokens, signIn(t, p, c, "read"))
	}
	p.SignInAs(msaltest.User{})
	p.ResetLog()
	return tokens
}

// records returns the keys of the sessions in a store.
func records(t testing.TB, store cache.Store) (keys []string) {
	t.Helper()
	for key, err := range store.List(t.Context(), "a-") {
		require.NoError(t, err)
		keys = append(keys, key)
	}
	return keys
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	other := newClient(t, p, with, func(cfg *msal.Config) { cfg.ClientID = "another-app" })
	signIn(t, p, other, "read")
	c := newClient(t, p, with)
	requireNobody(t, c)
	tokens := signInAll(t, p, c)
	_, err := store.Put(t.Context(), records(t, store)[0][:12]+"-not-ours", []byte("{"), "")
	require.NoError(t, err)

	require.Equal(t, "avery@idp.example", tokens[0].Account.Username)
	want := []msal.Account{tokens[0].Account, tokens[1].Account}
	for _, subject := range []string{"c", "d", "e", "f"} {
		p.SignInAs(msaltest.User{Subject: subject})
		want = append(want, signIn(t, p, c, "read").Account)
	}
	p.ResetLog()
	for _, c := range []*msal.Client{c, newClient(t, p, with)} {
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, accounts, "by ID")
	}
	require.Zero(t, p.Count())
	_, err = c.With(msal.Params{MaxAge: -1}).Accounts(t.Context())
	require.ErrorContains(t, err, "msal: accounts: Params.MaxAge")
}

// far is a store on another machine, which takes its time and may fail.
type far struct {
	cache.Store
	reads, atOnce atomic.Int32
	down          atomic.Bool
}

func (f *far) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	f.reads.Add(1)
	f.atOnce.Add(1)
	defer f.atOnce.Add(-1)
	time.Sleep(100 * time.Millisecond)
	if f.down.Load() {
		return nil, "", cache.ErrUnavailable
	}
	return f.Store.Get(ctx, key)
}

// Records are read eight at a time, and none after one could not be.
func TestAccountsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		var want []msal.Account
		for i := range 20 {
			p.SignInAs(msaltest.User{Subject: fmt.Sprintf("person-%02d", i)})
			want = append(want, signIn(t, p, c, "read").Account)
		}
		far := &far{Store: store}
		c = newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.InsecurePlaintextCache = far, true })
		start := time.Now()
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, accounts)
		require.EqualValues(t, 20, far.reads.Load())
		require.Equal(t, 300*time.Millisecond, time.Since(start))

		far.down.Store(true)
		far.reads.Store(0)
		_, err = newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.InsecurePlaintextCache = far, true }).Accounts(t.Context())
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.EqualValues(t, 8, far.reads.Load())
		require.Zero(t, far.atOnce.Load(), "nobody is left behind")
	})
}

// A record that nobody can read does not hide the others, and can be signed out of.
func TestUnreadableAccount(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	tokens := signInAll(t, p, newClient(t, p, with))
	spoil := func(key, data string) {
		_, rev, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		_, err = store.Put(t.Context(), key, []byte(data), rev)
		require.NoError(t, err)
	}
	var c *msal.Client
	var accounts []msal.Account
	for _, data := range []string{`{"schema":2}`, `{"schema":1`} {
		spoil(records(t, store)[0], data)
		c = newClient(t, p, with)
		var err error
		accounts, err = c.Accounts(t.Context())
		require.NoError(t, err)
		require.Len(t, accounts, 1)
	}
	for _, token := range tokens {
		if token.Account != accounts[0] {
			_, err := c.For(token.Account).Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.ErrorIs(t, err, cache.ErrUnreadable)
			requireNotRevoked(t, c.For(token.Account).SignOut(t.Context()), cache.ErrUnreadable)
		}
	}
	require.Len(t, records(t, store), 1)
	spoil(records(t, store)[0], `{"schema":1`)
	requireNotRevoked(t, newClient(t, p, with).SignOut(t.Context()), cache.ErrUnreadable)
	require.Empty(t, records(t, store))
}

// hiccup is a store that cannot list once.
type hiccup struct {
	*brokenStore
	over bool
}

func (s *hiccup) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if s.over {
		return s.Store.List(ctx, prefix)
	}
	s.over = true
	return func(yield func(string, error) bool) { yield("", cache.ErrUnavailable) }
}

// A sign-out without a name that could not look deletes one account at most.
func TestSignOutOfNobodyInParticular(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	store := &hiccup{brokenStore: &brokenStore{Store: cache.Memory()}, over: true}
	with := func(cfg *msal.Config) { cfg.Cache = store }
	signInAll(t, p, newClient(t, p, with))
	store.over = false
	require.ErrorIs(t, newClient(t, p, with).SignOut(t.Context()), msal.ErrAccountRequired)
	require.Len(t, records(t, store), 2)
}

// requireNotRevoked checks that a sign-out has done here what it could, and that
// nobody is told to sign in for it.
func requireNotRevoked(t *testing.T, err, why error) {
	t.Helper()
	require.ErrorIs(t, err, msal.ErrNotRevoked)
	require.ErrorIs(t, err, why)
	require.NotErrorIs(t, err, msal.ErrSignInRequired)
}

func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	tokens := signInAll(t, p, c)
	_, err := c.Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrAccountRequired)
	_, err = c.ForceRefresh().Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrAccountRequired)
	require.ErrorIs(t, c.SignOut(t.Context()), msal.ErrAccountRequired)
	for _, token := range tokens {
		again, err := c.For(msal.Account{ID: token.Account.ID, Username: "only the ID counts"}).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), again.AccessToken())
		require.Equal(t, token.Account, again.Account)
	}
	require.Zero(t, p.Count())

	require.NoError(t, c.For(tokens[0].Account).SignOut(t.Context()))
	only, err := c.Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, tokens[1].Account, only.Account)
	require.False(t, p.SessionAlive("avery"))
	require.True(t, p.SessionAlive("blake"))
}

func TestSignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.ClientSecret = "installed"
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache, cfg.InstalledAppSecret = store, "installed" }
		c, elsewhere := newClient(t, p, with), newClient(t, p, with)
		first := signIn(t, p, c, "read")
		bound, source := c.For(first.Account), c.TokenSource(t.Context(), "read")
		for _, each := range []*msal.Client{c, bound, elsewhere} {
			_, err := each.Token(t.Context(), "read")
			require.NoError(t, err)
		}
		p.ResetLog()
		require.NoError(t, c.SignOut(t.Context()))
		require.Equal(t, 1, p.Count())
		require.Equal(t, 1, p.Count("revocation"))
		form := p.Requests()[0].Form
		require.Regexp(t, `^rt-`, form.Get("token"))
		form.Del("token")
		require.Equal(t, "client_id=a-test-client&client_secret=installed&token_type_hint=refresh_token", form.Encode())
		require.False(t, p.SessionAlive("avery"))
		require.Empty(t, records(t, store))

		p.ResetLog()
		time.Sleep(time.Second) // how long another process may go on from memory
		for _, each := range []*msal.Client{c, bound, elsewhere, c.ForceRefresh(), c.For(first.Account), elsewhere.For(first.Account)} {
			_, err := each.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.NoError(t, each.SignOut(t.Context()), "there is nobody to sign out, and that is fine")
		}
		_, err := source.Token()
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		requireNobody(t, c)
		require.Zero(t, p.Count())

		before := time.Now()
		second := signIn(t, p, c, "read")
		require.Equal(t, before, time.Now(), "the lock was given back")
		for _, each := range []*msal.Client{c, bound, elsewhere} {
			token, err := each.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, second.AccessToken(), token.AccessToken())
		}
	})
}

func TestSignOutOfNobody(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	require.NoError(t, c.SignOut(t.Context()))
	require.NoError(t, c.For(msal.Account{ID: "unknown"}).SignOut(t.Context()))
	require.ErrorContains(t, c.WithClaims("!").SignOut(t.Context()), "msal: sign out: claims challenge")
	require.Zero(t, p.Count())
}

// Whatever the revocation endpoint does, the session is gone from here, and an
// error says that the server was not told.
func TestSignOutWithoutTheServer(t *testing.T) {
	for name, tc := range map[string]struct {
		fault msaltest.Fault
		says  string
	}{
		"LO-02 503":         {msaltest.Fault{Status: 503}, "was not told"},
		"LO-02 400":         {msaltest.Fault{Code: "unsupported_token_type"}, "unsupported_token_type"},
		"LO-02 timeout":     {msaltest.Fault{Hang: true}, "was not told"},
		"LO-02 cut":         {msaltest.Fault{CutBefore: true}, "was not told"},
		"LO-02 TR-30":       {msaltest.Fault{Status: 307, Body: "{}", Header: http.Header{"Location": {"https://evil.example/"}}}, "was not told"},
		"200 with a page":   {msaltest.Fault{Body: "<html>bye</html>"}, ""},
		"200 with JSON":     {msaltest.Fault{Body: "{}"}, ""},
		"204":               {msaltest.Fault{Status: 204, Body: " "}, ""},
		"error in disguise": {msaltest.Fault{Status: 200, Code: "server_error"}, "server_error"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				p.Fail("revocation", tc.fault)
				began := time.Now()
				err := c.SignOut(t.Context())
				require.LessOrEqual(t, time.Since(began), 30*time.Second)
				if tc.says == "" {
					require.NoError(t, err)
				} else {
					require.ErrorContains(t, err, "msal: sign out: ")
					require.ErrorContains(t, err, tc.says)
					require.ErrorIs(t, err, msal.ErrNotRevoked)
					require.NotContains(t, err.Error(), "rt-")
				}
				requireNobody(t, c)
				p.ResetLog()
				_, err = c.Token(t.Context(), "read")
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				require.NoError(t, c.SignOut(t.Context()))
				require.Zero(t, p.Count())
			})
		})
	}
}

func TestSignOutWhereNothingIsRevoked(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditMetadata = func(m map[string]any) { delete(m, "revocation_endpoint") }
	c := newClient(t, p)
	signIn(t, p, c, "read")
	p.ResetLog()
	require.NoError(t, c.SignOut(t.Context()))
	require.Zero(t, p.Count())
	requireNobody(t, c)
}

// A process that holds the lock and does not let go cannot keep anybody signed in.
func TestSignOutWithoutTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		signIn(t, p, c, "read")
		unlock, err := store.Lock(t.Context(), records(t, store)[0])
		require.NoError(t, err)
		began := time.Now()
		require.NoError(t, c.SignOut(t.Context()))
		require.Equal(t, 10*time.Second, time.Since(began))
		require.Empty(t, records(t, store))
		require.NoError(t, unlock())
	})
}

// undying is a store that deletes nothing.
type undying struct{ cache.Store }

var errReadOnly = errors.New("read-only file system")

func (undying) Delete(context.Context, string) error { return errReadOnly }

// A session that could not be deleted is not called gone.
func TestSignOutThatCannotDelete(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.InsecurePlaintextCache = undying{cache.Memory()}, true })
	signIn(t, p, c, "read")
	err := c.SignOut(t.Context())
	require.ErrorIs(t, err, errReadOnly)
	require.ErrorContains(t, err, "still in the store")
	require.NotErrorIs(t, err, msal.ErrNotRevoked)
	require.False(t, p.SessionAlive("avery"), "the server takes it from whoever finds it there")
}

// Nor is it, if the server cannot be told either.
func TestSignOutThatDoesNothing(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.InsecurePlaintextCache = undying{cache.Memory()}, true })
	signIn(t, p, c, "read")
	p.Fail("revocation", msaltest.Fault{Status: 503})
	err := c.SignOut(t.Context())
	require.ErrorIs(t, err, errReadOnly)
	require.Equal(t, 503, asServerError(t, err).StatusCode)
	require.NotErrorIs(t, err, msal.ErrNotRevoked)
}

// slow is a store that keeps the first reader of a session waiting with what it
// has just read.
type slow struct {
	cache.Store
	first   atomic.Bool
	reading chan struct{} // closed: somebody has read
	goOn    chan struct{}
}

func (s *slow) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	data, rev, err := s.Store.Get(ctx, key)
	if strings.HasPrefix(key, "a-") && s.first.CompareAndSwap(false, true) {
		close(s.reading)
		<-s.goOn
	}
	return data, rev, err
}

// changing is a slow store that says when something has changed.
type changing struct{ *slow }

func (c changing) Changed(ctx context.Context, key string, since cache.Rev) (bool, error) {
	return c.Store.(cache.Changer).Changed(ctx, key, since)
}

// Somebody signs out while another caller has read the record and not yet
// remembered it.
func TestSignOutDuringTheFirstLook(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	inner := cache.Memory()
	for name, wrap := range map[string]func(*slow) cache.Store{
		"changer":    func(s *slow) cache.Store { return changing{s} },
		"no changer": func(s *slow) cache.Store { return s },
	} {
		t.Run(name, func(t *testing.T) {
			account := signIn(t, p, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = inner }), "read").Account
			store := &slow{Store: inner, reading: make(chan struct{}), goOn: make(chan struct{})}
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.InsecurePlaintextCache = wrap(store), true })
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = c.Token(context.Background(), "read") })
			<-store.reading
			require.NoError(t, c.For(account).SignOut(t.Context()))
			close(store.goOn)
			wg.Wait()
			for _, each := range []*msal.Client{c, c.For(account)} {
				_, err := each.Token(t.Context(), "read")
				require.ErrorIs(t, err, msal.ErrSignInRequired)
			}
		})
	}
}

// 500 times, in two clients over one store, a sign-out meets a refresh, a first
// look into the store, or both: when all have returned nobody is signed in.
func TestSignOutRacesRefresh(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Algorithm = "ES256"
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	for i := range 500 {
		c, elsewhere := newClient(t, p, with), newClient(t, p, with)
		account := signIn(t, p, c, "read").Account
		switch i % 4 {
		case 0:
			elsewhere = c
		case 1:
			c = elsewhere // which has not yet looked into the store
		}
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = elsewhere.For(account).ForceRefresh().Token(context.Background(), "read") })
		wg.Go(func() { _, _ = elsewhere.For(account).Token(context.Background(), "read") })
		if i%2 == 0 {
			wg.Go(func() { _, _ = elsewhere.Token(context.Background(), "read") })
		}
		out := make(chan error, 1)
		wg.Go(func() { out <- c.For(account).SignOut(context.Background()) })
		wg.Wait()
		require.NoError(t, <-out)
		require.NoError(t, elsewhere.Shutdown(t.Context()))
		require.Empty(t, records(t, store), "round %d", i)
		require.False(t, p.SessionAlive("avery"), "round %d", i)
		_, err := c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired, "round %d", i)
		_, err = c.For(account).Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired, "round %d", i)
	}
}
