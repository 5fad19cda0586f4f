package staysigned_test

import (
	"go/doc"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// answering are the packages whose examples docs/questions.md lists.
var answering = []string{
	"msal", "cache", "cache/keychain", "cache/keys", "cache/rediscache", "scopes", "msal/msaltest",
	"adapters/azcred", "adapters/grpccred", "adapters/tokensource",
}

// Every example says which question it answers, and docs/questions.md has them all. With -update it is rewritten.
func TestQuestions(t *testing.T) {
	t.Parallel()
	text := "# Questions\n\nEach of these is an example, which `go test` compiles, and runs where it prints something. This page is written by\n" +
		"`go test . -run Questions -update` from their comments. Whole programs are in the [guides](README.md).\n"
	for _, dir := range answering {
		var rows []string
		for _, f := range files() {
			if f.dir() != dir || f.syntax == nil || !f.isTest() {
				continue
			}
			for _, example := range doc.Examples(f.syntax) {
				what := strings.Join(strings.Fields(example.Doc), " ")
				require.NotEmpty(t, what, "%s: Example%s has no comment", f.path, example.Name)
				rows = append(rows, "| "+strings.ReplaceAll(what, "|", `\|`)+" | [Example"+example.Name+"](../"+f.path+") |\n")
			}
		}
		require.NotEmpty(t, rows, dir)
		slices.SortFunc(rows, func(a, b string) int { return strings.Compare(name(a), name(b)) })
		text += "\n## " + dir + "\n\n| | |\n|---|---|\n" + strings.Join(rows, "")
	}
	golden(t, "docs/questions.md", text)
}

// name is the example's in a row.
func name(row string) string {
	_, after, _ := strings.Cut(row, "| [")
	name, _, _ := strings.Cut(after, "]")
	return name
}
