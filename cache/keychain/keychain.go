package keychain

import (
	"context"
	"fmt"
	"iter"
	"sync"

	"github.com/staysigned/staysigned/cache"
)

// Store is [cache.Dir] in the user's state directory with the key in the
// keychain. Make it with [New].
type Store struct {
	open func() (dirStore, error)
}

type dirStore interface {
	cache.Store
	cache.TryLocker
	cache.Changer
	cache.Reserver
	cache.Unlocker
	cache.Purger
}

// New returns the store of the program app, a name of up to 64 letters,
// digits, dots, underscores and hyphens. Programs that use the same name share
// their sessions. The records are in
//
//	Linux, BSD  $XDG_STATE_HOME/app, else ~/.local/state/app
//	macOS       ~/Library/Application Support/app
//	Windows     %LOCALAPPDATA%\app
//
// in a subdirectory "sessions", which on Linux has the machine in its name: two
// machines that share a home do not share a keychain, and must not use one
// refresh token.
//
// New does no I/O; what is wrong with app or with the directory is the error
// of every call. Besides those of [cache.Store], an error to act on is
// cache.ErrNoSecureStorage: there is no keychain.
func New(app string) *Store { return newIn(stateDir, app) }

// Dir returns the directory in which New(app) keeps its records, for a program
// that tells people where their sessions are.
func Dir(app string) (string, error) { return dirIn(stateDir, app) }

func newIn(stateDir func(app string) (string, error), app string) *Store {
	k := Keys(app)
	return &Store{sync.OnceValues(func() (dirStore, error) {
		dir, err := dirIn(stateDir, app)
		if err != nil {
			return nil, err
		}
		return cache.Dir(dir, k).(dirStore), nil
	})}
}

func dirIn(stateDir func(app string) (string, error), app string) (string, error) {
	if err := checkName(app); err != nil {
		return "", err
	}
	dir, err := stateDir(app)
	if err != nil {
		return "", fmt.Errorf("keychain: state directory: %w: %w", cache.ErrUnavailable, err)
	}
	return dir, nil
}

// Get implements [cache.Store].
func (s *Store) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	d, err := s.open()
	if err != nil {
		return nil, "", err
	}
	return d.Get(ctx, key)
}

// Put implements [cache.Store].
func (s *Store) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	d, err := s.open()
	if err != nil {
		return "", err
	}
	return d.Put(ctx, key, data, prev)
}

// Delete implements [cache.Store]. It needs no key, so that a sign-out works
// while the keychain is locked.
func (s *Store) Delete(ctx context.Context, key string) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	return d.Delete(ctx, key)
}

// List implements [cache.Store]. It needs no key.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	d, err := s.open()
	if err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return d.List(ctx, prefix)
}

// Lock implements [cache.Store]. It needs no key.
func (s *Store) Lock(ctx context.Context, key string) (unlock func() error, err error) {
	d, err := s.open()
	if err != nil {
		return nil, err
	}
	return d.Lock(ctx, key)
}

// TryLock implements [cache.TryLocker].
func (s *Store) TryLock(ctx context.Context, key string) (unlock func() error, ok bool, err error) {
	d, err := s.open()
	if err != nil {
		return nil, false, err
	}
	return d.TryLock(ctx, key)
}

// Changed implements [cache.Changer]. It takes a few microseconds and asks no
// keychain.
func (s *Store) Changed(ctx context.Context, key string, since cache.Rev) (bool, error) {
	d, err := s.open()
	if err != nil {
		return false, err
	}
	return d.Changed(ctx, key, since)
}

// Reserve implements [cache.Reserver].
func (s *Store) Reserve(ctx context.Context, key string, n int) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	return d.Reserve(ctx, key, n)
}

// Unlock implements [cache.Unlocker]. It may ask a person to open the
// keychain, and waits for two minutes; no other method asks by itself, but
// macOS may when its login keychain is locked. After it there is a key for the
// next Put.
func (s *Store) Unlock(ctx context.Context) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	return d.Unlock(ctx)
}

// Purge implements [cache.Purger]: it removes all records and the key. Empty
// lock files stay behind, until somebody removes the directory of [Dir].
func (s *Store) Purge(ctx context.Context) error {
	d, err := s.open()
	if err != nil {
		return err
	}
	return d.Purge(ctx)
}

// Sealed implements [cache.Sealed]: it is true.
func (s *Store) Sealed() bool { return true }
