package msal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/secret"
	"github.com/staysigned/staysigned/internal/wire"
	"github.com/staysigned/staysigned/scopes"
)

// refresh obtains a token for q under the lock that all processes share. ctx
// ends it only until its request is on its way. ahead of time it does not wait
// for the lock: whoever holds it is doing the work.
func (s *session) refresh(ctx context.Context, q request, ahead bool) (t Token, err error) {
	ctx, release, err := s.lock(ctx, ahead)
	if err != nil {
		return Token{}, err
	}
	defer func() { err = release(err) }()
	r, rev, err := s.read(ctx)
	if err != nil {
		return Token{}, err
	}
	if r.pending != nil {
		if r, rev, err = s.settle(ctx, r, rev); err != nil {
			return Token{}, err
		}
	}
	// Another process may have done it while we waited.
	sn := s.expose(r, rev, nil, s.memoryOnly())
	if e := sn.find(s.core, q); e != nil && e.fresh.ahead(time.Now(), s.core.epoch) {
		return sn.token(e, s.core, q), nil
	}
	t, err = s.spend(ctx, q, r, rev)
	s.note(ctx, err)
	return t, err
}

func (s *session) memoryOnly() error {
	if sn := s.snap.Load(); s.unsaved.Load() != nil && sn != nil {
		return sn.warning
	}
	return nil
}

// note remembers and reports how a refresh ended.
func (s *session) note(ctx context.Context, err error) {
	s.mu.Lock()
	s.failed = err
	if err == nil {
		s.pause = pause{}
	}
	s.mu.Unlock()
	if err == nil {
		s.core.event(ctx, "refreshed", s)
	} else if errors.Is(err, ErrSignInRequired) {
		s.core.warn("sign-in required", s, err)
	} else {
		s.core.warn("refresh failed", s, err)
	}
}

// lock takes the lock of the account's record. Ahead of time it does not wait.
// The context that it returns ends when the lock is lost. release takes the
// error that its holder ends with, and returns what that means.
func (s *session) lock(ctx context.Context, ahead bool) (held context.Context, release func(error) error, err error) {
	var unlock func() error
	if try, ok := s.core.Cache.(cache.TryLocker); ok && ahead {
		var got bool
		if unlock, got, err = try.TryLock(ctx, s.key); err == nil && !got {
			err = errHeld
		}
	} else {
		unlock, err = s.core.Cache.Lock(ctx, s.key) // as long as anybody waits, see fly
	}
	if err != nil {
		return nil, nil, err
	}
	free := func(err error) error { _ = unlock(); return err }
	leaser, ok := s.core.Cache.(cache.Leaser)
	if !ok {
		return ctx, free, nil
	}
	lost := leaser.Lost(s.key) // of this lock: later the store answers for the next holder in this process
	held, released := whileHeld(context.WithValue(ctx, lostKey{}, lost), lost)
	return held, func(err error) error { return free(released(err)) }, nil
}

// lostKey is that of Leaser.Lost in the context of a lock. The context may have
// ended before the lock was lost, and so cannot say it.
type lostKey struct{}

// lockLost tells whether the lock that ctx is of was a lease and is lost by now.
func lockLost(ctx context.Context) bool {
	lost, _ := ctx.Value(lostKey{}).(<-chan struct{})
	select {
	case <-lost:
		return true
	default:
		return false
	}
}

// errLost: the lock was a lease, and it ended while we held it.
var errLost = fmt.Errorf("the lock was lost before the refresh token was sent: %w", ErrBusy)

// whileHeld returns a context that ends when the lock is lost: whoever has it
// now may be sending the same refresh token. release tells its error from that
// of a caller who left, and leaves nothing at work.
func whileHeld(ctx context.Context, lost <-chan struct{}) (held context.Context, release func(error) error) {
	held, cancel := context.WithCancelCause(ctx)
	select {
	case <-lost: // already; the goroutine alone would leave it to the scheduler
		cancel(errLost)
	default:
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-lost:
			cancel(errLost)
		case <-held.Done():
		}
	}()
	return held, func(err error) error {
		cancel(nil)
		<-watched
		if errors.Is(err, context.Canceled) && !errors.Is(err, errLost) && errors.Is(context.Cause(held), errLost) {
			err = fmt.Errorf("%w: %w", errLost, err)
		}
		return err
	}
}

// spend sends the refresh token that serves q best, and takes the answer. If
// the keys do not know its ID token the answer is stored first and verified when
// they are fetched.
func (s *session) spend(ctx context.Context, q request, r *record, rev cache.Rev) (Token, error) {
	c := s.core
	g := r.grantFor(q)
	if g == nil {
		return Token{}, ErrSignInRequired
	}
	if b := s.barred.Load(); b != nil && b.bars(q, g.refreshToken) {
		return Token{}, b.again()
	}
	md, err := s.prepare(ctx, r, time.Time{})
	if err != nil {
		return Token{}, err
	}
	if !md.openID && r.account.Subject != "" {
		return Token{}, errNoOpenID // the answer could not be verified, and the refresh token would be spent
	}
	form, err := c.form(g.leaveOut(q, md.defaults))
	if err != nil {
		return Token{}, err
	}
	got, err := s.exchange(ctx, md, q, form, g.refreshToken)
	ctx = context.WithoutCancel(ctx) // what has come is not lost because somebody leaves
	if refused := (*ServerError)(nil); errors.As(err, &refused) && !errors.Is(err, ErrOutcomeUnknown) {
		switch {
		case refused.refusedScopes() && !g.covers(q):
			return Token{}, refused.unasked()
		case refused.Code != "invalid_grant":
			return Token{}, s.bar(q, g.refreshToken, refused)
		}
		return s.refused(ctx, q, form, md, refused)
	}
	if err != nil {
		return Token{}, err
	}
	return c.accept(ctx, md, q, got, origin{session: s, record: r, rev: rev})
}

// prepare makes sure that a refresh token can be spent: everything that can
// fail beforehand fails here. One that rotates can be spent once, and its
// successor must find its place. r is the record so far; nil: there is none.
func (s *session) prepare(ctx context.Context, r *record, since time.Time) (*metadata, error) {
	if err := s.core.server.resting(time.Since(s.core.epoch)); err != nil {
		return nil, err
	}
	md, err := s.core.metadataSince(ctx, since)
	if err != nil {
		return nil, err
	}
	if room, ok := s.core.Cache.(cache.Reserver); ok {
		var data []byte
		if r != nil {
			if data, err = r.encode(); err != nil {
				return nil, err
			}
		}
		if err := room.Reserve(ctx, s.key, 2*len(data)+reserved64K); err != nil {
			return nil, fmt.Errorf("no room for the next refresh token: %w", err)
		}
	}
	return md, nil
}

// reserved64K is room for what a refresh adds to a record.
const reserved64K = 64 << 10

// exchange sends a refresh token and returns the answer. ctx ends it only as
// long as the request is not on its way: from then on nobody's leaving may.
func (s *session) exchange(ctx context.Context, md *metadata, q request, form url.Values, refreshToken string) (*answer, error) {
	form.Set("grant_type", "refresh_token")
	form.Set("refresh_token", refreshToken)
	c, sent := s.core, context.WithoutCancel(ctx)
	a, err := c.post(sent, md.doc.TokenEndpoint, form, ctx)
	var drop scopes.Set
	if refused, ok := errors.AsType[*ServerError](err); ok && refused.refusedScopes() {
		a, drop, err = s.exchangeLess(ctx, md, q, form, refused)
	}
	if err != nil && unknown(err) && lockLost(ctx) {
		// Whoever has the lock now may have sent it too, and a third time is no repetition.
		return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	} else if err != nil && unknown(err) {
		// The server may have rotated the token. One with a grace period answers
		// the same token again; one without has ended the session already.
		if a, err = c.post(sent, md.doc.TokenEndpoint, form, nil); unknown(err) {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		}
	}
	if err != nil {
		return nil, err
	}
	got, err := c.parseAnswer(a.Body, time.Now())
	if err == nil {
		got.date, got.refused = a.Date, drop
	}
	if drop.Len() > 0 {
		c.warnOfRefused(ctx, md, drop)
	}
	return got, err
}

// unknown tells whether the server may have acted on a request whose answer
// we do not have. What a gateway answers in its place, it made up.
func unknown(err error) bool {
	if failure, ok := errors.AsType[*wire.Error](err); ok {
		return failure.Unknown()
	}
	refused, ok := errors.AsType[*ServerError](err)
	return ok && (refused.StatusCode == http.StatusBadGateway || refused.StatusCode == http.StatusGatewayTimeout)
}

// required adds what the program has to do, where only a person can help.
func (e *ServerError) required() error {
	if e.needsPerson() {
		return fmt.Errorf("%w: %w", ErrSignInRequired, e)
	}
	return e
}

// unasked is required for an invalid_scope about scopes that were never asked
// for, from a server that does not speak of consent.
func (e *ServerError) unasked() error {
	unasked := *e
	unasked.consent = true
	return fmt.Errorf("%w: %w", ErrSignInRequired, &unasked)
}

// exchangeLess sends a refresh token again without the defaults that the server
// refuses. The session does without from now on if it is content.
func (s *session) exchangeLess(ctx context.Context, md *metadata, q request, form url.Values, refused *ServerError) (a wire.Answer, drop scopes.Set, err error) {
	err = refused
	asked, _ := scopes.Parse(form.Get("scope")) // which we have written
	for _, drop = range md.without(md.defaults.Without(asked)).refusedBy(refused, q.explicit) {
		form.Set("scope", asked.Without(drop).String())
		if a, err = s.core.post(context.WithoutCancel(ctx), md.doc.TokenEndpoint, form, ctx); !refusesScopes(err) {
			break
		}
	}
	return a, drop, err
}

// refused decides what an invalid_grant means. If another process has stored a
// newer refresh token in spite of the lock, that one is tried, once.
func (s *session) refused(ctx context.Context, q request, form url.Values, md *metadata, refused *ServerError) (Token, error) {
	r, rev, err := s.read(ctx)
	if err != nil {
		return Token{}, err
	}
	spent := form.Get("refresh_token")
	if g := r.grantFor(q); g != nil && g.refreshToken != spent {
		spent = g.refreshToken
		if lockLost(ctx) {
			return Token{}, errLost // its owner is refreshing
		}
		got, err := s.exchange(ctx, md, q, form, spent)
		if err == nil {
			return s.core.accept(ctx, md, q, got, origin{session: s, record: r, rev: rev})
		}
		again, ok := errors.AsType[*ServerError](err)
		if !ok || errors.Is(err, ErrOutcomeUnknown) {
			return Token{}, err
		}
		refused = again
	}
	if refused.terminal(s.core.microsoft()) {
		s.bury(ctx, r, rev, spent)
	}
	return Token{}, s.bar(q, spent, refused)
}

// barred is a refusal that the same request would meet again: a policy's, one
// that waits for an administrator, or one of whatever is asked of a session that
// was asked too often.
type barred struct {
	want, resource, claims string        // of the request
	token                  secret.String // the refresh token that was refused
	until                  time.Time
	err                    error
}

// bar returns refused as what the program has to do. If that is no sign-in, the
// same request is not made again for a while, however often somebody calls.
func (s *session) bar(q request, refreshToken string, refused *ServerError) error {
	err, rest := refused.required(), restUnsaid
	switch {
	case refused.loops():
		rest = refused.RetryAfter
	case !errors.Is(err, ErrSignInRequired) || refused.Action() == ActionSignIn:
		return err
	}
	s.barred.Store(&barred{
		q.want.String(), q.resource, q.demand.challenge(), secret.New(refreshToken), time.Now().Add(rest), err,
	})
	return err
}

func (b *barred) bars(q request, refreshToken string) bool {
	same := b.want == q.want.String() && b.resource == q.resource && b.claims == q.demand.challenge()
	return (same || b.loop() != nil) && b.token.Reveal() == refreshToken && time.Now().Before(b.until)
}

// again is the refusal, with the time that remains.
func (b *barred) again() error {
	loop := b.loop()
	if loop == nil {
		return b.err
	}
	e := *loop
	e.RetryAfter = time.Until(b.until)
	return &e
}

// loop returns the refusal of a session that was asked too often, or nil.
func (b *barred) loop() *ServerError {
	if refused, ok := errors.AsType[*ServerError](b.err); ok && refused.loops() {
		return refused
	}
	return nil
}

// bury clears a refresh token that the server will never take again. The
// account stays: it is who has to sign in.
func (s *session) bury(ctx context.Context, r *record, rev cache.Rev, dead string) {
	clear := func(r *record) *record {
		for i := range r.grants {
			if r.grants[i].refreshToken == dead {
				r.grants[i].refreshToken = ""
			}
		}
		return r
	}
	if _, err := s.save(ctx, r, rev, update{apply: clear}, nil); err != nil {
		s.core.warn("session not stored", s, err)
	}
}
