package cache_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// Purge removes the records, what was moved aside, and the keys: the lost one's
// successor and those that older records name.
func TestPurge(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	put(t, cache.Dir(dir, k), "a-1", "one", "")
	put(t, cache.Dir(dir, k), "a-2", "two", "")
	lost := k.lose()
	s := cache.Dir(dir, k)
	put(t, s, "a-1", "signed in again", requireUnreadable(t, s, "a-1"))
	for id, key := range lost {
		k.keys[id] = key
	}
	require.Len(t, k.keys, 2)
	require.FileExists(t, filepath.Join(dir, "a-1@lost"))

	require.NoError(t, s.(cache.Purger).Purge(t.Context()))
	require.Empty(t, k.keys)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.True(t, strings.HasSuffix(e.Name(), "@lock") || strings.HasSuffix(e.Name(), "@write"), e.Name())
	}
	require.NoError(t, s.(cache.Purger).Purge(t.Context()), "again")
	put(t, s, "a-1", "a new life", "")
	requireRecord(t, cache.Dir(dir, k), "a-1", "a new life")
}

// A process that has seen the key does not go on with it when another one has
// purged the store: what it seals would end with the process.
func TestPurgeElsewhere(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	daemon := cache.Dir(dir, k)
	put(t, daemon, "a-1", "one", "")
	require.NoError(t, cache.Dir(dir, k).(cache.Purger).Purge(t.Context()))
	put(t, daemon, "a-2", "signed in again", "")
	require.Len(t, k.keys, 1)
	requireRecord(t, cache.Dir(dir, k), "a-2", "signed in again")
}

// What a newer version wrote is not ours to remove, and a keychain that does
// not answer is an error after which Purge can be called again.
func TestPurgeFails(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	put(t, cache.Dir(dir, k), "a-1", "one", "")
	k.err = errors.New("of the keychain")
	require.ErrorIs(t, cache.Dir(dir, k).(cache.Purger).Purge(t.Context()), cache.ErrUnavailable)
	k.err = nil
	require.NoError(t, cache.Dir(dir, k).(cache.Purger).Purge(t.Context()))
	require.Empty(t, k.keys)

	newer := []byte(`{"schema":9,"else":"x"}` + "\n")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "store.json"), newer, 0o600))
	require.ErrorIs(t, cache.Dir(dir, k).(cache.Purger).Purge(t.Context()), cache.ErrUnavailable)
	require.FileExists(t, filepath.Join(dir, "store.json"))

	require.NoError(t, cache.Seal(cache.Memory(), &fakeKeys{}).(cache.Purger).Purge(t.Context()))
	_, ok := cache.Seal(cache.Memory(), cache.KeyFile("none")).(cache.Purger)
	require.True(t, ok, "a key file is its owner's to remove")
}
