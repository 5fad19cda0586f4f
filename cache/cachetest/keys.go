package cachetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/cache"
)

const keyRule = "one lower-case letter, then up to 127 of a-z, 0-9, dot, underscore and hyphen, so that a key serves as a file name " +
	"everywhere. A Store does not interpret them."

var keyRules = []rule{
	{
		name:  "keys",
		quote: keyRule,
		why:   "two accounts share a record, or one lies where the store keeps the lock or the half-written file of another.",
		check: keys,
	},
	{
		name:  "illegal-keys",
		quote: keyRule,
		why:   "a key that is a path leads out of the store, and one that differs from another in letter case alone shares its file on half of all machines.",
		check: illegalKeys,
	},
	{
		name:  "independent",
		quote: keyRule,
		why:   "signing out one account signs out another, or a slow server of one holds up the other.",
		check: independent,
	},
}

// legalKeys has the longest key, every character at its place, and names that
// a store may want for itself or a file system may not want at all.
func legalKeys() []string {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	long := "k" + strings.Repeat("0123456789", 12) + "abcdef"
	keys := []string{
		long + "g", long + "h", long, "a.", "a..", "a.a", "a-", "a_", "a--a",
		"a.lock", "a.lck", "a.tmp", "a.new", "a.bak", "a.json", "a.w", "lock", "locks", "tmp", "store.json", "key", "r", "v1",
		"con", "nul", "aux", "prn", "com1", "lpt1", "con.a", "null", "nan", "true", "constructor",
	}
	for _, c := range letters + "0123456789._-" {
		keys = append(keys, "k"+string(c))
	}
	for _, c := range letters {
		keys = append(keys, string(c))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// keys takes all locks before it writes, so that lock files lie there as well.
// One at a time: a store may keep few locks for many keys.
func keys(c *check, s cache.Store) {
	all := legalKeys()
	revs := map[string]cache.Rev{}
	for _, key := range all {
		c.lock(s, key)()
	}
	for _, key := range all {
		revs[key] = c.put(s, key, "of "+key, "")
	}
	for _, key := range all {
		c.has(s, key, "of "+key, revs[key])
	}
	c.lists(s, "", slices.Clone(all)...)
	var kept []string
	for i, key := range all {
		if i%2 == 0 {
			c.delete(s, key)
		} else {
			kept = append(kept, key)
		}
	}
	for _, key := range kept {
		c.has(s, key, "of "+key, revs[key])
	}
	c.lists(s, "", kept...)
}

func illegalKeys(c *check, s cache.Store) {
	illegal := []string{
		"", ".", "..", "../a", "a/b", "/a", `a\b`, "a:b", "a b", "a\x00", "a\n", "A", "aB", "0a", "-a", "_a", ".a", "~a", "a*", "a%62", "é", "a\xff", "ａ",
		strings.Repeat("k", 129), strings.Repeat("k", 5000),
	}
	for _, key := range illegal {
		_, _, getErr := s.Get(c.ctx, key)
		_, putErr := s.Put(c.ctx, key, []byte("must not be written"), "")
		unlock, lockErr := s.Lock(c.ctx, key)
		if lockErr == nil {
			_ = unlock()
		}
		deleteErr := s.Delete(c.ctx, key)
		for method, err := range map[string]error{"Get": getErr, "Put": putErr, "Lock": lockErr, "Delete": deleteErr} {
			if err == nil {
				c.Errorf("%s took the key %.140q (%d bytes); want an error", method, key, len(key))
			}
		}
		if errors.Is(getErr, cache.ErrNotFound) {
			c.Errorf("Get of the key %.140q: %v; want an error that says what is wrong with the key: nobody was signed out", key, getErr)
		}
		if errors.Is(putErr, cache.ErrConflict) {
			c.Errorf("Put of the key %.140q: %v; want an error that says what is wrong with the key", key, putErr)
		}
	}
	c.lists(s, "")
}

func independent(c *check, s cache.Store) {
	a := c.put(s, "a", "one", "")
	b := c.put(s, "a-b", "two", "")
	c.put(s, "a", "three", a)
	c.has(s, "a-b", "two", b)
	c.delete(s, "a")
	c.has(s, "a-b", "two", b)

	unlock := c.lock(s, "a")
	defer unlock()
	c.soon(`Lock("a-b") while "a" is locked`, func() error {
		other, err := s.Lock(c.ctx, "a-b")
		if err != nil {
			return err
		}
		if err := other(); err != nil {
			return fmt.Errorf("unlock: %w", err)
		}
		return nil
	})
	c.put(s, "a-b", "four", b)
}
