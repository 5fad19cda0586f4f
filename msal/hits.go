package msal

import (
	"slices"
	"time"
)

// hit is a request that was answered before, with its answer.
type hit struct {
	asked int    // so many scopes,
	first string // this one first
	rest  []string
	until deadline
	token Token
}

// hits are the latest one, which most programs need alone, and the others.
type hits struct {
	hit
	more *more
}

// more are remembered requests and, side by side, a mark of each: of all that
// are passed over in a look-up only the marks are fetched.
type more struct {
	marks []int
	hits  []hit
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
	if h = &known.hit; !h.is(scope) {
		if h = known.more.find(scope); h == nil {
			return nil, false
		}
	}
	now := time.Now()
	mono := int64(now.Sub(s.bound.core.epoch)) // s.core is the same, but lies in another cache line
	return h, now.UnixNano() < h.until.wall && mono < h.until.mono && mono < s.nextCheck.Load()
}

func (h *hit) is(scope []string) bool {
	return h.asked == len(scope) && (h.asked == 0 || h.first == scope[0] && slices.Equal(h.rest, scope[1:]))
}

func (m *more) find(scope []string) *hit {
	if m == nil {
		return nil
	}
	first := ""
	if len(scope) > 0 {
		first = scope[0]
	}
	wanted := mark(len(scope), first)
	for i, other := range m.marks {
		if other == wanted && m.hits[i].is(scope) {
			return &m.hits[i]
		}
	}
	return nil
}

// mark is the same for the same request, and rarely for another: how many
// scopes, and the length and the end of the first.
func mark(asked int, first string) int {
	m := asked<<8 + len(first)
	for i := max(0, len(first)-2); i < len(first); i++ {
		m = m<<8 + int(first[i])
	}
	return m
}

// remember makes the next such request a hit. One that is a hit already, and
// came here because the store was asked for changes, stays as it is.
func (s *session) remember(sn *snapshot, scope []string, until deadline, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, _ := s.hit(scope); s.snap.Load() != sn || known != nil { // another snapshot has come, or the end
		return
	}
	next := &hits{hit: hit{asked: len(scope), until: until, token: t}}
	if len(scope) > 0 {
		next.first, next.rest = scope[0], slices.Clone(scope[1:])
	}
	if old := s.hits.Load(); old != nil {
		next.more = old.others()
	}
	if next.more == nil || len(next.more.hits) < maxHits {
		s.hits.Store(next)
	}
}

// others are all of these, for somebody who has a later one.
func (h *hits) others() *more {
	m := &more{marks: []int{mark(h.asked, h.first)}, hits: []hit{h.hit}}
	if h.more != nil {
		m.marks, m.hits = append(m.marks, h.more.marks...), append(m.hits, h.more.hits...)
	}
	return m
}
