package keys_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keys"
)

// memory is Keys that a restart of the machine empties.
type memory struct{ table }

func (m *memory) Provider() string { return "memory" }

// move is a store that was begun with memory alone, by two people, and the same
// with a passphrase behind it.
type move struct {
	memory       *memory
	who          *person
	dir, file    string
	before, open func() cache.Store
}

func newMove(t *testing.T) *move {
	t.Helper()
	m := &move{memory: &memory{table{keys: map[string][]byte{}}}, who: &person{says: "correct horse"}, dir: t.TempDir()}
	m.file = filepath.Join(m.dir, "key.age")
	sessions := filepath.Join(m.dir, "sessions")
	m.before = func() cache.Store { return cache.Dir(sessions, m.memory) }
	m.open = func() cache.Store {
		return cache.Dir(sessions, keys.Remember(m.memory, keys.QuickPassphrase(m.file, m.who.ask)))
	}
	for _, name := range []string{"a-1", "a-2"} {
		_, err := m.before().Put(t.Context(), name, []byte(name), "")
		require.NoError(t, err)
	}
	return m
}

func (m *move) restart() { clear(m.memory.keys) }

func (m *move) pinned(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "sessions", "store.json"))
	require.NoError(t, err)
	provider, err := cache.Pinned(text)
	require.NoError(t, err)
	return provider
}

func requireSession(t *testing.T, s cache.Store, name string) cache.Rev {
	t.Helper()
	data, rev, err := s.Get(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, name, string(data))
	return rev
}

// Whoever begins to remember a passphrase gets asked for one, and no session
// depends on the memory of the machine from then on.
func TestRememberTakesTheKeyAlong(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	s := m.open()
	_, err := s.Put(t.Context(), "a-3", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable, "only a sign-in moves it")
	require.Zero(t, m.who.asked.Load())
	require.NoFileExists(t, m.file)

	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.EqualValues(t, 1, m.who.asked.Load())
	require.FileExists(t, m.file)
	require.Equal(t, "passphrase", m.pinned(t))
	require.Len(t, m.memory.keys, 1, "with the same key")
	require.NoError(t, m.open().(cache.Unlocker).Unlock(t.Context()))
	require.EqualValues(t, 1, m.who.asked.Load(), "until the machine starts again")

	m.restart()
	s = m.open()
	_, _, err = s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrLocked, "not lost")
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.EqualValues(t, 2, m.who.asked.Load())
	for _, name := range []string{"a-1", "a-2"} {
		_, err = s.Put(t.Context(), name, []byte(name), requireSession(t, s, name))
		require.NoError(t, err)
	}
}

// A person who gives no passphrase leaves the store where it was.
func TestRememberRefused(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	m.who.err = errors.New("no terminal")
	err := m.open().(cache.Unlocker).Unlock(t.Context())
	require.ErrorIs(t, err, cache.ErrLocked)
	require.ErrorIs(t, err, m.who.err)
	require.Equal(t, "memory", m.pinned(t))
	require.NoFileExists(t, m.file)
	requireSession(t, m.before(), "a-1")
	_, err = m.before().Put(t.Context(), "a-3", nil, "")
	require.NoError(t, err)
}

// A file that has another key already is the one that seals from now on. What
// the machine remembers is read as long as it does.
func TestRememberOfAnotherKey(t *testing.T) {
	t.Parallel()
	m := newMove(t)
	write(t, m.file, wrap(t, someText, "correct horse"))
	s := m.open()
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.Equal(t, "passphrase", m.pinned(t))
	_, err := s.Put(t.Context(), "a-1", []byte("a-1"), requireSession(t, s, "a-1"))
	require.NoError(t, err)

	m.restart()
	s = m.open()
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	requireSession(t, s, "a-1")
	_, _, err = s.Get(t.Context(), "a-2")
	require.ErrorIs(t, err, cache.ErrUnreadable, "nobody has signed in there since")
}

func TestRememberAdopts(t *testing.T) {
	t.Parallel()
	id := cache.KeyID(someKey)
	fast := &table{keys: map[string][]byte{id: someKey}}
	adopt := func(slow cache.Keys) error {
		return keys.Remember(fast, slow).(cache.Adopter).Adopt(t.Context(), id, someKey)
	}
	slow := &table{keys: map[string][]byte{}}
	require.NoError(t, adopt(slow))
	require.Equal(t, someKey, slow.keys[id])
	require.NoError(t, adopt(slow), "again")
	slow.err = cache.ErrLocked
	require.ErrorIs(t, adopt(slow), cache.ErrLocked)

	slow = &table{keys: map[string][]byte{}}
	require.NoError(t, adopt(keys.Remember(fast, slow)))
	require.Equal(t, someKey, slow.keys[id], "through another one")

	none := keys.Func(func(context.Context, string) ([]byte, error) { return nil, cache.ErrNotFound })
	require.ErrorIs(t, adopt(none), errors.ErrUnsupported, "what cannot take it refuses")
	require.ErrorIs(t, adopt(forgetful{}), cache.ErrNotFound)
	other := keys.Func(func(context.Context, string) ([]byte, error) { return make([]byte, 32), nil })
	require.ErrorIs(t, adopt(other), cache.ErrNotFound, "it has one key for all ids, and not this one")
}

// forgetful is Keys that says it stored what it did not.
type forgetful struct{}

func (forgetful) Key(context.Context, string) ([]byte, error) {
	return nil, fmt.Errorf("no item: %w", cache.ErrNotFound)
}
func (forgetful) Create(context.Context, string, []byte) error { return nil }

// remover is Keys that can remove.
type remover struct{ table }

func (r *remover) Remove(_ context.Context, id string) error {
	delete(r.keys, id)
	return r.err
}

// Both forget, and who cannot be asked does not pass for one who has forgotten.
func TestRememberRemoves(t *testing.T) {
	t.Parallel()
	fast, slow := &remover{}, &remover{}
	remove := func() error {
		fast.keys, slow.keys = map[string][]byte{"id": someKey}, map[string][]byte{"id": someKey}
		return keys.Remember(fast, slow).(cache.Remover).Remove(t.Context(), "id")
	}
	for _, err := range []error{nil, cache.ErrNotFound, cache.ErrNoSecureStorage} {
		fast.err = err
		require.NoError(t, remove())
		require.Empty(t, fast.keys)
		require.Empty(t, slow.keys)
	}
	fast.err = cache.ErrUnavailable
	require.ErrorIs(t, remove(), cache.ErrUnavailable)
	fast.err, slow.err = nil, cache.ErrLocked
	require.ErrorIs(t, remove(), cache.ErrLocked)
}
