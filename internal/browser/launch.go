package browser

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// launch starts argv. It returns an error if that fails, or if the program ends
// unsuccessfully within patience.
func launch(ctx context.Context, argv []string, patience time.Duration) error {
	ended, err := start(argv)
	if err != nil {
		return fmt.Errorf("no browser was started: %w", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("no browser was started: %s: %w", filepath.Base(argv[0]), err)
		}
		return nil
	case <-time.After(patience):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start runs argv with the caller's environment, nothing added: other users can
// read it on some systems. Input and output are nowhere, because browsers chat
// on the output of whoever started them.
func start(argv []string) (ended <-chan error, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	detach(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	return done, nil
}
