// Package cachetest checks that a [cache.Store] keeps its promises.
//
// A store that breaks one works in every demonstration. It signs people out
// weeks later: when two programs refresh at once, when one of them is killed,
// when a slow writer comes back after a sign-out. This package looks for those
// moments, in many goroutines and in many processes. The test of a store is
//
//	func TestMyStore(t *testing.T) {
//		cachetest.Run(t, func(t testing.TB, space string) cache.Store {
//			return OpenMyStore(space)
//		})
//	}
//
// and every failure quotes the rule that was broken, and says what would become
// of people without it. A store that lives in one process alone is for
// [RunInProcess]. The optional interfaces of package cache are checked where the
// store has them; go test -v tells which ones it lacks.
//
// # What the suite asks of the test
//
// Run starts the test binary again, with -test.run naming the sub-test it is in,
// so that other processes use the same records. They reach Run the way the first
// process did, without a TestMain of a special kind: whatever precedes Run must
// do its work there too. What a store needs besides space, such as the address
// of a server, comes from the environment or from flags, which are passed on.
//
// A lock may be freed by a lease when its holder was killed: within 30 seconds,
// or 3 with -short. With -short everything is repeated a tenth as often, in half as
// many processes.
//
// # Where to read
//
//   - cachetest.go: Run, RunInProcess, and what a rule is
//   - check.go: what the rules are made of
//   - values.go, revisions.go, keys.go, list.go, readers.go, locks.go,
//     abilities.go, calls.go: the rules, each with its text, that hold within a
//     process
//   - across.go, crash.go, sealed.go: those that need other processes or files
//   - process.go, worker.go: the other processes
package cachetest
