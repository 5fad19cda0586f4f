package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// named is Keys of a provider with that name.
type named struct {
	*fakeKeys
	name string
}

func (n named) Provider() string { return n.name }

// requirePinned demands the error that names both providers and the way out,
// from all that would need the key of the other one.
func requirePinned(t *testing.T, s cache.Store, theirs, ours string) {
	t.Helper()
	_, rev, err := s.Get(t.Context(), "a-1")
	require.Empty(t, rev, "not to be replaced")
	_, put := s.Put(t.Context(), "a-9", nil, "")
	for _, err := range []error{err, put, s.(cache.Reserver).Reserve(t.Context(), "a-1", 1)} {
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NotErrorIs(t, err, cache.ErrUnreadable)
		require.ErrorContains(t, err, theirs+", and this program uses "+ours)
		require.ErrorContains(t, err, "use the former again, or sign in")
	}
}

// inners are the stores that a store is sealed over; each is opened as often
// as there are processes.
func inners(t *testing.T) map[string]func(k cache.Keys) cache.Store {
	memory, bare, dir := cache.Memory(), onlyStore{cache.Memory()}, t.TempDir()
	return map[string]func(k cache.Keys) cache.Store{
		"directory":         func(k cache.Keys) cache.Store { return cache.Dir(dir, k) },
		"memory":            func(k cache.Keys) cache.Store { return cache.Seal(memory, k) },
		"without abilities": func(k cache.Keys) cache.Store { return cache.Seal(bare, k) },
	}
}

// A process that brings another provider makes no key, shows nobody as signed
// out and does not switch, until a person signs in with it.
func TestPin(t *testing.T) {
	t.Parallel()
	for name, open := range inners(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := named{&fakeKeys{}, "keychain"}, named{&fakeKeys{}, "key file"}
			put(t, open(first), "a-1", "one", "")
			put(t, open(first), "a-2", "two", "")

			requirePinned(t, open(second), `"keychain"`, `"key file"`)
			requirePinned(t, open(&fakeKeys{}), `"keychain"`, "without a name")
			second.err = cache.ErrLocked
			requirePinned(t, open(second), `"keychain"`, `"key file"`)
			second.err = nil
			require.Zero(t, second.made)
			requireRecord(t, open(first), "a-1", "one")

			s := open(second)
			require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
			require.Equal(t, 1, second.made)
			put(t, s, "a-1", "signed in again", requireUnreadable(t, s, "a-1"))
			requireUnreadable(t, s, "a-2")

			requirePinned(t, open(first), `"key file"`, `"keychain"`)
			requireRecord(t, open(first), "a-2", "two")
			require.Equal(t, 1, first.made)
			require.NoError(t, open(second).Delete(t.Context(), "a-1"), "a sign-out needs no key")
		})
	}
}

// Where the other provider has the same key, a sign-in moves the pin and
// nothing else.
func TestPinOfTheSameKey(t *testing.T) {
	t.Parallel()
	k, inner := &fakeKeys{}, cache.Memory()
	put(t, cache.Seal(inner, named{k, "key file"}), "a-1", "one", "")
	s := cache.Seal(inner, named{k, "command"})
	requireRecord(t, s, "a-1", "one")
	_, err := s.Put(t.Context(), "a-2", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable, "only a sign-in moves it")
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	put(t, s, "a-1", "two", requireRecord(t, s, "a-1", "one"))
	require.Equal(t, 1, k.made)
	_, err = cache.Seal(inner, named{k, "key file"}).Put(t.Context(), "a-2", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
}

// A running process, which has the key in memory, sees that the pin moved
// before it spends a refresh token.
func TestPinMovesUnderARunningProcess(t *testing.T) {
	t.Parallel()
	inner := cache.Memory()
	running := cache.Seal(inner, named{&fakeKeys{}, "keychain"})
	put(t, running, "a-1", "one", "")
	require.NoError(t, cache.Seal(inner, named{&fakeKeys{}, "passphrase"}).(cache.Unlocker).Unlock(t.Context()))
	requireRecord(t, running, "a-1", "one")
	err := running.(cache.Reserver).Reserve(t.Context(), "a-1", 1)
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorContains(t, err, `"passphrase"`)
}

// adopter is Keys that answers with a key that others keep.
type adopter struct {
	named
	adopted []string
	refuses error
}

func (a *adopter) Adopt(_ context.Context, id string, key []byte) error {
	if cache.KeyID(key) != id {
		return errors.New("not the key of that id")
	}
	a.adopted = append(a.adopted, id)
	return a.refuses
}

// Keys takes a key over before a store is pinned to it, in a sign-in alone, and
// may refuse.
func TestPinIsAdopted(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	put(t, cache.Dir(dir, named{k, "kernel"}), "a-1", "one", "")
	a := &adopter{named: named{k, "both"}}
	open := func() cache.Store { return cache.Dir(dir, a) }
	requireRecord(t, open(), "a-1", "one")
	_, err := open().Put(t.Context(), "a-2", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.Empty(t, a.adopted)

	for _, err := range []error{cache.ErrLocked, context.Canceled, errors.New("of the vault")} {
		a.refuses = err
		require.ErrorIs(t, open().(cache.Unlocker).Unlock(t.Context()), err)
		put(t, cache.Dir(dir, named{k, "kernel"}), "a-1", "one", requireRecord(t, open(), "a-1", "one"))
	}
	require.ErrorIs(t, open().(cache.Unlocker).Unlock(t.Context()), cache.ErrUnavailable, "of an error that says nothing else")

	a.refuses, a.adopted = nil, nil
	for range 2 {
		require.NoError(t, open().(cache.Unlocker).Unlock(t.Context()))
	}
	require.Len(t, a.adopted, 1, "once: then it is pinned")
	require.Equal(t, 1, k.made)
	put(t, open(), "a-1", "two", requireRecord(t, open(), "a-1", "one"))

	require.NoError(t, cache.Dir(dir, named{k, "kernel"}).(cache.Unlocker).Unlock(t.Context()))
	a.refuses = cache.ErrNotFound
	require.NoError(t, open().(cache.Unlocker).Unlock(t.Context()))
	require.Equal(t, 2, k.made, "it has one of its own")
	requireRecord(t, open(), "a-1", "two")
}

// A store of schema 1 says nothing of the provider, and is pinned by the next
// sign-in, or when a key is made.
func TestPinOfSchema1(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (manifest string, k named, s cache.Store) {
		dir := t.TempDir()
		manifest, k = filepath.Join(dir, "store.json"), named{&fakeKeys{}, "keychain"}
		key := make([]byte, 32)
		require.NoError(t, k.Create(t.Context(), cache.KeyID(key), key))
		text := []byte(`{"schema":1,"store":"00112233445566778899aabbccddeeff","key":"` + cache.KeyID(key) + `"}` + "\n")
		require.NoError(t, os.WriteFile(manifest, text, 0o600))
		return manifest, k, cache.Dir(dir, k)
	}
	pinned := func(manifest string) string {
		text, err := os.ReadFile(manifest)
		require.NoError(t, err)
		provider, err := cache.Pinned(text)
		require.NoError(t, err)
		return provider
	}
	t.Run("sign-in", func(t *testing.T) {
		t.Parallel()
		manifest, k, s := setUp(t)
		put(t, s, "a-1", "one", "")
		require.Empty(t, pinned(manifest), "a silent call leaves it")
		require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
		require.Equal(t, "keychain", pinned(manifest))
		require.Equal(t, 1, k.made, "with the same key")
		requireRecord(t, s, "a-1", "one")
	})
	t.Run("new key", func(t *testing.T) {
		t.Parallel()
		manifest, k, s := setUp(t)
		k.lose()
		put(t, s, "a-1", "one", "")
		require.Equal(t, "keychain", pinned(manifest))
	})
}

func TestProviderNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a", "key file", "aws-kms 2.x_y", "x2345678901234567890123456789012"} {
		cache.Seal(cache.Memory(), named{&fakeKeys{}, name})
	}
	for _, name := range []string{"A", " a", "1", "a\n", `a"`, "é", "x23456789012345678901234567890123"} {
		require.Panics(t, func() { cache.Seal(cache.Memory(), named{&fakeKeys{}, name}) }, "%q", name)
	}
	require.Equal(t, "key file", cache.KeyFile("x").(cache.Provider).Provider())
}

// What a newer version says of the key is not overruled by what this one does
// not have.
func TestNewerManifestAndNoKey(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	put(t, cache.Dir(dir, k), "a-1", "one", "")
	newer := []byte(`{"schema":3,"stores":[]}` + "\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "store.json"), newer, 0o600))
	k.lose()
	s := cache.Dir(dir, k)
	_, rev, err := s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.Empty(t, rev)
	require.ErrorIs(t, s.(cache.Unlocker).Unlock(t.Context()), cache.ErrUnavailable)
	left, err := os.ReadFile(filepath.Join(dir, "store.json"))
	require.NoError(t, err)
	require.Equal(t, newer, left)
}
