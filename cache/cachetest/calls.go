package cachetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strings"

	"github.com/staysigned/staysigned/cache"
)

var callRules = []rule{
	{
		name:  "context",
		quote: "Errors to act on: ErrNotFound; ErrUnreadable, which comes with the Rev so that Put can replace what nobody can read; ErrLocked; ErrUnavailable.",
		why:   "a request whose caller has left looks like a sign-out or like another program's write.",
		check: ended,
	},
	{
		name:  "goroutines",
		quote: "All methods may be called from many goroutines at once.",
		why:   "the store crashes, or mixes up two records, as soon as a program serves two people at once. Run this with -race.",
		check: goroutines,
	},
	{
		name:  "leak",
		quote: exclusionRule + " It waits until ctx ends.",
		why:   "a daemon that runs for months dies of goroutines that wait for what nobody wants any more.",
		check: leak,
	},
}

// ended accepts a call that ignores its context, and one that ends with an
// error: but not with one that tells something about the record.
func ended(c *check, s cache.Store) {
	rev := c.put(s, "a", "one", "")
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	honest := func(err error) error {
		for _, verdict := range []error{cache.ErrNotFound, cache.ErrConflict, cache.ErrUnreadable, cache.ErrNoSecureStorage} {
			if errors.Is(err, verdict) {
				return fmt.Errorf("with a context that has ended, it says of a sound record: %w", err)
			}
		}
		return nil
	}
	c.soon("Get", func() error {
		_, _, err := s.Get(ctx, "a")
		return honest(err)
	})
	var next cache.Rev
	var err error
	c.soon("Put", func() error {
		next, err = s.Put(ctx, "a", []byte("two"), rev)
		return honest(err)
	})
	if c.Failed() {
		return
	}
	if err == nil {
		c.has(s, "a", "two", next)
	} else if _, _, err := s.Get(c.ctx, "a"); err != nil {
		c.Errorf("Get after a Put whose context had ended: %v, want what was there or what was put", err)
	}
	c.soon("Lock", func() error {
		unlock, err := s.Lock(ctx, "a")
		if err == nil {
			return unlock()
		}
		return honest(err)
	})
	c.soon("Delete", func() error {
		err = s.Delete(ctx, "a")
		return honest(err)
	})
	if c.Failed() {
		return
	}
	if err == nil {
		c.gone(s, "a")
	}
	c.put(s, "b", "as if nothing had happened", "")
	c.lock(s, "a")()
}

func goroutines(c *check, s cache.Store) {
	c.together(16, func(i int) error {
		for j := range often(50) {
			if err := anything(c.ctx, s, j%3, i+j*7); err != nil {
				return err
			}
		}
		return nil
	})
}

// anything calls one method or the other, as n wants it, for one of three
// records. Each has pages of its own.
func anything(ctx context.Context, s cache.Store, record, n int) error {
	key := fmt.Sprint("a", record)
	var err error
	switch n % 8 {
	case 0, 1, 2, 3:
		var data []byte
		var rev cache.Rev
		data, rev, err = s.Get(ctx, key)
		if err == nil && rev != "" {
			var got int
			if got, err = pageNumber(data); err == nil && got%3 != record {
				err = fmt.Errorf("Get(%q) returned a value of another record", key)
			}
		}
		if n%8 != 3 && (err == nil || errors.Is(err, cache.ErrNotFound)) {
			_, err = s.Put(ctx, key, page(3*n+record), rev)
		}
	case 4:
		err = s.Delete(ctx, key)
	case 5:
		_, err = collect(ctx, s, "a")
	case 6:
		var unlock func() error
		if unlock, err = s.Lock(ctx, key); err == nil {
			err = unlock()
		}
	case 7:
		if t, ok := s.(cache.TryLocker); ok {
			unlock, ok, tryErr := t.TryLock(ctx, key)
			if err = tryErr; ok {
				err = errors.Join(err, unlock())
			}
		}
		if ch, ok := s.(cache.Changer); ok {
			_, changedErr := ch.Changed(ctx, key, "invented")
			err = errors.Join(err, changedErr)
		}
	}
	if errors.Is(err, cache.ErrNotFound) || errors.Is(err, cache.ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("among many goroutines: %w", err)
	}
	return nil
}

// leak counts the goroutines that come from its calls by a label, which they
// inherit: others come and go as they please. A store may keep some of its own,
// such as those of a connection, but not more with each call.
func leak(c *check, s cache.Store) {
	const rounds = 10
	pprof.Do(c.ctx, pprof.Labels("cachetest", c.Name()), func(ctx context.Context) {
		round(c, s)
		before, _ := labelled(c.Name())
		for range rounds {
			round(c, s)
		}
		if !c.eventually(func() bool { n, _ := labelled(c.Name()); return n < before+rounds/2 }) {
			after, stacks := labelled(c.Name())
			c.Errorf("%d calls that were given up or are done left %d goroutines behind:\n%s", 5*rounds, after-before, stacks)
		}
	})
}

// round does what may leave a goroutine behind.
func round(c *check, s cache.Store) {
	rev := c.put(s, "a", "one", "")
	unlock := c.lock(s, "a")
	defer unlock()
	ctx, cancel := context.WithTimeout(c.ctx, brief/5)
	defer cancel()
	c.soon("Lock of a held lock with a context that times out", func() error {
		if free, err := s.Lock(ctx, "a"); err == nil {
			return free()
		}
		return nil
	})
	if c.Failed() {
		c.FailNow()
	}
	unlock()
	c.has(s, "a", "one", rev)
	for _, err := range s.List(c.ctx, "") {
		if err != nil {
			c.Fatalf("List: %v", err)
		}
		break
	}
	c.delete(s, "a")
}

// labelled returns the number of goroutines with that label, and their stacks.
func labelled(label string) (n int, stacks string) {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		return 0, ""
	}
	var found []string
	_, groups, _ := strings.Cut(all.String(), "\n") // the first line has the total
	for group := range strings.SplitSeq(groups, "\n\n") {
		if !strings.Contains(group, fmt.Sprintf("%q:%q", "cachetest", label)) {
			continue
		}
		var count int
		if _, err := fmt.Sscanf(group, "%d @", &count); err == nil {
			n += count
			found = append(found, group)
		}
	}
	return n, strings.Join(found, "\n\n")
}
