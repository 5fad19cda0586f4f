package staysigned_test

import (
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a guide says that people see is what the code says, word for word.
func TestGuidesQuote(t *testing.T) {
	t.Parallel()
	said, rows := "", 0
	for f := range code() {
		said += f.text
	}
	span := regexp.MustCompile("`([^`]*)`")
	for _, f := range pages() {
		_, table, _ := strings.Cut(f.text, "\n## What goes wrong\n")
		table, _, _ = strings.Cut(table, "\n## ")
		for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(table, -1) {
			for _, quoted := range span.FindAllStringSubmatch(row[1], -1) {
				rows++
				if names := regexp.MustCompile(`^\*?(\w+\.)?[A-Z]\w+$`); !names.MatchString(quoted[1]) { // see TestNames
					require.True(t, strings.Contains(said, quoted[1]), "%s: nothing says %q", f.path, quoted[1])
				}
			}
		}
	}
	require.Positive(t, rows)
}

// A name in prose that begins with a package or a type of ours is one that there is, fields and methods included. Pages
// with names of MSAL's are left out, as are those that tell of the past.
func TestNames(t *testing.T) {
	t.Parallel()
	exported, found := names(), 0
	span := regexp.MustCompile("`\\*?([A-Za-z]\\w*)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?[^`]*`")
	for _, f := range pages() {
		if slices.Contains([]string{"docs/from-msal.md", "docs/differences.md", "BENCHMARKS.md", "CHANGELOG.md", "DESIGN.md"}, f.path) {
			continue
		}
		_, prose := blocks(f)
		for _, name := range span.FindAllStringSubmatch(prose, -1) {
			if whole, known := exported[name[1]]; known {
				found++
				is := whole[name[2]] && name[3] == "" || whole[name[2]+"."+name[3]] ||
					whole[name[2]] && exported[name[2]][name[3]] // a field of the type of its name: Config.Provider.Name
				require.True(t, is, "%s: there is no %s", f.path, strings.Trim(name[0], "`"))
			}
		}
	}
	require.Positive(t, found)
}

// names returns what is exported, by package and by type: all["msal"]["Client.Token"] and all["Client"]["Token"].
func names() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	add := func(owner, name string) {
		if all[owner] == nil {
			all[owner] = map[string]bool{}
		}
		all[owner][name] = true
	}
	for f := range code() {
		if strings.Contains(f.path, "internal/") || strings.HasPrefix(f.path, "examples/") {
			continue
		}
		pkg := path.Base(f.dir())
		member := func(owner, name string) {
			if ast.IsExported(name) {
				add(pkg, owner+"."+name)
				add(owner, name)
			}
		}
		for _, declared := range f.syntax.Decls {
			switch d := declared.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(pkg, d.Name.Name)
				} else if owner := receiver(d.Recv.List[0].Type); ast.IsExported(owner) {
					member(owner, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, name := range s.Names {
							add(pkg, name.Name)
						}
					case *ast.TypeSpec:
						add(pkg, s.Name.Name)
						for _, name := range members(s) {
							member(s.Name.Name, name)
						}
					}
				}
			}
		}
	}
	return all
}

func receiver(x ast.Expr) string {
	if star, ok := x.(*ast.StarExpr); ok {
		x = star.X
	}
	return x.(*ast.Ident).Name
}

// members are the fields of a struct, or the methods of an interface.
func members(s *ast.TypeSpec) (list []string) {
	var fields *ast.FieldList
	switch u := s.Type.(type) {
	case *ast.StructType:
		fields = u.Fields
	case *ast.InterfaceType:
		fields = u.Methods
	default:
		return nil
	}
	for _, field := range fields.List {
		for _, name := range field.Names {
			list = append(list, name.Name)
		}
	}
	return list
}
