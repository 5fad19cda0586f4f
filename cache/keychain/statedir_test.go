package keychain

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// State, not cache; local, not roaming; what is relative is ignored.
func TestStateHome_CA23_CA24(t *testing.T) {
	t.Parallel()
	local := "/l"
	if runtime.GOOS == "windows" {
		local = `C:\l`
	}
	for _, tt := range []struct {
		goos   string
		env    map[string]string
		want   string // empty: an error
		inHome bool
	}{
		{"linux", map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s", false},
		{"linux", map[string]string{"XDG_STATE_HOME": "s", "HOME": "/h"}, "/h/.local/state", true},
		{"linux", map[string]string{"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/h/.local/state", true},
		{"linux", map[string]string{"HOME": "h"}, "", false},
		{"linux", nil, "", false},
		{"openbsd", map[string]string{"HOME": "/h"}, "/h/.local/state", true},
		{"darwin", map[string]string{"XDG_STATE_HOME": "/s", "HOME": "/h"}, "/h/Library/Application Support", true},
		{"darwin", nil, "", false},
		{"windows", map[string]string{"LOCALAPPDATA": local, "APPDATA": "/roaming", "HOME": "/h"}, local, false},
		{"windows", map[string]string{"LOCALAPPDATA": "l", "HOME": "/h"}, "", false},
	} {
		if tt.goos != "windows" && runtime.GOOS == "windows" {
			continue // its absolute paths are others
		}
		dir, inHome, err := stateHome(tt.goos, func(name string) string { return tt.env[name] })
		require.Equal(t, tt.want == "", err != nil, "%v: %v", tt, err)
		require.Equal(t, filepath.FromSlash(tt.want), dir)
		require.Equal(t, tt.inHome, inHome)
	}
}

// Under sudo nothing is left in the user's home.
func TestHomeOfAnother_CA24(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // homes have access lists there
	}
	theirs := "/"
	if os.Geteuid() == 0 {
		theirs = t.TempDir()
		require.NoError(t, os.Chown(theirs, 12345, 12345))
	}
	t.Setenv("HOME", theirs)
	t.Setenv("XDG_STATE_HOME", "")
	_, err := New("app").Put(t.Context(), "a-1", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorContains(t, err, "belongs to user")
	entries, err := os.ReadDir(theirs)
	require.NoError(t, err)
	if os.Geteuid() == 0 {
		require.Empty(t, entries)
		t.Setenv("XDG_STATE_HOME", filepath.Join(theirs, "a", "b"))
		_, err = New("app").Put(t.Context(), "a-1", nil, "")
		require.ErrorContains(t, err, "belongs to user")
	}
	t.Setenv("XDG_STATE_HOME", "")
	t.Setenv("HOME", "")
	for _, err := range New("app").List(t.Context(), "") {
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.ErrorContains(t, err, "HOME")
	}
}

// Two machines that share a home have a directory each.
func TestMachine(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "machine-id")
	require.Empty(t, machine(file))
	seen := map[string]bool{}
	for _, id := range []string{"00112233445566778899aabbccddeeff\n", "ffeeddccbbaa99887766554433221100\n"} {
		require.NoError(t, os.WriteFile(file, []byte(id), 0o600))
		seen[machine(file)] = true
		require.Regexp(t, "^-[0-9a-f]{16}$", machine(file))
		require.NotContains(t, id, machine(file)[1:])
	}
	require.Len(t, seen, 2)
	for _, id := range []string{"", "uninitialized\n", "0011", "00112233445566778899aabbccddeeff00"} {
		require.NoError(t, os.WriteFile(file, []byte(id), 0o600))
		require.Empty(t, machine(file))
	}
}
