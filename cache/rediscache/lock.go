package rediscache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// A lock is a name with a random value, which only its holder knows, and a time
// to live, which the holder renews. The only clocks are the server's, which
// counts that time, and the monotonic one here, which began before it. A holder
// who has not heard in time that the lease was renewed takes it for lost before
// the server does.
//
// A machine that sleeps may find that out late. That is what the compare-and-swap
// of Put is for.

const (
	// Waiters ask again after a random time between half of these and the
	// whole; they begin with the first, and double it up to the second.
	firstPoll = 5 * time.Millisecond
	lastPoll  = 100 * time.Millisecond

	// releaseLasts bounds what is done after a caller has left.
	releaseLasts = time.Second
)

// Repeated by the client, or asked again by a waiter whose answer was lost, it
// finds the lock taken by itself.
var lockScript = redis.NewScript(`
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

var renewScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

func (s *store) Lock(ctx context.Context, key string) (unlock func() error, err error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	token := rand.Text()
	for wait := firstPoll; ; wait = min(2*wait, lastPoll) {
		unlock, ok, err := s.take(ctx, key, token)
		if ok || err != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, explain(ctx, "lock "+key, context.Cause(ctx))
		case <-time.After(wait/2 + mathrand.N(wait/2)):
		}
	}
}

func (s *store) TryLock(ctx context.Context, key string) (unlock func() error, ok bool, err error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	return s.take(ctx, key, rand.Text())
}

// Lost implements [cache.Leaser].
func (s *store) Lost(key string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.leases[key]; l != nil {
		return l.lost
	}
	return nil
}

// take asks once for the lock.
func (s *store) take(ctx context.Context, key, token string) (unlock func() error, ok bool, err error) {
	if ctx.Err() != nil {
		return nil, false, explain(ctx, "lock "+key, context.Cause(ctx))
	}
	asked := time.Now()
	ok, err = lockScript.Run(ctx, s.client, []string{s.lockName(key)}, token, s.lease.Milliseconds()).Bool()
	if err != nil {
		if !refused(err) { // or all would wait for a holder that does not know that it is one
			_ = s.release(ctx, key, token)
		}
		return nil, false, explain(ctx, "lock "+key, err)
	}
	if !ok {
		return nil, false, nil
	}
	l := s.hold(ctx, key, token, asked)
	return sync.OnceValue(func() error { return s.unlock(ctx, key, l) }), true, nil
}

// lease is a lock that is held.
type lease struct {
	token string
	lost  chan struct{} // closed when it is
	lose  func()        // closes it, and ends the renewal
	stop  func()        // ends the renewal
	ended chan struct{} // closed when that is at its end
	late  *time.Timer   // calls lose unless the lease is renewed in time
}

func (s *store) hold(ctx context.Context, key, token string, asked time.Time) *lease {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	l := &lease{token: token, lost: make(chan struct{}), stop: stop, ended: make(chan struct{})}
	l.lose = sync.OnceFunc(func() { close(l.lost); stop() })
	l.late = time.AfterFunc(s.left(asked), l.lose)
	s.mu.Lock()
	s.leases[key] = l
	s.mu.Unlock()
	go s.renew(ctx, key, l)
	return l
}

// left is how long a lease that was asked for then may still be relied on: a
// tenth less than the server grants, for clocks that differ.
func (s *store) left(asked time.Time) time.Duration {
	return s.lease*9/10 - time.Since(asked)
}

// renew ends with the lease.
func (s *store) renew(ctx context.Context, key string, l *lease) {
	defer close(l.ended)
	for pause := s.lease / 3; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		asked := time.Now()
		held, err := renewScript.Run(ctx, s.client, []string{s.lockName(key)}, l.token, s.lease.Milliseconds()).Bool()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			pause = s.lease / 10 // there is time for some more
		case !held:
			l.lose()
			return
		default:
			pause = s.lease / 3
			l.late.Reset(s.left(asked))
		}
	}
}

var errLost = errors.New("the lock was lost before it was unlocked; another process may have had it")

func (s *store) unlock(ctx context.Context, key string, l *lease) error {
	l.stop()
	<-l.ended
	l.late.Stop()
	s.mu.Lock()
	if s.leases[key] == l { // else it was lost, and somebody else here has the next one
		delete(s.leases, key)
	}
	s.mu.Unlock()
	select {
	case <-l.lost:
		return fmt.Errorf("rediscache: unlock %s: %w", key, errLost)
	default:
	}
	return s.release(ctx, key, l.token)
}

// release frees the lock if it is ours, also for a caller who has left.
func (s *store) release(ctx context.Context, key, token string) error {
	ctx = context.WithoutCancel(ctx)
	brief, cancel := context.WithTimeout(ctx, releaseLasts)
	defer cancel()
	return explain(ctx, "unlock "+key, releaseScript.Run(brief, s.client, []string{s.lockName(key)}, token).Err())
}
