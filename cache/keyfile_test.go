package cache_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

func TestKeyFileContents(t *testing.T) {
	t.Parallel()
	raw := bytes.Repeat([]byte{0xfb, '\n'}, 16) // base64 with + and /, raw with newlines
	text := base64.StdEncoding.EncodeToString(raw)
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"raw":                    {string(raw), true},
		"raw, newline":           {string(raw) + "\n", true},
		"base64":                 {text, true},
		"base64, newline":        {text + "\n", true},
		"base64, Windows":        {text + "\r\n", true},
		"base64, two newlines":   {text + "\n\n", false},
		"base64, newline inside": {text[:4] + "\n" + text[4:], false},
		"base64, unpadded":       {text[:43], false},
		"base64, URL alphabet":   {base64.URLEncoding.EncodeToString(raw), false},
		"base64, stray bits":     {text[:42] + "p=", false},
		"base64 of 31 bytes":     {base64.StdEncoding.EncodeToString(raw[1:]), false},
		"hexadecimal":            {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", false},
		"31 bytes":               {string(raw[1:]), false},
		"33 bytes":               {string(raw) + "x", false},
		"empty":                  {"", false},
		"long":                   {string(bytes.Repeat(raw, 1000)), false},
	} {
		path := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(path, []byte(tt.text), 0o600))
		key, err := cache.KeyFile(path).Key(t.Context(), "any")
		if tt.ok {
			require.NoError(t, err, name)
			require.Equal(t, raw, key, name)
		} else {
			require.ErrorIs(t, err, cache.ErrUnavailable, name)
			require.Nil(t, key)
		}
		err = cache.KeyFile(path).Create(t.Context(), "any", raw)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, tt.text, string(after))
	}
}

func TestKeyFileFaults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	require.NoError(t, os.WriteFile(key, bytes.Repeat([]byte("k"), 32), 0o600))
	for mode := range os.FileMode(0o1000) {
		if runtime.GOOS == "windows" || mode&0o400 == 0 && mode != 0o200 {
			continue
		}
		require.NoError(t, os.Chmod(key, mode))
		_, err := cache.KeyFile(key).Key(t.Context(), "any")
		switch {
		case mode == 0o400 || mode == 0o600:
			require.NoError(t, err)
		case mode&0o400 != 0:
			require.ErrorIs(t, err, cache.ErrNoSecureStorage, "%#o", mode)
			require.ErrorContains(t, err, "want 0400 or 0600")
		default:
			require.Error(t, err)
		}
	}
	require.NoError(t, os.Chmod(key, 0o600))
	for _, path := range []string{filepath.Join(dir, "none"), dir, ""} {
		_, err := cache.KeyFile(path).Key(t.Context(), "any")
		require.ErrorIs(t, err, cache.ErrUnavailable, "%q", path)
		require.NotErrorIs(t, err, cache.ErrNotFound, "a file that is not mounted is not a lost key")
	}
}

// A mounted secret is a symbolic link.
func TestKeyFileLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), bytes.Repeat([]byte("k"), 32), 0o600))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("key", link))
	_, err := cache.KeyFile(link).Key(t.Context(), "any")
	require.NoError(t, err)
}

// A file that was swapped is noticed, and the right one brings all back.
func TestKeyFileSwapped(t *testing.T) {
	t.Parallel()
	key, dir := filepath.Join(t.TempDir(), "key"), t.TempDir()
	write := func(b byte) {
		require.NoError(t, os.WriteFile(key, bytes.Repeat([]byte{b}, 32), 0o600))
	}
	write(1)
	put(t, cache.Dir(dir, cache.KeyFile(key)), "a-1", "one", "")
	put(t, cache.Dir(dir, cache.KeyFile(key)), "a-2", "two", "")
	write(2)
	s := cache.Dir(dir, cache.KeyFile(key))
	put(t, s, "a-1", "signed in again", requireUnreadable(t, s, "a-1"))
	requireRecord(t, cache.Dir(dir, cache.KeyFile(key)), "a-1", "signed in again")
	write(1)
	requireRecord(t, cache.Dir(dir, cache.KeyFile(key)), "a-2", "two")
}

// FuzzParseKey: nothing panics; a key is 32 bytes, in one of two ways; an error
// shows nothing of what it is about.
func FuzzParseKey(f *testing.F) {
	raw := bytes.Repeat([]byte{0xfb, '\n'}, 16)
	f.Add(raw)
	f.Add([]byte(base64.StdEncoding.EncodeToString(raw) + "\r\n"))
	f.Add(raw[1:])
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := cache.ParseKey(text)
		if err != nil {
			require.ErrorIs(t, err, cache.ErrUnavailable)
			_, none := cache.ParseKey(nil)
			require.Equal(t, none, err)
			return
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		encoded := base64.StdEncoding.EncodeToString(key)
		require.Len(t, key, 32)
		require.True(t, bytes.Equal(text, key) || bytes.Equal(line, key) || string(line) == encoded)
		require.Len(t, cache.KeyID(key), 32)
	})
}
