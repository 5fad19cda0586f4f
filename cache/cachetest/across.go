package cachetest

import (
	"path/filepath"
	"time"

	"github.com/staysigned/staysigned/cache"
)

var acrossRules = []rule{
	{
		name:  "shared",
		quote: getRule + " " + putRule,
		why:   "a program does not see that another one refreshed or signed out, and spends a refresh token that is spent.",
		check: shared,
	},
	{
		name:  "spaces",
		quote: getRule + " " + exclusionRule,
		why:   "two applications of the same person, or two people of the same machine, share their sessions.",
		check: spaces,
	},
	{
		name:  "rev-reuse-processes",
		quote: revRule,
		why: "a program that slept through a sign-out, and through a sign-in in another program, finds the revision that it knows, " +
			"and overwrites somebody else's session. Counters in memory begin again in each process.",
		check: func(c *check, s cache.Store) {
			used := map[cache.Rev]bool{}
			lifetime(c, s, used)
			for range 2 {
				for _, p := range c.peers() {
					lifetime(c, p, used)
				}
			}
		},
	},
	{
		name:  "counter-processes",
		quote: putRule,
		why:   lostUpdate,
		check: func(c *check, s cache.Store) {
			n := often(100)
			done := c.orderAll(c.processes(crowd(8)), order{Do: "count", Key: "a", N: n})
			c.counted(s, "a", len(done)*n)
		},
	},
	{
		name:  "torn-processes",
		quote: getRule,
		why:   "a program that starts while another one writes finds half a record, or none, and takes the person for signed out.",
		check: tornProcesses,
	},
	{
		name:  "lock-handles",
		quote: exclusionRule,
		why: "two clients in one program refresh at once, and the server that sees a refresh token twice ends the session. " +
			"Locks of POSIX (fcntl) belong to the process: they do not exclude it from itself.",
		check: func(c *check, s cache.Store) { c.excludeEachOther(s, peer{c.open(), "another handle"}) },
	},
	{
		name:  "lock-processes",
		quote: exclusionRule,
		why: "two programs refresh at once, and the server that sees a refresh token twice ends the session. A lock file that is " +
			"deleted on unlock excludes only those who opened it before.",
		check: lockProcesses,
	},
	{
		name:  "changed-processes",
		quote: changeRule,
		why:   "a program goes on with the session of somebody who signed out in another one.",
		needs: offers[cache.Changer],
		check: func(c *check, s cache.Store) {
			for _, p := range c.peers() {
				c.changes(s, p, often(100), p.who)
				c.delete(s, "a")
			}
		},
	},
}

// peer is the same store somewhere else.
type peer struct {
	cache.Store
	who string
}

func (c *check) peers() []peer {
	c.Helper()
	return []peer{{c.open(), "another handle"}, {c.process(), "another process"}}
}

// shared passes a record to and fro.
func shared(c *check, s cache.Store) {
	for _, p := range c.peers() {
		c.Logf("sharing with %s", p.who)
		mine := c.put(s, "a", "mine", "")
		c.has(p, "a", "mine", mine)
		theirs := c.put(p, "a", "theirs", mine)
		c.has(s, "a", "theirs", theirs)
		c.refused(s, "a", mine, "the revision before the one that "+p.who+" wrote")
		mine = c.put(s, "a", "mine again", theirs)
		c.refused(p, "a", theirs, "the revision before the one that the first process wrote")
		c.has(c.open(), "a", "mine again", mine)
		c.lists(p, "", "a")
		c.delete(p, "a")
		c.gone(s, "a")
		c.refused(s, "a", mine, "the revision from before the Delete in "+p.who)
		c.put(p, "a", "created by "+p.who, "")
		c.refused(s, "a", mine, "the revision from before the Delete in "+p.who+", though there is a new record")
		c.delete(s, "a")
		c.gone(p, "a")
	}
}

func spaces(c *check, s cache.Store) {
	elsewhere := c.openAt(c.T, newSpace(c.T))
	unlock := c.lock(s, "a")
	defer unlock()
	c.soon("Lock of the same key in another space", func() error {
		free, err := elsewhere.Lock(c.ctx, "a")
		if err != nil {
			return err
		}
		return free()
	})
	here := c.put(s, "a", "here", "")
	c.gone(elsewhere, "a")
	c.lists(elsewhere, "")
	c.put(elsewhere, "a", "there", "")
	c.has(s, "a", "here", here)
	c.delete(elsewhere, "a")
	c.has(s, "a", "here", here)
}

func tornProcesses(c *check, s cache.Store) {
	c.put(s, "a", string(page(0)), "")
	p := c.process()
	c.reading([]cache.Store{s, c.open()}, func(enough func() bool) {
		finished := make(chan error, 1)
		go func() {
			begin := time.Now()
			_, err := p.do(order{Do: "write", Key: "a", N: often(2000)})
			for err == nil && !enough() && time.Since(begin) < 2*time.Second {
				_, err = p.do(order{Do: "write", Key: "a", N: often(200)})
			}
			finished <- err
		}()
		for {
			select {
			case err := <-finished:
				if err != nil {
					c.Errorf("writing while others read: %v", err)
				}
				return
			default:
			}
			// The one key may be missed while it is written; a second one may not show up.
			got, err := collect(c.ctx, s, "")
			if err != nil || len(got) > 1 || len(got) == 1 && got[0] != "a" {
				c.Errorf("List while another process writes yields %q, error %v; want at most the key a", got, err)
			}
		}
	})
}

// lockProcesses has one at a time create a file that must not be there yet, and
// remove it.
func lockProcesses(c *check, s cache.Store) {
	marker := filepath.Join(c.TempDir(), "held")
	for _, r := range c.orderAll(c.processes(crowd(4)), order{Do: "exclude", Key: "a", N: often(200), Path: marker}) {
		if r.N > 0 {
			c.Errorf("%d times a process got the lock while another held it", r.N)
		}
	}
	c.excludeEachOther(s, peer{c.process(), "another process"})
}

func (c *check) excludeEachOther(s cache.Store, p peer) {
	c.Helper()
	for _, turn := range []struct {
		holder, other cache.Store
		while         string
	}{
		{p.Store, s, p.who + " held it"},
		{s, p.Store, "the first handle held it, and " + p.who + " asked"},
	} {
		unlock := c.lock(turn.holder, "a")
		c.excluded(turn.other, "a", turn.while)
		if try, ok := turn.other.(cache.TryLocker); ok {
			if _, got, err := try.TryLock(c.ctx, "a"); got || err != nil {
				c.Fatalf("TryLock said %v, error %v, while %s", got, err, turn.while)
			}
		}
		c.put(turn.other, "a", "beside the lock", "")
		c.delete(turn.other, "a")
		c.excluded(turn.other, "a", turn.while+", and its record deleted")
		unlock()
		c.lock(turn.other, "a")()
	}
	for range 3 {
		c.relay(s, p)
	}
}

// relay has the lock pass from its holder to one who waited for it, and then a
// third one ask. Where unlocking deletes a file, the second has the lock of the
// old file, and the third makes a new one.
func (c *check) relay(s cache.Store, p peer) {
	c.Helper()
	unlock := c.lock(s, "a")
	passed := make(chan error, 1)
	var next func() error
	go func() {
		var err error
		next, err = p.Lock(c.ctx, "a")
		passed <- err
	}()
	<-time.After(brief) // who does not wait by then only makes a broken store pass
	unlock()
	if err := <-passed; err != nil {
		c.Fatalf("Lock in %s, waiting for the first handle: %v", p.who, err)
	}
	c.excluded(s, "a", p.who+" held it, which had waited for it")
	c.free("a", next)
}
