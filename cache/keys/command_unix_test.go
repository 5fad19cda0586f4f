//go:build unix

package keys_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What the program has started ends with it.
func TestCommandGroup(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done, family := make(chan error, 1), programKeys(t, "family", fifo)
	go func() {
		_, err := family.Key(ctx, "any")
		done <- err
	}()
	ended := make(chan string, 1)
	go func() {
		file, err := os.Open(fifo) // when the child has it open
		if err != nil {
			ended <- err.Error()
			return
		}
		defer file.Close()
		first := make([]byte, 5)
		_, _ = io.ReadFull(file, first)
		cancel()
		rest, _ := io.ReadAll(file) // until the child is dead
		ended <- string(first) + string(rest)
	}()
	select {
	case text := <-ended:
		require.Equal(t, "ready", text)
	case <-time.After(25 * time.Second):
		t.Fatal("the child of the program lives on")
	}
	require.ErrorIs(t, <-done, context.Canceled)
}
