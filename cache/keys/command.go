package keys

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/staysigned/staysigned/cache"
)

const (
	commandWait  = 30 * time.Second // a person may have to touch something
	pipesWait    = time.Second      // after its end, for what it left behind
	maxOutput    = 64               // a key is shorter
	maxComplaint = 1 << 10
)

// Command returns Keys whose only key is what a program prints: 32 bytes, raw
// or in standard base64, as in [cache.KeyFile]. name is looked up as the shell
// does, but no shell is involved, and nothing is run from the current
// directory. The program is run for each key that a process needs, also when
// no person is there; the key is given out under any id.
//
// It has 30 seconds. Its input is empty, and it is not in the foreground of the
// terminal: what has to ask a person does so in a window, or by an agent or a
// device of its own. It is ended with all its process group, where there are
// such, when its time or ctx is over.
//
// All errors but that of ctx are ErrUnavailable, and say which program failed
// and how; what it wrote to standard error is quoted. Create is refused.
func Command(name string, arg ...string) cache.Keys {
	return command{name, slices.Clone(arg), commandWait}
}

type command struct {
	name string
	arg  []string
	wait time.Duration
}

// Provider implements [cache.Provider].
func (c command) Provider() string { return "command" }

func (c command) Key(ctx context.Context, _ string) ([]byte, error) {
	wait, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	cmd := exec.CommandContext(wait, c.name, c.arg...)
	output, complaint := &bounded{max: maxOutput, over: cancel}, &bounded{max: maxComplaint, over: func() {}}
	cmd.Stdout, cmd.Stderr = output, complaint
	cmd.WaitDelay = pipesWait
	ownGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case output.exceeded:
		return nil, c.failed("printed more than a key, which is 32 bytes, raw or in standard base64", complaint, nil)
	case wait.Err() != nil:
		return nil, c.failed(fmt.Sprintf("took longer than %v; if it waits for a person, answer it, and not in this terminal", c.wait), complaint, nil)
	case errors.Is(err, exec.ErrNotFound):
		return nil, c.failed("is not there; install it, or give its full path", complaint, err)
	case err != nil && !errors.Is(err, exec.ErrWaitDelay): // what it left running does not matter
		return nil, c.failed("failed; run it by hand to see why", complaint, err)
	}
	key, err := cache.ParseKey(output.text)
	if err != nil {
		return nil, c.failed("did not print a key, which is 32 bytes, raw or in standard base64", complaint, nil)
	}
	return key, nil
}

func (c command) Create(context.Context, string, []byte) error {
	return fmt.Errorf("keys: command %.80q can only be read; let it print a key that is there already: %w: %w",
		c.name, cache.ErrUnavailable, errors.ErrUnsupported)
}

// failed never shows standard output: it may be the key, but for one character.
func (c command) failed(how string, complaint *bounded, cause error) error {
	text := fmt.Sprintf("keys: command %.80q %s", c.name, how)
	if len(complaint.text) > 0 {
		text += fmt.Sprintf("; it wrote %.300q", complaint.text)
	}
	if cause == nil {
		return fmt.Errorf("%s: %w", text, cache.ErrUnavailable)
	}
	return fmt.Errorf("%s: %w: %w", text, cache.ErrUnavailable, cause)
}

// bounded keeps the beginning of what is written and calls over for the rest.
type bounded struct {
	text     []byte
	max      int
	exceeded bool
	over     func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > b.max {
		b.exceeded = true
		b.over()
	}
	b.text = append(b.text, p[:min(len(p), b.max-len(b.text))]...)
	return len(p), nil
}
