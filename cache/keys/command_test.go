package keys_test

import (
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keys"
)

func TestCommandOutput(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"raw":              {string(someKey), true},
		"raw, newline":     {string(someKey) + "\n", true},
		"base64":           {someText + "\n", true},
		"base64, Windows":  {someText + "\r\n", true},
		"nothing":          {"", false},
		"31 bytes":         {string(someKey[1:]), false},
		"two keys":         {someText + "\n" + someText + "\n", false},
		"key and a remark": {someText + " is the key", false},
	} {
		key, err := programKeys(t, "print", base64.StdEncoding.EncodeToString([]byte(tt.text))).Key(t.Context(), "any")
		if tt.ok {
			require.NoError(t, err, name)
			require.Equal(t, someKey, key)
			continue
		}
		require.ErrorIs(t, err, cache.ErrUnavailable, name)
		require.ErrorContains(t, err, "a key, which is 32 bytes, raw or in standard base64")
		require.NotContains(t, err.Error(), someText[:20])
		require.Nil(t, key)
	}
}

func TestCommandFaults(t *testing.T) {
	t.Parallel()
	t.Run("not there", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"no-such-program-here", "/nonexistent/program", ""} {
			_, err := keys.Command(name).Key(t.Context(), "any")
			require.ErrorIs(t, err, cache.ErrUnavailable, name)
		}
		_, err := keys.Command("no-such-program-here").Key(t.Context(), "any")
		require.ErrorIs(t, err, exec.ErrNotFound)
		require.ErrorContains(t, err, "install it, or give its full path")
	})
	t.Run("exit status", func(t *testing.T) {
		t.Parallel()
		_, err := programKeys(t, "fail").Key(t.Context(), "any")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 3, exit.ExitCode())
		require.ErrorContains(t, err, `it wrote "vault is \x1b[31msealed`)
		require.ErrorContains(t, err, "run it by hand")
		require.Less(t, len(err.Error()), 700)
		require.NotContains(t, err.Error(), someText[:20], "what it printed stays out of it")
	})
	t.Run("no end of output", func(t *testing.T) {
		t.Parallel()
		start := time.Now()
		_, err := programKeys(t, "flood").Key(t.Context(), "any")
		require.Less(t, time.Since(start), 25*time.Second, "it is ended at once, not when its time is over")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.ErrorContains(t, err, "more than a key")
	})
	t.Run("no input", func(t *testing.T) {
		t.Parallel()
		_, err := programKeys(t, "input").Key(t.Context(), "any")
		require.NoError(t, err)
	})
	t.Run("no shell", func(t *testing.T) {
		t.Parallel()
		made := t.TempDir() + "/made"
		_, err := keys.Command("true; touch "+made).Key(t.Context(), "any")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NoFileExists(t, made)
	})
	t.Run("hangs", func(t *testing.T) {
		t.Parallel()
		self, err := os.Executable()
		require.NoError(t, err)
		_, err = keys.CommandWithin(100*time.Millisecond, self, "as-program", "hang").Key(t.Context(), "any")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "which is for the caller's own")
		require.ErrorContains(t, err, "longer than 100ms")
	})
	t.Run("caller leaves", func(t *testing.T) {
		t.Parallel()
		soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := programKeys(t, "hang").Key(soon, "any")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
