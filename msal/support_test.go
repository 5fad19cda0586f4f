package msal_test

import (
	"bytes"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const clientID = "a-test-client"

// newClient makes a Client for p; edit, if any, changes its Config.
func newClient(t testing.TB, p *msaltest.Platform, edit ...func(*msal.Config)) *msal.Client {
	t.Helper()
	cfg := msal.Config{ClientID: clientID, Authority: p.URL, HTTPClient: p.Client()}
	for _, e := range edit {
		e(&cfg)
	}
	c, err := msal.New(cfg)
	require.NoError(t, err)
	return c
}

// signIn signs in without sockets: it plays the browser between Authorize and
// Redeem.
func signIn(t testing.TB, p *msaltest.Platform, c *msal.Client, scope ...string) msal.Token {
	t.Helper()
	z, err := c.Authorize(t.Context(), "http://127.0.0.1/callback", scope...)
	require.NoError(t, err)
	token, err := z.Redeem(t.Context(), visit(t, p, z.URL()))
	require.NoError(t, err)
	return token
}

// visit opens an authorization URL and returns the parameters of the redirect.
func visit(t testing.TB, p *msaltest.Platform, address string) url.Values {
	t.Helper()
	return visitBy(t, p.Client(), address)
}

func visitBy(t testing.TB, browser *http.Client, address string) url.Values {
	t.Helper()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	return back.Query()
}

// keysOf yields the keys of a store's sessions.
func keysOf(t testing.TB, store cache.Store) iter.Seq[string] {
	return func(yield func(string) bool) {
		for key, err := range store.List(t.Context(), "a-") {
			require.NoError(t, err)
			if !yield(key) {
				return
			}
		}
	}
}

// sharedDir is a sealed directory that any number of processes open.
type sharedDir string

func newSharedDir(t testing.TB) sharedDir {
	t.Helper()
	dir := sharedDir(t.TempDir())
	require.NoError(t, os.WriteFile(dir.key(), bytes.Repeat([]byte("k"), 32), 0o600))
	return dir
}

func (d sharedDir) key() string { return filepath.Join(string(d), "key") }

// config gives a Client a store of its own over the directory.
func (d sharedDir) config(cfg *msal.Config) {
	cfg.Cache = cache.Dir(filepath.Join(string(d), "sessions"), cache.KeyFile(d.key()))
}
