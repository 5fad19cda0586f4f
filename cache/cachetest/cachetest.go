package cachetest

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// Run checks a store whose records outlive the process, and are shared with
// every other process that opens the same place. Each rule is a sub-test.
//
// open returns a new handle of the store that keeps its records under space: a
// directory that is empty at first, readable for its owner alone, and the same
// in the other processes of a rule. A store that does not use files takes it
// for a name. What a handle holds is released by t.Cleanup.
func Run(t *testing.T, open func(t testing.TB, space string) cache.Store) {
	t.Helper()
	run(t, open, slices.Concat(rulesWithin, rulesAcross))
}

// RunInProcess checks a store whose records end with the process. Every call of
// open returns an empty one.
func RunInProcess(t *testing.T, open func(t testing.TB) cache.Store) {
	t.Helper()
	run(t, func(t testing.TB, _ string) cache.Store { return open(t) }, rulesWithin)
}

// A rule is one promise of package cache, and how to see whether it is kept.
type rule struct {
	name  string
	quote string                        // from the documentation of package cache
	why   string                        // what becomes of people without it
	needs func(cache.Store) bool        // for an optional ability; nil: every store has it
	check func(c *check, s cache.Store) // s: an empty store
}

var rulesWithin = slices.Concat(valueRules, revisionRules, keyRules, listRules, readerRules, lockRules, abilityRules, callRules)

var rulesAcross = slices.Concat(acrossRules, crashRules, sealedRules)

func run(t *testing.T, open func(testing.TB, string) cache.Store, rules []rule) {
	t.Helper()
	probe := open(t, spaceOf(t))
	if v := reflect.ValueOf(probe); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		t.Fatal("cachetest: open returned no store")
	}
	var unasked []string
	for _, r := range rules {
		if r.needs != nil && !r.needs(probe) {
			unasked = append(unasked, r.name)
			continue
		}
		t.Run(r.name, func(t *testing.T) { r.run(t, open) })
	}
	if len(unasked) > 0 {
		t.Logf("cachetest: %T does not offer what these rules are about: %s", probe, strings.Join(unasked, ", "))
	}
}

// run checks the rule, or does what the rule's first process wants if this is
// another one.
func (r rule) run(t *testing.T, open func(testing.TB, string) cache.Store) {
	// The test's own context ends before its clean-up, in which processes end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(func() {
		cancel()
		if t.Failed() && !isWorker(t) {
			t.Logf("the rule in package cache:\n\t%s\nwithout it:\n\t%s", r.quote, r.why)
		}
	})
	c := &check{T: t, ctx: ctx, openAt: open, space: spaceOf(t)}
	if isWorker(t) {
		c.obey(c.open())
	} else {
		r.check(c, c.open())
	}
}

// spaceOf is where the records of a test lie. Other processes make no folders
// of their own: those that are killed would leave them behind.
func spaceOf(t *testing.T) string {
	if space, ok := os.LookupEnv(envSpace); ok {
		return space
	}
	return newSpace(t)
}

// newSpace is a level below the test's directory because that one is readable
// for everybody, which a store for secrets may refuse.
func newSpace(t *testing.T) string {
	space := filepath.Join(t.TempDir(), "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	return space
}
