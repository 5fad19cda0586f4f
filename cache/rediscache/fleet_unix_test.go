//go:build unix

package rediscache_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/rediscache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// What a replica is told.
const (
	replicaDir       = "REDISCACHE_REPLICA_DIR"
	replicaAuthority = "REDISCACHE_REPLICA_AUTHORITY"
)

// replica takes a token with a new Client for each line that it reads, and
// prints it: the tokens are those of a test.
func replica(dir, authority string) error {
	client := redis.NewClient(options(dir))
	defer client.Close()
	store := rediscache.New(client, cache.KeyFile(filepath.Join(dir, "key")), rediscache.Options{})
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		c, err := newClient(&msaltest.Platform{URL: authority}, store)
		if err != nil {
			return err
		}
		token, err := c.Token(context.Background(), "read")
		if err := errors.Join(err, c.Shutdown(context.Background())); err != nil {
			return err
		}
		fmt.Println(token.AccessToken())
	}
	return nil
}

// Twenty replicas find the session expired at the same moment: one of them
// refreshes, and all have its token.
func TestProcesses(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	p := newPlatform(t)
	store := srv.store()
	expired(t, p, store)
	c := mustClient(t, p, store)

	const replicas = 20
	inputs, outputs := make([]io.Writer, replicas), make([]*bufio.Scanner, replicas)
	for i := range replicas {
		self, err := os.Executable()
		require.NoError(t, err)
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), replicaDir+"="+srv.dir, replicaAuthority+"="+p.URL)
		cmd.Stderr = t.Output()
		stdin, err := cmd.StdinPipe()
		require.NoError(t, err)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		defer func() {
			stdin.Close()
			require.NoError(t, cmd.Wait())
		}()
		inputs[i], outputs[i] = stdin, bufio.NewScanner(stdout)
	}
	for _, out := range outputs {
		require.True(t, out.Scan())
		require.Equal(t, "ready", out.Text())
	}
	for round := range max(3, min(20, 2*long()), long()) {
		if round > 0 {
			p.AccessTokenLife = time.Second
			token, err := c.ForceRefresh().Token(t.Context(), "read")
			require.NoError(t, err)
			expire(p, token)
		}
		for _, in := range inputs {
			_, err := io.WriteString(in, "\n")
			require.NoError(t, err)
		}
		tokens := map[string]bool{}
		for _, out := range outputs {
			require.True(t, out.Scan(), "a replica failed")
			tokens[out.Text()] = true
		}
		require.Len(t, tokens, 1)
		require.Len(t, p.TokenRequests("refresh_token"), 1)
		require.Equal(t, 1, p.Count("token"))
	}
	require.True(t, p.SessionAlive("avery"))
}

// The server crashes between a refresh and the next. What it said is durable is
// there again.
func TestRestart(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	p := newPlatform(t)
	store := srv.store()
	_, err := mustClient(t, p, store).SignIn(t.Context(), msal.Browser{Open: p.Browse}, "read")
	require.NoError(t, err)
	for range often(3, 50) {
		before, err := mustClient(t, p, store).ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, before.Warning)
		srv.kill()
		_, err = mustClient(t, p, srv.store()).Token(t.Context(), "read")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		srv.start()
		p.ResetLog()
		after, err := mustClient(t, p, store).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, before.AccessToken(), after.AccessToken())
		require.Zero(t, p.Count())
	}
}

// Killed in the middle of a row of writes, the server has the last one that it
// confirmed, or the one that it was about to.
func TestRestartWhileWriting(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--appendonly", "yes", "--appendfsync", "always")
	s := srv.store(func(o *redis.Options) { o.MaxRetries = -1 })
	n := 1
	rev, err := s.Put(t.Context(), "a-1", []byte(fmt.Sprint(n)), "")
	require.NoError(t, err)
	for round := range often(3, 50) {
		killed := time.AfterFunc(time.Duration(20+7*round%30)*time.Millisecond, func() { _ = srv.cmd.Process.Kill() })
		for {
			next, err := s.Put(t.Context(), "a-1", []byte(fmt.Sprint(n+1)), rev)
			if err != nil {
				require.ErrorIs(t, err, cache.ErrUnavailable)
				break
			}
			n, rev = n+1, next
		}
		killed.Stop()
		_ = srv.cmd.Wait()
		srv.start()
		data, now, err := s.Get(t.Context(), "a-1")
		require.NoError(t, err)
		if now == rev {
			require.Equal(t, fmt.Sprint(n), string(data))
		} else {
			require.Equal(t, fmt.Sprint(n+1), string(data))
			n, rev = n+1, now
		}
	}
}
