package cache

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Memory returns a Store that lives as long as it is referenced. It keeps
// every promise of [Store] within the process, and counts as sealed, because
// nothing of it ever rests anywhere.
func Memory() Store {
	m := &memoryState{records: map[string]memoryRecord{}}
	return &memory{state: func() *memoryState { return m }}
}

// memory hides its records behind a function: fmt and its kin print a
// function as an address, but would print a map of records byte by byte.
type memory struct {
	state func() *memoryState
}

type memoryState struct {
	mu      sync.RWMutex
	writes  uint64 // names revisions; it only grows, so none is used twice
	records map[string]memoryRecord
	locks   locks
}

type memoryRecord struct {
	data []byte
	rev  Rev
}

func (s *memory) Get(_ context.Context, key string) ([]byte, Rev, error) {
	if err := checkKey(key); err != nil {
		return nil, "", err
	}
	m := s.state()
	m.mu.RLock()
	defer m.mu.RUnlock()
	r, ok := m.records[key]
	if !ok {
		return nil, "", ErrNotFound
	}
	return slices.Clone(r.data), r.rev, nil
}

func (s *memory) Put(_ context.Context, key string, data []byte, prev Rev) (Rev, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	m := s.state()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[key].rev != prev {
		return "", ErrConflict
	}
	m.writes++
	rev := Rev(strconv.FormatUint(m.writes, 36))
	m.records[key] = memoryRecord{append([]byte{}, data...), rev}
	return rev, nil
}

func (s *memory) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	m := s.state()
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, key)
	return nil
}

func (s *memory) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		m := s.state()
		m.mu.RLock()
		keys := slices.Sorted(maps.Keys(m.records))
		m.mu.RUnlock()
		for _, key := range keys {
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if !yield(key, nil) {
				return
			}
		}
	}
}

// Changed compares revisions; it allocates nothing.
func (s *memory) Changed(_ context.Context, key string, since Rev) (bool, error) {
	m := s.state()
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.records[key].rev != since, nil
}

func (s *memory) Sealed() bool { return true }

func (s *memory) Lock(ctx context.Context, key string) (func() error, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	unlock, err := s.state().locks.lock(ctx, key)
	if err != nil {
		return nil, err
	}
	return noError(unlock), nil
}

func (s *memory) TryLock(_ context.Context, key string) (func() error, bool, error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	unlock, ok := s.state().locks.tryLock(key)
	if !ok {
		return nil, false, nil
	}
	return noError(unlock), true, nil
}

func noError(unlock func()) func() error {
	return func() error { unlock(); return nil }
}
