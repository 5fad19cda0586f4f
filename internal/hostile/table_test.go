package hostile

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// areas are all there are.
func areas() []Area { return slices.Concat(Requirements, Cases) }

// Every row is shown by tests that have its ID in their names, or says why not, or is decided otherwise where DESIGN.md says
// so. With -v: the table, and how many of which there are.
func TestRows(t *testing.T) {
	t.Parallel()
	elsewhere, found := decisions(t), named(t)
	seen := map[string]bool{}
	for _, a := range areas() {
		for _, r := range a.Rows {
			require.False(t, seen[r.ID], "%s stands twice", r.ID)
			seen[r.ID] = true
			require.Regexp(t, `^(`+requirement+`|`+hostileCase+`)$`, r.ID)
			require.Regexp(t, `^[^.].*[^ ]\.$`, r.Says, "%s: a sentence", r.ID)
			if (r.Otherwise == decided) != elsewhere[r.ID] {
				t.Errorf("%s: decided otherwise, %v; in DESIGN.md's list, %v", r.ID, r.Otherwise == decided, elsewhere[r.ID])
			}
			applies := r.Otherwise == "" || r.Otherwise == decided
			require.Equal(t, applies, r.Tests != "", "%s: a test, or the reason why there is none", r.ID)
			require.True(t, applies || !r.Must, "%s: what must hold has a test", r.ID)
			if r.Tests == "" {
				continue
			}
			for test := range strings.SplitSeq(r.Tests, ", ") {
				if names, ok := found[test]; !ok {
					t.Errorf("%s: there is no %s", r.ID, test)
				} else if names[r.ID] == 0 {
					t.Errorf("%s: neither the name of %s nor that of one of its cases has it", r.ID, test)
				}
			}
		}
	}
	for test, names := range found { // a slip of the pen would be a case that nobody counts
		for name := range names {
			if !seen[name] && idPattern.MatchString(name) {
				t.Errorf("%s names %s, which is no row", test, name)
			}
		}
	}
	if !t.Failed() {
		t.Log("\n" + summary() + coverage())
	}
}

// Every limit has a test of its number, and of what lies beyond.
func TestLimits(t *testing.T) {
	t.Parallel()
	found := named(t)
	for _, l := range Limits {
		cases := 0
		for test := range strings.SplitSeq(l.Tests, ", ") {
			if _, ok := found[test]; !ok {
				t.Errorf("%s: there is no %s", l.Name, test)
			}
			cases += found[test]["limit: "+l.Name]
		}
		want := 2
		if l.Measured {
			want = 1
		}
		if cases < want {
			t.Errorf("%s: %d cases that are called %q in %s, want %d", l.Name, cases, "limit: "+l.Name+", …", l.Tests, want)
		}
	}
}

const (
	requirement = `R-[A-Za-z0-9]+-[0-9]+`
	hostileCase = `[A-Z]{2}-[0-9]{2}`
)

var (
	idPattern    = regexp.MustCompile(`\b(?:` + requirement + `|` + hostileCase + `)\b`)
	limitPattern = regexp.MustCompile(`limit: [^,"` + "`" + `]+`)
)

// decisions are the IDs in the table "Where requirements differ" of DESIGN.md.
func decisions(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "DESIGN.md"))
	require.NoError(t, err)
	_, table, ok := strings.Cut(string(text), "## Where requirements differ\n")
	require.True(t, ok)
	table, _, _ = strings.Cut(table, "\n## ")
	ids := map[string]bool{}
	for line := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		for id := range strings.SplitSeq(cell, ", ") {
			if idPattern.MatchString(id) {
				ids[id] = true
			}
		}
	}
	require.NotEmpty(t, ids)
	return ids
}

// named returns what each test of the module is called and what it calls its cases: "package TestName" has the IDs and the
// limits that stand there, and how often. The name of a case is a string in a table, or the argument of a Run. What stands
// in a comment or in the text of a failure is no name.
func named(t *testing.T) map[string]map[string]int {
	t.Helper()
	found := map[string]map[string]int{}
	err := filepath.WalkDir(root, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		files, err := filepath.Glob(filepath.Join(path, "*_test.go"))
		if err != nil || len(files) == 0 {
			return err
		}
		pkg, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return namedIn(filepath.ToSlash(pkg), files, found)
	})
	require.NoError(t, err)
	return found
}

func namedIn(pkg string, files []string, found map[string]map[string]int) error {
	declared := map[string][]ast.Node{} // on the level of the package: tables that tests take their cases from
	tests := map[string]*ast.FuncDecl{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && regexp.MustCompile(`^(Test|Fuzz)`).MatchString(d.Name.Name) {
					tests[d.Name.Name] = d
				} else if d.Recv == nil {
					declared[d.Name.Name] = append(declared[d.Name.Name], d)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if v, ok := spec.(*ast.ValueSpec); ok {
						for _, name := range v.Names {
							declared[name.Name] = append(declared[name.Name], v)
						}
					}
				}
			}
		}
	}
	for name, test := range tests {
		names := map[string]int{}
		for _, id := range idsOf(name) {
			names[id]++
		}
		collect(test, declared, map[ast.Node]bool{}, names)
		found[pkg+" "+name] = names
	}
	return nil
}

// idsOf reads the IDs in the name of a function: TestFlood_CB24_R8252_5 has CB-24 and R-8252-5.
func idsOf(name string) (ids []string) {
	part := strings.Split(name, "_")[1:]
	for i, p := range part {
		if m := regexp.MustCompile(`^([A-Z]{2})([0-9]{2})$`).FindStringSubmatch(p); m != nil {
			ids = append(ids, m[1]+"-"+m[2])
		} else if strings.HasPrefix(p, "R") && i+1 < len(part) {
			ids = append(ids, "R-"+p[1:]+"-"+part[i+1])
		}
	}
	return ids
}

// collect adds the names that stand in node, and in what it uses of the package.
func collect(node ast.Node, declared map[string][]ast.Node, seen map[ast.Node]bool, names map[string]int) {
	if seen[node] {
		return
	}
	seen[node] = true
	var above []ast.Node
	ast.Inspect(node, func(n ast.Node) bool {
		if n == nil {
			above = above[:len(above)-1]
			return true
		}
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING && isName(above) {
				for _, id := range idPattern.FindAllString(n.Value, -1) {
					names[id]++
				}
				for _, limit := range limitPattern.FindAllString(n.Value, -1) {
					names[limit]++
				}
			}
		case *ast.Ident:
			for _, used := range declared[n.Name] {
				collect(used, declared, seen, names)
			}
		}
		above = append(above, n)
		return true
	})
}

// isName tells whether a string below these nodes names a case: a row of a table, or the first argument of a Run.
func isName(above []ast.Node) bool {
	for i := len(above) - 1; i >= 0; i-- {
		switch n := above[i].(type) {
		case *ast.BinaryExpr:
			continue
		case *ast.CompositeLit, *ast.KeyValueExpr:
			return true
		case *ast.CallExpr:
			called, ok := n.Fun.(*ast.SelectorExpr)
			if ok && called.Sel.Name == "Sprint" { // of a name that counts
				continue
			}
			return ok && called.Sel.Name == "Run"
		}
		return false
	}
	return false
}

// TestNames: what counts as the name of a case, and what does not.
func TestNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "x_test.go")
	require.NoError(t, os.WriteFile(file, []byte("package x\n"+`
var table = []struct{ name string }{{"CB-01 in a table of the package"}}
// IT-01 in a comment
func helper() map[string]int { return map[string]int{"CB-02 in a table of a function": 1} }
func TestIt_KS04_R9700u_2_RMS_10(t *testing.T) { // IT-02 likewise
	for range table { helper() }
	t.Run("CB-03 as it is", nil)
	t.Run("CB-04 "+"and more", nil)
	t.Run(fmt.Sprint("CB-05 ", 1), nil)
	require.True(t, true, "IT-03 in the text of a failure")
	_ = "IT-04 anywhere"
	_ = []string{"R-6749-1 limit: scope, 1 KiB", "limit: scope, more"}
}
func other() { _ = []string{"IT-05 of a function that no test uses"} }
func TestOther(t *testing.T) {}
`), 0o600))
	found := map[string]map[string]int{}
	require.NoError(t, namedIn("x", []string{file}, found))
	require.Equal(t, map[string]map[string]int{
		"x TestIt_KS04_R9700u_2_RMS_10": {
			"KS-04": 1, "R-9700u-2": 1, "R-MS-10": 1, "CB-01": 1, "CB-02": 1, "CB-03": 1, "CB-04": 1, "CB-05": 1, "R-6749-1": 1, "limit: scope": 2,
		},
		"x TestOther": {},
	}, found)
}

// ours are the cases that are in no list: those who attacked this library found them here.
var ours = []string{"CB-33", "CB-34", "DD-26", "RF-21"}

// TestReference holds the table to the list that it was made from: every ID, and which of them must hold.
func TestReference(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no list of all requirements and cases to compare with")
	}
	text, err := os.ReadFile(filepath.Join(folder, "reference", "security.md"))
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^\| (` + requirement + `|` + hostileCase + `)( \*\*P\*\*)? \|`)
	want := map[string]bool{}
	for _, section := range []string{"\n## 1. ", "\n## 3. "} {
		_, part, ok := strings.Cut(string(text), section)
		require.True(t, ok)
		part, _, _ = strings.Cut(part, "\n## ")
		for _, m := range row.FindAllStringSubmatch(part, -1) {
			want[m[1]] = m[2] != ""
		}
	}
	have := map[string]bool{}
	for _, a := range areas() {
		for _, r := range a.Rows {
			have[r.ID] = r.Must
		}
	}
	require.Len(t, want, 131+341)
	for _, id := range ours {
		require.Contains(t, have, id)
		require.NotContains(t, want, id)
		delete(have, id)
	}
	require.Equal(t, want, have)
}

// TestTimes: STAYSIGNED_LONG says how much of a count is done.
func TestTimes(t *testing.T) {
	for long, want := range map[string]int{"": 20, "x": 20, "10": 1000, "99": 1000, "100": 10_000, "1000": 10_000} {
		t.Setenv("STAYSIGNED_LONG", long)
		require.Equal(t, want, Times(20, 10_000), "%q", long)
	}
	t.Setenv("STAYSIGNED_LONG", "10")
	require.Equal(t, 20, Times(20, 30), "never less than in go test")
}

// summary counts the rows.
func summary() string {
	var all, must, tested, differ, not int
	for _, a := range areas() {
		for _, r := range a.Rows {
			all++
			if r.Must {
				must++
			}
			switch r.Otherwise {
			case "":
				tested++
			case decided:
				differ++
			default:
				not++
			}
		}
	}
	return fmt.Sprintf("%d rows, %d of which must hold: %d are tested, %d are decided otherwise, and that is tested, %d do not apply.\n",
		all, must, tested, differ, not)
}

// coverage is the table for people.
func coverage() string {
	var b strings.Builder
	for _, a := range areas() {
		fmt.Fprintf(&b, "\n### %s\n\n| | what comes, and what has to happen | shown by |\n|---|---|---|\n", a.Title)
		for _, r := range a.Rows {
			id, shown := r.ID, r.Otherwise
			if r.Must {
				id = "**" + id + "**"
			}
			if r.Tests != "" {
				shown = quote(r.Tests)
				if r.Otherwise != "" {
					shown = r.Otherwise + "; " + shown
				}
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", id, r.Says, shown)
		}
	}
	return b.String()
}

// quote writes a list of tests as code; an empty one is nothing.
func quote(list string) string {
	if list == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(list, ", ", "`, `") + "`"
}
