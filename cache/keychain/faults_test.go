//go:build linux

package keychain

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/faults"
)

// inKeychain is a store in dir as a new process has it.
func inKeychain(dir string) *Store {
	return newIn(func(string) (string, error) { return dir, nil }, "app")
}

// TestTenFaults asks a store with one record for it, and for room for the next, while its keychain has a fault. No
// fault may be answered with a new key: the old one may come back, and then so does the record.
func TestTenFaults(t *testing.T) {
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+started+"\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("XDG_RUNTIME_DIR", bin) // nor is there a bus where godbus looks without an address

	ten := []struct {
		name   string
		inject func(t *testing.T, s *fakeService, item string)
		want   error
		unlock error // of what a sign-in does first; nil: it succeeds
		slow   bool  // it takes all of the three seconds
	}{
		{"locked, without a display", func(t *testing.T, s *fakeService, _ string) {
			s.locked, s.fail = true, map[string]string{"Prompt": "org.freedesktop.DBus.Error.Failed"}
		}, cache.ErrLocked, cache.ErrUnavailable, false},
		{"a prompt that hangs", func(t *testing.T, s *fakeService, _ string) {
			s.locked, s.prompt = true, nobody
		}, cache.ErrLocked, context.DeadlineExceeded, false},
		{"a prompt that is dismissed", func(t *testing.T, s *fakeService, _ string) {
			s.locked, s.prompt = true, dismisses
		}, cache.ErrLocked, cache.ErrLocked, false},
		{"no service", func(t *testing.T, s *fakeService, _ string) {
			s.fail = map[string]string{"Get": "org.freedesktop.DBus.Error.ServiceUnknown"}
		}, cache.ErrNoSecureStorage, cache.ErrNoSecureStorage, false},
		{"no bus", func(t *testing.T, _ *fakeService, _ string) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:")
		}, cache.ErrUnavailable, cache.ErrUnavailable, false},
		{"a stale address", func(t *testing.T, _ *fakeService, _ string) {
			t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(bin, "gone"))
		}, cache.ErrUnavailable, cache.ErrUnavailable, false},
		{"an item that shadows ours", func(t *testing.T, s *fakeService, item string) {
			s.items[item] = formatItem(strings.TrimPrefix(item, "key-")+"x", someKey)
		}, cache.ErrUnreadable, nil, false},
		{"a success that stores nothing", func(t *testing.T, s *fakeService, item string) {
			delete(s.items, item)
			s.lies, s.prompt = true, dismisses
		}, cache.ErrUnreadable, cache.ErrUnavailable, false},
		{"a deleted item", func(t *testing.T, s *fakeService, item string) {
			delete(s.items, item)
		}, cache.ErrUnreadable, nil, false},
		{"slowness", func(t *testing.T, s *fakeService, _ string) {
			s.hang = map[string]bool{"Get": true}
		}, cache.ErrUnavailable, context.DeadlineExceeded, true},
	}
	require.Len(t, ten, faults.Rounds(13))
	for _, tt := range ten {
		t.Run(tt.name, func(t *testing.T) {
			s, dir := newFakeService(t), t.TempDir()
			first := inKeychain(dir)
			rev, err := first.Put(t.Context(), "a-1", []byte("one"), "")
			require.NoError(t, err)
			before := s.itemsNow()
			require.Len(t, before, 1)
			item := slices.Collect(maps.Keys(before))[0]
			manifest, err := os.ReadFile(filepath.Join(dir, "store.json"))
			require.NoError(t, err)
			s.set(func() { s.calls = nil; tt.inject(t, s, item) })
			faulty := s.itemsNow()

			later, start := inKeychain(dir), time.Now()
			_, _, err = later.Get(t.Context(), "a-1")
			require.ErrorIs(t, err, tt.want)
			require.NotErrorIs(t, err, cache.ErrNotFound)
			require.Less(t, time.Since(start), 10*silentWait)
			require.Equal(t, tt.slow, time.Since(start) >= silentWait)
			require.Zero(t, s.called("Prompt"), "nobody is asked for a token")
			if errors.Is(tt.want, cache.ErrLocked) {
				require.Zero(t, s.called("Unlock"), "go-keyring's way to ask")
			}
			require.Equal(t, faulty, s.itemsNow(), "reading makes no key")

			// What a sign-in does before the browser opens; it alone may make another key, beside a lost one.
			soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			err = inKeychain(dir).Unlock(soon)
			if tt.unlock == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, tt.unlock)
				require.Equal(t, faulty, s.itemsNow())
				now, err := os.ReadFile(filepath.Join(dir, "store.json"))
				require.NoError(t, err)
				require.Equal(t, string(manifest), string(now), "it names no other key")
			}
			data, again, err := first.Get(t.Context(), "a-1")
			require.NoError(t, err, "who has the key needs no keychain")
			require.Equal(t, "one", string(data))
			require.Equal(t, rev, again)

			healed := newFakeService(t) // the keychain as it was: all comes back
			healed.set(func() { healed.items = before })
			data, _, err = inKeychain(dir).Get(t.Context(), "a-1")
			require.NoError(t, err)
			require.Equal(t, "one", string(data))
		})
	}
	require.NoFileExists(t, started)
	requireNoBus(t, bin)
}

func (s *fakeService) itemsNow() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.items)
}

// requireNoBus demands that no bus runs that was started by this process: it would have its PATH.
func requireNoBus(t *testing.T, path string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/comm")
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, comm := range all {
		name, _ := os.ReadFile(comm) // it may be over by now
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(comm), "environ"))
		require.False(t, strings.HasPrefix(string(name), "dbus") && strings.Contains(string(environ), path), "%s: %s", comm, name)
	}
}
