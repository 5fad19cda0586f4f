package msaltest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Code in prose rots unless something compiles it: every line of it stands in an example.
func TestDocIsCompiled(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var examples string
	for _, name := range []string{"example_test.go", "example_platform_test.go", "example_entra_test.go"} {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		examples += string(source)
	}
	lines := 0
	for line := range strings.Lines(string(doc)) {
		if code, ok := strings.CutPrefix(line, "//\t"); ok {
			require.Contains(t, examples, "\t"+code)
			lines++
		}
	}
	require.Greater(t, lines, 8)
}
