//go:build linux

package keychain

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// These tests are not parallel: the address of the bus is in the environment,
// and go-keyring has one connection for the process.

var (
	someKey   = bytes.Repeat([]byte{7}, keyLen)
	dismisses = func(*fakeService) (bool, bool) { return true, true }
	nobody    = func(*fakeService) (bool, bool) { return false, false }
	unlocks   = func(s *fakeService) (bool, bool) { s.locked, s.empty = false, false; return false, true }
	pretends  = func(*fakeService) (bool, bool) { return false, true }
)

func TestSecretService(t *testing.T) {
	s := newFakeService(t)
	for _, login := range []bool{false, true} {
		s.set(func() { s.login, s.items = login, map[string]string{} })
		k := Keys("app")
		_, err := k.Key(t.Context(), "id")
		require.ErrorIs(t, err, cache.ErrNotFound)
		require.NoError(t, k.Create(t.Context(), "id", someKey))
		key, err := k.Key(t.Context(), "id")
		require.NoError(t, err)
		require.Equal(t, someKey, key)
		require.ErrorIs(t, k.Create(t.Context(), "id", someKey), cache.ErrConflict, "written once")
		require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	}
	require.Len(t, s.secrets(), 1)
	require.Zero(t, s.called("Prompt"))
	require.Zero(t, s.called("CreateCollection"))
}

// What happens without being asked for never asks a person.
func TestLockedKeyring_KC02(t *testing.T) {
	s := newFakeService(t)
	k := Keys("app")
	require.NoError(t, k.Create(t.Context(), "id", someKey))
	s.set(func() { s.locked, s.calls = true, nil })
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.ErrorIs(t, k.Create(t.Context(), "id2", someKey), cache.ErrLocked)
	require.Zero(t, s.called("Unlock"), "go-keyring's way to ask")
	require.Zero(t, s.called("Prompt"))

	for name, tt := range map[string]struct {
		person func(*fakeService) (bool, bool)
		text   string
	}{
		"KC-03 dismisses": {dismisses, "nobody unlocked"},
		"does nothing":    {pretends, "is locked"},
	} {
		s.set(func() { s.locked, s.prompt = true, tt.person })
		err := k.(cache.Unlocker).Unlock(t.Context())
		require.ErrorIs(t, err, cache.ErrLocked, name)
		require.ErrorContains(t, err, tt.text, name)
	}
	s.set(func() { s.prompt = unlocks })
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	s.set(func() { s.locked = false })
	_, err = k.Key(t.Context(), "id")
	require.NoError(t, err)

	s.set(func() { s.locked, s.prompt = true, nobody })
	leaving, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, k.(cache.Unlocker).Unlock(leaving), context.DeadlineExceeded)
}

func TestNoKeyringYet(t *testing.T) {
	s := newFakeService(t)
	s.set(func() { s.empty, s.prompt = true, unlocks })
	k := Keys("app")
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.Zero(t, s.called("Prompt"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	require.Equal(t, 1, s.called("CreateCollection"))
	require.NoError(t, k.Create(t.Context(), "id", someKey))
}

// go-keyring takes a dismissed prompt for a success.
func TestKeyringLies(t *testing.T) {
	s := newFakeService(t)
	s.set(func() { s.lies, s.prompt = true, dismisses })
	err := Keys("app").Create(t.Context(), "id", someKey)
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorContains(t, err, "does not have it")
}

func TestSecretServiceFaults(t *testing.T) {
	s := newFakeService(t)
	for _, tt := range []struct {
		member, fault string
		want          error
	}{
		{"Get", "org.freedesktop.DBus.Error.ServiceUnknown", cache.ErrNoSecureStorage},
		{"Get", "org.freedesktop.DBus.Error.Spawn.ExecFailed", cache.ErrNoSecureStorage},
		{"Get", "org.freedesktop.DBus.Error.AccessDenied", cache.ErrUnavailable},
		{"Hello", "org.freedesktop.DBus.Error.LimitsExceeded", cache.ErrUnavailable},
		{"ReadAlias", "org.freedesktop.DBus.Error.NoReply", cache.ErrUnavailable},
		{"SearchItems", "org.freedesktop.Secret.Error.IsLocked", cache.ErrLocked},
		{"OpenSession", "org.freedesktop.Secret.Error.NoSession", cache.ErrUnavailable},
	} {
		s.set(func() { s.items["key-id"] = formatItem("id", someKey); s.fail = map[string]string{tt.member: tt.fault} })
		_, err := Keys("app").Key(t.Context(), "id")
		require.ErrorIs(t, err, tt.want, "%s: %s", tt.member, tt.fault)
		require.NotErrorIs(t, err, cache.ErrNotFound)
		s.set(func() { s.prompt = unlocks })
		if tt.member == "Get" {
			require.ErrorIs(t, Keys("app").(cache.Unlocker).Unlock(t.Context()), tt.want)
		}
	}
}

// A service that hangs costs one goroutine, and its answer is not lost.
func TestSecretServiceHangs_KC02(t *testing.T) {
	s := newFakeService(t)
	for _, member := range []string{"Hello", "Get", "SearchItems"} {
		s.set(func() { s.items["key-id"] = formatItem("id", someKey); s.hang = map[string]bool{member: true} })
		k := Keys("app")
		for range 3 {
			soon, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			_, err := k.Key(soon, "id")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, member)
		}
		if member != "SearchItems" { // a hung call of go-keyring's ends with its connection
			s.set(func() { s.hang = nil })
		}
	}
	require.Equal(t, 1, s.called("SearchItems"))
}

// Items that are not what was stored.
func TestForeignItems_KC05(t *testing.T) {
	s := newFakeService(t)
	good := formatItem("id", someKey)
	for _, item := range []string{"", "hunter2", good[:len(good)-1], good + "0", formatItem("other", someKey),
		strings.Replace(good, "tk1", "tk2", 1), "tk1:id::", "tk1:id:AAAA:" + good[len(good)-8:]} {
		s.set(func() { s.items["key-id"] = item })
		_, err := Keys("app").Key(t.Context(), "id")
		require.ErrorIs(t, err, cache.ErrUnreadable, "%q", item)
		require.ErrorIs(t, Keys("app").Create(t.Context(), "id", someKey), cache.ErrConflict)
		require.Equal(t, []string{item}, s.secrets(), "left alone")
	}
}

// No bus is started, nothing is written elsewhere.
func TestNoBus_KC04(t *testing.T) {
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+started+"\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for address, want := range map[string]error{
		"unix:path=/nonexistent/bus":            cache.ErrUnavailable,
		"disabled:":                             cache.ErrUnavailable,
		"autolaunch:scope=*user":                cache.ErrUnavailable,
		"unix:path=/nonexistent/a;autolaunch:x": cache.ErrUnavailable,
	} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		k := Keys("app")
		_, err := k.Key(t.Context(), "id")
		require.ErrorIs(t, err, want, address)
		require.ErrorIs(t, k.Create(t.Context(), "id", someKey), want)
		require.ErrorIs(t, k.(cache.Unlocker).Unlock(t.Context()), want)
	}
	require.NoFileExists(t, started)
}

// Without an address godbus looks in one place more, where a desktop has a
// real bus: nothing but a look is taken there.
func TestNoBusAddress(t *testing.T) {
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "dbus-launch"), []byte("#!/bin/sh\ntouch "+started+"\n"), 0o700))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, address := range []string{"", "autolaunch:"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		err := secretServiceReady(t.Context())
		if _, none := os.Stat(fmt.Sprintf("/run/user/%d", os.Getuid())); none != nil {
			require.ErrorIs(t, err, cache.ErrNoSecureStorage)
			require.ErrorContains(t, err, "cache.KeyFile", "the remedy")
		}
		require.NoFileExists(t, started)
	}
}
