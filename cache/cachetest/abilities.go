package cachetest

import (
	"fmt"
	"time"

	"github.com/staysigned/staysigned/cache"
)

const (
	tryRule     = "TryLocker is a Store that can tell at once that a lock is taken."
	changeRule  = "False alarms are allowed, missed changes are not."
	leaseRule   = "Lost returns a channel that is closed when the lock of key, taken through this Store and not yet unlocked, is lost. It returns nil if there is no such lock."
	reserveRule = "Reserver is a Store that can make sure that the next Put of n bytes under key finds room."
)

var abilityRules = []rule{
	{
		name:  "try-lock",
		quote: tryRule + " " + exclusionRule,
		why:   "a request that has a valid token waits for another program's refresh, or refreshes beside it.",
		needs: offers[cache.TryLocker],
		check: tryLock,
	},
	{
		name:  "changed",
		quote: changeRule,
		why:   "a program goes on with the session of somebody who signed out elsewhere. Or, where the alarm never ends, it reads the record every second.",
		needs: offers[cache.Changer],
		check: func(c *check, s cache.Store) { c.changes(s, s, often(200), "the same handle") },
	},
	{
		name:  "reserve",
		quote: reserveRule,
		why:   "the disk is full when the new refresh token arrives and the old one is spent. Or what was reserved is taken for a record.",
		needs: offers[cache.Reserver],
		check: reserve,
	},
	{
		name:  "lost",
		quote: leaseRule,
		why: "a program that was stopped while it held the lock goes on and spends the refresh token that another one is spending, " +
			"and the server that sees it twice ends the session. Or, where all is said to be lost, nobody refreshes.",
		needs: offers[cache.Leaser],
		check: lost,
	},
}

// offers reports whether a store has an optional ability.
func offers[Ability any](s cache.Store) bool {
	_, ok := s.(Ability)
	return ok
}

// try returns a nil function if the lock is taken.
func (c *check) try(s cache.Store, key string) (unlock func() error) {
	c.Helper()
	c.soon("TryLock", func() error {
		free, ok, err := s.(cache.TryLocker).TryLock(c.ctx, key)
		if ok {
			unlock = free
		}
		return err
	})
	if c.Failed() {
		c.FailNow() // unlock may still be written
	}
	return unlock
}

func tryLock(c *check, s cache.Store) {
	held := c.lock(s, "a")
	defer held()
	if c.try(s, "a") != nil {
		c.Fatal("TryLock was granted what Lock held")
	}
	held()
	mine := c.try(s, "a")
	if mine == nil {
		c.Fatal("TryLock of a free lock was refused")
	}
	if c.try(s, "a") != nil {
		c.Fatal("TryLock was granted what another TryLock held")
	}
	c.excluded(s, "a", "TryLock held it")
	c.free("a", mine)
	next := c.lock(s, "a")
	defer next()
	c.free("a", mine)
	c.excluded(s, "a", "another goroutine held it, after one who had it by TryLock called unlock again")
	c.gone(s, "a")
}

// changes writes in one handle and asks in the other.
func (c *check) changes(ask, write cache.Store, times int, where string) {
	c.Helper()
	changed := func(since cache.Rev, want bool, after string) {
		c.Helper()
		var got bool
		var err error
		is := func() bool {
			got, err = ask.(cache.Changer).Changed(c.ctx, "a", since)
			return err != nil || got == want
		}
		if want {
			is() // a missed change is missed at once
		} else {
			c.eventually(is)
		}
		if err != nil || got != want {
			c.Fatalf("Changed since Rev %q says %v, error %v, after %s in %s; want %v", since, got, err, after, where, want)
		}
	}
	changed("", false, "nothing at all")
	var rev cache.Rev
	for i := range times {
		old := rev
		rev = c.put(write, "a", fmt.Sprintf("same length %08d", i), old)
		changed(old, true, "Put")
		if i%10 == 0 { // a false alarm may take its time to end
			changed(rev, false, "nothing since that Put")
		}
	}
	c.delete(write, "a")
	changed(rev, true, "Delete")
	changed("", false, "nothing since that Delete")
	c.put(write, "a", "created anew", "")
	changed("", true, "Put of a new record")
	changed(rev, true, "Delete and Put of a new record")
}

// reserve holds the lock, as the one who refreshes does.
func reserve(c *check, s cache.Store) {
	room := func(n int) {
		c.Helper()
		c.soon("Reserve under the lock", func() error { return s.(cache.Reserver).Reserve(c.ctx, "a", n) })
	}
	unlock := c.lock(s, "a")
	defer unlock()
	room(64 << 10)
	c.gone(s, "a")
	c.lists(s, "")
	rev := c.put(s, "a", everyByte(64<<10), "")
	c.has(s, "a", everyByte(64<<10), rev)

	room(64 << 10)
	room(64 << 10)
	c.has(s, "a", everyByte(64<<10), rev)
	small := c.put(s, "a", "less than was reserved", rev)
	c.has(s, "a", "less than was reserved", small)

	room(64 << 10)
	c.delete(s, "a")
	c.gone(s, "a")
	c.lists(s, "")
}

// lost holds the lock for as long as that of a killed process may last: a lease
// has to be renewed for that.
func lost(c *check, s cache.Store) {
	held := func(how string) {
		c.Helper()
		lost := s.(cache.Leaser).Lost("a")
		if lost == nil {
			c.Fatalf("Lost returns nil while the lock is held, which %s granted: nobody would ever be told", how)
		}
		select {
		case <-lost:
			c.Fatalf("Lost says that the lock is lost which %s granted, and which is held", how)
		default:
		}
	}
	free := func(when string) {
		c.Helper()
		if s.(cache.Leaser).Lost("a") != nil {
			c.Errorf("Lost returns a channel %s; want nil, nobody holds the lock", when)
		}
	}
	free("of a lock that was never taken")
	unlock := c.lock(s, "a")
	defer unlock()
	held("Lock")
	if s.(cache.Leaser).Lost("b") != nil {
		c.Error("Lost returns a channel for another key than the one that is locked")
	}
	<-time.After(leaseLimit())
	held("Lock some time ago")
	c.excluded(s, "a", "it was held for longer than a lease lasts, by a process that is well")
	unlock()
	free("after unlock")
	if _, ok := s.(cache.TryLocker); ok {
		mine := c.try(s, "a")
		if mine == nil {
			c.Fatal("TryLock of a free lock was refused")
		}
		held("TryLock")
		c.free("a", mine)
		free("after unlock of what TryLock granted")
	}
}
