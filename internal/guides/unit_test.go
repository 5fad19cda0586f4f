package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Units are what systemd takes them for: it has nothing to complain of. The program in them is none of this machine, so
// another one stands in its place; a unit without a program is a part of one.
func TestUnits(t *testing.T) {
	t.Parallel()
	all := blocks(t, "ini")
	require.NotEmpty(t, all)
	program := regexp.MustCompile(`(?m)^ExecStart=\S+`)
	for _, b := range all {
		t.Run(b.page, func(t *testing.T) {
			t.Parallel()
			text := program.ReplaceAllString(b.text, "ExecStart=/bin/true")
			if text == b.text {
				text = strings.Replace(b.text, "[Service]\n", "[Service]\nExecStart=/bin/true\n", 1)
			}
			require.Contains(t, text, "ExecStart=/bin/true")
			unit := filepath.Join(t.TempDir(), "guide.service")
			require.NoError(t, os.WriteFile(unit, []byte(text), 0o600))
			require.Empty(t, run(t, filepath.Dir(unit), "systemd-analyze", "verify", "--man=no", unit))
		})
	}
}
