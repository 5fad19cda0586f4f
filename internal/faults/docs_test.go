package faults_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/faults.md, and, with the full count of row 3, window.txt")

const document = `# Faults

What may befall a stored session, what holds all the same, and which test shows it. The faults are real ones wherever the
system can be made to have them: processes that are killed, stopped and interrupted, connections that are reset, file systems
that are full, files of other users. The tests run on Linux. This page is written by ` + "`go test ./internal/faults -run Docs -update`" + `
from the table that the tests themselves take their counts from.

%TABLE%
## The window that is left

Between the moment in which a server spends a refresh token and the one in which its successor is stored, a session hangs on
the one process that waits for the answer. A server with a grace period closes the window: the next process sends the same
refresh token, and has its answer. With a server that has none, a process that is killed in the window has lost the session,
and the next one says ` + "`ErrSignInRequired`" + `. No client can do more: it does not know what it has not received.

%WINDOW%
How it was measured (` + "`TestKilled`" + `): a program refreshes an expired token against a platform on a socket that takes the given
latency to answer and acts on the request at half of it, if the client is still connected. A server that acts although the
client has left makes the window longer by the time before. The program is killed at a moment drawn evenly from the time
that an undisturbed refresh takes, and a tenth more. *No effect*: the server had not acted. *Stored*: the successor was on
disk, and the next process used it without a request. *In the window*: the server had acted and nothing was stored; *lost* are
those of them that could not go on. The times are the median of 21 undisturbed refreshes: from the server's act until the answer had
been read, which is the network's and the server's, and from there until the token had been verified, written, synced
and returned, which is the client's. *Within* is how long after the
server's act the kills in the window came at most, but for one in twenty: how long the window was in practice. Two processors, ext4 on a virtual disk; no race detector.

Ctrl-C, SIGTERM and a cancelled context are not in this table: a refresh whose request has been sent is brought to its end,
and ` + "`Shutdown`" + ` waits for it.
`

// windowFile has the figures of the last full count.
const windowFile = "window.txt"

// TestDocs: docs/faults.md says what the table says.
func TestDocs(t *testing.T) {
	t.Parallel()
	window, err := os.ReadFile(windowFile)
	require.NoError(t, err)
	text := strings.NewReplacer("%TABLE%", table(), "%WINDOW%", "```text\n"+string(window)+"```\n").Replace(document)
	path := filepath.Join(root, "docs", "faults.md")
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./internal/faults -run Docs -update")
}
