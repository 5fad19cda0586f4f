package cachetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/staysigned/staysigned/cache"
)

const listRule = "List yields the keys that begin with prefix, lazily and in no particular order. A key written or deleted meanwhile may be missed."

var listRules = []rule{
	{
		name:  "list",
		quote: listRule,
		why:   "an account is missing from the list, or a temporary file or a lock is taken for one.",
		check: list,
	},
	{
		name:  "list-lazy",
		quote: listRule,
		why:   "a program that deletes what it lists waits for itself for ever, or crashes when it has seen enough.",
		check: listLazy,
	},
	{
		name:  "list-context",
		quote: listRule,
		why:   "a list that ends early without an error looks like all the accounts there are.",
		check: listContext,
	},
}

func list(c *check, s cache.Store) {
	c.lists(s, "")
	// The ones with a dot and an underscore tell a prefix from a pattern.
	all := []string{"a", "a-1", "a-2", "a-10", "a.1", "a_1", "ab1", "b", "ba"}
	for _, key := range all {
		c.put(s, key, "one", "")
	}
	for _, key := range []string{"a-1", "c-locked-without-a-record"} {
		defer c.lock(s, key)()
	}
	c.put(s, "deleted", "one", "")
	c.delete(s, "deleted")

	c.lists(s, "", slices.Clone(all)...)
	c.lists(s, "a-", "a-1", "a-2", "a-10")
	c.lists(s, "a-1", "a-1", "a-10")
	c.lists(s, "a.", "a.1")
	c.lists(s, "a_", "a_1")
	c.lists(s, "b", "b", "ba")
	c.lists(s, "c")
	c.lists(s, "d")
	c.lists(s, "a-1-longer-than-any-key")
}

func listLazy(c *check, s cache.Store) {
	for i := range 10 {
		c.put(s, fmt.Sprint("a", i), "one", "")
	}
	calls := 0
	s.List(c.ctx, "a")(func(string, error) bool {
		calls++
		return false
	})
	if calls != 1 {
		c.Fatalf("List went on after the loop ended: it yielded %d times, want once", calls)
	}
	keys := s.List(c.ctx, "a")
	c.put(s, "a-late", "one", "")
	for range 2 { // an iterator of a store serves every loop over it
		var got []string
		for key, err := range keys {
			if err != nil {
				c.Fatalf("List: %v", err)
			}
			got = append(got, key)
		}
		if len(got) != 11 || !slices.Contains(got, "a-late") {
			c.Fatalf("List had looked before its loop began: it yields %q, want ten keys and a-late, which was written before", got)
		}
	}
	c.soon("Get, Put and Delete in a loop over List", func() error {
		for key, err := range s.List(c.ctx, "a") {
			if err != nil {
				return err
			}
			_, rev, err := s.Get(c.ctx, key)
			if err != nil {
				return err
			}
			if _, err := s.Put(c.ctx, key, []byte("two"), rev); err != nil {
				return err
			}
			if err := s.Delete(c.ctx, key); err != nil {
				return err
			}
		}
		return nil
	})
	if !c.Failed() {
		c.lists(s, "")
	}
}

// listContext accepts a store that does not look at the context: then the list
// is whole.
func listContext(c *check, s cache.Store) {
	const n = 20
	for i := range n {
		c.put(s, fmt.Sprint("a", i), "one", "")
	}
	for _, after := range []int{0, 3} {
		ctx, cancel := context.WithCancel(c.ctx)
		if after == 0 {
			cancel()
		}
		got, failed := 0, false
		for _, err := range s.List(ctx, "a") {
			if failed = err != nil; failed {
				break
			}
			if got++; got == after {
				cancel()
			}
		}
		cancel()
		if !failed && got != n {
			c.Errorf("List, whose context ended after %d keys, yielded %d of %d keys and no error", after, got, n)
		}
	}
}
