package mutants

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const root = "../.."

// group is the mutants that the same tests are to kill. All of them are in one package.
type group struct {
	name    string
	quick   bool    // in .ci/run; the others in .ci/long
	tests   []tests // those that know most first
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

// mark is a mutant in the text of its file.
type mark struct {
	start, end  int
	open, close string
}

// find returns the mark of a mutant. When the program is started as mutant n, it takes effect.
func (m mutant) find(text string, n int) (mark, error) {
	before, rest, marked := strings.Cut(m.text, "«")
	inside, after, closed := strings.Cut(rest, "»")
	if !marked || !closed || strings.ContainsAny(before+after, "«»") {
		return mark{}, fmt.Errorf("%q: want one mark", m.text)
	}
	old, fresh, given := strings.Cut(inside, "→")
	if n := strings.Count(text, before+old+after); n != 1 {
		return mark{}, fmt.Errorf("%s: %d times, want once:\n%s", m.file, n, before+old+after)
	}
	start := strings.Index(text, before+old+after) + len(before)
	k := mark{start, start + len(old), fmt.Sprintf("startedAs != %d && (", n), ")"}
	if given {
		k.open = fmt.Sprintf("insteadOf(%d, %s, ", n, fresh)
	}
	return k, nil
}

// switches is a file that is laid into each package with mutants.
const switches = `

import (
	"os"
	"strconv"
)

var startedAs, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func insteadOf[T any](mutant int, fresh, old T) T {
	if startedAs == mutant {
		return fresh
	}
	return old
}
`

const variable = "STAYSIGNED_MUTANT"

// numbered are all mutants of a package; the number of the first is 1.
func numbered(dir string) (all []mutant) {
	for _, g := range groups {
		for _, m := range g.mutants {
			if path.Dir(m.file) == dir {
				all = append(all, m)
			}
		}
	}
	return all
}

// mutated returns the files of a package, by their paths from the root, with all of its mutants in them. One build serves them
// all, which is what makes it possible to run them often.
func mutated(dir string) (map[string]string, error) {
	texts, marks := map[string]string{}, map[string][]mark{}
	for i, m := range numbered(dir) {
		if _, ok := texts[m.file]; !ok {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
			if err != nil {
				return nil, err
			}
			texts[m.file] = string(text)
		}
		k, err := m.find(texts[m.file], i+1)
		if err != nil {
			return nil, err
		}
		marks[m.file] = append(marks[m.file], k)
	}
	for file, text := range texts {
		fresh := weave(text, marks[file])
		syntax, err := parser.ParseFile(token.NewFileSet(), file, fresh, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		texts[file] = fresh
		texts[path.Join(dir, "startedas.go")] = "package " + syntax.Name.Name + switches
	}
	return texts, nil
}

// weave puts marks into a text. One may stand inside of another.
func weave(text string, marks []mark) string {
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Or(a.start-b.start, b.end-a.end) })
	var b strings.Builder
	var open []mark
	at := 0
	closeUntil := func(end int) {
		for len(open) > 0 && open[len(open)-1].end <= end {
			last := open[len(open)-1]
			b.WriteString(text[at:last.end] + last.close)
			at, open = last.end, open[:len(open)-1]
		}
	}
	for _, k := range marks {
		closeUntil(k.start)
		b.WriteString(text[at:k.start] + k.open)
		at, open = k.start, append(open, k)
	}
	closeUntil(len(text))
	return b.String() + text[at:]
}
