package cache

import (
	"context"
	"sync"
)

// locks are mutexes by name that a context can stop waiting for. One is
// forgotten with its last user, or 100,000 accounts would leave 100,000
// behind. The zero value is ready.
type locks struct {
	mu    sync.Mutex
	named map[string]*namedLock
}

// namedLock is held by whoever put a value into the channel.
type namedLock struct {
	held  chan struct{}
	users int
}

// lock waits for the lock of name until ctx ends.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := l.use(name)
	select {
	case n.held <- struct{}{}:
		return l.unlocker(name, n), nil
	case <-ctx.Done():
		l.leave(name, n)
		return nil, ctx.Err()
	}
}

func (l *locks) tryLock(name string) (unlock func(), ok bool) {
	n := l.use(name)
	select {
	case n.held <- struct{}{}:
		return l.unlocker(name, n), true
	default:
		l.leave(name, n)
		return nil, false
	}
}

func (l *locks) use(name string) *namedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.named[name]
	if n == nil {
		if l.named == nil {
			l.named = map[string]*namedLock{}
		}
		n = &namedLock{held: make(chan struct{}, 1)}
		l.named[name] = n
	}
	n.users++
	return n
}

func (l *locks) leave(name string, n *namedLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.users--; n.users == 0 {
		delete(l.named, name)
	}
}

// unlocker makes the unlock function; calling it again does nothing.
func (l *locks) unlocker(name string, n *namedLock) func() {
	return sync.OnceFunc(func() {
		<-n.held
		l.leave(name, n)
	})
}
