package msal

import (
	"slices"
	"time"
)

// hit is a request that was answered before, with its answer.
type hit struct {
	asked   int    // so many scopes,
	first   string // this one first
	rest    []string
	until   deadline
	token   Token
	request request // what the scopes were found to mean; serves also when the token does not
}

// hits are the latest one, which most programs need alone, and the others.
type hits struct {
	hit
	more []hit
}

// maxHits bounds the remembered requests of a session. A program has a few;
// one that makes them up pays for the look-up each time.
const maxHits = 64

// hit returns the answer to a request that was made before, word for word, and
// whether it still stands: by both clocks, and without asking the store. It
// reads the clock once, which is three quarters of the time of a hit.
func (s *session) hit(scope []string) (h *hit, stands bool) {
	known := s.hits.Load()
	if known == nil {
		return nil, false
	}
	h = &known.hit
	for i := 0; !h.is(scope); i++ {
		if i == len(known.more) {
			return nil, false
		}
		h = &known.more[i]
	}
	now := time.Now()
	mono := int64(now.Sub(s.bound.core.epoch)) // s.core is the same, but lies in another cache line
	return h, now.UnixNano() < h.until.wall && mono < h.until.mono && mono < s.nextCheck.Load()
}

func (h *hit) is(scope []string) bool {
	return h.asked == len(scope) && (h.asked == 0 || h.first == scope[0] && slices.Equal(h.rest, scope[1:]))
}

// remember makes the next such request a hit. One that is a hit already, and
// came here because the store was asked for changes, stays as it is.
func (s *session) remember(sn *snapshot, scope []string, until deadline, t Token, q request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, _ := s.hit(scope); s.snap.Load() != sn || known != nil { // another snapshot has come, or the end
		return
	}
	next := &hits{hit: hit{asked: len(scope), until: until, token: t, request: q}}
	if len(scope) > 0 {
		next.first, next.rest = scope[0], slices.Clone(scope[1:])
	}
	if old := s.hits.Load(); old != nil {
		next.more = append(slices.Clone(old.more), old.hit)
	}
	if len(next.more) < maxHits {
		s.hits.Store(next)
	}
}
