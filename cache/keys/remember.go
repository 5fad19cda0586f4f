package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/staysigned/staysigned/cache"
)

// Remember returns Keys that reads a key from fast, and if it is not there from
// slow, and then puts it into fast. slow is where the key is kept: it gets new
// ones, a store is pinned to it, and its errors are the ones that are returned.
// What goes wrong with fast costs time only.
//
//	keys.Remember(keys.Kernel("myapp"), keys.Passphrase(file, ask))
//
// asks for the passphrase once until the machine starts again.
//
// A store that was begun with fast alone moves by a sign-in: slow gets the key
// that fast has, and keeps all its sessions. That asks for the passphrase, and
// without one the store stays where it is. If slow has one key, and another
// one, that seals from then on: who has not been signed in or refreshed until
// fast forgets signs in again.
func Remember(fast, slow cache.Keys) cache.Keys {
	if fast == nil || slow == nil {
		panic("keys: Remember needs two Keys")
	}
	return remember{fast, slow}
}

type remember struct{ fast, slow cache.Keys }

// Provider implements [cache.Provider]: it is slow's.
func (r remember) Provider() string {
	if p, ok := r.slow.(cache.Provider); ok {
		return p.Provider()
	}
	return ""
}

// Key takes and remembers a key only under its own id: there are Keys that
// answer every id with the key that they have.
func (r remember) Key(ctx context.Context, id string) ([]byte, error) {
	if key, err := r.fast.Key(ctx, id); err == nil && cache.KeyID(key) == id {
		return key, nil
	}
	key, err := r.slow.Key(ctx, id)
	if err == nil && cache.KeyID(key) == id {
		_ = r.fast.Create(ctx, id, key)
	}
	return key, err
}

func (r remember) Create(ctx context.Context, id string, key []byte) error {
	return r.slow.Create(ctx, id, key)
}

// Adopt implements [cache.Adopter]: what fast answered with alone is not kept.
func (r remember) Adopt(ctx context.Context, id string, key []byte) error {
	if a, ok := r.slow.(cache.Adopter); ok {
		return a.Adopt(ctx, id, key)
	}
	kept, err := r.slow.Key(ctx, id)
	if errors.Is(err, cache.ErrNotFound) {
		if err = r.slow.Create(ctx, id, key); err == nil {
			kept, err = r.slow.Key(ctx, id)
		}
	}
	if err == nil && cache.KeyID(kept) != id {
		err = fmt.Errorf("keys: there is another key than %s, which is only remembered: %w", id, cache.ErrNotFound)
	}
	return err
}

// Unlock implements [cache.Unlocker] for slow.
func (r remember) Unlock(ctx context.Context) error {
	if u, ok := r.slow.(cache.Unlocker); ok {
		return u.Unlock(ctx)
	}
	return nil
}

// Remove implements [cache.Remover]. Where fast cannot be at all, as in a
// container that forbids it, it has no key.
func (r remember) Remove(ctx context.Context, id string) error {
	if fast, ok := r.fast.(cache.Remover); ok {
		err := fast.Remove(ctx, id)
		if err != nil && !errors.Is(err, cache.ErrNotFound) && !errors.Is(err, cache.ErrNoSecureStorage) {
			return err
		}
	}
	if slow, ok := r.slow.(cache.Remover); ok {
		return slow.Remove(ctx, id)
	}
	return nil
}
