//go:build unix

package rediscache_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/rediscache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// TestMain makes the test binary one of many replicas too.
func TestMain(m *testing.M) {
	flag.Parse()
	redis.SetLogger(&logging.VoidLogger{})
	if dir, ok := os.LookupEnv(replicaDir); ok {
		if err := replica(dir, os.Getenv(replicaAuthority)); err != nil {
			fmt.Fprintln(os.Stderr, "replica:", err)
			os.Exit(1)
		}
		return
	}
	if long() < 100 {
		if err := flag.Set("test.short", "true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// long is how much of the full count tests repeat, in per cent.
func long() int {
	percent, _ := strconv.Atoi(os.Getenv("STAYSIGNED_LONG"))
	return percent
}

// often is at least a few, and full at the most.
func often(few, full int) int { return max(few, full*long()/100) }

// server is a redis-server of one test, with a socket in a directory of its own.
type server struct {
	t    testing.TB
	dir  string
	args []string
	cmd  *exec.Cmd
}

func startServer(t testing.TB, args ...string) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") // the address of a socket has to be short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	key := make([]byte, 32)
	rand.Read(key)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), key, 0o600))
	s := &server{t: t, dir: dir, args: args}
	s.start()
	t.Cleanup(s.kill)
	return s
}

// start waits until the server takes commands.
func (s *server) start() {
	s.t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.t.Fatalf("no redis-server here (%v): run `bash .ci/install` at the root of the checkout", err)
	}
	args := append([]string{"--bind", "127.0.0.1", "--port", "0", "--unixsocket", socket(s.dir), "--dir", s.dir, "--save", "", "--appendonly", "no"}, s.args...)
	s.cmd = exec.Command(path, args...)
	s.cmd.SysProcAttr = endsWithParent()
	require.NoError(s.t, s.cmd.Start())
	client := redis.NewClient(options(s.dir))
	defer client.Close()
	require.Eventually(s.t, func() bool { return client.Ping(context.Background()).Err() == nil }, time.Minute, 5*time.Millisecond)
}

func socket(dir string) string { return filepath.Join(dir, "s") }

// kill ends the server as a crash does.
func (s *server) kill() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(sig))
}

// options are those that the documentation of the package advises.
func options(dir string) *redis.Options {
	return &redis.Options{Network: "unix", Addr: socket(dir), ContextTimeoutEnabled: true, DialerRetries: 1}
}

func (s *server) client(edit ...func(*redis.Options)) *redis.Client {
	o := options(s.dir)
	for _, e := range edit {
		e(o)
	}
	client := redis.NewClient(o)
	s.t.Cleanup(func() { client.Close() })
	return client
}

// do sends a command to the server from outside.
func (s *server) do(args ...any) {
	s.t.Helper()
	require.NoError(s.t, s.client().Do(context.Background(), args...).Err())
}

// store returns a store with a short lease.
func (s *server) store(edit ...func(*redis.Options)) cache.Store {
	return rediscache.New(s.client(edit...), s.keys(), rediscache.Options{Lease: time.Second})
}

func (s *server) keys() cache.Keys { return cache.KeyFile(filepath.Join(s.dir, "key")) }

// newClient makes a Client of p, which listens on a socket.
func newClient(p *msaltest.Platform, store cache.Store, edit ...func(*msal.Config)) (*msal.Client, error) {
	cfg := msal.Config{ClientID: "a-fleet", Authority: p.URL, Cache: store, InsecureLoopbackHTTP: true}
	for _, e := range edit {
		e(&cfg)
	}
	return msal.New(cfg)
}

func mustClient(t testing.TB, p *msaltest.Platform, store cache.Store, edit ...func(*msal.Config)) *msal.Client {
	t.Helper()
	c, err := newClient(p, store, edit...)
	require.NoError(t, err)
	return c
}

// newPlatform serves a platform on a socket.
func newPlatform(t testing.TB) *msaltest.Platform {
	p := msaltest.New(t)
	p.Start()
	return p
}

// expired signs in, and leaves an access token that has expired. The next ones
// last an hour.
func expired(t testing.TB, p *msaltest.Platform, store cache.Store) {
	t.Helper()
	c := mustClient(t, p, store)
	p.AccessTokenLife = time.Second
	token, err := c.SignIn(t.Context(), msal.Browser{Open: p.Browse}, "read")
	require.NoError(t, err)
	expire(p, token)
}

// expire waits, as the processes of a test share no other clock.
func expire(p *msaltest.Platform, token msal.Token) {
	time.Sleep(time.Until(token.Expiry))
	p.AccessTokenLife = time.Hour
	p.ResetLog()
}
