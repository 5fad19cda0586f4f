package cachetest

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/staysigned/staysigned/cache"
)

const getRule = "Get returns the record of key and its revision."

var readerRules = []rule{
	{
		name:  "torn",
		quote: getRule + " All methods may be called from many goroutines at once.",
		why: "whoever reads while another writes finds half a record, or none, and takes the person for signed out. Or it pairs " +
			"old bytes with a new revision, and its next Put undoes the write between.",
		check: torn,
	},
}

func torn(c *check, s cache.Store) {
	c.put(s, "a", string(page(0)), "")
	var written map[cache.Rev]int
	read := c.reading([]cache.Store{s, s}, func(enough func() bool) {
		var err error
		if written, err = write(c.ctx, s, "a", often(2000), enough); err != nil {
			c.Errorf("writing while others read: %v", err)
		}
	})
	for rev, n := range read {
		if want, ok := written[rev]; ok && want != n {
			c.Fatalf("Get returned page %d with Rev %q, which Put gave to page %d", n, rev, want)
		}
	}
}

// page is a value that tells whether it is whole. Successors differ in length.
func page(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d.", n), 1+n*37%500) }

func pageNumber(data []byte) (int, error) {
	if len(data) >= 8 {
		if n, err := strconv.Atoi(string(data[:8])); err == nil && n >= 0 && bytes.Equal(data, page(n)) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("torn: %d bytes that nobody put, beginning with %.20q", len(data), data)
}

// write puts n pages into a record, one over the other, and more until others
// have seen enough of it. After two seconds it is content with less: on some
// disks a durable write takes 20 ms. It returns which revision each page got.
func write(ctx context.Context, s cache.Store, key string, n int, enough func() bool) (map[cache.Rev]int, error) {
	_, rev, err := s.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	written := map[cache.Rev]int{}
	begin := time.Now()
	for i := 0; (i < n || !enough()) && time.Since(begin) < 2*time.Second; i++ {
		if rev, err = s.Put(ctx, key, page(i+1), rev); err != nil {
			return nil, fmt.Errorf("Put: %w", err)
		}
		written[rev] = i + 1
	}
	return written, nil
}

// reading reads the record a in all handles for as long as during takes, which
// can ask whether that was enough. It returns which page came with which
// revision.
func (c *check) reading(handles []cache.Store, during func(enough func() bool)) map[cache.Rev]int {
	c.Helper()
	var over atomic.Bool
	var seen atomic.Int32 // how often somebody saw a new page
	read := make([]map[cache.Rev]int, len(handles)+1)
	c.together(len(handles)+1, func(i int) error {
		if i == len(handles) {
			defer over.Store(true)
			during(func() bool { return seen.Load() > 50 })
			return nil
		}
		defer seen.Add(50) // nobody waits for one who fails
		read[i] = map[cache.Rev]int{}
		for !over.Load() {
			data, rev, err := handles[i].Get(c.ctx, "a")
			if err != nil {
				return fmt.Errorf("Get of a record that is only ever replaced: %w", err)
			}
			n, err := pageNumber(data)
			if err != nil {
				return fmt.Errorf("Get while another writes: %w", err)
			}
			if _, ok := read[i][rev]; !ok {
				seen.Add(1)
			}
			read[i][rev] = n
		}
		return nil
	})
	all := map[cache.Rev]int{}
	for _, r := range read {
		for rev, n := range r {
			if other, ok := all[rev]; ok && other != n {
				c.Errorf("Get returned page %d and page %d with the same Rev %q", other, n, rev)
			}
			all[rev] = n
		}
	}
	return all
}
