package msal

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxWait is how long a caller whose context has no deadline waits for a refresh
// and for the lock of another process before it: two requests of 30 seconds and some.
const maxWait = 75 * time.Second

// errHeld: somebody else is refreshing, and the current token still serves.
var errHeld = errors.New("another refresh is under way")

// flight is one refresh that any number of callers wait for.
type flight struct {
	key     string
	done    chan struct{}
	token   Token
	err     error
	waiters int    // guarded by session.mu
	giveUp  func() // nobody waits any more: stop, if the request is not on its way
}

// fly joins the refresh of that key, or starts it; alone, it starts only if no
// other is under way. Each caller waits as long as its own context lets it;
// the refresh itself goes on until nobody waits, and once its request is on
// its way also beyond: an answer that nobody reads may be the only copy of a
// new refresh token.
func (s *session) fly(ctx context.Context, key string, alone bool, refresh func(context.Context) (Token, error)) (Token, error) {
	s.mu.Lock()
	if alone && len(s.flights) > 0 {
		s.mu.Unlock()
		return Token{}, errHeld
	}
	f := s.flights[key]
	if f == nil {
		f = s.launch(context.WithoutCancel(ctx), key, refresh)
	}
	f.waiters++
	s.mu.Unlock()

	var limit <-chan time.Time
	if _, bounded := ctx.Deadline(); !bounded {
		timer := time.NewTimer(maxWait)
		defer timer.Stop()
		limit = timer.C
	}
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		s.leave(f)
		return Token{}, context.Cause(ctx)
	case <-limit:
		s.leave(f)
		return Token{}, ErrBusy
	}
}

// launch starts a flight; s.mu is held. Its goroutine is the only one of the
// package that may outlive a call, and Shutdown waits for it.
func (s *session) launch(ctx context.Context, key string, refresh func(context.Context) (Token, error)) *flight {
	ctx, cancel := context.WithCancel(ctx)
	f := &flight{key: key, done: make(chan struct{}), giveUp: cancel}
	if s.flights == nil {
		s.flights = map[string]*flight{}
	}
	s.flights[key] = f
	s.core.flights.add()
	go func() {
		defer cancel()
		f.token, f.err = refresh(ctx)
		s.mu.Lock()
		s.land(f)
		s.mu.Unlock()
		s.core.flights.remove()
		close(f.done) // last: when callers go on, nothing of ours is still at work
	}()
	return f
}

func (s *session) leave(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.waiters--; f.waiters == 0 {
		f.giveUp()
		s.land(f) // who comes now must not join what was given up
	}
}

// land lets no more callers join f; s.mu is held.
func (s *session) land(f *flight) {
	if s.flights[f.key] == f {
		delete(s.flights, f.key)
	}
}

// flights counts the refreshes under way, for Shutdown.
type flights struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n comes to 0; nil while nobody asks
}

func (f *flights) add() {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
}

func (f *flights) remove() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n--; f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

// wait waits until no refresh is under way.
func (f *flights) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
