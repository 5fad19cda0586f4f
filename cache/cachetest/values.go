package cachetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/cache"
)

var valueRules = []rule{
	{
		name:  "not-found",
		quote: "ErrNotFound: there is no record, or no key, of that name. The empty Rev means that there is no record.",
		why: "whoever is not signed in yet looks like somebody whose record is broken, or somebody " +
			"whose store is down looks signed out.",
		check: func(c *check, s cache.Store) {
			c.absent(s, "a")
			c.put(s, "b", "a neighbour", "")
			c.absent(s, "a")
			c.delete(s, "b")
			c.absent(s, "b")
		},
	},
	{
		name:  "round-trip",
		quote: "Store keeps records of opaque bytes, a few kilobytes each, under keys that package msal makes",
		why: "a record comes back with a byte less, and nobody can read it. Keychains of today hold 2,560 bytes, " +
			"tools trim the line feed at the end, databases mend what is not UTF-8.",
		check: roundTrip,
	},
	{
		name:  "copies",
		quote: "A slice that is passed in or handed out belongs to the caller: a Store copies what it keeps.",
		why:   "a caller who reuses or wipes a buffer wipes the stored refresh token too.",
		check: copies,
	},
}

func roundTrip(c *check, s cache.Store) {
	values := []string{"", "\x00", "a\x00b", "\n", "token\n", "token \t\r\n", "  token", "\xff\xfe\xc0\xaf\xed\xa0\x80", `{"a":"\u0000"}`}
	for _, size := range []int{1, 2559, 2560, 2561, 4095, 4096, 4097, 64 << 10, 1 << 20} {
		values = append(values, everyByte(size))
	}
	// Forth and back, so that long values are replaced by short ones too.
	back := slices.Clone(values)
	slices.Reverse(back)
	var rev cache.Rev
	for _, data := range slices.Concat(values, back) {
		rev = c.put(s, "a", data, rev)
		c.has(s, "a", data, rev)
	}
	for i, data := range values {
		key := fmt.Sprint("b", i)
		c.has(s, key, data, c.put(s, key, data, ""))
	}
}

// everyByte has all byte values, and none of its blocks is like another.
func everyByte(size int) string {
	var b strings.Builder
	for i := range size {
		b.WriteByte(byte(i + i>>8))
	}
	return b.String()
}

func copies(c *check, s cache.Store) {
	const data = "what was put"
	mine := []byte(data)
	rev, err := s.Put(c.ctx, "a", mine, "")
	if err != nil {
		c.Fatalf("Put: %v", err)
	}
	copy(mine, bytes.Repeat([]byte("x"), len(mine)))
	if got, _, _ := s.Get(c.ctx, "a"); string(got) != data {
		c.Fatalf("the record changed when the caller of Put overwrote its slice: it is %q, want %q", got, data)
	}
	for range 2 { // the second Get may be the one that answers from memory
		got, _, err := s.Get(c.ctx, "a")
		if err != nil {
			c.Fatalf("Get: %v", err)
		}
		clear(got[:cap(got)])
		if again, _, _ := s.Get(c.ctx, "a"); string(again) != data {
			c.Fatalf("the record changed when the caller of Get overwrote the slice it got: it is %q, want %q", again, data)
		}
	}
	c.has(s, "a", data, rev)
}
