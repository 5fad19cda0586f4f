//go:build unix

package rediscache_test

import (
	"context"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/rediscache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// hurried gives up soon on a server that hangs.
func hurried(o *redis.Options) { o.ReadTimeout, o.MaxRetries = 200*time.Millisecond, -1 }

// recordKey is the key of the only session.
func recordKey(t *testing.T, s cache.Store) string {
	t.Helper()
	for key, err := range s.List(t.Context(), "a-") {
		require.NoError(t, err)
		return key
	}
	t.Fatal("no session")
	return ""
}

// lost waits until the holder of the session's lock is told that it is lost.
func lost(t *testing.T, s cache.Store, key string) {
	channel := s.(cache.Leaser).Lost(key)
	if channel == nil {
		t.Error("the lock is not held")
		return
	}
	select {
	case <-channel:
	case <-time.After(time.Minute):
		t.Error("nobody said that the lock is lost")
	}
}

// The lock is lost while a refresh holds it. Before its request is sent that
// stops it; afterwards the answer is stored, whoever has the lock now.
func TestLeaseExpiresDuringRefresh(t *testing.T) {
	t.Parallel()
	deleteLock := func(srv *server, key string) { srv.do("DEL", "staysigned:{"+key+"}:lock") }
	stop := func(srv *server, _ string) { srv.signal(syscall.SIGSTOP) }
	for name, tt := range map[string]struct {
		sent      bool
		lose      func(srv *server, key string)
		meanwhile bool // another replica refreshes
	}{
		"lock deleted before":                     {lose: deleteLock},
		"server stopped before":                   {lose: stop},
		"lock deleted after":                      {sent: true, lose: deleteLock},
		"server stopped after":                    {sent: true, lose: stop},
		"lock deleted after, another has it then": {sent: true, lose: deleteLock, meanwhile: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := startServer(t)
			p := newPlatform(t)
			p.Rotation = msaltest.Grace
			store := srv.store(hurried)
			expired(t, p, store)
			key := recordKey(t, store)
			other := mustClient(t, p, srv.store())
			c := mustClient(t, p, store, func(cfg *msal.Config) {
				cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (resp *http.Response, err error) {
					if tt.sent {
						resp, err = http.DefaultTransport.RoundTrip(r)
					}
					tt.lose(srv, key)
					lost(t, store, key)
					if tt.meanwhile {
						if _, err := other.Token(context.Background(), "read"); err != nil {
							t.Error(err)
						}
					}
					if !tt.sent {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					srv.signal(syscall.SIGCONT)
					return resp, err
				})}
			})
			token, err := c.Token(t.Context(), "read")
			srv.signal(syscall.SIGCONT)
			if tt.sent {
				require.NoError(t, err)
				require.NoError(t, token.Warning)
			} else {
				require.ErrorIs(t, err, msal.ErrBusy)
				require.Zero(t, p.Count("token"))
			}
			require.True(t, p.SessionAlive("avery"))

			p.ResetLog()
			again, err := mustClient(t, p, srv.store()).Token(t.Context(), "read")
			require.NoError(t, err)
			if tt.sent {
				require.Zero(t, p.Count(), "the token is not in the store")
			}
			if tt.sent && !tt.meanwhile {
				require.Equal(t, token.AccessToken(), again.AccessToken())
			}
			_, err = mustClient(t, p, srv.store()).ForceRefresh().Token(t.Context(), "read")
			require.NoError(t, err)
			require.True(t, p.SessionAlive("avery"))
		})
	}
}

// Whoever has lost the lock is told, nothing stays at work, and unlocking takes
// nothing from who has it now. Not in parallel: it looks at all goroutines.
func TestLost(t *testing.T) {
	for name, lose := range map[string]func(*server){
		"deleted": func(srv *server) { srv.do("DEL", "staysigned:{a-1}:lock") },
		"taken":   func(srv *server) { srv.do("SET", "staysigned:{a-1}:lock", "somebody else") },
		"stopped": func(srv *server) { srv.signal(syscall.SIGSTOP) },
		"killed":  func(srv *server) { srv.kill() },
	} {
		t.Run(name, func(t *testing.T) {
			srv := startServer(t)
			s := srv.store(hurried)
			unlock, err := s.Lock(t.Context(), "a-1")
			require.NoError(t, err)
			lose(srv)
			lost(t, s, "a-1")
			require.Eventually(t, nobodyRenews, time.Minute, 5*time.Millisecond)
			require.ErrorContains(t, unlock(), "was lost")
			require.Nil(t, s.(cache.Leaser).Lost("a-1"))
			if name == "taken" {
				require.Equal(t, "somebody else", srv.client().Get(t.Context(), "staysigned:{a-1}:lock").Val())
			}
		})
	}
}

func nobodyRenews() bool {
	stacks := make([]byte, 1<<20)
	return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), ").renew(")
}

// Nothing waits for the next renewal of a lock that is unlocked. Not in
// parallel either.
func TestUnlockEndsRenewal(t *testing.T) {
	srv := startServer(t)
	s := rediscache.New(srv.client(), srv.keys(), rediscache.Options{Lease: time.Hour})
	unlock, err := s.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	require.NoError(t, unlock())
	require.Eventually(t, nobodyRenews, time.Minute, time.Millisecond)
}

// What the server would refuse later it refuses before a refresh token is
// spent: at once, or under the lock.
func TestRefused(t *testing.T) {
	t.Parallel()
	config := func(name, value string) func(*server) {
		return func(srv *server) { srv.do("CONFIG", "SET", name, value) }
	}
	for name, tt := range map[string]struct {
		breaks, heals func(*server)
		says          string
	}{
		"replica": {
			func(srv *server) { srv.do("REPLICAOF", "127.0.0.1", "1") },
			func(srv *server) { srv.do("REPLICAOF", "NO", "ONE") }, "connect to the primary",
		},
		"no memory":   {config("maxmemory", "1"), config("maxmemory", "0"), "raise its maxmemory"},
		"no replicas": {config("min-replicas-to-write", "1"), config("min-replicas-to-write", "0"), "min-replicas-to-write"},
		"stopped": {
			func(srv *server) { srv.signal(syscall.SIGSTOP) },
			func(srv *server) { srv.signal(syscall.SIGCONT) }, "no answer",
		},
	} {
		for _, late := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + ", under the lock"}[late], func(t *testing.T) {
				t.Parallel()
				srv := startServer(t)
				p := newPlatform(t)
				store := srv.store(hurried)
				expired(t, p, store)
				key := recordKey(t, store)
				asked := &reserving{Store: store, before: func() { tt.breaks(srv) }}
				var used cache.Store = asked
				if !late {
					tt.breaks(srv)
					used = store
				}
				_, err := mustClient(t, p, used).Token(t.Context(), "read")
				require.ErrorIs(t, err, cache.ErrUnavailable)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				require.NotErrorIs(t, err, cache.ErrNotFound)
				require.ErrorContains(t, err, tt.says)
				require.Zero(t, p.Count("token"))
				require.ErrorIs(t, store.(cache.Reserver).Reserve(t.Context(), key, 1), cache.ErrUnavailable)
				_, err = store.Put(t.Context(), "a-2", nil, "")
				require.ErrorIs(t, err, cache.ErrUnavailable)

				tt.heals(srv)
				_, err = mustClient(t, p, store).Token(t.Context(), "read")
				require.NoError(t, err)
				require.True(t, p.SessionAlive("avery"))
			})
		}
	}
}

// reserving is a store whose server breaks just before it is asked for room.
type reserving struct {
	cache.Store
	before func()
}

func (s *reserving) Sealed() bool { return true }

func (s *reserving) Reserve(ctx context.Context, key string, n int) error {
	s.before()
	return s.Store.(cache.Reserver).Reserve(ctx, key, n)
}

// Whom the server does not let in, or not do enough, learns what to change and
// no password.
func TestNotAllowed(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	srv.do("ACL", "SETUSER", "reader", "on", ">canary", "~*", "+@read", "+@connection")
	srv.do("ACL", "SETUSER", "elsewhere", "on", ">canary", "~elsewhere:*", "+@all")
	srv.do("ACL", "SETUSER", "enough", "on", ">canary", "~staysigned:*",
		"+eval", "+evalsha", "+hmget", "+hget", "+hset", "+set", "+get", "+del", "+pexpire", "+scan")
	srv.do("CONFIG", "SET", "requirepass", "canary")
	for name, tt := range map[string]struct{ user, password, says string }{
		"no password":    {"", "", "NOAUTH"},
		"wrong password": {"", "wrong canary", "WRONGPASS"},
		"may only read":  {"reader", "canary", "the user may not do this"},
		"other keys":     {"elsewhere", "canary", "the keys of the prefix"},
	} {
		_, _, err := srv.store(func(o *redis.Options) { o.Username, o.Password = tt.user, tt.password }).Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable, name)
		require.ErrorContains(t, err, tt.says, name)
		require.NotContains(t, err.Error(), "canary", name)
	}
	s := srv.store(func(o *redis.Options) { o.Username, o.Password = "enough", "canary" })
	unlock, err := s.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 1))
	rev, err := s.Put(t.Context(), "a-1", nil, "")
	require.NoError(t, err)
	_, now, err := s.Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Equal(t, rev, now)
	require.Equal(t, "a-1", recordKey(t, s))
	require.NoError(t, s.Delete(t.Context(), "a-1"))
	require.NoError(t, unlock())
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", Password: "canary", DialerRetries: 1, ContextTimeoutEnabled: true})
	defer client.Close()
	s := rediscache.New(client, cache.KeyFile("unused"), rediscache.Options{})
	_, _, err := s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.ErrorContains(t, err, "see whether the server runs")
	require.NotContains(t, err.Error(), "canary")
	for key, err := range s.List(t.Context(), "a-") {
		require.Empty(t, key)
		require.ErrorIs(t, err, cache.ErrUnavailable)
	}
}
