package mutants

import (
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
)

const root = "../.."

// group is the mutants that the same tests are to kill.
type group struct {
	name    string
	quick   bool // in .ci/run; the others in .ci/long
	tests   []tests
	mutants []mutant
}

// tests are those of one package.
type tests struct {
	pkg string // from the root
	run string // -run; empty: all
}

// mutant is one check that is taken away. In text the check stands in guillemets, «like this», and what it becomes behind an
// arrow, «like this→like that»; without one it becomes false. Without its marks text occurs in the file exactly once.
type mutant struct {
	file string // from the root
	text string
	what string // what nobody looks at any more
	rows string // of docs/hostile.md, if it is one of those cases
	// twice, if not empty, says what else refuses the same. No test can tell such a mutant from the original, and it is not
	// run: it is here so that nobody has to find that out again.
	twice string
}

// source is the file as it would be, and without the check.
func (m mutant) source() (mutated []byte, err error) {
	before, rest, marked := strings.Cut(m.text, "«")
	mark, after, closed := strings.Cut(rest, "»")
	if !marked || !closed || strings.ContainsAny(before+after, "«»") {
		return nil, fmt.Errorf("%q: want one mark", m.text)
	}
	old, fresh, given := strings.Cut(mark, "→")
	if !given {
		fresh = "false && (" + old + ")"
	}
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
	if err != nil {
		return nil, err
	}
	if n := strings.Count(string(text), before+old+after); n != 1 {
		return nil, fmt.Errorf("%s: %d times, want once:\n%s", m.file, n, before+old+after)
	}
	mutated = []byte(strings.Replace(string(text), before+old+after, before+fresh+after, 1))
	_, err = parser.ParseFile(token.NewFileSet(), m.file, mutated, parser.SkipObjectResolution)
	return mutated, err
}
