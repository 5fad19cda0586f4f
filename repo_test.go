// Package staysigned_test checks what no compiler does: that the repository keeps to its own rules.
//
// With -update it rewrites what is compared, api/*.txt and deps.txt; a review reads the difference.
package staysigned_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/doc"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite api/*.txt and deps.txt")

const module = "github.com/staysigned/staysigned"

// public are the packages that applications import.
var public = []string{"scopes", "msal", "cache", "cache/cachetest", "cache/keychain", "cache/keys", "msal/msaltest"}

// ground are the packages that import nothing of ours and that every other one in internal may import.
var ground = []string{"internal/strictjson", "internal/secret", "internal/termsafe", "internal/secureurl"}

// mayImport says which way imports point. A cache that imports no more than this can not reach the network.
func mayImport(from, to string) bool {
	switch {
	case from == "scopes" || from == "cache" || from == "msal/msaltest" || slices.Contains(ground, from):
		return false
	case strings.HasPrefix(from, "cache/"):
		return to == "cache"
	case strings.HasPrefix(from, "internal/"):
		return slices.Contains(ground, to) || from == "internal/provider" && to == "scopes"
	case from == "msal":
		return to == "scopes" || to == "cache" || strings.HasPrefix(to, "internal/")
	case strings.HasPrefix(from, "examples/"):
		return slices.Contains(public, to)
	}
	return false
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		from := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, to := range p.Imports {
			if to, ours := strings.CutPrefix(to, module+"/"); ours {
				require.True(t, mayImport(from, to), "%s imports %s", from, to)
			}
		}
	}
}

// A program that keeps its sessions in memory has no use for a session bus, and a server has none.
func TestDependencies(t *testing.T) {
	t.Parallel()
	closure := map[string][]string{} // module: its packages
	for _, p := range list(t, "-deps", "./msal", "./cache") {
		require.NotRegexp(t, `^(github\.com/(godbus|zalando)|filippo\.io)/`, p.ImportPath)
		if p.Module != nil && p.Module.Path != module {
			closure[p.Module.Path] = append(closure[p.Module.Path], p.ImportPath)
		}
	}
	text := "What a program links that imports msal and cache, beside this module and the standard library:\n"
	for _, mod := range slices.Sorted(maps.Keys(closure)) {
		text += "\n" + mod + "\n\t" + strings.Join(slices.Sorted(slices.Values(closure[mod])), "\n\t") + "\n"
	}
	golden(t, "deps.txt", text)
}

// A replace in the root does nothing for importers: they would get other versions than were tested. A nested module takes
// from the checkout the root, and what is never tagged.
func TestReplace(t *testing.T) {
	t.Parallel()
	for _, f := range files() {
		if path.Base(f.path) != "go.mod" {
			continue
		}
		var mod struct {
			Replace []struct{ Old, New struct{ Path string } }
		}
		require.NoError(t, json.Unmarshal(command(t, "mod", "edit", "-json", f.path), &mod))
		for _, r := range mod.Replace {
			below, ours := strings.CutPrefix(r.Old.Path+"/", module+"/")
			here := path.Join(f.dir(), r.New.Path) == path.Clean(below) // the module of this checkout
			tagged := below != "" && !strings.HasPrefix(below, "internal/")
			require.False(t, f.root || !ours || !here || tagged, "%s replaces %s by %s", f.path, r.Old.Path, r.New.Path)
		}
	}
}

// The exported API, as the compiler exports it. Whatever changes here changes for somebody.
func TestAPI(t *testing.T) {
	t.Parallel()
	args := []string{"-deps", "-export"}
	for _, name := range public {
		args = append(args, "./"+name)
	}
	exports := map[string]string{}
	for _, p := range list(t, args...) {
		exports[p.ImportPath] = p.Export
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	for _, name := range public {
		pkg, err := imports.Import(module + "/" + name)
		require.NoError(t, err)
		golden(t, "api/"+path.Base(name)+".txt", strings.Join(features(pkg), "\n")+"\n")
	}
}

// features returns one line for each exported thing.
func features(pkg *types.Package) (lines []string) {
	in := func(p *types.Package) string {
		if p == pkg {
			return ""
		}
		return p.Name()
	}
	for _, name := range pkg.Scope().Names() {
		object := pkg.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		switch o := object.(type) {
		case *types.Const:
			lines = append(lines, types.ObjectString(o, in)+" = "+o.Val().ExactString())
		case *types.TypeName:
			lines = append(lines, typeFeatures(o, in)...)
		default:
			lines = append(lines, types.ObjectString(o, in))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

func typeFeatures(o *types.TypeName, in types.Qualifier) (lines []string) {
	named, ok := o.Type().(*types.Named)
	if !ok {
		return []string{types.ObjectString(o, in)}
	}
	head := "type " + o.Name()
	switch u := named.Underlying().(type) {
	case *types.Struct:
		head += " struct"
		lines = append(lines, head)
		for i := range u.NumFields() {
			if f := u.Field(i); f.Exported() {
				line := head + ", " + f.Name() + " " + types.TypeString(f.Type(), in) + " " + u.Tag(i)
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	case *types.Interface:
		head += " interface"
		lines = append(lines, head)
		for m := range u.Methods() {
			line := head + ", only here implemented"
			if m.Exported() {
				line = head + ", " + m.Name() + strings.TrimPrefix(types.TypeString(m.Type(), in), "func")
			}
			lines = append(lines, line)
		}
	default:
		lines = append(lines, head+" "+types.TypeString(u, in))
	}
	for m := range named.Methods() {
		if m.Exported() {
			signature := strings.Replace(types.ObjectString(m, in), "func ", "method ", 1)
			lines = append(lines, regexp.MustCompile(`#rv\d+ `).ReplaceAllString(signature, "")) // the compiler's names
		}
	}
	return lines
}

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		require.NoError(t, os.MkdirAll(path.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text), 0o644))
	}
	want, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, string(want), text, "if %s is meant to change: go test . -update", name)
}

// Every package has one comment. What it says of the files is true, and the maps of the large packages are complete.
func TestPackageComments(t *testing.T) {
	t.Parallel()
	files, comments := map[string][]string{}, map[string]int{}
	for f := range code() {
		files[f.dir()] = append(files[f.dir()], path.Base(f.path))
		if f.syntax.Doc != nil {
			comments[f.dir()]++
		}
	}
	for f := range code() {
		require.Equal(t, 1, comments[f.dir()], "package comments in %s", f.dir())
		said := regexp.MustCompile(`\b[a-z_]+\.go\b`).FindAllString(f.syntax.Doc.Text(), -1)
		require.Subset(t, files[f.dir()], said, f.path)
		if slices.Contains([]string{"msal/doc.go", "scopes/doc.go", "cache/doc.go"}, f.path) {
			system := regexp.MustCompile(`^doc\.go$|_(unix|linux|darwin|windows|other)\.go$`) // belongs to a file without it
			require.Subset(t, said, slices.DeleteFunc(slices.Clone(files[f.dir()]), system.MatchString), f.path)
		}
	}
}

// People search their logs for the events of msal, so the list of them is complete.
func TestEvents(t *testing.T) {
	t.Parallel()
	calls := regexp.MustCompile(`\.(?:event|warn|LogAttrs|(?:Debug|Info|Warn|Error)Context)\((?:[^"()]|\(\))*"([^"]+)"`)
	logged, said := map[string]bool{}, map[string]bool{}
	for f := range code() {
		if f.dir() != "msal" {
			continue
		}
		for _, call := range calls.FindAllStringSubmatch(f.text, -1) {
			logged[call[1]] = true
		}
		_, events, _ := strings.Cut(strings.Join(strings.Fields(f.syntax.Doc.Text()), " "), "# Events ")
		events, _, _ = strings.Cut(events, " # ")
		for i, text := range strings.Split(events, `"`) {
			if i%2 == 1 {
				said[text] = true
			}
		}
	}
	require.Equal(t, logged, said)
}

// forbidden is what code outside of tests does without; but for "in", folders and files that may have it.
var forbidden = []struct{ names, in string }{
	{`"math/rand" "text/template"`, ""},    // predictable, escapes nothing
	{`"unsafe"`, "msal/dpapi_windows.go"},  // says it
	{`"sh" "bash" "cmd" "powershell"`, ""}, // no shell is ever to read what a server wrote
	{"InsecureSkipVerify context.TODO", ""},
	{"http.DefaultClient http.Get http.Head http.Post http.PostForm", ""}, // follow redirects, and anybody may change it
	{`"log" fmt.Print fmt.Printf fmt.Println`, ""},                        // belong to the program
	{"os.Stdout", "examples cache/cachetest"},
	{"os.Getenv os.LookupEnv os.Environ", "internal/browser cache/keychain examples cache/cachetest internal/faults internal/hostile"}, // Config says it all
	{`"os/exec"`, "internal/browser cache/cachetest cache/keychain cache/keys"},
	{`"testing"`, "msal/msaltest cache/cachetest"},
}

func TestForbidden_XX01(t *testing.T) {
	t.Parallel()
	for f := range code() {
		if !f.root {
			continue
		}
		for n := range ast.Preorder(f.syntax) {
			name := ""
			switch n := n.(type) {
			case *ast.BasicLit:
				name = strings.ReplaceAll(n.Value, ".exe", "")
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					name = x.Name + "." + n.Sel.Name
				}
			case *ast.Ident:
				name = n.Name
			}
			for _, rule := range forbidden {
				inside := func(dir string) bool { return f.path == dir || strings.HasPrefix(f.path, dir+"/") }
				if slices.Contains(strings.Fields(rule.names), name) && !slices.ContainsFunc(strings.Fields(rule.in), inside) {
					require.Fail(t, "forbidden: "+name, f.fset.Position(n.Pos()))
				}
			}
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for f := range code() {
		require.LessOrEqual(t, strings.Count(f.text, "\n"), 450, f.path)
		for n := range ast.Preorder(f.syntax) {
			if fn, ok := n.(*ast.FuncDecl); ok {
				lines := f.fset.Position(fn.End()).Line - f.fset.Position(fn.Pos()).Line + 1
				require.LessOrEqual(t, lines, 70, "%s: %s", f.path, fn.Name.Name)
			}
		}
	}
}

func TestNoMachinePaths(t *testing.T) {
	t.Parallel()
	machine := regexp.MustCompile(`(/(home|root|Users|work|tmp)/|[A-Z]:\\\\?Users\\)\w+`)
	for _, f := range files() {
		require.Empty(t, machine.FindString(f.text), f.path)
	}
}

// Code in prose rots unless something compiles it: each block is the body of an Example, what it prints is the output
// of one, a line in a package comment is a line of one, what a table says of keys is in one, and a command is one that
// .ci/run or a test gives.
func TestProse(t *testing.T) {
	t.Parallel()
	bodies, outputs, source, proofs := map[string]bool{}, map[string]bool{}, "", ""
	for _, f := range files() {
		if f.syntax != nil && f.isTest() {
			for _, example := range doc.Examples(f.syntax) {
				text := f.body(example)
				bodies[text], outputs[example.Output] = true, true
				source += text
			}
		}
		if f.path == ".ci/run" || strings.HasPrefix(f.path, "examples/") && f.isTest() {
			proofs += f.text
		}
	}
	blocks := regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	for _, f := range files() {
		for _, block := range blocks.FindAllStringSubmatch(f.text, -1) {
			switch kind, text := block[1], block[2]; {
			case path.Ext(f.path) != ".md":
			case kind == "go":
				require.True(t, bodies[text], "%s: no Example has this body:\n%s", f.path, text)
			case kind == "sh":
				for command := range strings.Lines(text) {
					require.Contains(t, proofs, strings.TrimSpace(command), f.path)
				}
			case f.path == "README.md" || f.path == "docs/scopes.md":
				require.True(t, outputs[text], "%s: no Example prints this:\n%s", f.path, text)
			}
		}
		_, table, _ := strings.Cut(f.text, "\n## Where the key is\n\n")
		table, _, _ = strings.Cut(table, "\n## ")
		for _, cell := range regexp.MustCompile("(?m)`([^`]*)` \\|$").FindAllStringSubmatch(table, -1) {
			if cell[1] != "Config.Cache" {
				require.Contains(t, source, cell[1], f.path)
			}
		}
		for line := range strings.Lines(f.text) {
			if line, ok := strings.CutPrefix(line, "//\t"); ok && f.path == "msal/doc.go" && !strings.Contains(line, ".go ") {
				require.Contains(t, source, line, f.path)
			}
		}
	}
}

// file is a text of the repository.
type file struct {
	path   string // from the root, with slashes
	text   string
	root   bool // of the root module
	fset   *token.FileSet
	syntax *ast.File // nil: not Go
}

func (f file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }
func (f file) dir() string  { return path.Dir(f.path) }

// body is what stands between the braces of an example, without its indentation and its output.
func (f file) body(example *doc.Example) string {
	block, ok := example.Code.(*ast.BlockStmt)
	if !ok {
		return ""
	}
	text := f.text[f.fset.Position(block.Lbrace).Offset+1 : f.fset.Position(block.Rbrace).Offset]
	if i := regexp.MustCompile(`(?i)\t// (unordered )?output:`).FindStringIndex(text); i != nil {
		text = text[:i[0]]
	}
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n\t", "\n"), "\n")
}

// code yields the Go files that are not tests.
func code() iter.Seq[file] {
	return func(yield func(file) bool) {
		for _, f := range files() {
			if f.syntax != nil && !f.isTest() && !yield(f) {
				return
			}
		}
	}
}

// files returns all texts of the repository. It opens them itself rather than asking git, so that the go command
// knows what the results of these tests depend on.
var files = sync.OnceValue(func() (all []file) {
	var nested []string
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if slices.Contains([]string{".git", "bin", "node_modules", ".tools"}, entry.Name()) {
				return fs.SkipDir
			}
			if _, err := os.Stat(name + "/go.mod"); err == nil && name != "." {
				nested = append(nested, name+"/")
			}
			return nil
		}
		text, err := os.ReadFile(name)
		f := file{path: name, text: string(text), root: true, fset: token.NewFileSet()}
		for _, dir := range nested {
			f.root = f.root && !strings.HasPrefix(name, dir)
		}
		if err == nil && path.Ext(name) == ".go" {
			f.syntax, err = parser.ParseFile(f.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		}
		all = append(all, f)
		return err
	})
	if err != nil {
		panic(err)
	}
	return all
})

// pkg is what the go command says of a package.
type pkg struct {
	ImportPath, Export string
	Imports            []string
	Module             *struct{ Path string }
}

func list(t *testing.T, args ...string) (packages []pkg) {
	t.Helper()
	out := command(t, append([]string{"list", "-json=ImportPath,Export,Imports,Module"}, args...)...)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); decoder.More(); {
		var p pkg
		require.NoError(t, decoder.Decode(&p))
		packages = append(packages, p)
	}
	require.NotEmpty(t, packages)
	return packages
}

// command runs the go command, for one platform: the results are compared with files.
func command(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOWORK=off")
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}
