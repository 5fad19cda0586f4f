//go:build linux || darwin

package cachetest_test

import (
	"os"
	"testing"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

// The stores are in files_test.go. What they do wrong is right in one process.
var bugsAcross = []bug{
	{"cas-in-process", []string{"counter-processes"}, nil, "updates were lost"},
	{"in-place", []string{"torn-processes", "torn"}, []string{"goroutines", "counter", "crash", "counter-processes"}, "Get while another writes"},
	{"stale-reads", []string{"shared"}, []string{"rev-reuse-processes", "counter-processes", "changed-processes", "crash", "torn-processes"}, `Get("a") returned`},
	{"one-space", []string{"spaces"}, nil, "Lock of the same key in another space"},
	{"counts-revisions", []string{"rev-reuse-processes"}, []string{"shared", "crash", "counter-processes", "torn-processes"}, "a second time"},
	{"lists-temporary", []string{"torn-processes"}, []string{"crash", "list-lazy", "goroutines"}, "List while another process writes yields"},
	{"knows-its-own", []string{"changed-processes"}, nil, "after Put in another handle"},
	{"lock-in-process", []string{"lock-processes"}, []string{"lock-killed"}, "while another process held it"},
	{"lock-unlinked", []string{"lock-processes"}, []string{"lock-handles", "lock"}, "another process held it, which had waited for it"},
	{"posix-lock", []string{"lock-handles"}, nil, "while another handle held it"},
	{"lock-stays", []string{"lock-killed"}, nil, "after the process that held it was killed"},
	{"write-lock-stays", []string{"crash"}, nil, "using a record whose writer was killed: still waiting"},
	{"plaintext", []string{"sealed", "sealed#01"}, nil, "after Put the value lies in"},
	{"not-reached", []string{"counter-processes", "shared", "torn-processes", "lock-processes", "lock-killed", "crash", "rev-reuse-processes", "changed-processes"},
		nil, "has to come to the same call of cachetest.Run"},
}

// TestBiteAcross has a name that is hard to find again, and calls Run twice in
// one test.
func TestBiteAcross(t *testing.T) {
	t.Parallel()
	if os.Getenv(envBite) == "" {
		bite(t, bugsAcross)
		return
	}
	t.Run("a [name] (of|one)/with $ in it", func(t *testing.T) {
		for _, b := range bugsAcross {
			t.Run(b.name, func(t *testing.T) {
				t.Parallel()
				if b.name == "not-reached" && os.Getenv("STAYSIGNED_CACHETEST_TEST") != "" {
					return
				}
				open := func(_ testing.TB, space string) cache.Store { return openFiles(space, b.name) }
				cachetest.Run(t, open)
				if b.name == "plaintext" {
					cachetest.Run(t, open)
				}
			})
		}
	})
}
