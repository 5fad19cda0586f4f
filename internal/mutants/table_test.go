package mutants

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/hostile"
)

var (
	which  = flag.String("kill", "", `run the mutants of these: "quick", "all", or a pattern for "group: what it removes"`)
	update = flag.Bool("update", false, "with -kill all: rewrite docs/mutants.md")
)

var groups = []group{idToken, listener, redirect, answers, wires, metadata, issuers, urls, strict, record, sealing, vault, files, grammar}

func (g group) named(m mutant) string { return g.name + ": " + m.what }

func (g group) has(m mutant) bool { return slices.Contains(g.mutants, m) }

// TestTable: each mutant is still there, once, and is Go when its check is gone.
func TestTable(t *testing.T) {
	t.Parallel()
	rows, seen, dirs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range slices.Concat(hostile.Requirements, hostile.Cases) {
		for _, r := range a.Rows {
			rows[r.ID] = true
		}
	}
	for _, g := range groups {
		for _, m := range g.mutants {
			name := g.named(m)
			require.False(t, seen[name], "%s stands twice", name)
			seen[name] = true
			require.NotContains(t, m.what, "|")
			require.True(t, m.rows == "" || rows[m.rows], "%s: there is no %s", name, m.rows)
			require.Equal(t, path.Dir(g.mutants[0].file), path.Dir(m.file), "%s: one package for each group", name)
			dirs[path.Dir(m.file)] = true
		}
	}
	for dir := range dirs {
		_, err := mutated(dir)
		require.NoError(t, err)
	}
}

// TestWeave: marks beside and inside of each other.
func TestWeave(t *testing.T) {
	t.Parallel()
	require.Equal(t, "x[<a>|(b)]y{c}", weave("xa|byc", []mark{{5, 6, "{", "}"}, {3, 4, "(", ")"}, {1, 4, "[", "]"}, {1, 2, "<", ">"}}))
}

// TestEnds: what a run tells apart. A mutant that nothing kills is one that survived, and one that is no Go is an error.
func TestEnds(t *testing.T) {
	t.Parallel()
	const file, pkg = "internal/termsafe/termsafe.go", "internal/termsafe"
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	text := strings.Replace(string(source), "unicode.IsPrint(r)", "insteadOf(1, true, insteadOf(2, unicode.IsPrint(r), unicode.IsPrint(r)))", 1)
	files := map[string]string{file: text, pkg + "/startedas.go": "package termsafe" + switches + "\nfunc init() {\n\tif startedAs == 3 {\n\t\tpanic(1)\n\t}\n}\n"}
	program, err := build(t.TempDir(), pkg, files)
	require.NoError(t, err)
	for mutant, want := range []string{"survived", "Test", "survived"} {
		by, err := run(t.Context(), program, tests{pkg: pkg}, mutant)
		require.NoError(t, err)
		require.Regexp(t, "^"+want, by)
	}
	_, err = run(t.Context(), program, tests{pkg: pkg}, 3)
	require.ErrorContains(t, err, "no test failed, but the process ended")
	_, err = run(t.Context(), program, tests{pkg: pkg, run: "^TestThatIsNot$"}, 0)
	require.ErrorContains(t, err, "no tests to run")
	files[file] += "\nvar _ int = \"\"\n"
	_, err = build(t.TempDir(), pkg, files)
	require.ErrorContains(t, err, "build failed")

	for out, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n":         "TestA/b",
		"panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (1m0s)\n": "TestA (hangs)",
		"fatal error: x\n\ngoroutine 1:\nexample.com/x.TestA(0x1)\n":             "TestA (dies)",
	} {
		by, err := end(out)
		require.NoError(t, err)
		require.Equal(t, want, by)
	}
}

const page = root + "/docs/mutants.md"

// TestDocs: docs/mutants.md has all mutants, each with the test that killed it when all were run last.
func TestDocs(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile(page)
	require.NoError(t, err)
	killers := map[string]string{}
	name := ""
	for line := range strings.Lines(string(have)) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			name = strings.TrimSpace(title)
		} else if cells := strings.Split(line, " | "); len(cells) == 3 {
			killers[name+": "+strings.TrimPrefix(cells[0], "| ")] = strings.Trim(cells[2], "` |\n")
		}
	}
	require.Equal(t, document(killers), string(have), "go test ./internal/mutants -run Killed -kill all -timeout 1h -update")
}

// document is docs/mutants.md.
func document(killers map[string]string) string {
	var b strings.Builder
	count, twice := 0, 0
	for _, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| what nobody looks at any more | where | killed by |\n|---|---|---|\n", g.name)
		for _, m := range g.mutants {
			by := killers[g.named(m)]
			if m.twice != "" {
				twice++
				by = "nothing can: " + m.twice
			} else {
				count++
				by = "`" + by + "`"
			}
			where := "`" + m.file + "`"
			if m.rows != "" {
				where += ", " + m.rows
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", m.what, where, by)
		}
	}
	return fmt.Sprintf(`# Mutants

What happens to the tests when a check of something that comes from outside is taken away: one goes red, each time. %d checks
are removed or turned around, one at a time, and the last column is the first test that failed. %d more are not run, because
another check refuses the same.

This page is written by `+"`go test ./internal/mutants -run Killed -kill all -timeout 1h -update`"+` from the table in
internal/mutants. `+"`.ci/run`"+` removes the checks of ID tokens and of the callback again, `+"`.ci/long`"+` all of them.
`, count, twice) + b.String()
}
