package keychain

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/staysigned/staysigned/cache"
)

// calls makes calls that cannot be cancelled one at a time. A caller leaves
// when its time is up; the call goes on, and whoever asks the same meanwhile,
// or later, gets its answer. A keychain that hangs costs one goroutine, however
// often it is asked.
type calls struct {
	mu      sync.Mutex
	running *call
}

type call struct {
	what   string
	done   chan struct{}
	result func() (string, error) // a function, because it may be a key, and functions do not print
}

func (c *calls) do(ctx context.Context, what string, f func(context.Context) (string, error)) (string, error) {
	wait, cancel := context.WithTimeout(ctx, silentWait)
	defer cancel()
	for {
		if err := wait.Err(); err != nil {
			return "", tooSlow(ctx)
		}
		running := c.join(ctx, what, f)
		select {
		case <-running.done:
			c.forget(running)
			if running.what == what {
				return running.result()
			}
		case <-wait.Done():
			return "", tooSlow(ctx)
		}
	}
}

// join returns the call under way, and starts one if there is none.
func (c *calls) join(ctx context.Context, what string, f func(context.Context) (string, error)) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = &call{what: what, done: make(chan struct{})}
		go c.run(context.WithoutCancel(ctx), c.running, f)
	}
	return c.running
}

func (c *calls) run(ctx context.Context, now *call, f func(context.Context) (string, error)) {
	ctx, cancel := context.WithTimeout(ctx, silentWait)
	defer cancel()
	defer close(now.done)
	value, err := safely(ctx, f)
	if err != nil && ctx.Err() != nil {
		err = noAnswer() // whatever it calls that
	}
	now.result = func() (string, error) { return value, err }
	if err != nil {
		c.forget(now) // only a success is worth waiting to be fetched
	}
}

func safely(ctx context.Context, f func(context.Context) (string, error)) (value string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("keychain: its client panicked%s: %w", about(p), cache.ErrUnavailable)
		}
	}()
	return f(ctx)
}

func (c *calls) forget(done *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == done {
		c.running = nil
	}
}

func tooSlow(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return noAnswer()
}

func noAnswer() error {
	return fmt.Errorf("keychain: no answer within %v; if it asks for something, answer and try again: %w", silentWait, cache.ErrUnavailable)
}

// about tells of a panic what cannot contain a secret.
func about(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return ": " + err.Error()
	}
	return ""
}
