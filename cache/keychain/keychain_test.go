//go:build linux

package keychain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

// The rules of a Store sync thousands of times, which costs nothing in memory.
//
// A call of go-keyring's that hangs in one test may end, and look for the bus
// again, when that test's is gone. Without an address it would start one, and
// leave it to the next test.
func TestMain(m *testing.M) {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		os.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	}
	if dir, err := os.MkdirTemp("/dev/shm", "keychain"); err == nil {
		os.Remove(dir)
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

// The children find the bus of the first process in their environment.
func TestStore(t *testing.T) {
	if os.Getenv("KEYCHAIN_TEST_BUS") == "" {
		newFakeService(t)
		t.Setenv("KEYCHAIN_TEST_BUS", "started")
	}
	cachetest.Run(t, func(_ testing.TB, space string) cache.Store {
		return newIn(func(string) (string, error) { return space, nil }, "app")
	})
}

// A person signs in once, and every later process finds the session; the
// keychain holds the key and nothing of the session.
func TestSignedIn_KC09(t *testing.T) {
	s := newFakeService(t)
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	first := New("app")
	require.True(t, first.Sealed())
	require.NoError(t, first.Unlock(t.Context()))
	require.Equal(t, 1, s.called("CreateItem"), "before the browser opens")
	rev, err := first.Put(t.Context(), "a-1", []byte("canary"), "")
	require.NoError(t, err)
	require.Equal(t, 1, s.called("CreateItem"))
	require.Len(t, s.secrets(), 1)
	require.Len(t, s.secrets()[0], 90)

	later := New("app")
	data, again, err := later.Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Equal(t, "canary", string(data))
	require.Equal(t, rev, again)
	found, err := filepath.Glob(filepath.Join(home, "app", "sessions*", "a-1"))
	require.NoError(t, err)
	require.Len(t, found, 1)

	s.set(func() { s.locked = true }) // who has the key needs no keychain
	_, err = later.Put(t.Context(), "a-1", []byte("refreshed"), rev)
	require.NoError(t, err)
	locked := New("app")
	_, _, err = locked.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrLocked)
	unlock, ok, err := locked.TryLock(t.Context(), "a-1")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, unlock())
	require.NoError(t, locked.Delete(t.Context(), "a-1"), "a sign-out works while it is locked")
	for key, err := range locked.List(t.Context(), "") {
		t.Fatal(key, err)
	}
}

// A program that is told to forget leaves nothing in the keychain either.
func TestPurge(t *testing.T) {
	s := newFakeService(t)
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	store := New("app")
	_, err := store.Put(t.Context(), "a-1", []byte("canary"), "")
	require.NoError(t, err)
	require.Len(t, s.secrets(), 1)
	dir, err := Dir("app")
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(dir, "a-1"))

	s.set(func() { s.locked = true })
	require.ErrorIs(t, New("app").Purge(t.Context()), cache.ErrLocked)
	require.FileExists(t, filepath.Join(dir, "store.json"), "it can be called again")
	s.set(func() { s.locked = false })
	require.NoError(t, New("app").Purge(t.Context()))
	require.Empty(t, s.secrets())
	require.NoFileExists(t, filepath.Join(dir, "store.json"))
	require.NoError(t, New("app").Purge(t.Context()), "there is nothing")

	_, err = Dir("../app")
	require.ErrorContains(t, err, "name")
}

// Without a keychain nothing is written at all.
func TestNoKeychain_KC04(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_STATE_HOME", home)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
	s := New("app")
	_, err := s.Put(t.Context(), "a-1", []byte("canary"), "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorIs(t, s.Unlock(t.Context()), cache.ErrUnavailable)
	require.ErrorIs(t, s.Reserve(t.Context(), "a-1", 1), cache.ErrUnavailable)
	require.NoError(t, filepath.WalkDir(home, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, err := e.Info()
			require.NoError(t, err)
			require.Zero(t, info.Size(), "%s", path)
		}
		return err
	}))
}
