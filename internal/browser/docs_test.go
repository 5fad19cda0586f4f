package browser

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// People look for the line that they see: docs/ssh.md has all of them.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/ssh.md")
	require.NoError(t, err)
	for _, advice := range []string{adviceSudo, adviceSSH, adviceContainer, adviceWSL, adviceDisplay, adviceLauncher} {
		require.Contains(t, string(page), "| "+advice+" |\n")
	}
}
