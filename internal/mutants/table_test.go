package mutants

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/hostile"
)

var (
	kill   = flag.String("kill", "", `run the mutants of these: "quick", "all", or a pattern for "group: what it removes"`)
	update = flag.Bool("update", false, "with -kill all: rewrite docs/mutants.md")
)

var groups = []group{idToken, listener, redirect, answers, wires, metadata, issuers, urls, strict, record, sealing, vault, files, grammar}

func (g group) named(m mutant) string { return g.name + ": " + m.what }

// TestTable: each mutant is still there, once, and is Go when its check is gone.
func TestTable(t *testing.T) {
	t.Parallel()
	rows := map[string]bool{}
	for _, a := range append(hostile.Requirements[:len(hostile.Requirements):len(hostile.Requirements)], hostile.Cases...) {
		for _, r := range a.Rows {
			rows[r.ID] = true
		}
	}
	seen := map[string]bool{}
	for _, g := range groups {
		for _, m := range g.mutants {
			name := g.named(m)
			require.False(t, seen[name], "%s stands twice", name)
			seen[name] = true
			require.NotContains(t, m.what, "|")
			require.True(t, m.rows == "" || rows[m.rows], "%s: there is no %s", name, m.rows)
			if _, err := m.source(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestEnds: what the run tells apart.
func TestEnds(t *testing.T) {
	t.Parallel()
	const file = "internal/termsafe/termsafe.go"
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	suspects := []tests{{pkg: "internal/termsafe"}}
	for name, tt := range map[string]struct{ text, want string }{
		"the original":        {string(source), `^survived$`},
		"it does not compile": {string(source) + "\nvar _ int = \"\"\n", `^internal/termsafe does not compile:\n`},
		"a test fails":        {strings.ReplaceAll(string(source), "unicode.IsPrint(r)", "true"), `^internal/termsafe Test\w+`},
		"the process dies":    {string(source) + "\nfunc init() { panic(1) }\n", `^internal/termsafe no test, but the process ended:\n`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Regexp(t, tt.want, killer(t, file, []byte(tt.text), suspects))
		})
	}
	require.Equal(t, "TestA/b", end("--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n"))
	require.Equal(t, "TestA (hangs)", end("panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (1m0s)\n"))
	require.Equal(t, "TestA (dies)", end("fatal error: x\n\ngoroutine 1:\nexample.com/x.TestA(0x1)\n"))
}

// TestKilled runs the mutants that -kill names; none of them may survive.
func TestKilled(t *testing.T) {
	wanted := func(g group, m mutant) bool {
		switch *kill {
		case "", "all", "quick":
			return m.twice == "" && (*kill == "all" || *kill == "quick" && g.quick)
		}
		return m.twice == "" && regexp.MustCompile(*kill).MatchString(g.named(m))
	}
	killers, mu, turn := map[string]string{}, sync.Mutex{}, make(chan bool, 2)
	t.Run("mutants", func(t *testing.T) {
		for _, g := range groups {
			for _, m := range g.mutants {
				if !wanted(g, m) {
					continue
				}
				t.Run(g.named(m), func(t *testing.T) {
					t.Parallel()
					turn <- true
					defer func() { <-turn }()
					text, err := m.source()
					require.NoError(t, err)
					by := killer(t, m.file, text, g.tests)
					if by == survived || strings.Contains(by, "\n") {
						t.Errorf("%s: %s\n%s", m.file, by, m.text)
						return
					}
					t.Log(by)
					mu.Lock()
					defer mu.Unlock()
					killers[g.named(m)] = by
				})
			}
		}
	})
	if *update && *kill == "all" && !t.Failed() {
		require.NoError(t, os.WriteFile(page, []byte(document(killers)), 0o644))
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
