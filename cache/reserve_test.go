package cache

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Padding fills what is there, and is nothing that a file system could leave
// out.
func TestPad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new")
	require.NoError(t, os.WriteFile(path, []byte("left by a crash"), 0o600))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, pad(file, 10_000))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, data, 10_000)
	var seen [256]bool
	for _, b := range data {
		seen[b] = true
	}
	for b, ok := range seen {
		require.True(t, ok, "byte %d", b)
	}
	require.Error(t, pad(nil, 1))
}
