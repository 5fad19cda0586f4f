package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/staysigned/staysigned/cache"
)

// Func returns Keys that calls f for a key of 32 bytes, for a KMS, an HSM or
// whatever else an application has. It is called for each key that a process
// needs, also when no person is there, and by one goroutine of a store at a
// time. Create is refused: f has a key already, or makes one.
//
// id is the fingerprint of the key that is wanted, [cache.KeyID]. A function
// that has one key ignores it. One that has several returns the one of that id;
// if it has none, it returns the one that is to seal from now on: a store that
// has no key yet asks for an id that nobody has.
//
// An error of f that is none of package cache or context is ErrUnavailable;
// cache.ErrNotFound says that the key is lost, so that a person has to sign in
// again. f must not be nil.
func Func(f func(ctx context.Context, id string) ([]byte, error)) cache.Keys {
	if f == nil {
		panic("keys: Func needs a function")
	}
	return function(f)
}

type function func(ctx context.Context, id string) ([]byte, error)

// Provider implements [cache.Provider].
func (f function) Provider() string { return "function" }

func (f function) Key(ctx context.Context, id string) ([]byte, error) {
	key, err := f(ctx, id)
	if err != nil {
		return nil, f.typed(err)
	}
	if len(key) != keyLen {
		return nil, fmt.Errorf("keys: the function returned %d bytes, and a key has %d: %w", len(key), keyLen, cache.ErrUnavailable)
	}
	return key, nil
}

func (f function) typed(err error) error {
	for _, known := range []error{cache.ErrNotFound, cache.ErrUnreadable, cache.ErrLocked, cache.ErrUnavailable, cache.ErrNoSecureStorage,
		context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return fmt.Errorf("keys: function: %w", err)
		}
	}
	return fmt.Errorf("keys: function: %w: %w", cache.ErrUnavailable, err)
}

func (f function) Create(context.Context, string, []byte) error {
	return fmt.Errorf("keys: the function makes no keys; let it return one: %w: %w", cache.ErrUnavailable, errors.ErrUnsupported)
}

const keyLen = 32
