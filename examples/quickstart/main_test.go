package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// keyring is a keychain in memory, or the lack of one.
type keyring struct {
	keys map[string][]byte
	err  error
}

func (k *keyring) Key(_ context.Context, id string) ([]byte, error) {
	key, ok := k.keys[id]
	if k.err == nil && !ok {
		return nil, cache.ErrNotFound
	}
	return key, k.err
}

func (k *keyring) Create(_ context.Context, id string, key []byte) error {
	k.keys[id] = bytes.Clone(key)
	return k.err
}

func (k *keyring) Remove(_ context.Context, id string) error {
	delete(k.keys, id)
	return k.err
}

// tourOf takes the tour by script and returns what it printed.
func tourOf(t *testing.T, dir string, keys cache.Keys, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, keys, append([]string{"-auto", "-dir", dir}, args...)))
	return out.String()
}

// The first run signs in, the second one does not, and after -forget the third one does.
func TestTour(t *testing.T) {
	t.Parallel()
	keys, dir := &keyring{keys: map[string][]byte{}}, filepath.Join(t.TempDir(), "tour")
	first := tourOf(t, dir, keys)
	for _, line := range []string{
		"http://127.0.0.1:",
		"/authorize?client_id=quickstart&",
		"Signed in: Avery Example <avery@idp.example>\n",
		"The same token, from memory. Requests: 0\n",
		"A new token, and nobody was asked. Requests: 1\n",
		"200 OK: Hello, Avery Example!\n",
		"The session is in " + filepath.Join(dir, "sessions") + ", sealed.\n",
		"The key to it is in the keychain of this machine.\n",
	} {
		require.Contains(t, first, line)
	}
	require.Len(t, keys.keys, 1)
	require.NoFileExists(t, filepath.Join(dir, "key"))

	second := tourOf(t, dir, keys)
	require.Contains(t, second, "Signed in since an earlier run: Avery Example <avery@idp.example>\n")
	require.Regexp(t, `Nobody was asked\. Requests: [01]\n`, second)
	require.NotContains(t, second, "/authorize?")

	require.Contains(t, tourOf(t, dir, keys, "-forget"), "Signed out, here and at the platform.")
	require.NoDirExists(t, dir)
	require.Empty(t, keys.keys)
	require.Contains(t, tourOf(t, dir, keys), "Signed in: Avery Example")
}

// Without a keychain the session is kept all the same, and the tour says where the key is and why.
func TestNoKeychain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "tour")
	none := &keyring{keys: map[string][]byte{}, err: fmt.Errorf("no keyring: %w", cache.ErrNoSecureStorage)}
	first := tourOf(t, dir, none)
	require.Contains(t, first, filepath.Join(dir, "key")+", which only you can read, for want of a keychain:\n   ")
	require.Contains(t, first, "no keyring: no secure storage on this machine\n")

	late := &keyring{keys: map[string][]byte{}}
	second := tourOf(t, dir, late)
	require.Contains(t, second, "Nobody was asked.", "a keychain that comes later changes nothing")
	require.Contains(t, second, filepath.Join(dir, "key")+", which only you can read, as the first time.\n")
	tourOf(t, dir, late, "-forget")
	require.NoDirExists(t, dir)
}

// A keychain that has the key and cannot be had now is an error: another key would only end the session.
func TestKeychainAway(t *testing.T) {
	t.Parallel()
	keys, dir := &keyring{keys: map[string][]byte{}}, filepath.Join(t.TempDir(), "tour")
	tourOf(t, dir, keys)
	keys.err = cache.ErrLocked
	require.ErrorIs(t, run(t.Context(), &bytes.Buffer{}, keys, []string{"-auto", "-dir", dir}), cache.ErrLocked)
	require.NoFileExists(t, filepath.Join(dir, "key"))
	keys.err = nil
	require.Contains(t, tourOf(t, dir, keys), "Nobody was asked.")
}

// Where nothing can be written the tour goes on, and says that it will not be remembered.
func TestNoDirectory(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	out := tourOf(t, filepath.Join(file, "tour"), &keyring{})
	require.Contains(t, out, "The session is in the memory of this program, and ends with it:\n")
	require.NotContains(t, out, "-forget")
	tourOf(t, filepath.Join(file, "tour"), &keyring{}, "-forget")
}

// Another program has the platform's port: the tour says what to do, and -forget still works.
func TestAddressTaken(t *testing.T) {
	t.Parallel()
	keys, dir := &keyring{keys: map[string][]byte{}}, filepath.Join(t.TempDir(), "tour")
	tourOf(t, dir, keys)
	address, err := os.ReadFile(filepath.Join(dir, "address"))
	require.NoError(t, err)
	l, err := net.Listen("tcp", string(address))
	require.NoError(t, err)
	defer l.Close()
	err = run(t.Context(), &bytes.Buffer{}, keys, []string{"-auto", "-dir", dir})
	require.ErrorContains(t, err, "-forget")
	tourOf(t, dir, keys, "-forget")
	require.NoDirExists(t, dir)
}

// Ctrl-C in the middle of the tour.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &watcher{word: "Waiting", then: cancel}
	err := run(ctx, out, &keyring{keys: map[string][]byte{}}, []string{"-auto", "-dir", t.TempDir()})
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, out.String(), "A new token")
}

// watcher is an output that does something when a word comes along.
type watcher struct {
	bytes.Buffer
	word string
	then func()
}

func (w *watcher) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.word)) {
		w.then()
	}
	return w.Buffer.Write(p)
}

func TestNoBrowser(t *testing.T) {
	t.Parallel()
	w, err := newWorld("")
	require.NoError(t, err)
	t.Cleanup(w.close)
	var out bytes.Buffer
	who := &person{world: w, out: &out}
	client, err := newClient(w, &home{store: cache.Memory()}, who)
	require.NoError(t, err)
	browser := who.browser()
	require.Nil(t, browser.Open, "the system's browser comes first")
	browser.Open = func(context.Context, string) error { return errors.New("there is none") }

	token, err := client.SignIn(t.Context(), browser, scope)
	require.NoError(t, err)
	require.Equal(t, "Avery Example", token.Account.Name)
	require.Contains(t, out.String(), "No browser came up on this machine")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.ErrorIs(t, run(t.Context(), &out, &keyring{}, []string{"-h"}), flag.ErrHelp)
	require.Contains(t, out.String(), "-auto")
	require.Contains(t, out.String(), "-forget")
}
