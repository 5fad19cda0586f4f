package faults_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/faults"
)

const root = "../.."

// promised are the counts that the full run was asked for.
var promised = map[int]int{1: 100, 3: 1000, 4: 300, 5: 300, 6: 100, 9: 8, 13: 10, 14: 20, 15: 100, 17: 100, 21: 500, 22: 500}

// Every row is shown by tests that exist, and the first of them takes its count from the row. With -v: the table.
func TestRows(t *testing.T) {
	t.Parallel()
	declared := map[string]map[string]bool{} // by package: test → it takes its count from a row
	counted := func(pkg, name string, row int) bool {
		if declared[pkg] == nil {
			declared[pkg] = testsOf(t, pkg)
		}
		require.Contains(t, declared[pkg], name, "row %d", row)
		return declared[pkg][fmt.Sprint(name, " ", row)]
	}
	for i, r := range faults.Rows {
		require.Equal(t, i+1, r.Number)
		require.NotEqual(t, len(r.Tests) == 0, r.Instead == "", "row %d: a test, or what stands in for it", r.Number)
		for n, test := range r.Tests {
			pkg, name, ok := strings.Cut(test, " ")
			require.True(t, ok, test)
			if _, err := os.Stat(filepath.Join(root, pkg)); pkg == "cache/rediscache" && os.IsNotExist(err) {
				continue // a module of its own, which need not be in a checkout
			}
			takes := counted(pkg, name, r.Number)
			require.True(t, n > 0 || r.Unit == "" || takes, "row %d: %s does not ask for its count", r.Number, test)
		}
		require.GreaterOrEqual(t, r.Counts.Long, promised[r.Number], "row %d", r.Number)
		require.True(t, r.Counts.Test <= r.Counts.Run && r.Counts.Run <= r.Counts.Long)
		require.Equal(t, r.Unit == "", r.Counts == faults.Counts{}, "row %d", r.Number)
		require.True(t, r.Unit == "" || r.Counts.Test > 0, "row %d", r.Number)
	}
	require.Len(t, faults.Rows, 27)
	t.Log("\n" + table())
}

// testsOf parses the tests of a package, for whatever system they are. It contains "TestX" for each, and "TestX 7" if
// that one calls Rounds(7).
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	require.NoError(t, err)
	found := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !strings.HasPrefix(fn.Name.Name, "Test") {
				continue
			}
			found[fn.Name.Name] = true
			for n := range ast.Preorder(fn) {
				call, ok := n.(*ast.CallExpr)
				if !ok || len(call.Args) != 1 {
					continue
				}
				called, isSelector := call.Fun.(*ast.SelectorExpr)
				row, isLiteral := call.Args[0].(*ast.BasicLit)
				if isSelector && isLiteral && called.Sel.Name == "Rounds" {
					found[fn.Name.Name+" "+row.Value] = true
				}
			}
		}
	}
	return found
}

// TestRounds: STAYSIGNED_LONG says which of the three counts is meant.
func TestRounds(t *testing.T) {
	for long, want := range map[string]int{"": 2, "x": 2, "10": 10, "99": 10, "100": 100, "1000": 100} {
		t.Setenv("STAYSIGNED_LONG", long)
		require.Equal(t, want, faults.Rounds(1), "%q", long)
	}
	require.Panics(t, func() { faults.Rounds(7) }, "there is nothing to repeat")
	require.Panics(t, func() { faults.Rounds(27) })
}

// table is the table for people.
func table() string {
	var b strings.Builder
	b.WriteString("| | what happens | what holds all the same | shown by | how often: `go test`, `.ci/run`, `.ci/long` |\n|---|---|---|---|---|\n")
	for _, r := range faults.Rows {
		shown, often := r.Instead, ""
		if len(r.Tests) > 0 {
			shown = "`" + strings.Join(r.Tests, "`, `") + "`"
		}
		if r.Unit != "" {
			often = fmt.Sprintf("%d, %d, %d %s", r.Counts.Test, r.Counts.Run, r.Counts.Long, r.Unit)
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", r.Number, r.Fault, r.Expected, shown, often)
	}
	return b.String()
}
