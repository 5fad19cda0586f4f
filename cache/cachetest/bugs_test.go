package cachetest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// broken is a Store in memory that keeps every promise, if bug is empty or not
// one of those that it knows.
type broken struct {
	bug string

	writer  sync.Mutex
	mu      sync.RWMutex
	records map[string]stored
	last    stored // that somebody read
	writes  int
	locks   map[string]chan struct{}
}

type stored struct {
	data []byte
	rev  cache.Rev
}

var legal = regexp.MustCompile(`\A[a-z][a-z0-9._-]{0,127}\z`)

var errBusy = errors.New("busy")

func newBroken(bug string) cache.Store {
	b := &broken{bug: bug, records: map[string]stored{}, locks: map[string]chan struct{}{}}
	switch bug {
	case "try-waits", "try-apart":
		return trier{b}
	case "misses-delete", "always-alarmed":
		return changer{b}
	case "reserves-record":
		return reserver{b}
	case "lease-untold", "lease-always-lost", "lease-outlives-lock":
		return leaser{b, make(chan struct{})}
	}
	return b
}

func (b *broken) key(key string) (string, error) {
	if !legal.MatchString(key) && b.bug != "any-key" {
		return "", fmt.Errorf("illegal key %.140q", key)
	}
	if b.bug == "long-keys-collide" {
		key = key[:min(len(key), 64)]
	}
	return key, nil
}

func (b *broken) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	key, err := b.key(key)
	if err != nil {
		return nil, "", err
	}
	if b.bug == "gone-when-late" && ctx.Err() != nil {
		return nil, "", cache.ErrNotFound
	}
	r, ok := b.read(key)
	b.mu.Lock()
	b.last = r
	b.mu.Unlock()
	switch {
	case !ok && b.bug == "not-found-swallowed":
		return nil, "", nil
	case !ok && b.bug == "not-found-untyped":
		return nil, "", errors.New("no such key")
	case !ok:
		return nil, "", cache.ErrNotFound
	case b.bug == "shares-slice":
		return r.data, r.rev, nil
	case b.bug == "mixes-records":
		runtime.Gosched()
		b.mu.Lock()
		r = b.last
		b.mu.Unlock()
	case b.bug == "rev-apart":
		<-time.After(100 * time.Microsecond)
		later, _ := b.read(key)
		r.rev = later.rev
	}
	return bytes.Clone(r.data), r.rev, nil
}

func (b *broken) read(key string) (stored, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	r, ok := b.records[key]
	return r, ok
}

func (b *broken) Put(_ context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	key, err := b.key(key)
	if err != nil {
		return "", err
	}
	if b.bug == "small" && len(data) > 2560 {
		return "", errors.New("data passed to Set was too big")
	}
	if b.bug != "lost-update" {
		b.writer.Lock()
		defer b.writer.Unlock()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.records[key]
	conflict := r.rev != prev
	if b.bug == "lost-update" {
		b.pause(20 * time.Millisecond)
	}
	switch {
	case b.bug == "no-cas", b.bug == "resurrects" && !ok, !conflict:
	case b.bug == "conflict-writes":
		b.records[key] = stored{bytes.Clone(data), b.next(key, data)}
		return "", cache.ErrConflict
	case b.bug == "conflict-untyped":
		return "", errBusy
	default:
		return "", cache.ErrConflict
	}
	b.halfway(key, data)
	rev := b.next(key, data)
	b.records[key] = stored{b.keep(data), rev}
	return rev, nil
}

// pause lets readers in, where nobody should come in, and writers if there is
// nothing to keep them out.
func (b *broken) pause(d time.Duration) {
	b.mu.Unlock()
	<-time.After(d)
	b.mu.Lock()
}

// halfway lets readers see what is not to be seen.
func (b *broken) halfway(key string, data []byte) {
	r := b.records[key]
	switch b.bug {
	case "torn":
		b.records[key] = stored{bytes.Clone(data[:len(data)/2]), r.rev}
		b.pause(time.Millisecond)
	case "missing":
		delete(b.records, key)
		b.pause(time.Millisecond)
	}
}

func (b *broken) keep(data []byte) []byte {
	switch b.bug {
	case "keeps-slice":
		return data
	case "trims":
		return bytes.Clone(bytes.TrimSpace(data))
	}
	return append([]byte{}, data...)
}

func (b *broken) next(key string, data []byte) cache.Rev {
	b.writes++
	switch b.bug {
	case "rev-of-content":
		return cache.Rev(fmt.Sprintf("%x", sha256.Sum256(data)))
	case "rev-restarts":
		n, _ := strconv.Atoi(string(b.records[key].rev))
		return cache.Rev(strconv.Itoa(n + 1))
	}
	return cache.Rev(strconv.Itoa(b.writes))
}

func (b *broken) Delete(ctx context.Context, key string) error {
	key, err := b.key(key)
	if err != nil {
		return err
	}
	if b.bug == "delete-waits" {
		unlock, err := b.Lock(ctx, key)
		if err != nil {
			return err
		}
		defer func() { _ = unlock() }()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.records[key]
	delete(b.records, key)
	switch {
	case b.bug == "delete-insists" && !ok:
		return cache.ErrNotFound
	case b.bug == "lock-in-record":
		delete(b.locks, key)
	case b.bug == "deletes-prefix":
		maps.DeleteFunc(b.records, func(k string, _ stored) bool { return strings.HasPrefix(k, key) })
	}
	return nil
}

func (b *broken) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	keys := b.keys(prefix)
	return func(yield func(string, error) bool) {
		if b.bug != "lists-at-once" {
			keys = b.keys(prefix)
		}
		if b.bug == "lists-locked" {
			b.mu.RLock()
			defer b.mu.RUnlock()
		}
		for _, key := range keys {
			if b.bug == "lists-short" && ctx.Err() != nil {
				return
			}
			if !yield(key, nil) && b.bug != "lists-on" {
				return
			}
		}
	}
}

func (b *broken) keys(prefix string) []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	keys := slices.Sorted(maps.Keys(b.records))
	pattern := regexp.MustCompile("^" + prefix)
	return slices.DeleteFunc(keys, func(key string) bool {
		switch b.bug {
		case "lists-all":
			return false
		case "lists-patterns":
			return !pattern.MatchString(key)
		}
		return !strings.HasPrefix(key, prefix)
	})
}

func (b *broken) Lock(ctx context.Context, key string) (func() error, error) {
	key, err := b.key(key)
	if err != nil {
		return nil, err
	}
	lock := b.lockOf(key)
	switch _, ok := b.read(key); b.bug {
	case "no-lock":
		return func() error { return nil }, nil
	case "lock-needs-record":
		if !ok {
			return nil, cache.ErrNotFound
		}
	case "lock-hurries":
		select {
		case lock <- struct{}{}:
			return b.unlocker(lock), nil
		default:
			return nil, errBusy
		}
	case "lock-hangs":
		until, _ := ctx.Deadline()
		late, cancel := context.WithDeadline(context.WithoutCancel(ctx), until)
		defer cancel()
		ctx = late
	}
	select {
	case lock <- struct{}{}:
		unlock := b.unlocker(lock)
		if b.bug == "lock-ends-with-context" {
			context.AfterFunc(ctx, func() { _ = unlock() })
		}
		return unlock, nil
	case <-ctx.Done():
		if b.bug == "leaks" {
			go func() { select {} }()
		}
		return nil, ctx.Err()
	}
}

func (b *broken) lockOf(key string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.locks[key] == nil {
		b.locks[key] = make(chan struct{}, 1)
	}
	return b.locks[key]
}

func (b *broken) unlocker(lock chan struct{}) func() error {
	unlock := func() error {
		select {
		case <-lock:
		default:
		}
		return nil
	}
	if b.bug == "unlocks-another" {
		return unlock
	}
	return sync.OnceValue(unlock)
}

type trier struct{ *broken }

func (b trier) TryLock(ctx context.Context, key string) (func() error, bool, error) {
	if b.bug == "try-waits" {
		unlock, err := b.Lock(ctx, key)
		return unlock, err == nil, err
	}
	lock := b.lockOf("beside-" + key)
	select {
	case lock <- struct{}{}:
		return b.unlocker(lock), true, nil
	default:
		return nil, false, nil
	}
}

type changer struct{ *broken }

func (b changer) Changed(_ context.Context, key string, since cache.Rev) (bool, error) {
	r, ok := b.read(key)
	return r.rev != since && ok || b.bug == "always-alarmed", nil
}

type reserver struct{ *broken }

func (b reserver) Reserve(ctx context.Context, key string, n int) error {
	_, err := b.Put(ctx, key, make([]byte, n), "")
	if errors.Is(err, cache.ErrConflict) {
		return nil
	}
	return err
}

// leaser says that its locks are leases.
type leaser struct {
	*broken
	lost chan struct{}
}

func (b leaser) Lost(key string) <-chan struct{} {
	switch held := len(b.lockOf(key)) > 0; {
	case b.bug == "lease-outlives-lock":
		return b.lost
	case !held || b.bug == "lease-untold":
		return nil
	}
	gone := make(chan struct{})
	close(gone)
	return gone
}
