package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// sizes are the numbers of accounts. The largest takes minutes.
func sizes() []int {
	switch long, _ := strconv.Atoi(os.Getenv("STAYSIGNED_LONG")); {
	case long >= 100:
		return []int{1, 100, 10_000, 100_000}
	case long >= 10:
		return []int{1, 100, 10_000}
	}
	return []int{1, 100, 1_000}
}

// operation is something that applications do. Both functions do it as often as they say, and return how long one
// took without the provider's share.
type operation struct {
	name  string
	times int // of ours for one of the peer, which is the slower one by far where it matters
	ours  func(testing.TB, *world) time.Duration
	peer  func(testing.TB, *world) time.Duration
}

var operations = []operation{
	{"silent hit, the same account again", 10, hitSame, lookUp},
	{"silent hit, accounts at random", 10, hitRandom, lookUp},
	{"silent hit that looks for changes", 5, hitChecked, lookUp},
	{"first hit of a new Client and Store", 20, firstHit, lookUp},
	{"a new process, from its start to its end", 5, oursInProcess, peerInProcess},
	{"refresh", 20, refresh, peerRefresh},
	{"sign-out", 20, signOut, peerSignOut},
	{"Accounts, of a new Client and Store", 1, accounts, lookUp},
}

// batch is how many calls are timed together where one takes nanoseconds.
const batch = 2_000

func hitSame(tb testing.TB, w *world) time.Duration {
	c, a := w.client(tb), w.any()
	return w.time(func() {
		for range batch {
			if _, err := c.For(a).Token(tb.Context(), "read"); err != nil {
				tb.Fatal(err)
			}
		}
	}) / batch
}

// hitRandom asks for accounts that have been asked for within the second, so that memory alone answers.
func hitRandom(tb testing.TB, w *world) time.Duration {
	list := make([]msal.Account, batch)
	for i := range list {
		list[i] = w.any()
	}
	hitEach(tb, w, list)
	return hitEach(tb, w, list)
}

// hitChecked waits until the store has to be asked for changes.
func hitChecked(tb testing.TB, w *world) time.Duration {
	list := make([]msal.Account, 0, batch)
	for _, i := range rand.Perm(len(w.accounts))[:min(batch, len(w.accounts))] {
		list = append(list, w.accounts[i])
	}
	w.client(tb)
	time.Sleep(time.Second)
	return hitEach(tb, w, list)
}

func hitEach(tb testing.TB, w *world, list []msal.Account) time.Duration {
	c := w.client(tb)
	return w.time(func() {
		for _, a := range list {
			if _, err := c.For(a).Token(tb.Context(), "read"); err != nil {
				tb.Fatal(err)
			}
		}
	}) / time.Duration(len(list))
}

func firstHit(tb testing.TB, w *world) time.Duration {
	a := w.any()
	return w.time(func() {
		token, err := w.open(tb).For(a).Token(tb.Context(), "read")
		require.NoError(tb, err)
		require.Len(tb, token.AccessToken(), accessLen)
	})
}

// lookUp is a hit of the peer, the first one and every other.
func lookUp(tb testing.TB, w *world) time.Duration {
	a := w.any()
	return w.time(func() {
		all, err := w.file.read()
		require.NoError(tb, err)
		e := all[a.ID]
		require.Len(tb, e.AccessToken, accessLen)
		require.True(tb, time.Now().Before(e.Expiry))
	})
}

func refresh(tb testing.TB, w *world) time.Duration {
	c := w.client(tb).For(w.accounts[w.original()]).ForceRefresh()
	took := w.time(func() {
		token, err := c.Token(tb.Context(), "read")
		require.NoError(tb, err)
		require.NoError(tb, token.Warning)
	})
	w.shares = append(w.shares, float64(w.provider.spent.Load()))
	return took
}

func peerRefresh(tb testing.TB, w *world) time.Duration {
	a := w.accounts[w.original()]
	return w.time(func() {
		all, err := w.file.read()
		require.NoError(tb, err)
		e := all[a.ID]
		token, err := w.provider.refresh(tb.Context(), e.RefreshToken)
		require.NoError(tb, err)
		e.AccessToken, e.RefreshToken, e.Expiry = token.AccessToken, token.RefreshToken, token.Expiry
		e.IDToken, _ = token.Extra("id_token").(string)
		all[a.ID] = e
		require.NoError(tb, w.file.write(all))
	})
}

// signOut puts the record back afterwards, so that there are as many accounts for the next one.
func signOut(tb testing.TB, w *world) time.Duration {
	c, store, i := w.client(tb), w.store(), w.original()
	data, _, err := store.Get(tb.Context(), w.records[i])
	require.NoError(tb, err)
	took := w.time(func() { require.NoError(tb, c.For(w.accounts[i]).SignOut(tb.Context())) })
	_, err = store.Put(tb.Context(), w.records[i], data, "")
	require.NoError(tb, err)
	return took
}

func peerSignOut(tb testing.TB, w *world) time.Duration {
	a := w.accounts[w.original()]
	var gone entry
	took := w.time(func() {
		all, err := w.file.read()
		require.NoError(tb, err)
		gone = all[a.ID]
		delete(all, a.ID)
		require.NoError(tb, w.file.write(all))
	})
	all, err := w.file.read()
	require.NoError(tb, err)
	all[a.ID] = gone
	require.NoError(tb, w.file.write(all))
	return took
}

func accounts(tb testing.TB, w *world) time.Duration {
	return w.time(func() {
		list, err := w.open(tb).Accounts(tb.Context())
		require.NoError(tb, err)
		require.Len(tb, list, len(w.accounts))
	})
}

// BenchmarkScale does each operation in turns with the peer, and reports the medians in nanoseconds and their ratio.
func BenchmarkScale(b *testing.B) {
	for _, n := range sizes() {
		b.Run(fmt.Sprintf("accounts=%d", n), func(b *testing.B) {
			w := newWorld(b, n)
			measureMemory(b, w)
			for _, op := range operations {
				b.Run(op.name, func(b *testing.B) { turns(b, w, op) })
			}
			report.add(n, "the provider's share of a refresh", cell{ours: w.shares})
			report.add(n, "reading the key file", cell{ours: readKey(b, w)})
			report.add(n, "a bare Go map of that size, accounts at random", cell{ours: mapLookUps(b, w)})
		})
	}
}

func turns(b *testing.B, w *world, op operation) {
	op.ours(b, w) // the first one is for the caches of the machine
	var c cell
	for b.Loop() {
		runtime.GC() // nobody is to pay for the garbage of the other
		for range op.times {
			c.ours = append(c.ours, float64(op.ours(b, w)))
		}
		runtime.GC()
		c.peer = append(c.peer, float64(op.peer(b, w)))
	}
	report.add(len(w.accounts), op.name, c)
	b.ReportMetric(0, "ns/op") // of both together: of no use
	b.ReportMetric(median(c.ours), "ns/ours")
	b.ReportMetric(median(c.peer), "ns/one-file")
	b.ReportMetric(median(c.peer)/median(c.ours), "ratio")
}

func readKey(tb testing.TB, w *world) (took []float64) {
	for range 100 {
		took = append(took, float64(w.time(func() {
			_, err := cache.KeyFile(w.key).Key(context.Background(), "")
			require.NoError(tb, err)
		})))
	}
	return took
}

// mapLookUps is what hitRandom would take if memory were all there is to it.
func mapLookUps(tb testing.TB, w *world) (took []float64) {
	bare := make(map[string]*msal.Account, len(w.accounts))
	for _, a := range w.accounts {
		bare[a.ID] = &a
	}
	list := make([]msal.Account, batch)
	look := func() {
		for _, a := range list {
			if bare[a.ID].Subject == "" {
				tb.Fatal("missing")
			}
		}
	}
	for range 100 {
		for i := range list {
			list[i] = w.any()
		}
		took = append(took, float64(w.time(look))/batch)
	}
	return took
}

// TestOperations does everything once: what nobody runs does not work.
func TestOperations(t *testing.T) {
	w := newWorld(t, signedIn+3)
	for _, op := range operations {
		t.Run(op.name, func(t *testing.T) {
			require.Positive(t, op.ours(t, w))
			require.Positive(t, op.peer(t, w))
		})
	}
	all, err := w.file.read()
	require.NoError(t, err)
	require.Len(t, all, len(w.accounts))
}
