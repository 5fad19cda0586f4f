// Package hostile is the table of what the library is attacked with: what the RFCs demand as sentences that can be tested,
// hostile cases, and limits, each with the tests that show what the library does about it, or why there is nothing to show.
// docs/hostile.md is the same table for people. The tests are beside the code that they attack.
package hostile

import (
	"os"
	"strconv"
)

// Row is one requirement or one hostile case.
type Row struct {
	ID    string
	Must  bool   // the cases on which everything else rests
	Says  string // what comes, and what has to happen
	Tests string // package, space, test, separated by commas: each has the ID in its own name or in that of one of its cases
	// Otherwise is empty, decided, or the reason why the row does not apply and has no test.
	Otherwise string
}

// decided: the architecture says otherwise, and DESIGN.md, "Where requirements differ", what is done instead. What is
// tested is that.
const decided = "decided otherwise: DESIGN.md"

const (
	must = true
	also = false
)

// Area is the rows of one kind.
type Area struct {
	Title string
	Rows  []Row
}

// Limit is a bound of the library. Its tests have the bound itself and what lies beyond it.
type Limit struct {
	Name     string // cases of its tests are called "limit: " and this
	Bound    string
	Asked    string // what was asked for where it is not this, and why it is not
	Tests    string
	Measured bool // a time that its test measures exactly: one case says both
}

// Times is how often to do what is counted: few in go test, a tenth in .ci/run, all in .ci/long.
func Times(few, all int) int {
	percent, err := strconv.Atoi(os.Getenv("STAYSIGNED_LONG"))
	switch {
	case err != nil:
		return few
	case percent < 100:
		return max(few, all/10)
	}
	return all
}
