package cachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// A lock that is held is asked for this long. It can not be too short: that
// would only make a broken store pass, and the rules ask often.
const brief = 25 * time.Millisecond

// check is one rule at work on one store.
type check struct {
	*testing.T
	ctx    context.Context // of every call; ends long after a working store is done
	space  string
	openAt func(testing.TB, string) cache.Store
}

// open returns another handle of the same records.
func (c *check) open() cache.Store { return c.openAt(c.T, c.space) }

// often is how many times to repeat something.
func often(full int) int {
	if testing.Short() {
		return max(1, full/10)
	}
	return full
}

// crowd is how many processes to start.
func crowd(full int) int {
	if testing.Short() {
		return full / 2
	}
	return full
}

// patience is how long something may take that takes no time, on a machine
// that has much else to do.
const patience = 5 * time.Second

// put must succeed.
func (c *check) put(s cache.Store, key, data string, prev cache.Rev) cache.Rev {
	c.Helper()
	rev, err := s.Put(c.ctx, key, []byte(data), prev)
	if err != nil {
		c.Fatalf("Put(%q, %d bytes, prev %q): %v", key, len(data), prev, err)
	}
	if rev == "" {
		c.Fatalf("Put(%q, %d bytes, prev %q) returned the empty Rev, which means that there is no record", key, len(data), prev)
	}
	return rev
}

// delete must succeed.
func (c *check) delete(s cache.Store, key string) {
	c.Helper()
	if err := s.Delete(c.ctx, key); err != nil {
		c.Fatalf("Delete(%q): %v", key, err)
	}
}

// has demands that the record of key is exactly this.
func (c *check) has(s cache.Store, key, data string, rev cache.Rev) {
	c.Helper()
	got, gotRev, err := s.Get(c.ctx, key)
	switch {
	case err != nil:
		c.Fatalf("Get(%q): %v, want the %d bytes that were put", key, err, len(data))
	case string(got) != data:
		c.Fatalf("Get(%q) returned %d bytes, %s", key, len(got), difference(got, []byte(data)))
	case gotRev != rev:
		c.Fatalf("Get(%q) returned Rev %q, want %q as Put said", key, gotRev, rev)
	}
}

// difference shows where two values part, and no more of them than that.
func difference(got, want []byte) string {
	at := 0
	for at < len(got) && at < len(want) && got[at] == want[at] {
		at++
	}
	tail := func(b []byte) []byte { return b[at:min(at+16, len(b))] }
	return fmt.Sprintf("want %d; from byte %d on %q, want %q", len(want), at, tail(got), tail(want))
}

// absent demands that there is no record of key.
func (c *check) absent(s cache.Store, key string) {
	c.Helper()
	data, rev, err := s.Get(c.ctx, key)
	if !errors.Is(err, cache.ErrNotFound) || rev != "" || len(data) != 0 {
		c.Fatalf("Get(%q) of a record that is not there: %d bytes, Rev %q, error %v; want no bytes, the empty Rev and cache.ErrNotFound", key, len(data), rev, err)
	}
}

// gone demands that there is no record of key, however Get says so: not-found
// looks after that.
func (c *check) gone(s cache.Store, key string) {
	c.Helper()
	if data, rev, err := s.Get(c.ctx, key); rev != "" || len(data) != 0 {
		c.Fatalf("Get(%q) of a record that is not there: %d bytes, Rev %q, error %v", key, len(data), rev, err)
	}
}

// refused demands that a Put conflicts and changes nothing.
func (c *check) refused(s cache.Store, key string, prev cache.Rev, when string) {
	c.Helper()
	data, rev, err := s.Get(c.ctx, key)
	_, putErr := s.Put(c.ctx, key, []byte("must not be written"), prev)
	if !errors.Is(putErr, cache.ErrConflict) {
		c.Errorf("Put(%q) with %s: error %v, want cache.ErrConflict", key, when, putErr)
	}
	now, nowRev, nowErr := s.Get(c.ctx, key)
	if !bytes.Equal(now, data) || nowRev != rev || (nowErr == nil) != (err == nil) {
		c.Fatalf("Put(%q) with %s changed the record: Get returns %d bytes, Rev %q, error %v; before it was %d bytes, Rev %q, error %v",
			key, when, len(now), nowRev, nowErr, len(data), rev, err)
	}
}

// lists demands exactly these keys, in any order.
func (c *check) lists(s cache.Store, prefix string, want ...string) {
	c.Helper()
	got, err := collect(c.ctx, s, prefix)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		c.Fatalf("List(%q) yields %q, error %v; want %q", prefix, got, err, want)
	}
}

func collect(ctx context.Context, s cache.Store, prefix string) ([]string, error) {
	var keys []string
	for key, err := range s.List(ctx, prefix) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// lock must be granted, and outlive the context that it was waited for with.
// What it returns unlocks once, however often it is called, and must succeed.
func (c *check) lock(s cache.Store, key string) (unlock func()) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	free, err := s.Lock(ctx, key)
	if err != nil {
		c.Fatalf("Lock(%q) of a free lock: %v", key, err)
	}
	return sync.OnceFunc(func() { c.free(key, free) })
}

func (c *check) free(key string, unlock func() error) {
	c.Helper()
	if err := unlock(); err != nil {
		c.Errorf("unlock of %q: %v", key, err)
	}
}

// excluded demands that a lock is not granted. One who waits longer than asked
// is excluded all the same: lock-context looks after that.
func (c *check) excluded(s cache.Store, key, while string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, brief)
	defer cancel()
	granted := make(chan error, 1)
	ask := func() {
		unlock, err := s.Lock(ctx, key)
		granted <- err
		if err == nil {
			_ = unlock()
		}
	}
	if _, ok := s.(*process); ok {
		ask() // it does one thing at a time
	} else {
		go ask()
	}
	select {
	case err := <-granted:
		if err == nil {
			c.Errorf("Lock(%q) was granted while %s", key, while)
		} else if until, _ := ctx.Deadline(); time.Now().Before(until) {
			c.Errorf("Lock(%q) while %s did not wait for its context: %v", key, while, err)
		}
	case <-time.After(patience / 4):
	}
}

// soon demands that f returns nil without waiting for anybody.
func (c *check) soon(what string, f func() error) {
	c.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			c.Errorf("%s: %v", what, err)
		}
	case <-time.After(patience):
		c.Errorf("%s: still waiting after %v", what, patience)
	}
}

// eventually reports whether something becomes true.
func (c *check) eventually(is func() bool) bool {
	give := time.After(patience)
	for !is() {
		select {
		case <-time.After(time.Millisecond):
		case <-give:
			return false
		}
	}
	return true
}

// together runs f n times at once, and reports each error once.
func (c *check) together(n int, f func(i int) error) {
	c.Helper()
	begin, errs := make(chan struct{}), make(chan error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-begin
			errs <- f(i)
		})
	}
	close(begin)
	all.Wait()
	close(errs)
	times := map[string]int{}
	for err := range errs {
		if err != nil {
			times[err.Error()]++
		}
	}
	for text, n := range times {
		c.Errorf("%d of %d goroutines: %s", n, cap(errs), text)
	}
}
