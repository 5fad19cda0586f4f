package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// fakeKeys is a keychain with the faults of real ones.
type fakeKeys struct {
	mu          sync.Mutex
	keys        map[string][]byte
	asked, made int
	err         error                     // of Key and Create
	lies        bool                      // Create keeps nothing
	alter       func(key []byte) []byte   // what Key returns instead
	wait        func(ctx context.Context) // before Key answers
}

func (k *fakeKeys) Key(ctx context.Context, id string) ([]byte, error) {
	if k.wait != nil {
		k.wait(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	key, ok := k.keys[id]
	switch {
	case k.err != nil:
		return nil, k.err
	case !ok:
		return nil, fmt.Errorf("item %s: %w", id, cache.ErrNotFound)
	case k.alter != nil:
		key = k.alter(bytes.Clone(key))
	}
	return key, nil
}

func (k *fakeKeys) Create(_ context.Context, id string, key []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	if _, ok := k.keys[id]; ok {
		return errors.New("exists")
	}
	k.made++
	if k.keys == nil {
		k.keys = map[string][]byte{}
	}
	if !k.lies {
		k.keys[id] = bytes.Clone(key)
	}
	return nil
}

func (k *fakeKeys) Remove(_ context.Context, id string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	delete(k.keys, id)
	return nil
}

// lose empties the keychain and returns what was in it.
func (k *fakeKeys) lose() map[string][]byte {
	old := k.keys
	k.keys = nil
	return old
}

func put(t testing.TB, s cache.Store, key, data string, prev cache.Rev) cache.Rev {
	t.Helper()
	rev, err := s.Put(t.Context(), key, []byte(data), prev)
	require.NoError(t, err)
	require.NotEmpty(t, rev)
	return rev
}

func requireRecord(t testing.TB, s cache.Store, key, want string) cache.Rev {
	t.Helper()
	data, rev, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, want, string(data))
	return rev
}

// requireUnreadable demands the revision that a Put can replace.
func requireUnreadable(t testing.TB, s cache.Store, key string) cache.Rev {
	t.Helper()
	data, rev, err := s.Get(t.Context(), key)
	require.ErrorIs(t, err, cache.ErrUnreadable)
	require.ErrorContains(t, err, "sign in again")
	require.NotEmpty(t, rev)
	require.Nil(t, data)
	return rev
}
