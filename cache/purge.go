package cache

import (
	"context"
	"errors"
)

// Purger is a Store that can remove all that it keeps, its keys included where
// they can be removed: for a program that is uninstalled, or told to forget.
// It tells no server; a Client's SignOut does. The stores of [Seal] and [Dir]
// are Purgers.
type Purger interface {
	Purge(ctx context.Context) error
}

// Remover is Keys that can remove a key for good. What it sealed nobody reads
// again. A key that is not there is no error.
type Remover interface {
	Remove(ctx context.Context, id string) error
}

// Purge removes the records, then the keys that they name, then the manifest:
// interrupted at any moment it can be called again.
func (s *sealed) Purge(ctx context.Context) error {
	v := s.vault()
	m, _, err := v.load(ctx)
	if err != nil && !lost(err) {
		return err
	}
	named := map[id]bool{}
	if err == nil {
		named[m.key] = true
	}
	for name, err := range s.inner.List(ctx, "") {
		if err != nil {
			return err
		}
		if name == manifestKey {
			continue
		}
		data, _, err := s.inner.Get(ctx, name)
		if i, e := recordKeyID(data); err == nil && e == nil {
			named[i] = true
		}
		if err := s.inner.Delete(ctx, name); err != nil {
			return err
		}
	}
	if keys, ok := v.keys.(Remover); ok {
		for i := range named {
			if err := keys.Remove(ctx, string(i)); err != nil && !errors.Is(err, ErrNotFound) {
				return typed(err)
			}
		}
	}
	v.forget()
	return s.inner.Delete(ctx, manifestKey)
}
