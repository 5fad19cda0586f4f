package keychain

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"
	"golang.org/x/sys/windows"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

func TestExplainCredentialManager(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]error{
		windows.ERROR_NOT_FOUND:             cache.ErrNotFound,
		windows.ERROR_NO_SUCH_LOGON_SESSION: cache.ErrUnavailable,
		windows.ERROR_ACCESS_DENIED:         cache.ErrUnavailable,
		errors.New("other"):                 cache.ErrUnavailable,
	} {
		require.ErrorIs(t, explainCredentialManager(err), want, "%v", err)
	}
	require.ErrorContains(t, explainCredentialManager(windows.ERROR_NO_SUCH_LOGON_SESSION), "KeyFile")
}

// newApp is a name that nobody used before. Its items go with the test.
func newApp(t *testing.T) string {
	t.Helper()
	app := "test-" + strings.ToLower(rand.Text())
	t.Cleanup(func() { require.NoError(t, keyring.DeleteAll(service(app))) })
	return app
}

// The real Credential Manager keeps the key of an application for its next
// process, and at most 2,560 bytes in an item.
func TestCredentialManager(t *testing.T) {
	key := bytes.Repeat([]byte{7}, keyLen)
	const env = "KEYCHAIN_TEST_APP"
	if app, child := os.LookupEnv(env); child {
		got, err := Keys(app).Key(t.Context(), "id")
		require.NoError(t, err)
		require.Equal(t, key, got)
		return
	}
	app := newApp(t)
	k := Keys(app)
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound)
	require.NoError(t, k.Create(t.Context(), "id", key))
	require.ErrorIs(t, k.Create(t.Context(), "id", key), cache.ErrConflict, "written once")
	self, err := os.Executable()
	require.NoError(t, err)
	later := exec.Command(self, "-test.run=^TestCredentialManager$")
	later.Env = append(os.Environ(), env+"="+app)
	out, err := later.CombinedOutput()
	require.NoError(t, err, "%s", out)

	c := system()
	require.NoError(t, c.set(service(app), "most", strings.Repeat("x", 2560)))
	err = c.explain(c.set(service(app), "more", strings.Repeat("x", 2561)))
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorContains(t, err, "too big")
	require.Less(t, len(formatItem(strings.Repeat("0", 32), key)), 2560/16)

	require.NoError(t, c.set(service(app), user("odd"), "not a key"))
	_, err = k.Key(t.Context(), "odd")
	require.ErrorIs(t, err, cache.ErrUnreadable)
	require.NoError(t, k.(cache.Remover).Remove(t.Context(), "id"))
	require.NoError(t, k.(cache.Remover).Remove(t.Context(), "id"), "there is nothing")
	_, err = k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound)
}

// A person signs in once, and a later process finds the session in their
// profile.
func TestSignedIn(t *testing.T) {
	home := t.TempDir()
	t.Setenv("LOCALAPPDATA", home)
	app := newApp(t)
	first := New(app)
	require.NoError(t, first.Unlock(t.Context()))
	rev, err := first.Put(t.Context(), "a-1", []byte("canary"), "")
	require.NoError(t, err)
	sealed, err := os.ReadFile(filepath.Join(home, app, "sessions", "a-1"))
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "canary")
	data, again, err := New(app).Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Equal(t, "canary", string(data))
	require.Equal(t, rev, again)

	require.NoError(t, keyring.DeleteAll(service(app))) // by hand, say
	_, lost, err := New(app).Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnreadable)
	_, err = New(app).Put(t.Context(), "a-1", []byte("signed in again"), lost)
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(home, app, "sessions", "a-1@lost"))
}

// The children find the name of the application in their environment.
func TestStore(t *testing.T) {
	const env = "KEYCHAIN_TEST_STORE"
	if os.Getenv(env) == "" {
		t.Setenv(env, newApp(t))
	}
	cachetest.Run(t, func(_ testing.TB, space string) cache.Store {
		return newIn(func(string) (string, error) { return space, nil }, os.Getenv(env))
	})
}
