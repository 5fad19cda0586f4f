// Package rediscache keeps sessions in a Redis that exists already, so that many
// hosts share them: the replicas of a daemon refresh a session once between
// them, and the server never sees a refresh token twice. Valkey and whatever
// else speaks the protocol of Redis 6 or later will do; it uses Lua scripts of a
// few lines, DEL and SCAN.
//
//	store := rediscache.New(client, cache.KeyFile("/run/secrets/session-key"), rediscache.Options{})
//
// What the server gets is sealed on this side ([cache.Seal]). All hosts need the
// same key, from a mounted secret for example. A keychain has another one on
// each host, and they would take each other's sessions for damaged.
//
// # What the server has to promise
//
// A refresh token that rotates is lost if the server forgets the write that
// brought it. Four lines of its configuration decide:
//
//	appendonly yes
//	appendfsync always            everysec loses a second of writes in a crash
//	maxmemory-policy noeviction   every other policy deletes sessions or their locks
//	min-replicas-to-write 1       where there are replicas
//
// Replication is asynchronous. A failover may fall back to an older refresh
// token, even so; a server with strict rotation then ends the session, and
// somebody has to sign in. min-replicas-to-write refuses writes while no
// replica follows, which makes the gap small and does not close it. Where that
// is too much, run one server with its disk and no failover: while it is down
// nothing is lost, and tokens in memory serve until they expire.
//
// Redis Cluster is supported: a session, its lock and what else there is of it
// share a slot. Reads never go to replicas, whatever the client prefers. A
// [redis.Ring] is refused, because it looks elsewhere when a shard is down and
// finds nobody signed in.
//
// # What the client should promise
//
// By default go-redis takes 1.7 seconds to report a refused connection, up to
// four times 3 seconds to give up on a server that hangs, whatever the context
// says, and writes about it to standard error. For a store, this is better:
//
//	redis.Options{ContextTimeoutEnabled: true, DialerRetries: 1, …}
//	redis.SetLogger(&logging.VoidLogger{})
//
// Its retries may stay: a write or a lock that is sent twice
// takes effect once. New needs no
// connection. The client remains the caller's, who closes it after
// Client.Shutdown of package msal.
//
// # What others do is seen late
//
// There is no [cache.Changer], which would have to be local and cheap. A sign-out
// in one replica is seen by the others when their token is due for a refresh,
// and their access token works until then anyway unless the server refuses it. An
// application that wants it sooner tells its replicas, which drop their
// msal.Client and make another; or it asks for shorter tokens.
//
// # Where to read
//
//   - store.go: New, and one record
//   - list.go: all of them
//   - lock.go: a lock that is a lease
//   - errors.go: what the server said, and what to do about it
package rediscache
