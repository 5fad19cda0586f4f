package cachetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a failure quotes stands in the documentation of package cache.
func TestRulesAreQuoted(t *testing.T) {
	t.Parallel()
	docs := documentation(t, "../store.go") + documentation(t, "../errors.go")
	names := map[string]bool{}
	for _, r := range slices.Concat(rulesWithin, rulesAcross) {
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, r.name)
		require.False(t, names[r.name], "two rules %s", r.name)
		names[r.name] = true
		require.NotNil(t, r.check, r.name)
		require.Regexp(t, `^[A-Za-z].*\.$`, r.why, r.name)
		for sentence := range strings.SplitSeq(r.quote, ". ") {
			require.Contains(t, docs, strings.TrimSuffix(sentence, "."), "rule %s", r.name)
		}
	}
}

// For every rule there is a store that breaks it.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	for file, rules := range map[string][]rule{"within_test.go": rulesWithin, "across_test.go": rulesAcross} {
		bugs, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, r := range rules {
			require.Contains(t, string(bugs), `"`+r.name+`"`, "in %s", file)
		}
	}
}

// documentation returns the comments of a file as one line.
func documentation(t *testing.T, file string) string {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	require.NoError(t, err)
	var text strings.Builder
	for _, group := range tree.Comments {
		text.WriteString(strings.Join(strings.Fields(group.Text()), " ") + " ")
	}
	return text.String()
}

// The test in the package documentation is the one that runs.
func TestDocumentationCompiles(t *testing.T) {
	t.Parallel()
	tree, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	code := regexp.MustCompile(`(?m)(^\t.*\n)+`).FindString(docOf(tree))
	require.Contains(t, code, "cachetest.Run(t, ")
	example, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	require.Contains(t, string(example), strings.ReplaceAll(code[1:], "\n\t", "\n"))
}

func docOf(file *ast.File) string { return file.Doc.Text() }

func TestArguments(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"TestStore":                      "-test.run=^TestStore$",
		"TestStore/lock-killed":          "-test.run=^TestStore$/^lock-killed$",
		"TestStore/a_(b|c)/[x].#01/lock": `-test.run=^TestStore$/^a_\(b\|c\)$/^\[x\]\.#01$/^lock$`,
	} {
		args := arguments(name)
		require.Equal(t, want, args[0])
		require.NotContains(t, strings.Join(args[1:], " "), "-test.run")
		require.NotContains(t, strings.Join(args, " "), "-test.v")
	}
}

func TestDisguises(t *testing.T) {
	t.Parallel()
	const canary = "canary: a refresh token"
	for text, how := range map[string]string{
		"x" + canary + "y": "plaintext",
		`{"data":"Y2FuYXJ5OiBhIHJlZnJlc2ggdG9rZW4="}`:     "base64",
		"eGNhbmFyeTogYSByZWZyZXNoIHRva2Vu":                "base64 of something longer again",
		"eHhjYW5hcnk6IGEgcmVmcmVzaCB0b2tlbnl5":            "base64 of something longer",
		"63616e6172793a206120726566726573682074 6f6b656e": "",
		"63616e6172793a2061207265667265736820746f6b656e":  "hexadecimal digits",
		"canary: a refresh toke":                          "",
	} {
		var found []string
		for name, needle := range disguises([]byte(canary)) {
			if strings.Contains(text, string(needle)) {
				found = append(found, name)
			}
		}
		if how == "" {
			require.Empty(t, found, text)
		} else {
			require.Equal(t, []string{how}, found, text)
		}
	}
}
