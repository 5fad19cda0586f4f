package msal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/staysigned/staysigned/scopes"
)

// KeepFresh keeps a token for the scopes fresh until ctx ends or a person is
// needed, for daemons that sign in once and run for months:
//
//	fresh, end := context.WithCancelCause(ctx)
//	go func() { end(client.KeepFresh(fresh, "User.Read")) }()
//
// Its error is the one that matters: a goroutine that drops it leaves a daemon
// that nobody knows to be signed out. Here it ends fresh, for the work that has
// that context, and context.Cause(fresh) tells it, without a request, to
// whoever asks how the daemon is. Whoever uses the token asks Token for it each time, and finds it fresh.
// KeepFresh refreshes ahead of time, at a moment that differs between processes,
// so that a fleet does not call at once, and rides out outages of any length. It
// returns the cause of ctx's end, or an error on which the program has to act:
// ErrSignInRequired as soon as it is clear, also while the current token still
// lasts; ErrAccountRequired; a mistake in the arguments. A sign-out by another
// process is clear to it when the token is due, and to Token within a second.
func (c *Client) KeepFresh(ctx context.Context, scope ...string) error {
	pause := minRetry
	for {
		t, err := c.acquire(ctx, scope)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && (c.err != nil || final(err)) {
			return fmt.Errorf("msal: keep fresh: %w", err)
		}
		due := time.Until(t.RefreshAfter)
		if err == nil && due <= 0 && !t.Renewable {
			return fmt.Errorf("msal: keep fresh: %w", c.whyNot(ctx))
		}
		wait := due + jitter(time.Until(t.Expiry)-due)
		if err != nil || due <= 0 {
			wait, pause = pause+jitter(pause), min(2*pause, maxRetry)
			if left := time.Until(t.Expiry); err == nil && left > 0 {
				wait = min(wait, left) // the next failure is not to be missed
			}
		} else {
			pause = minRetry
		}
		if err := sleep(ctx, max(wait, time.Second)); err != nil {
			return err
		}
	}
}

const (
	minRetry = 5 * time.Second
	maxRetry = 5 * time.Minute
)

// jitter returns a random part of the first tenth of span.
func jitter(span time.Duration) time.Duration {
	if span < 10 {
		return 0
	}
	return rand.N(span / 10)
}

// final tells whether waiting cannot help.
func final(err error) bool {
	return errors.Is(err, ErrSignInRequired) || errors.Is(err, ErrAccountRequired) ||
		errors.Is(err, scopes.ErrInvalid) || errors.Is(err, scopes.ErrDuplicateDefault)
}

// whyNot returns why the session cannot be renewed.
func (c *Client) whyNot(ctx context.Context) error {
	if s, err := c.find(ctx); err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if errors.Is(s.failed, ErrSignInRequired) {
			return s.failed
		}
	}
	return fmt.Errorf("%w: the session has no refresh token", ErrSignInRequired)
}
