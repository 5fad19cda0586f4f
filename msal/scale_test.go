package msal_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// files counts what a directory would have to do for a Store: it lies below
// the sealing, where a Get opens a file and a Put writes one.
type files struct {
	cache.Store
	done map[string]int
}

func (f *files) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	f.done["reads"]++
	return f.Store.Get(ctx, key)
}

func (f *files) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	f.done["writes"]++
	f.done["bytes"] += len(data)
	return f.Store.Put(ctx, key, data, prev)
}

func (f *files) Delete(ctx context.Context, key string) error {
	f.done["deletions"]++
	return f.Store.Delete(ctx, key)
}

func (f *files) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	f.done["lists"]++
	return f.Store.List(ctx, prefix)
}

func (f *files) Lock(ctx context.Context, key string) (func() error, error) {
	f.done["locks"]++
	return f.Store.Lock(ctx, key)
}

// TestFlat counts what an operation asks of the store. With 1,000 accounts it
// is what it is with one.
func TestFlat(t *testing.T) {
	t.Parallel()
	one, many := storeWork(t, 1), storeWork(t, 1000)
	for name, want := range map[string]map[string]int{
		"first hit": {"reads": 2}, // the record, and which key opens it
		"hit":       {},
		"refresh":   {"locks": 1, "reads": 4, "writes": 1}, // the record, twice which key seals it, and the server's metadata
		"sign-out":  {"locks": 1, "reads": 1, "deletions": 1},
	} {
		require.Equal(t, one[name], many[name], name)
		written := one[name]["bytes"]
		delete(one[name], "bytes")
		require.Equal(t, want, one[name], name)
		require.Equal(t, name == "refresh", written > 0)
	}
}

// storeWork signs n people in, does each operation once in a process that is
// new, and returns what each asked of the store.
func storeWork(t *testing.T, n int) map[string]map[string]int {
	p := msaltest.New(t)
	p.Algorithm = "ES256" // signs in a thirtieth of the time
	inner := cache.Memory()
	keys := &keyring{}
	setUp := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = cache.Seal(inner, keys) })
	var account msal.Account
	for i := range n {
		p.SignInAs(msaltest.User{Subject: fmt.Sprintf("person-%06d", i)})
		account = signIn(t, p, setUp, "read").Account
	}
	below := &files{Store: inner, done: map[string]int{}}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = cache.Seal(below, keys) })
	work := map[string]map[string]int{}
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"first hit", func() error { return tokenError(c.For(account).Token(t.Context(), "read")) }},
		{"hit", func() error { return tokenError(c.For(account).Token(t.Context(), "read")) }},
		{"refresh", func() error { return tokenError(c.For(account).ForceRefresh().Token(t.Context(), "read")) }},
		{"sign-out", func() error { return c.For(account).SignOut(t.Context()) }},
	} {
		clear(below.done)
		require.NoError(t, op.do(), op.name)
		work[op.name] = maps.Clone(below.done)
	}
	return work
}

func tokenError(_ msal.Token, err error) error { return err }

// keyring keeps keys in memory.
type keyring struct{ keys map[string][]byte }

func (k *keyring) Key(_ context.Context, id string) ([]byte, error) {
	if key, ok := k.keys[id]; ok {
		return key, nil
	}
	return nil, cache.ErrNotFound
}

func (k *keyring) Create(_ context.Context, id string, key []byte) error {
	k.keys = map[string][]byte{id: key}
	return nil
}
