package cache_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A program that keeps its key in a file, or forgets, links neither D-Bus nor
// a keychain, and the cache never touches the network.
func TestImports(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{.Standard}} {{.ImportPath}}", ".").Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		switch line = strings.TrimSpace(line); line {
		case "false github.com/staysigned/staysigned/cache", "false github.com/gofrs/flock",
			"false golang.org/x/sys/unix", "false golang.org/x/sys/windows":
		case "true net":
			t.Error("imports net")
		default:
			require.True(t, strings.HasPrefix(line, "true "), "imports %s", line)
		}
	}
}
