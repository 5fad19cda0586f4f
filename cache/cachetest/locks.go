package cachetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/staysigned/staysigned/cache"
)

const exclusionRule = "Lock excludes every other holder of key's lock, in this process and in others, until unlock is called or the process ends."

var lockRules = []rule{
	{
		name:  "lock",
		quote: exclusionRule + " The lock needs no record of that name",
		why:   "two refresh at once, and the server that sees a refresh token twice ends the session.",
		check: lock,
	},
	{
		name:  "unlock-twice",
		quote: "Calling unlock again does nothing.",
		why:   "the one who unlocks twice frees the lock of somebody else, who is refreshing.",
		check: unlockTwice,
	},
	{
		name:  "lock-only-locks",
		quote: "holds up no Get, Put or Delete: it is a promise among those who refresh.",
		why: "while one program waits for a slow server, every other one that needs a token waits with it, and nobody can sign " +
			"out; the refresh itself waits for its own lock when it wants to store its result.",
		check: lockOnlyLocks,
	},
	{
		name:  "lock-context",
		quote: "It waits until ctx ends.",
		why:   "a program that was told to stop hangs because another one holds the lock.",
		check: lockContext,
	},
}

func lock(c *check, s cache.Store) {
	var holders, violations atomic.Int32
	c.together(8, func(int) error {
		for range often(50) {
			unlock, err := s.Lock(c.ctx, "a")
			if err != nil {
				return fmt.Errorf("Lock: %w", err)
			}
			if holders.Add(1) != 1 {
				violations.Add(1)
			}
			runtime.Gosched()
			holders.Add(-1)
			if err := unlock(); err != nil {
				return fmt.Errorf("unlock: %w", err)
			}
		}
		return nil
	})
	if n := violations.Load(); n > 0 {
		c.Errorf("%d times a goroutine got the lock while another held it", n)
	}
	unlock := c.lock(s, "a")
	c.excluded(s, "a", "another goroutine held it")
	unlock()
	c.lock(s, "a")()
	c.gone(s, "a")
}

func unlockTwice(c *check, s cache.Store) {
	first, err := s.Lock(c.ctx, "a")
	if err != nil {
		c.Fatalf("Lock: %v", err)
	}
	c.free("a", first)
	c.free("a", first)
	second := c.lock(s, "a")
	c.free("a", first)
	c.excluded(s, "a", "another goroutine held it, after the holder before it called its unlock again")
	second()
	c.lock(s, "a")()
}

func lockOnlyLocks(c *check, s cache.Store) {
	rev := c.put(s, "a", "one", "")
	unlock := c.lock(s, "a")
	defer unlock()
	c.soon("Get under the lock", func() error {
		_, _, err := s.Get(c.ctx, "a")
		return err
	})
	c.soon("Put under the lock", func() error {
		_, err := s.Put(c.ctx, "a", []byte("two"), rev)
		return err
	})
	c.soon("List under the lock", func() error {
		_, err := collect(c.ctx, s, "")
		return err
	})
	c.soon("Delete under the lock", func() error { return s.Delete(c.ctx, "a") })
	c.excluded(s, "a", "it was held, and its record deleted")
	c.soon("Put of a new record under the lock", func() error {
		_, err := s.Put(c.ctx, "a", []byte("three"), "")
		return err
	})
	c.excluded(s, "a", "it was held, and its record created anew")
}

func lockContext(c *check, s cache.Store) {
	unlock := c.lock(s, "a")
	defer unlock()
	wait := func(ctx context.Context, which string) {
		c.Helper()
		c.soon("Lock of a held lock with a context that "+which, func() error {
			free, err := s.Lock(ctx, "a")
			if err == nil {
				return errors.Join(errors.New("was granted while another held it"), free())
			}
			return nil
		})
		if c.Failed() {
			c.FailNow()
		}
	}
	ended, cancel := context.WithCancel(c.ctx)
	cancel()
	wait(ended, "has ended")

	late, cancel := context.WithTimeout(c.ctx, brief)
	defer cancel()
	wait(late, "times out")

	left, cancel := context.WithCancel(c.ctx)
	defer time.AfterFunc(brief, cancel).Stop()
	wait(left, "is cancelled")

	c.excluded(s, "a", "another goroutine held it, and waiters had given up")
	unlock()
	c.soon("Lock of a free lock after waiters had given up", func() error {
		free, err := s.Lock(c.ctx, "a")
		if err != nil {
			return err
		}
		return free()
	})
}
