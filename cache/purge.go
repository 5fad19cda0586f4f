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

// Purge removes the keys that the records name, then the records, then the
// manifest: interrupted at any moment it can be called again, and what is left
// says what is left to do.
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
	names, err := s.names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		data, _, err := s.inner.Get(ctx, name)
		if i, e := recordKeyID(data); err == nil && e == nil {
			named[i] = true
		}
	}
	if keys, ok := v.keys.(Remover); ok {
		for i := range named {
			if err := keys.Remove(ctx, string(i)); err != nil && !errors.Is(err, ErrNotFound) {
				return typed(err)
			}
		}
	}
	for len(names) > 0 {
		for _, name := range names {
			if err := s.inner.Delete(ctx, name); err != nil {
				return err
			}
		}
		if names, err = s.names(ctx); err != nil {
			return err
		}
	}
	v.forget()
	return s.inner.Delete(ctx, manifestKey)
}

// names lists the records of inner. They are collected before any is removed,
// because what is removed under a list may hide others from it.
func (s *sealed) names(ctx context.Context) (names []string, err error) {
	for name, err := range s.inner.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		if name != manifestKey {
			names = append(names, name)
		}
	}
	return names, nil
}
