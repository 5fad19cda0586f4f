package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTour(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, []string{"-auto"}))
	for _, line := range []string{
		"http://127.0.0.1:",
		"/authorize?client_id=quickstart&",
		"Signed in: Avery Example <avery@idp.example>\n",
		"The same token, from memory. Requests: 0\n",
		"A new token, and nobody was asked. Requests: 1\n",
		"200 OK: Hello, Avery Example!\n",
		"sign-in required\n",
	} {
		require.Contains(t, out.String(), line)
	}
}

// Ctrl-C in the middle of the tour.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := &watcher{word: "Waiting", then: cancel}
	require.ErrorIs(t, run(ctx, out, []string{"-auto"}), context.Canceled)
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
	w, err := newWorld()
	require.NoError(t, err)
	t.Cleanup(w.close)
	var out bytes.Buffer
	who := &person{world: w, out: &out}
	client, err := newClient(w, who)
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
	require.ErrorIs(t, run(t.Context(), &out, []string{"-h"}), flag.ErrHelp)
	require.Contains(t, out.String(), "-auto")
}
