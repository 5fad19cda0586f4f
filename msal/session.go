package msal

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/secret"
	"github.com/staysigned/staysigned/scopes"
)

// session is what this process knows of one account's record in the store.
type session struct {
	// What a hit reads comes first, within 64 bytes, and the whole is as large
	// as a size class that is a multiple of that: with many accounts the cost of
	// a hit is the number of cache lines that it has to fetch.
	forgotten atomic.Bool
	hits      atomic.Pointer[hits] // requests of late and their tokens
	nextCheck atomic.Int64         // until when a hit stands without asking the store, on the monotonic clock
	bound     Client               // what For returns; names the account

	core *core
	key  string // of the record

	snap    atomic.Pointer[snapshot] // the record as last read or written
	unsaved atomic.Pointer[unsaved]  // the record that the store would not take
	barred  atomic.Pointer[barred]   // the last refusal that a sign-in does not change

	mu      sync.Mutex
	flights map[string]*flight
	pause   pause // after a failed refresh ahead of time
	failed  error // why the last refresh failed
}

// snapshot is a record made ready for look-ups. It never changes.
type snapshot struct {
	rev       cache.Rev
	account   Account
	entries   []entry
	renewable bool
	id        secret.String
	warning   error
}

// entry is an access token of a snapshot.
type entry struct {
	access    secret.String
	tokenType string
	asked     scopes.Set // canonical
	granted   scopes.Set // canonical
	scopes    scopes.Set // granted, as the server wrote it
	resource  string
	obtained  time.Time
	expiry    time.Time
	refresh   time.Time
	fresh     deadline // until it ought to be replaced
	valid     deadline // until it may not be used
	claims    string   // the challenge it satisfies, if this process obtained it
	number    uint64   // of core.answers; 0: read from the store
}

// deadline is a moment on both clocks. The wall clock goes on while a laptop
// sleeps and jumps when somebody sets it; the monotonic clock does neither.
// What either says is over is over.
type deadline struct{ wall, mono int64 }

func (d deadline) ahead(now time.Time, epoch time.Time) bool {
	return now.UnixNano() < d.wall && int64(now.Sub(epoch)) < d.mono
}

func (c *core) deadline(t time.Time, now time.Time) deadline {
	return deadline{t.UnixNano(), int64(now.Sub(c.epoch) + t.Round(0).Sub(now.Round(0)))}
}

// checkEvery is how often a Changer is asked.
const checkEvery = int64(time.Second)

// maxClockSkew is how far in the future a token may have been obtained before
// it counts as expired: the clock was set back since.
const maxClockSkew = 5 * time.Minute

// load returns the session as the store has it: from memory, unless the store
// says that it may have changed.
func (s *session) load(ctx context.Context) (*snapshot, error) {
	sn := s.snap.Load()
	if sn != nil {
		now, due := int64(time.Since(s.core.epoch)), s.nextCheck.Load()
		if now < due || !s.nextCheck.CompareAndSwap(due, now+checkEvery) {
			return sn, nil // one caller a second has the task of asking the store
		}
		if s.unsaved.Load() != nil {
			return s.saveAgain(ctx)
		}
		// Without a Changer one check is due, after a warning, and it may be that the record was saved meanwhile.
		if changer, ok := s.core.Cache.(cache.Changer); ok {
			if changed, err := changer.Changed(ctx, s.key, sn.rev); err != nil || !changed {
				return sn, nil
			}
		}
	}
	r, rev, err := s.read(ctx)
	switch {
	case err == nil:
		return s.expose(r, rev, nil, nil), nil
	case errors.Is(err, ErrSignInRequired) || sn == nil:
		return nil, err
	}
	return sn, nil // a store that does not answer takes nothing away
}

// errTenant comes with a record that is no session of this client.
var errTenant = fmt.Errorf("%w: the account's tenant is not among AllowedTenants", ErrSignInRequired)

// read reads the record. That there is none, or none that anybody can read, or
// one of a tenant that this client does not allow, is ErrSignInRequired.
func (s *session) read(ctx context.Context) (*record, cache.Rev, error) {
	data, rev, err := s.core.Cache.Get(ctx, s.key)
	if u := s.unsaved.Load(); u != nil && u.stands(rev, err) {
		data, rev, err = u.data, u.base, nil
	}
	if err == nil {
		var r *record
		if r, err = decodeRecord(data, s.bound.account); err == nil {
			if u := s.unsaved.Load(); u != nil && u.ours(r) {
				r = u.update.apply(r)
			}
			if allowed := s.core.AllowedTenants; len(allowed) > 0 && !containsFold(allowed, r.account.Tenant) {
				return r, rev, errTenant
			}
			return r, rev, nil
		}
		if errors.Is(err, errNewerSchema) {
			return nil, rev, fmt.Errorf("session of this account: %w", err)
		}
		err = fmt.Errorf("session of this account: %w: %w", cache.ErrUnreadable, err)
	}
	if errors.Is(err, cache.ErrNotFound) {
		s.drop()
		s.core.only.CompareAndSwap(s, nil) // another account may be the only one now
		return nil, rev, ErrSignInRequired
	}
	if errors.Is(err, cache.ErrUnreadable) {
		return nil, rev, fmt.Errorf("%w: %w", ErrSignInRequired, err)
	}
	return nil, rev, err
}

// drop forgets what memory has of the session.
func (s *session) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

// end drops the session for good: a refresh that is still under way must not
// bring it back to memory.
func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgotten.Store(true)
	s.clear()
}

func (s *session) clear() {
	s.snap.Store(nil)
	s.hits.Store(nil)
	s.unsaved.Store(nil)
}

// expose makes r what this process answers from. got, if not nil, is the
// answer that r was just made from.
func (s *session) expose(r *record, rev cache.Rev, got *answer, warning error) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	old := s.snap.Load()
	sn := &snapshot{rev: rev, account: r.account, id: secret.New(r.idToken), warning: warning}
	for _, g := range r.grants {
		sn.renewable = sn.renewable || g.refreshToken != ""
	}
	for _, a := range r.access {
		if e := s.core.entry(a, now); e.valid.ahead(now, s.core.epoch) {
			e.recall(old, got)
			sn.entries = append(sn.entries, e)
		}
	}
	if s.forgotten.Load() {
		return sn // signed out meanwhile: this answer may be given, and nothing remembered
	}
	s.snap.Store(sn)
	s.hits.Store(nil)
	s.nextCheck.Store(math.MaxInt64)
	if _, ok := s.core.Cache.(cache.Changer); ok || warning != nil {
		s.nextCheck.Store(int64(now.Sub(s.core.epoch)) + checkEvery)
	}
	return sn
}

func (c *core) entry(a access, now time.Time) entry {
	asked, _ := scopes.Parse(a.asked)
	granted, _ := scopes.Parse(a.granted)
	e := entry{
		access: secret.New(a.token), tokenType: a.tokenType, resource: a.resource,
		asked: asked, granted: c.canonical(granted), scopes: granted,
		obtained: a.obtained, expiry: a.expiry, refresh: a.refreshAfter,
	}
	if c.authority.V1 {
		e.granted = c.grantedV1(granted, a.resource)
	}
	// A longer life than any answer has given is damage, and times far away overflow: over, either way.
	if a.obtained.Before(now.Add(maxClockSkew)) && !a.expiry.After(a.obtained.Add(maxLifetime)) {
		e.fresh, e.valid = c.deadline(a.refreshAfter, now), c.deadline(a.expiry, now)
	}
	return e
}

// recall keeps what only this process knows of a token: which answer it came
// with, and the challenge that it satisfies.
func (e *entry) recall(old *snapshot, got *answer) {
	if got != nil && got.accessToken == e.access.Reveal() {
		e.number, e.claims = got.number, got.claims
		return
	}
	if old == nil {
		return
	}
	for i := range old.entries {
		if was := &old.entries[i]; was.access.Reveal() == e.access.Reveal() {
			e.number, e.claims = was.number, was.claims
			// A clock that was set back in the meantime must not lengthen its life.
			e.fresh.mono, e.valid.mono = min(e.fresh.mono, was.fresh.mono), min(e.valid.mono, was.valid.mono)
		}
	}
}

// find returns the token of the snapshot that answers q and lasts longest, or nil.
func (sn *snapshot) find(c *core, q request) *entry {
	var best *entry
	for i := range sn.entries {
		e := &sn.entries[i]
		if e.answers(c, q) && (q.demand == nil || e.satisfies(q.demand)) && (best == nil || best.expiry.Before(e.expiry)) {
			best = e
		}
	}
	return best
}

// answers tells whether a token serves a request: one for the same resource
// whose every scope was asked for or granted. What was asked for and not
// granted is not asked for again before the token expires.
func (e *entry) answers(c *core, q request) bool {
	if e.resource != q.resource {
		return false
	}
	if q.want.Len() == 0 {
		return e.asked.Len() == 0 || c.graph(q.resource)
	}
	for s := range q.want.All() {
		if !e.asked.Has(s) && !e.granted.Has(s) {
			return false
		}
	}
	return true
}

func (e *entry) satisfies(d *demand) bool {
	if d.claims != "" && d.claims != e.claims {
		return false
	}
	if e.number > 0 {
		return e.number > d.after
	}
	return e.obtained.After(d.since) && !d.knew(e)
}

// token is what the caller of q gets from e.
func (sn *snapshot) token(e *entry, c *core, q request) Token {
	return Token{
		Type: e.tokenType, Expiry: e.expiry, RefreshAfter: e.refresh,
		Scopes: e.scopes, Missing: e.missing(c, q), Account: sn.account,
		Renewable: sn.renewable, Warning: sn.warning,
		access: e.access, id: sn.id,
	}
}

// missing are the scopes of q that were not granted. X/.default names no
// permission, so it cannot be missing.
func (e *entry) missing(c *core, q request) scopes.Set {
	var list []string
	for s := range q.explicit.All() {
		if canonical := c.canonicalName(s); !e.granted.Has(canonical) && !isDotDefault(canonical) {
			list = append(list, s)
		}
	}
	if list == nil {
		return scopes.Set{}
	}
	set, _ := scopes.New(list...) // a part of a valid set is valid
	return set
}
