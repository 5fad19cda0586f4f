package cachetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
)

var crashRules = []rule{
	{
		name:  "lock-killed",
		quote: exclusionRule,
		why:   "a program that was killed while it refreshed locks everybody out, until somebody finds out which file to delete.",
		check: lockKilled,
	},
	{
		name:  "crash",
		quote: "When it returns nil the record survives a crash of the process.",
		why: "the new refresh token dies with the process that was just given it, and the old one is spent. Or the process leaves " +
			"half a record behind, or a lock that nobody frees.",
		check: crash,
	},
}

// leaseLimit is how long a lock may outlive its holder.
func leaseLimit() time.Duration {
	if testing.Short() {
		return 3 * time.Second
	}
	return 30 * time.Second
}

// lockKilled waits for the lock while its holder is killed, as msal would.
func lockKilled(c *check, s cache.Store) {
	limit := leaseLimit()
	p := c.process()
	c.lock(p, "a")
	c.excluded(s, "a", "another process held it")
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	freed := make(chan error, 1)
	go func() {
		unlock, err := s.Lock(ctx, "a")
		if err == nil {
			err = unlock()
		}
		freed <- err
	}()
	p.kill()
	if err := <-freed; err != nil {
		c.Errorf("Lock, %v after the process that held it was killed: %v", limit, err)
	}
}

func crash(c *check, s cache.Store) {
	p := c.process()
	rev := c.put(p, "a", string(page(0)), "")
	p.kill()
	c.has(s, "a", string(page(0)), rev)
	c.has(c.open(), "a", string(page(0)), rev)
	for i := 0; i < often(20) && !c.Failed(); i++ {
		c.killWriter(s)
	}
}

// killWriter kills a process somewhere in a Put, and demands that the record
// can be read, listed and written as if it had ended well.
func (c *check) killWriter(s cache.Store) {
	c.Helper()
	p := c.process()
	_, before, _ := s.Get(c.ctx, "a")
	if err := p.send(order{Do: "write", Key: "a", N: 1 << 30}); err != nil {
		c.Fatal(err)
	}
	if !c.eventually(func() bool {
		_, rev, err := s.Get(c.ctx, "a")
		return err == nil && rev != before
	}) {
		c.Fatal("nothing seen of what another process writes")
	}
	p.kill()
	for _, handle := range []cache.Store{s, c.open()} {
		c.soon("using a record whose writer was killed", func() error {
			data, rev, err := handle.Get(c.ctx, "a")
			if err != nil {
				return fmt.Errorf("Get: %w", err)
			}
			if _, err := pageNumber(data); err != nil {
				return err
			}
			if _, err := handle.Put(c.ctx, "a", page(0), rev); err != nil {
				return fmt.Errorf("Put: %w", err)
			}
			got, err := collect(c.ctx, handle, "")
			if err == nil && (len(got) != 1 || got[0] != "a") {
				err = errors.New("it left other records behind")
			}
			if err != nil {
				return fmt.Errorf("List yields %q: %w", got, err)
			}
			return nil
		})
	}
}
