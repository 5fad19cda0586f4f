package cachetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"

	"github.com/staysigned/staysigned/cache"
)

const putRule = "Put replaces the record of key if its revision still is prev, and creates it if prev is empty and there is none. " +
	"Otherwise it writes nothing and returns ErrConflict."

const revRule = "A Store never uses a Rev twice for a key, also not after Delete, so that a writer who read before a sign-out " +
	"can never write after it."

const lostUpdate = "of two programs that refresh at once one overwrites what the other stored. Its refresh token is the one " +
	"that the server still takes, so the session is over."

var revisionRules = []rule{
	{
		name:  "create",
		quote: putRule,
		why:   "two sign-ins at once both believe that theirs is stored, and one of them is not.",
		check: create,
	},
	{
		name:  "stale",
		quote: putRule,
		why:   lostUpdate,
		check: stale,
	},
	{
		name:  "delete",
		quote: "Delete removes the record of key. A record that is not there is not an error. Later Puts with an older revision fail with ErrConflict.",
		why:   "a refresh that began before a sign-out brings the session back after it, or signing out twice is an error.",
		check: deleted,
	},
	{
		name:  "rev-reuse",
		quote: revRule,
		why:   "a writer who slept through a sign-out and the next sign-in finds the revision that it knows, and overwrites somebody else's session.",
		check: revReuse,
	},
	{
		name:  "counter",
		quote: putRule + " All methods may be called from many goroutines at once.",
		why:   lostUpdate,
		check: func(c *check, s cache.Store) {
			const goroutines = 8
			n := often(100)
			c.put(s, "a", "0", "")
			c.together(goroutines, func(int) error { return count(c.ctx, s, "a", n, runtime.Gosched) })
			c.counted(s, "a", goroutines*n)
		},
	},
}

func create(c *check, s cache.Store) {
	const goroutines = 32
	for k := range often(20) {
		key := fmt.Sprint("a", k)
		var winners atomic.Int32
		c.together(goroutines, func(i int) error {
			_, err := s.Put(c.ctx, key, []byte(strconv.Itoa(i)), "")
			if err == nil {
				winners.Add(1)
			} else if !errors.Is(err, cache.ErrConflict) {
				return fmt.Errorf("Put(%q) of a record that another goroutine just created: error %w, want cache.ErrConflict", key, err)
			}
			return nil
		})
		if n := winners.Load(); n != 1 {
			c.Fatalf("%d of %d goroutines created the same record, want exactly 1", n, goroutines)
		}
	}
}

func stale(c *check, s cache.Store) {
	c.refused(s, "a", "invented", "a Rev that nobody gave out, of a record that is not there")
	first := c.put(s, "a", "one", "")
	c.refused(s, "a", "", "the empty Rev, though there is a record")
	c.refused(s, "a", "invented", "a Rev that nobody gave out")
	second := c.put(s, "a", "two", first)
	c.refused(s, "a", first, "the revision before the last")
	c.refused(s, "a", "", "the empty Rev, though there is a record")
	c.has(s, "a", "two", second)
}

func deleted(c *check, s cache.Store) {
	c.delete(s, "a")
	old := c.put(s, "a", "one", "")
	c.delete(s, "a")
	c.delete(s, "a")
	c.refused(s, "a", old, "the revision from before Delete")
	rev := c.put(s, "a", "two", "")
	c.refused(s, "a", old, "the revision from before Delete, though there is a new record")
	c.has(s, "a", "two", rev)
}

func revReuse(c *check, s cache.Store) {
	used := map[cache.Rev]bool{}
	for range 3 {
		lifetime(c, s, used)
	}
	rev := c.put(s, "a", "same", "")
	for old := range used {
		if old != rev {
			c.refused(s, "a", old, "a revision from before Delete, though there is a new record")
		}
	}
}

// lifetime creates a record, replaces it by the same and by other bytes, and
// deletes it. No revision may be among those used before.
func lifetime(c *check, s cache.Store, used map[cache.Rev]bool) {
	c.Helper()
	var rev cache.Rev
	for i, data := range []string{"same", "same", "other", "same"} {
		rev = c.put(s, "a", data, rev)
		if used[rev] {
			c.Errorf("Put gave out Rev %q a second time (write %d since the record was created)", rev, i+1)
		}
		used[rev] = true
	}
	c.delete(s, "a")
}

// count adds 1 to the number in a record, n times. Between reading and writing
// it lets others have their turn.
func count(ctx context.Context, s cache.Store, key string, n int, yield func()) error {
	for range n {
		if err := increment(ctx, s, key, yield); err != nil {
			return err
		}
	}
	return nil
}

func increment(ctx context.Context, s cache.Store, key string, yield func()) error {
	for {
		data, rev, err := s.Get(ctx, key)
		if err != nil && !errors.Is(err, cache.ErrNotFound) {
			return fmt.Errorf("Get(%q) while others write: %w", key, err)
		}
		n, err := strconv.Atoi("0" + string(data))
		if err != nil {
			return fmt.Errorf("Get(%q) while others write: %w", key, err)
		}
		yield()
		_, err = s.Put(ctx, key, strconv.AppendInt(nil, int64(n+1), 10), rev)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, cache.ErrConflict):
			return fmt.Errorf("Put(%q) while others write: %w", key, err)
		case ctx.Err() != nil:
			return fmt.Errorf("Put(%q) still conflicts: %w", key, ctx.Err())
		}
	}
}

func (c *check) counted(s cache.Store, key string, want int) {
	c.Helper()
	if data, _, err := s.Get(c.ctx, key); err != nil || string(data) != strconv.Itoa(want) {
		c.Errorf("the counter is at %q, error %v, after %d increments that all succeeded: updates were lost", data, err, want)
	}
}
