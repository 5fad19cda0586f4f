package staysigned_test

import (
	"go/ast"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Programs look for the events of msal in their logs, so the list of them is complete, with levels and attributes.
func TestEvents(t *testing.T) {
	t.Parallel()
	var said, logged []string
	var calls []*ast.CallExpr
	helpers := map[string]string{} // methods of events.go, and what they write
	for f := range code() {
		if f.dir() != "msal" {
			continue
		}
		for _, declared := range f.syntax.Decls {
			for n := range ast.Preorder(declared) {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					continue
				}
				if written := logs(call); written != "" && f.path == "msal/events.go" {
					helpers[declared.(*ast.FuncDecl).Name.Name] = written
				} else {
					calls = append(calls, call)
				}
			}
		}
		_, events, _ := strings.Cut(f.syntax.Doc.Text(), "\n# Events\n")
		events, _, _ = strings.Cut(events, "\n# ")
		for _, row := range regexp.MustCompile(`(?m)^\t(.*[^ ]) +([A-Z]+) +(.*)$`).FindAllStringSubmatch(events, -1) {
			said = append(said, row[1]+" "+row[2]+" "+row[3])
		}
	}
	for _, call := range calls {
		written := logs(call)
		if fn, ok := call.Fun.(*ast.SelectorExpr); ok && written == "" {
			written = helpers[fn.Sel.Name]
		}
		if written != "" {
			i := slices.IndexFunc(call.Args, func(x ast.Expr) bool { return literal(x) != "" })
			require.GreaterOrEqual(t, i, 0, "the name of an event is not written out: %s", written)
			logged = append(logged, literal(call.Args[i])+" "+written)
		}
	}
	slices.Sort(said)
	slices.Sort(logged)
	require.Equal(t, slices.Compact(logged), said)
}

// logs returns the level and the attributes that a call of a Logger writes; of any other call, nothing.
func logs(call *ast.CallExpr) string {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if of, ok := fn.X.(*ast.SelectorExpr); !ok || of.Sel.Name != "Logger" {
		return ""
	}
	words := []string{strings.ToUpper(strings.TrimSuffix(fn.Sel.Name, "Context"))}
	rest := call.Args[2:] // behind the context and the name
	if fn.Sel.Name == "LogAttrs" {
		words[0] = strings.ToUpper(strings.TrimPrefix(call.Args[1].(*ast.SelectorExpr).Sel.Name, "Level"))
		rest = call.Args[3:]
		for _, attribute := range rest {
			words = append(words, literal(attribute.(*ast.CallExpr).Args[0]))
		}
		return strings.Join(words, " ")
	}
	for i := 0; i < len(rest); i += 2 {
		words = append(words, literal(rest[i]))
	}
	return strings.Join(words, " ")
}

// literal is what a string in the source says.
func literal(x ast.Expr) string {
	if l, ok := x.(*ast.BasicLit); ok {
		if text, err := strconv.Unquote(l.Value); err == nil {
			return text
		}
	}
	return ""
}
