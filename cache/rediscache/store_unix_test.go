//go:build unix

package rediscache_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
	"github.com/staysigned/staysigned/cache/rediscache"
)

// storeDir tells the other processes of the suite where the server is.
const storeDir = "REDISCACHE_TEST_DIR"

func TestStore(t *testing.T) {
	dir, ok := os.LookupEnv(storeDir)
	if !ok {
		dir = startServer(t).dir
		t.Setenv(storeDir, dir)
	}
	lease := time.Duration(0)
	if testing.Short() {
		lease = 2 * time.Second
	}
	cachetest.Run(t, func(t testing.TB, space string) cache.Store {
		client := redis.NewClient(options(dir))
		t.Cleanup(func() { client.Close() })
		return rediscache.New(client, cache.KeyFile(filepath.Join(dir, "key")), rediscache.Options{Prefix: space, Lease: lease})
	})
}

// Two nodes, each with half of the slots, and a client that would rather read
// from replicas.
func TestCluster(t *testing.T) {
	t.Parallel()
	sockets, slots := map[string]string{}, []redis.ClusterSlot{}
	var nodes []*server
	for i := range 2 {
		n := startServer(t, "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no", "--port", freePort(t), "--cluster-port", freePort(t))
		first, last := i*8192, i*8192+8191
		n.do("CLUSTER", "ADDSLOTSRANGE", first, last)
		require.Eventually(t, func() bool {
			return strings.Contains(n.client().ClusterInfo(t.Context()).Val(), "cluster_state:ok")
		}, time.Minute, 10*time.Millisecond)
		addr := fmt.Sprintf("node%d:6379", i)
		sockets[addr] = socket(n.dir)
		slots = append(slots, redis.ClusterSlot{Start: first, End: last, Nodes: []redis.ClusterNode{{Addr: addr}}})
		nodes = append(nodes, n)
	}
	spaces := 0
	cachetest.RunInProcess(t, func(t testing.TB) cache.Store {
		client := redis.NewClusterClient(&redis.ClusterOptions{
			ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return slots, nil },
			Dialer: func(ctx context.Context, _, addr string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "unix", sockets[addr])
			},
			ReadOnly: true, ContextTimeoutEnabled: true,
		})
		t.Cleanup(func() { client.Close() })
		spaces++
		return rediscache.New(client, nodes[0].keys(), rediscache.Options{Prefix: fmt.Sprint("space", spaces), Lease: time.Second})
	})
	for _, n := range nodes {
		require.NotEmpty(t, n.client().Keys(t.Context(), "*").Val(), "all records are in the other node")
	}
}

// freePort is free now. Nobody else wants it: the tests use sockets.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port
}

// The server sees nothing in plaintext, and no record has a time to live.
func TestAtRest(t *testing.T) {
	t.Parallel()
	srv := startServer(t, "--appendonly", "yes")
	s := srv.store()
	const canary = "canary: a refresh token"
	_, err := s.Put(t.Context(), "a-1", []byte(canary), "")
	require.NoError(t, err)
	unlock, err := s.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	defer unlock()
	client := srv.client()
	names, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"staysigned:{a-1}", "staysigned:{a-1}:lock", "staysigned:{store.json}"}, names)
	for _, name := range names {
		ttl := client.PTTL(t.Context(), name).Val()
		require.Equal(t, name == "staysigned:{a-1}:lock", ttl > 0, "%s: %v", name, ttl)
	}
	files := 0
	err = filepath.WalkDir(srv.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		require.NotContains(t, string(data), canary, path)
		return err
	})
	require.NoError(t, err)
	require.Greater(t, files, 2, "the key, and the server's own")
	require.NotContains(t, fmt.Sprintf("%+v %#v", s, s), canary)
}

// Stores of two prefixes share a server; a prefix is not a pattern.
func TestPrefix(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	for _, prefix := range []string{"a*b", "a[x]b", `a\?b`, "axb", "a{tag}b"} {
		s := rediscache.New(srv.client(), srv.keys(), rediscache.Options{Prefix: prefix})
		for i := range 3 {
			_, err := s.Put(t.Context(), fmt.Sprint("k", i), []byte(prefix), "")
			require.NoError(t, err)
		}
		var keys []string
		for key, err := range s.List(t.Context(), "k") {
			require.NoError(t, err)
			keys = append(keys, key)
		}
		require.ElementsMatch(t, []string{"k0", "k1", "k2"}, keys)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	keys := cache.KeyFile("unused")
	require.Panics(t, func() { rediscache.New(nil, keys, rediscache.Options{}) })
	require.Panics(t, func() { rediscache.New(redis.NewClient(&redis.Options{}), nil, rediscache.Options{}) })
	ring := redis.NewRing(&redis.RingOptions{})
	defer ring.Close()
	require.Panics(t, func() { rediscache.New(ring, keys, rediscache.Options{}) })
}
