package msal

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/scopes"
)

// Once a second a hit asks the store for changes. If there are none, what is
// remembered stays as it is: to make it anew costs garbage at each such look, and
// kept 390 bytes alive for each account.
func TestCheckKeepsHits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := cache.Memory()
		c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example", Cache: store})
		require.NoError(t, err)
		r := &record{account: Account{ID: "https://idp.example#avery"}}
		for _, scope := range []string{"read", "write"} {
			r.access = append(r.access, access{
				token: scope, tokenType: "Bearer", asked: scope, granted: scope,
				obtained: time.Now(), expiry: time.Now().Add(time.Hour), refreshAfter: time.Now().Add(55 * time.Minute),
			})
		}
		data, err := r.encode()
		require.NoError(t, err)
		_, err = store.Put(t.Context(), c.core.key(r.account.ID), data, "")
		require.NoError(t, err)
		get := func() {
			for _, scope := range []string{"read", "write"} {
				token, err := c.For(r.account).Token(t.Context(), scope)
				require.NoError(t, err)
				require.Equal(t, scope, token.AccessToken())
			}
		}
		get()
		known := c.core.sessions.find(r.account.ID).hits.Load()
		require.Len(t, known.more.hits, 1)
		time.Sleep(2 * time.Duration(checkEvery))
		get()
		require.Same(t, known, c.core.sessions.find(r.account.ID).hits.Load())
	})
}

// With many accounts each cache line that a hit fetches is a walk to memory. It
// fetches one of the session, one of the remembered request, and then the token.
func TestHitFetchesFewLines(t *testing.T) {
	const line = 64
	require.LessOrEqual(t, unsafe.Offsetof(session{}.bound)+unsafe.Offsetof(Client{}.derived), uintptr(line-1))
	require.LessOrEqual(t, unsafe.Offsetof(hits{}.hit)+unsafe.Offsetof(hit{}.token), uintptr(line))
	for range 100 {
		// Where an object begins is the allocator's affair, which goes by its size.
		require.Zero(t, reflect.ValueOf(new(session)).Pointer()%line, "of %d bytes", unsafe.Sizeof(session{}))
		require.Zero(t, reflect.ValueOf(new(hits)).Pointer()%line, "of %d bytes", unsafe.Sizeof(hits{}))
	}
}

// Of many requests each is found, whatever its marks have in common with others'.
func TestManyHits(t *testing.T) {
	t.Parallel()
	c, list := accounts(t, 1)
	s := c.core.sessions.find(list[0].ID)
	requests := [][]string{
		nil, {"read"}, {"head"}, {"lead"}, {"read", "write"}, {"head", "write"}, {"read", "head"}, {"r"}, {""}, {"ad"}, {"bad", "ad"},
	}
	until := c.core.deadline(time.Now().Add(time.Hour), time.Now())
	for i, scope := range requests {
		s.remember(s.snap.Load(), scope, until, Token{Type: string(rune('a' + i))})
	}
	for range 2 { // what is remembered already changes nothing
		for i, scope := range requests {
			h, stands := s.hit(scope)
			require.True(t, stands, scope)
			require.Equal(t, string(rune('a'+i)), h.token.Type, scope)
			s.remember(s.snap.Load(), scope, until, Token{})
		}
		for _, scope := range [][]string{{"write", "read"}, {"beads"}, {"read", "write", "head"}, {"ead"}} {
			h, _ := s.hit(scope)
			require.Nil(t, h, scope)
		}
	}
	for i := range 2 * maxHits {
		s.remember(s.snap.Load(), []string{"made", "up", string(rune('a' + i))}, until, Token{})
	}
	require.Len(t, s.hits.Load().more.hits, maxHits-1)
}

// What a list of scopes means is found out once for all accounts, and is not
// mistaken for what another list means that looks like it on the wire.
func TestSoundOnce(t *testing.T) {
	t.Parallel()
	c, list := accounts(t, 2)
	for _, a := range list {
		_, err := c.For(a).Token(t.Context(), "read")
		require.NoError(t, err)
	}
	require.Len(t, *c.core.sound.Load(), 1)
	scope := []string{"read", "write"}
	q, err := c.silent(scope)
	require.NoError(t, err)
	scope[0] = "changed" // by the caller, afterwards
	again, err := c.silent([]string{"read", "write"})
	require.NoError(t, err)
	require.Equal(t, q, again)
	require.Len(t, *c.core.sound.Load(), 2)
	for range 2 {
		_, err = c.silent([]string{"read write"})
		require.ErrorIs(t, err, scopes.ErrInvalid)
		_, err = c.silent([]string{"read", "openid"})
		require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
	}
	later := c.ForceRefresh()
	for range 2 {
		q, err = later.silent([]string{"read"})
		require.NoError(t, err)
		require.Same(t, later.demand, q.demand)
	}
	q, err = c.silent([]string{"read"})
	require.NoError(t, err)
	require.Nil(t, q.demand)
	for i := range 2 * maxSound {
		_, err = c.silent([]string{fmt.Sprint("made-up-", i)})
		require.NoError(t, err)
	}
	require.Len(t, *c.core.sound.Load(), maxSound)
}

// A hit waits for nobody, so that any number of processors can have one at once.
func TestHitTakesNoLock(t *testing.T) {
	t.Parallel()
	c, list := accounts(t, 2)
	get := func() {
		for _, a := range list {
			if _, err := c.For(a).Token(t.Context(), "read"); err != nil {
				t.Error(err)
			}
		}
	}
	for range 3 { // until the index is complete
		get()
	}
	for _, a := range list {
		c.For(a).session.Load().mu.Lock()
	}
	c.core.sessions.mu.Lock()
	c.core.flights.mu.Lock()
	c.core.server.mu.Lock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		get()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		require.Fail(t, "a hit waits for a lock")
	}
}
