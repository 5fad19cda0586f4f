package msal

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

func newSession(id string) func() *session {
	return func() *session { return &session{bound: Client{account: id}} }
}

func TestIndex(t *testing.T) {
	t.Parallel()
	x := &index{}
	require.Nil(t, x.find("a"))
	a, b := x.add("a", newSession("a")), x.add("b", newSession("b"))
	require.Same(t, a, x.add("a", newSession("another")))
	for range 10 { // until dirty has become read, and beyond
		require.Same(t, a, x.find("a"))
		require.Same(t, b, x.find("b"))
		require.Nil(t, x.find("c"))
	}
	require.ElementsMatch(t, []*session{a, b}, slices.Collect(x.all()))
}

// TestIndexRemoveThenAdd: who signs out and in again gets a session of their
// own, whatever the two maps hold at that moment.
func TestIndexRemoveThenAdd(t *testing.T) {
	t.Parallel()
	for lookups := range 4 {
		t.Run(fmt.Sprintf("after %d look-ups", lookups), func(t *testing.T) {
			t.Parallel()
			x := &index{}
			old := x.add("a", newSession("a"))
			other := x.add("b", newSession("b"))
			for range lookups {
				x.find("a")
			}
			x.remove("a", old)
			for range lookups {
				require.Nil(t, x.find("a"))
			}
			require.Equal(t, []*session{other}, slices.Collect(x.all()))
			next := x.add("a", newSession("a"))
			require.NotSame(t, old, next)
			x.remove("a", old) // by somebody who found it before
			for range 4 {
				require.Same(t, next, x.find("a"))
				require.Same(t, other, x.find("b"))
			}
			require.Len(t, slices.Collect(x.all()), 2)
		})
	}
}

// TestIndexForgets: accounts that come and go leave nothing behind.
func TestIndexForgets(t *testing.T) {
	t.Parallel()
	x := &index{}
	for i := range 10_000 {
		id := fmt.Sprint(i)
		s := x.add(id, newSession(id))
		x.find(id)
		x.remove(id, s)
	}
	require.Empty(t, slices.Collect(x.all()))
	require.LessOrEqual(t, len(x.dirty), 1)
}

// TestIndexAddsOne: who comes at the same moment shares one session.
func TestIndexAddsOne(t *testing.T) {
	t.Parallel()
	for range 3000 {
		x := &index{}
		var got [8]*session
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range got {
			wg.Go(func() {
				<-start
				got[i] = x.add("a", newSession("a"))
			})
		}
		close(start)
		wg.Wait()
		for _, s := range got {
			require.Same(t, got[0], s)
		}
	}
}

// TestIndexParallel: sessions that nobody removes are found by everybody at all
// times, and are one each, while others come and go beside them.
func TestIndexParallel(t *testing.T) {
	t.Parallel()
	const stay, come, rounds = 64, 16, 200
	x := &index{}
	var known [stay]*session
	for i := range known {
		id := fmt.Sprint("stays-", i)
		known[i] = x.add(id, newSession(id))
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for r := range rounds {
				for i, want := range known {
					x.find(want.bound.account) // counts as a miss, and so turns the maps around
					if got := x.add(want.bound.account, newSession("a second one")); got != want {
						t.Errorf("add(%q) in round %d: %p, want %p", want.bound.account, r, got, known[i])
						return
					}
				}
			}
		})
		wg.Go(func() {
			for r := range rounds {
				id := fmt.Sprint("comes-", r%come)
				s := x.add(id, newSession(id))
				if s.bound.account != id {
					t.Errorf("add(%q) returned %q", id, s.bound.account)
				}
				x.remove(id, s)
				if again := x.find(id); again == s {
					t.Errorf("find(%q) returned what was removed", id)
				}
			}
		})
	}
	wg.Wait()
	var left []*session
	for s := range x.all() {
		left = append(left, s)
	}
	require.ElementsMatch(t, known[:], left)
}

// TestIndexFindsAtAllTimes: also while the maps turn around, a known session is
// found without a second look.
func TestIndexFindsAtAllTimes(t *testing.T) {
	t.Parallel()
	for range 2000 {
		x := &index{}
		var known [4]*session
		for i := range known {
			known[i] = x.add(fmt.Sprint(i), newSession(fmt.Sprint(i)))
		}
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				<-start
				for _, want := range known {
					if got := x.find(want.bound.account); got != want {
						t.Errorf("find(%q): %p, want %p", want.bound.account, got, want)
					}
				}
			})
		}
		close(start)
		wg.Wait()
	}
}

// Who has signed out is in the way of nobody.
func TestSignOutForgets(t *testing.T) {
	t.Parallel()
	store := cache.Memory()
	client, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example", Cache: store})
	require.NoError(t, err)
	c := client.core
	s := c.session("a")
	require.Equal(t, s, c.sessions.find("a"), "and it is read without a lock from now on")
	c.only.Store(s)
	_, err = store.Put(t.Context(), s.key, []byte("unreadable"), "")
	require.NoError(t, err)
	_, _, err = s.forget(t.Context())
	require.NoError(t, err)
	require.Nil(t, c.sessions.find("a"))
	require.Nil(t, c.only.Load())
}
