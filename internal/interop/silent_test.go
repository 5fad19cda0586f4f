package interop

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/stretchr/testify/require"
)

// The judge of the tests below is as strict as they need it: whoever shows a spent refresh token ends the session
// (RFC 9700 section 4.14.2), so a session that is alive was never raced.
func TestProviderEndsTheGrantOnReuse(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)
	client, traffic := newClient(t, p, nil)
	signIn(t, p, client, chrome.Person(t), "alice")
	first := traffic.RefreshTokens()[0]

	_, err := client.ForceRefresh().Token(t.Context(), "notes.read")
	require.NoError(t, err)
	require.False(t, spend(t, p, first), "a spent refresh token is refused")

	_, err = client.ForceRefresh().Token(t.Context(), "notes.read")
	require.ErrorIs(t, err, msal.ErrSignInRequired, "and its successor died with it")
	requireServerError(t, err, "invalid_grant")
}

func TestSilentRefresh(t *testing.T) {
	t.Parallel()
	p, chrome, store := StartProvider(t, "AT_TTL=3"), StartChrome(t), newStore(t)
	client, traffic := newClient(t, p, store.open())
	token := signIn(t, p, client, chrome.Person(t), "alice")

	t.Run("one request each time, and a new refresh token", func(t *testing.T) {
		for range 3 {
			expire(token)
			traffic.Take()
			next, err := client.Token(t.Context(), "notes.read")
			require.NoError(t, err)
			require.Equal(t, []string{"POST /token"}, traffic.Take())
			require.NotEqual(t, token.AccessToken(), next.AccessToken())
			require.Equal(t, token.Account, next.Account)
			require.NoError(t, next.Warning)
			token = next
		}
		given := traffic.RefreshTokens()
		slices.Sort(given)
		require.Len(t, slices.Compact(given), 4, "the provider rotates")
	})

	t.Run("a fresh process needs none for a valid token", func(t *testing.T) {
		fresh, requests := newClient(t, p, store.open())
		again, err := fresh.Token(t.Context(), "notes.read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), again.AccessToken())
		require.Empty(t, requests.Take())
	})

	t.Run("50 goroutines share one", func(t *testing.T) {
		expire(token)
		traffic.Take()
		tokens, errs := [50]msal.Token{}, [50]error{}
		var wg sync.WaitGroup
		for i := range tokens {
			wg.Go(func() { tokens[i], errs[i] = client.Token(t.Context(), "notes.read") })
		}
		wg.Wait()
		require.Equal(t, []string{"POST /token"}, traffic.Take())
		for i := range tokens {
			require.NoError(t, errs[i])
			require.Equal(t, tokens[0].AccessToken(), tokens[i].AccessToken())
		}
		token = tokens[0]
	})

	t.Run("8 processes share one", func(t *testing.T) {
		expire(token)
		require.Equal(t, 1, refreshInProcesses(t, p, store, 8))
	})

	t.Run("the session is alive afterwards", func(t *testing.T) {
		_, err := client.ForceRefresh().Token(t.Context(), "notes.read")
		require.NoError(t, err)
		require.Equal(t, "alice", whose(t, p, client))
	})
}

// A durableStore is a directory that several processes open, as a daemon and a command-line tool do.
type durableStore struct{ dir string }

func newStore(t *testing.T) durableStore {
	t.Helper()
	s := durableStore{t.TempDir()}
	key := make([]byte, 32)
	rand.Read(key)
	require.NoError(t, os.WriteFile(s.key(), key, 0o600))
	return s
}

func (s durableStore) key() string { return filepath.Join(s.dir, "key") }

func (s durableStore) open() cache.Store {
	return cache.Dir(filepath.Join(s.dir, "sessions"), cache.KeyFile(s.key()))
}

// What the parent tells a child.
const (
	childIssuer = "INTEROP_CHILD_ISSUER"
	childDir    = "INTEROP_CHILD_DIR"
)

// refreshInProcesses lets n processes ask for a token at once and returns how many requests they sent together.
func refreshInProcesses(t *testing.T, p *Provider, store durableStore, n int) int {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	sent, errs := make([]int, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), childIssuer+"="+p.Issuer, childDir+"="+store.dir)
			cmd.Stderr = os.Stderr
			var out []byte
			if out, errs[i] = cmd.Output(); errs[i] == nil {
				errs[i] = json.Unmarshal(out, &sent[i])
			}
		})
	}
	wg.Wait()
	sum := 0
	for i := range n {
		require.NoError(t, errs[i])
		sum += sent[i]
	}
	return sum
}
