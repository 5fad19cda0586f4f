package rediscache

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/staysigned/staysigned/cache"
)

// Options are what programs rarely need to say. The zero value works.
type Options struct {
	// Prefix begins the name of everything in the server, up to a colon.
	// Programs with the same prefix share their sessions. Empty: "staysigned".
	Prefix string

	// Lease is how long a lock outlives a holder who was killed, and so how
	// long the others may have to wait. A holder who lives renews it three
	// times as often. 0: 15 s; at least 1 s.
	Lease time.Duration
}

const (
	defaultPrefix = "staysigned"
	defaultLease  = 15 * time.Second
	shortestLease = time.Second
)

// New returns the store of the sessions in client's server, sealed with a key
// from k. It is a [cache.TryLocker], [cache.Leaser], [cache.Reserver] and
// [cache.Unlocker]. It does no I/O; it panics without a client or keys, and if
// client is a [redis.Ring].
//
// Whatever keeps the server from answering is cache.ErrUnavailable, says what to
// change, and wraps the error of the client.
func New(client redis.UniversalClient, k cache.Keys, o Options) cache.Store {
	if client == nil {
		panic("rediscache: New needs a client")
	}
	if _, ok := client.(*redis.Ring); ok {
		panic("rediscache: a Ring looks elsewhere when a shard is down, and finds nobody signed in; use a ClusterClient")
	}
	s := &store{client: client, prefix: defaultPrefix, lease: defaultLease, leases: map[string]*lease{}}
	if o.Prefix != "" {
		s.prefix = o.Prefix
	}
	if o.Lease != 0 {
		s.lease = max(o.Lease, shortestLease)
	}
	return cache.Seal(s, k)
}

// store has a record as a hash with the fields rev and data. It never expires.
type store struct {
	client redis.UniversalClient
	prefix string
	lease  time.Duration

	mu     sync.Mutex
	leases map[string]*lease // of the locks held through this store, by key
}

// name is that of the record of key. The braces are a hash tag: all names that
// begin with it share a slot of a cluster.
func (s *store) name(key string) string { return s.prefix + ":{" + key + "}" }

func (s *store) lockName(key string) string { return s.name(key) + ":lock" }

func (s *store) roomName(key string) string { return s.name(key) + ":room" }

var legal = regexp.MustCompile(`\A[a-z][a-z0-9._-]{0,127}\z`)

func checkKey(key string) error {
	if !legal.MatchString(key) {
		return fmt.Errorf("rediscache: key %.140q is not of the form [a-z][a-z0-9._-]{0,127}", key)
	}
	return nil
}

// A script, because a cluster client may send plain reads to a replica, and
// what that has not heard of yet is a refresh token that is spent.
var getScript = redis.NewScript(`return redis.call('HMGET', KEYS[1], 'rev', 'data')`)

func (s *store) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	if err := checkKey(key); err != nil {
		return nil, "", err
	}
	fields, err := getScript.Run(ctx, s.client, []string{s.name(key)}).Slice()
	if err != nil {
		return nil, "", explain(ctx, "get "+key, err)
	}
	if len(fields) != 2 || fields[0] == nil {
		return nil, "", fmt.Errorf("rediscache: record %s: %w", key, cache.ErrNotFound)
	}
	rev, _ := fields[0].(string)
	data, _ := fields[1].(string)
	return []byte(data), cache.Rev(rev), nil
}

// The client repeats a command whose answer was lost. A second time the script
// finds its own revision, and says that it is done.
var putScript = redis.NewScript(`
local rev = redis.call('HGET', KEYS[1], 'rev') or ''
if rev == ARGV[2] then return 1 end
if rev ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'rev', ARGV[2], 'data', ARGV[3])
return 1`)

func (s *store) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	rev := rand.Text()
	done, err := putScript.Run(ctx, s.client, []string{s.name(key)}, string(prev), rev, data).Bool()
	if err != nil {
		what := "put " + key
		if !refused(err) {
			what += ", which may have been written all the same"
		}
		return "", explain(ctx, what, err)
	}
	if !done {
		return "", fmt.Errorf("rediscache: record %s: %w", key, cache.ErrConflict)
	}
	return cache.Rev(rev), nil
}

func (s *store) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return explain(ctx, "delete "+key, s.client.Del(ctx, s.name(key)).Err())
}

// A server that is a replica now, out of memory, or unable to write to its disk
// refuses this write as it would the next one.
var reserveScript = redis.NewScript(`
redis.call('SET', KEYS[1], '')
return redis.call('DEL', KEYS[1])`)

// Reserve asks whether the server takes writes at this moment. No server can
// promise more: another client may fill its memory before the next Put.
func (s *store) Reserve(ctx context.Context, key string, _ int) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return explain(ctx, "reserve "+key, reserveScript.Run(ctx, s.client, []string{s.roomName(key)}).Err())
}
