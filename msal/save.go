package msal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/staysigned/staysigned/cache"
)

// update is what an answer makes of a record. It may be applied again to a
// record that another process has written in the meantime.
type update struct {
	apply  func(*record) *record // its argument is nil if there is no record, and its to change
	signIn bool                  // may create the record and replace another generation's

	replaces string // the refresh token that a refresh has used up
	gives    string // and the one that is good now
}

// unsaved is a record that the store would not take. The session goes on from
// memory, and each look at the store tries again.
type unsaved struct {
	data       []byte
	base       cache.Rev // what it was made from
	generation string
	update     update
}

// stands tells whether the unsaved record still is the latest, given what the
// store says now.
func (u *unsaved) stands(rev cache.Rev, err error) bool {
	switch {
	case errors.Is(err, cache.ErrNotFound):
		return u.base == "" // else somebody signed out meanwhile
	case err == nil || errors.Is(err, cache.ErrUnreadable):
		return rev == u.base
	}
	return true
}

// ours tells whether what is missing in r, written by somebody else, is ours:
// r still has the refresh token that ours replaced, or has buried it.
func (u *unsaved) ours(r *record) bool {
	return r.generation == u.generation && u.update.replaces != "" && slices.ContainsFunc(r.grants, func(g grant) bool {
		return g.refreshToken == u.update.replaces || g.refreshToken == ""
	})
}

// save stores what up makes of base, which was read at revision prev, and
// makes it what this process answers from. It returns the snapshot, whose
// warning says if the record is in memory only.
//
// A conflict means that another process wrote without the lock, or that the
// lock was lost. If the record is gone, somebody signed out: nothing comes
// back. If another sign-in made it, that one is the truth. Else both are true:
// their access tokens are kept and our refresh token, the later, wins.
func (s *session) save(ctx context.Context, base *record, prev cache.Rev, up update, got *answer) (*snapshot, error) {
	generation := ""
	if base != nil {
		generation = base.generation
	}
	r := up.apply(base)
	failed := 0
	for {
		data, err := r.encode()
		if err != nil {
			return nil, err
		}
		rev, err := s.core.Cache.Put(ctx, s.key, data, prev)
		if err == nil {
			s.unsaved.Store(nil)
			return s.expose(r, rev, got, nil), nil
		}
		// After any error but a conflict the outcome is unknown: look.
		stored, now, look := s.core.Cache.Get(ctx, s.key)
		switch {
		case look == nil && bytes.Equal(stored, data):
			s.unsaved.Store(nil)
			return s.expose(r, now, got, nil), nil
		case now == prev || look != nil && !errors.Is(look, cache.ErrNotFound) && !errors.Is(look, cache.ErrUnreadable):
			if failed++; failed < 2 {
				continue
			}
			return s.keep(r, prev, up, got, err), nil
		case errors.Is(look, cache.ErrNotFound) && !up.signIn:
			s.drop()
			return nil, ErrSignInRequired
		}
		var theirs *record
		if look == nil {
			if theirs, err = decodeRecord(stored, s.bound.account); err == nil && !up.signIn && theirs.generation != generation {
				return s.expose(theirs, now, nil, nil), nil
			}
			if errors.Is(err, errNewerSchema) {
				return s.keep(r, prev, up, got, err), nil
			}
			if err != nil {
				theirs = nil
			}
		}
		prev = now
		if theirs != nil || up.signIn { // else nobody can read what is there: ours replaces it
			r = up.apply(theirs)
		}
	}
}

// keep holds r in memory because the store would not take it.
func (s *session) keep(r *record, base cache.Rev, up update, got *answer, why error) *snapshot {
	if was := s.unsaved.Load(); was != nil && up.replaces != "" && up.replaces == was.update.gives {
		up.replaces = was.update.replaces // which is what the store still has
	}
	if data, err := r.encode(); err == nil {
		s.unsaved.Store(&unsaved{data, base, r.generation, up})
	}
	s.core.warn("session not stored", s, why)
	return s.expose(r, base, got, fmt.Errorf("the session is in memory only: %w", why))
}

// current returns what memory has. Nothing by now means that somebody signed out.
func (s *session) current() (*snapshot, error) {
	if sn := s.snap.Load(); sn != nil {
		return sn, nil
	}
	return nil, ErrSignInRequired
}

// saveAgain tries to store what the store would not take before. If somebody
// has written in the meantime, what they wrote stands, but for two things that
// are put on top of it: a sign-in, and a refresh token whose predecessor they
// still have.
func (s *session) saveAgain(ctx context.Context) (*snapshot, error) {
	u := s.unsaved.Load()
	if u == nil {
		return s.current()
	}
	rev, err := s.core.Cache.Put(ctx, s.key, u.data, u.base)
	if err != nil && !errors.Is(err, cache.ErrConflict) {
		return s.current()
	}
	if err == nil {
		s.unsaved.CompareAndSwap(u, nil)
		r, err := decodeRecord(u.data, s.bound.account)
		if err != nil {
			return nil, err
		}
		return s.expose(r, rev, nil, nil), nil
	}
	data, rev, err := s.core.Cache.Get(ctx, s.key)
	if err != nil && !errors.Is(err, cache.ErrNotFound) {
		return s.current()
	}
	s.unsaved.CompareAndSwap(u, nil)
	if r, e := decodeRecord(data, s.bound.account); err == nil && e == nil {
		if u.update.signIn && r.generation != u.generation || u.ours(r) {
			return s.save(ctx, r, rev, u.update, nil)
		}
		return s.expose(r, rev, nil, nil), nil
	}
	s.drop()
	return nil, ErrSignInRequired
}
