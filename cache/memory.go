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
	m := &memoryState{records: map[string]memoryRecord{}, locks: map[string]*memoryLock{}}
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
	locks   map[string]*memoryLock
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

// memoryLock is held by whoever put a value into the channel. It is forgotten
// with its last user, or 100,000 accounts would leave 100,000 locks behind.
type memoryLock struct {
	held  chan struct{}
	users int
}

func (s *memory) Lock(ctx context.Context, key string) (func() error, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := s.state()
	l := m.use(key)
	select {
	case l.held <- struct{}{}:
		return m.unlocker(key, l), nil
	case <-ctx.Done():
		m.leave(key, l)
		return nil, ctx.Err()
	}
}

func (s *memory) TryLock(_ context.Context, key string) (func() error, bool, error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	m := s.state()
	l := m.use(key)
	select {
	case l.held <- struct{}{}:
		return m.unlocker(key, l), true, nil
	default:
		m.leave(key, l)
		return nil, false, nil
	}
}

func (m *memoryState) use(key string) *memoryLock {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.locks[key]
	if l == nil {
		l = &memoryLock{held: make(chan struct{}, 1)}
		m.locks[key] = l
	}
	l.users++
	return l
}

func (m *memoryState) leave(key string, l *memoryLock) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(m.locks, key)
	}
}

func (m *memoryState) unlocker(key string, l *memoryLock) func() error {
	return sync.OnceValue(func() error {
		<-l.held
		m.leave(key, l)
		return nil
	})
}
