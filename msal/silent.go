package msal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// Token returns an access token for the scopes without asking a person: from
// memory, from the store, or by a refresh, in this order. With no scopes it
// returns one for the defaults alone.
//
// A token in memory costs no lock, no allocation and no I/O; one in the store
// costs no network. Near its end one caller refreshes while all others get the
// current token; a refresh that fails then is a log line. Once it has expired
// all callers share one refresh, across processes too. Cancelling ctx ends the
// wait of this caller; a refresh that is on its way is brought to its end
// nevertheless, because its answer may be the only copy of a new refresh
// token: see Shutdown.
//
// Errors to act on: ErrSignInRequired, ErrAccountRequired, ErrOutcomeUnknown,
// ErrBusy, *ServerError with RetryAfter, scopes.ErrDuplicateDefault and
// scopes.ErrInvalid, which come before any I/O.
//
// MSAL calls it AcquireTokenSilent.
func (c *Client) Token(ctx context.Context, scope ...string) (Token, error) {
	s := c.session.Load()
	if s == nil && c.account == "" {
		s = c.core.only.Load()
	}
	if s != nil && !c.derived {
		if h, stands := s.hit(scope); stands {
			return h.token, nil
		}
	}
	t, err := c.acquire(ctx, scope)
	if err != nil {
		return Token{}, fmt.Errorf("msal: token: %w", err)
	}
	return t, nil
}

// acquire is Token when memory has no ready answer.
func (c *Client) acquire(ctx context.Context, scope []string) (Token, error) {
	q, err := c.silent(scope)
	if err != nil {
		return Token{}, err
	}
	s, err := c.find(ctx)
	if err != nil {
		return Token{}, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return Token{}, err
	}
	e := sn.find(c.core, q)
	now := time.Now()
	switch {
	case e == nil || !e.valid.ahead(now, c.core.epoch):
		return s.await(ctx, q)
	case !e.fresh.ahead(now, c.core.epoch):
		return s.ahead(ctx, q, sn.token(e, c.core, q)), nil
	}
	t := sn.token(e, c.core, q)
	if !c.derived {
		s.remember(sn, scope, e.fresh, t)
	}
	return t, nil
}

// find returns the session of the account that c is for.
func (c *Client) find(ctx context.Context) (*session, error) {
	if s := c.session.Load(); s != nil && !s.forgotten.Load() {
		return s, nil
	}
	if c.account == "" {
		return c.core.single(ctx)
	}
	if s := c.core.sessions.find(c.account); s != nil && s.snap.Load() != nil {
		c.session.Store(s) // signed in since c was made; the store may not have it yet
		return s, nil
	}
	s, err := c.core.open(ctx, c.core.key(c.account))
	if err == nil {
		c.session.Store(s)
	}
	return s, err
}

// key names the record of an account.
func (c *core) key(id string) string { return c.prefix + hash(id) }

// single finds the only account, and remembers it.
func (c *core) single(ctx context.Context) (*session, error) {
	if s := c.only.Load(); s != nil && !s.forgotten.Load() {
		return s, nil
	}
	key, s, err := c.onlyKey(ctx)
	if err == nil && s == nil {
		s, err = c.open(ctx, key)
	}
	if err == nil {
		c.only.Store(s)
	}
	return s, err
}

// onlyKey names the record of the only account, and returns its session if the
// store would not take the record and so does not list it.
func (c *core) onlyKey(ctx context.Context) (only string, unlisted *session, err error) {
	for key, err := range c.Cache.List(ctx, c.prefix) {
		if err != nil {
			return "", nil, err
		}
		if len(c.AllowedTenants) > 0 {
			if _, err := c.open(ctx, key); errors.Is(err, errTenant) {
				continue
			}
		}
		if only != "" {
			return "", nil, ErrAccountRequired
		}
		only = key
	}
	for s := range c.sessions.all() {
		if s.unsaved.Load() == nil || s.key == only {
			continue
		}
		if only != "" {
			return "", nil, ErrAccountRequired
		}
		only, unlisted = s.key, s
	}
	if only == "" {
		return "", nil, ErrSignInRequired
	}
	return only, unlisted, nil
}

// open makes the session of a record, if there is one.
func (c *core) open(ctx context.Context, key string) (*session, error) {
	signOuts := c.signOuts.Load()
	probe := &session{core: c, key: key}
	r, rev, err := probe.read(ctx)
	if err != nil {
		return nil, err
	}
	if c.key(r.account.ID) != key {
		return nil, fmt.Errorf("%w: %w: the record under %s is another account's", ErrSignInRequired, cache.ErrUnreadable, key)
	}
	s := c.session(r.account.ID)
	// If somebody has signed out since the look, what was read may be gone, and
	// the caller looks again. Who signs out from now on finds s and ends it.
	if s.snap.Load() == nil && c.signOuts.Load() == signOuts {
		s.expose(r, rev, nil, nil)
	}
	return s, nil
}

// session returns the session of an account that is known to exist.
func (c *core) session(id string) *session {
	return c.sessions.add(id, func() *session { return c.newSession(id) })
}

func (c *core) newSession(id string) *session {
	s := &session{core: c, key: c.key(id)}
	s.bound.core, s.bound.account = c, id
	s.bound.session.Store(s)
	return s
}

// await refreshes because there is no valid token.
func (s *session) await(ctx context.Context, q request) (Token, error) {
	t, err := s.fly(ctx, q.key(), false, func(ctx context.Context) (Token, error) {
		return s.refresh(ctx, q, false)
	})
	if errors.Is(err, ErrBusy) {
		// Whoever held the lock may have stored a token all the same.
		if r, rev, e := s.read(ctx); e == nil {
			sn := s.expose(r, rev, nil, s.memoryOnly())
			if e := sn.find(s.core, q); e != nil && e.valid.ahead(time.Now(), s.core.epoch) {
				return sn.token(e, s.core, q), nil
			}
		}
	}
	return t, err
}

// maxAhead is how long a refresh ahead of time can hold up the one caller that
// makes it. A request that is on its way then goes on, and its answer is the next
// caller's.
const maxAhead = 2 * time.Second

// pause keeps a refresh ahead of time from being tried at every call while it
// fails.
type pause struct {
	until time.Duration // on the monotonic clock of the process
	step  time.Duration
}

const (
	minPause = 30 * time.Second
	maxPause = 5 * time.Minute
)

// ahead refreshes before the token expires. One caller does; whatever becomes
// of it, all callers have the current token.
func (s *session) ahead(ctx context.Context, q request, current Token) Token {
	s.mu.Lock()
	paused := time.Since(s.core.epoch) < s.pause.until
	s.mu.Unlock()
	if paused {
		return current
	}
	wait, cancel := context.WithTimeout(ctx, maxAhead)
	defer cancel()
	t, err := s.fly(wait, "ahead "+q.key(), true, func(ctx context.Context) (Token, error) {
		return s.refresh(ctx, q, true)
	})
	switch {
	case err == nil:
		return t
	case errors.Is(err, errHeld) || ctx.Err() != nil:
		return current
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pause.step = min(max(2*s.pause.step, minPause), maxPause)
	s.pause.until = time.Since(s.core.epoch) + s.pause.step
	current.Renewable = current.Renewable && !errors.Is(err, ErrSignInRequired)
	return current
}
