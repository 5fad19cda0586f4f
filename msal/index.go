package msal

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// index finds a session by account ID. Finding one that is known takes no lock
// and writes nothing, so that any number of processors can do it at once, and
// costs what a Go map costs at any size. (sync.Map takes three times as long
// at 100,000 accounts.)
//
// It is the two-map scheme of the early sync.Map: read is complete but for
// what was added since it was made; dirty holds everything, and becomes read
// when enough look-ups had to go there to pay for making the next one.
type index struct {
	read   atomic.Pointer[map[string]*session]
	mu     sync.Mutex
	dirty  map[string]*session
	misses int
}

// find returns the session of id, or nil.
func (x *index) find(id string) *session {
	if read := x.read.Load(); read != nil {
		if s := (*read)[id]; s != nil && !s.forgotten.Load() {
			return s
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.dirty[id]
	if s == nil {
		// dirty may have become read while we waited.
		if read := x.read.Load(); read != nil && (*read)[id] != nil && !(*read)[id].forgotten.Load() {
			return (*read)[id]
		}
		return nil
	}
	if x.misses++; x.misses >= len(x.dirty) {
		complete := x.dirty
		x.read.Store(&complete)
		x.dirty, x.misses = nil, 0
	}
	return s
}

// add returns the session of id, made by create if there is none.
func (x *index) add(id string, create func() *session) *session {
	if s := x.find(id); s != nil {
		return s
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.thaw()
	s := x.dirty[id]
	if s == nil {
		s = create()
		x.dirty[id] = s
	}
	return s
}

// remove leaves out s, which has ended, so that accounts that come and go leave
// nothing behind. read is never written: s stays in it until the next one.
func (x *index) remove(id string, s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.forgotten.Store(true)
	x.thaw()
	if x.dirty[id] == s {
		delete(x.dirty, id)
	}
}

// thaw makes dirty complete.
func (x *index) thaw() {
	if x.dirty != nil {
		return
	}
	x.dirty = map[string]*session{}
	if read := x.read.Load(); read != nil {
		maps.Copy(x.dirty, *read)
		maps.DeleteFunc(x.dirty, func(_ string, s *session) bool { return s.forgotten.Load() })
	}
}

// empty tells whether it has no session; one that has ended may still count.
func (x *index) empty() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	read := x.read.Load()
	return len(x.dirty) == 0 && (read == nil || len(*read) == 0)
}

// all yields every session, for what is rarely done: it may copy the index.
func (x *index) all() iter.Seq[*session] {
	x.mu.Lock()
	x.thaw()
	sessions := slices.Collect(maps.Values(x.dirty))
	x.mu.Unlock()
	return slices.Values(sessions)
}
