// Package mutants shows that the tests bite: it takes away the checks of everything that comes from outside, one at a time, and
// demands that a test goes red each time. A check that no test misses is one that the next change may lose.
//
// A mutant is a line of the source with a mark in it, and the changed file is laid over the real one (go test -overlay),
// so that nothing in the checkout is ever touched. What does not compile counts as an error, not as killed.
//
// Where to read: mutant_test reads the marks, run_linux_test runs the tests, idtoken_test to scopes_test are the table, and
// table_test keeps it from rotting and writes docs/mutants.md.
package mutants
