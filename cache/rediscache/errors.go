package rediscache

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/staysigned/staysigned/cache"
)

// remedies say what to change, by the word that a server's error has in it.
// Since Redis 7 the word comes first; before, what went wrong in a script came
// with a preface.
var remedies = []struct{ code, remedy string }{
	{"READONLY", "this server is a replica, perhaps since a failover; connect to the primary, by Sentinel or the name that follows it"},
	{"OOM ", "the server has no memory left; raise its maxmemory, and leave maxmemory-policy at noeviction: any other deletes sessions"},
	{"MISCONF", "the server cannot write to its disk; its log says why"},
	{"NOREPLICAS", "too few replicas follow the server (min-replicas-to-write); bring one back"},
	{"LOADING", "the server is reading its data after a start; wait"},
	{"MASTERDOWN", "this replica has lost its primary; connect to the primary"},
	{"CLUSTERDOWN", "the cluster is not complete; look at CLUSTER INFO"},
	{"MOVED ", "this server is part of a cluster; use redis.NewClusterClient"},
	{"NOAUTH", "the server wants a password; set Username and Password of the client"},
	{"WRONGPASS", "the server does not know this user or password; set Username and Password of the client"},
	{"NOPERM", "the user may not do this; allow it eval, evalsha, hmget, hget, hset, set, get, del, pexpire, scan, and the keys of the prefix"},
	{"ACL failure", "the user may not do this in a script; allow it hmget, hget, hset, set, get, del, pexpire, and the keys of the prefix"},
	{"WRONGTYPE", "another program uses names of this prefix; set Options.Prefix"},
	{"max number of clients", "the server has too many connections; raise its maxclients, or lower PoolSize of its clients"},
	{"unknown command", "the server does not allow scripts, or not all commands; enable them"},
}

// refused reports whether a server answered with an error: a script that ends
// with one has written nothing.
func refused(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok && !errors.Is(err, redis.Nil)
}

// explain says what went wrong with what, and what to do. The end of the
// caller's context says nothing about the store.
func explain(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("rediscache: %s: given up: %w", what, context.Cause(ctx))
	}
	remedy := "no answer; see whether the server runs and the client has its address, TLS and network right"
	if refused(err) {
		remedy = "the server refuses"
		for _, r := range remedies {
			if strings.Contains(err.Error(), r.code) {
				remedy = r.remedy
				break
			}
		}
	}
	return fmt.Errorf("rediscache: %s: %w: %s: %w", what, cache.ErrUnavailable, remedy, err)
}
