package cachetest_test

import (
	"os"
	"testing"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

// The stores are in bugs_test.go.
var bugsWithin = []bug{
	{"none", nil, nil, ""},
	{"not-found-swallowed", []string{"not-found"}, nil, "want no bytes, the empty Rev and cache.ErrNotFound"},
	{"not-found-untyped", []string{"not-found", "goroutines"}, nil, "error no such key"},
	{"trims", []string{"round-trip"}, nil, `want 1; from byte 0 on "", want "\n"`},
	{"small", []string{"round-trip"}, []string{"torn", "goroutines", "reserve"}, "2561 bytes"},
	{"keeps-slice", []string{"copies"}, nil, "when the caller of Put overwrote its slice"},
	{"shares-slice", []string{"copies"}, nil, "when the caller of Get overwrote the slice it got"},
	{"no-cas", []string{"stale", "create", "delete", "rev-reuse", "counter"}, nil, "a record that is not there: error <nil>, want cache.ErrConflict"},
	{"lost-update", []string{"counter", "create"}, nil, "updates were lost"},
	{"conflict-writes", []string{"stale", "delete", "rev-reuse"}, []string{"counter", "goroutines"}, "changed the record"},
	{"conflict-untyped", []string{"stale", "create", "delete", "rev-reuse", "counter"}, []string{"goroutines"}, "error busy, want cache.ErrConflict"},
	{"resurrects", []string{"delete", "stale"}, nil, "the revision from before Delete: error <nil>"},
	{"delete-insists", []string{"delete"}, []string{"illegal-keys"}, `Delete("a"): not found`},
	{"rev-of-content", []string{"rev-reuse"}, nil, "a second time"},
	{"rev-restarts", []string{"rev-reuse", "delete"}, nil, "a second time"},
	{"any-key", []string{"illegal-keys"}, nil, `Put took the key "../a"`},
	{"long-keys-collide", []string{"keys"}, nil, `Put("k0123456789`},
	{"deletes-prefix", []string{"independent", "keys"}, []string{"list-lazy", "goroutines"}, `Get("a-b"): not found`},
	{"lists-all", []string{"list"}, nil, `List("a-") yields ["a"`},
	{"lists-patterns", []string{"list"}, nil, `List("a.") yields`},
	{"lists-at-once", []string{"list-lazy"}, nil, "List had looked before its loop began"},
	{"lists-on", []string{"list-lazy"}, nil, "List went on after the loop ended"},
	{"lists-locked", []string{"list-lazy"}, nil, "Get, Put and Delete in a loop over List: still waiting"},
	{"lists-short", []string{"list-context"}, nil, "yielded 3 of 20 keys and no error"},
	{"torn", []string{"torn"}, []string{"goroutines"}, "that nobody put"},
	{"missing", []string{"torn"}, nil, "Get of a record that is only ever replaced: not found"},
	{"rev-apart", []string{"torn"}, []string{"counter"}, "which Put gave to page"},
	{"no-lock", []string{"lock", "unlock-twice", "lock-only-locks", "lock-context"}, nil, "while another goroutine held it"},
	{"lock-hurries", []string{"lock", "unlock-twice", "lock-only-locks"}, []string{"lock-context", "goroutines"}, "Lock: busy"},
	{"lock-hangs", []string{"lock-context"}, nil, "has ended: still waiting"},
	{"lock-needs-record", []string{"lock", "unlock-twice", "keys", "list", "lock-only-locks", "lock-context"}, []string{"independent", "context"}, "not found"},
	{"lock-ends-with-context", []string{"lock", "unlock-twice", "lock-only-locks", "lock-context"}, nil, "while another goroutine held it"},
	{"unlocks-another", []string{"unlock-twice"}, nil, "after the holder before it called its unlock again"},
	{"delete-waits", []string{"lock-only-locks"}, nil, "Delete under the lock: still waiting"},
	{"lock-in-record", []string{"lock-only-locks"}, []string{"keys"}, "it was held, and its record deleted"},
	{"try-waits", []string{"try-lock"}, nil, "TryLock: still waiting"},
	{"try-apart", []string{"try-lock"}, nil, "TryLock was granted what Lock held"},
	{"misses-delete", []string{"changed"}, nil, "says false, error <nil>, after Delete"},
	{"always-alarmed", []string{"changed"}, nil, "says true, error <nil>, after nothing"},
	{"reserves-record", []string{"reserve"}, nil, `Get("a") of a record that is not there: 65536 bytes`},
	{"lease-untold", []string{"lost"}, nil, "nobody would ever be told"},
	{"lease-always-lost", []string{"lost"}, nil, "says that the lock is lost which Lock granted"},
	{"lease-outlives-lock", []string{"lost"}, nil, "of a lock that was never taken"},
	{"gone-when-late", []string{"context"}, nil, "it says of a sound record: not found"},
	{"mixes-records", []string{"goroutines"}, nil, "returned a value of another record"},
	{"leaks", []string{"leak"}, nil, "goroutines behind"},
}

func TestBiteWithin(t *testing.T) {
	t.Parallel()
	if os.Getenv(envBite) == "" {
		bite(t, bugsWithin)
		return
	}
	for _, b := range bugsWithin {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			cachetest.RunInProcess(t, func(testing.TB) cache.Store { return newBroken(b.name) })
		})
	}
}
