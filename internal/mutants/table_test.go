package mutants

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/hostile"
)

var groups = []group{idToken, listener, redirect, answers, wires, metadata, issuers, urls, strict, record, sealing, vault, files, grammar}

func (g group) named(m mutant) string { return g.name + ": " + m.what }

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
another check refuses the same. A check that no test misses fails the run.

This page is written by `+"`go test ./internal/mutants -run Killed -kill all -timeout 1h -update`"+` from the table in
internal/mutants. `+"`.ci/run`"+` removes the checks of ID tokens and of the callback again, `+"`.ci/long`"+` all of them.
`, count, twice) + b.String()
}
