package cache

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Seal returns a Store that keeps its records in inner, sealed with a key from
// k: AES-256-GCM, under a key of its own for each write, bound to the record's
// name and to the store. inner sees no plaintext, and a record that was
// altered, or copied from elsewhere, is ErrUnreadable. It does not notice that
// an older version of a record was put back.
//
// It adds the record "store.json" to inner, which names the active key and is
// not listed; one that is put under that name goes by another inside. A lost
// key makes what it sealed ErrUnreadable; the next Put makes a new one.
//
// The store is pinned to k's [Provider] when its first key is made. With
// another one, what that has no key for is ErrUnavailable from then on, and so
// are Put and Reserve, until an Unlock moves the pin, along with the key if the
// new one has it (see [Adopter]). What the first one sealed stays readable with
// it.
//
// The abilities of inner are passed on ([TryLocker], [Changer], [Reserver],
// [Leaser]). The result is [Sealed], and an [Unlocker]: it unlocks inner, then k if its
// key cannot be had otherwise, and makes sure that there will be a key for the
// next Put. It asks k once for each key and holds it in memory. k must not be
// nil.
func Seal(inner Store, k Keys) Store {
	if inner == nil || k == nil {
		panic("cache: Seal needs a Store and Keys")
	}
	v := newVault(inner, k)
	return withAbilities(&sealed{inner, func() *vault { return v }})
}

// withAbilities adds those that inner has and that cannot be there without
// effect: who finds a Changer asks nobody else.
func withAbilities(s *sealed) Store {
	tries, canTry := s.inner.(TryLocker)
	tells, canTell := s.inner.(Changer)
	leases, canLose := s.inner.(Leaser)
	t, c, l := sealedTryLocker{tries}, sealedChanger{tells}, sealedLeaser{leases}
	switch {
	case canTry && canTell && canLose:
		return struct {
			*sealed
			sealedTryLocker
			sealedChanger
			sealedLeaser
		}{s, t, c, l}
	case canTry && canTell:
		return struct {
			*sealed
			sealedTryLocker
			sealedChanger
		}{s, t, c}
	case canTry && canLose:
		return struct {
			*sealed
			sealedTryLocker
			sealedLeaser
		}{s, t, l}
	case canTell && canLose:
		return struct {
			*sealed
			sealedChanger
			sealedLeaser
		}{s, c, l}
	case canTry:
		return struct {
			*sealed
			sealedTryLocker
		}{s, t}
	case canTell:
		return struct {
			*sealed
			sealedChanger
		}{s, c}
	case canLose:
		return struct {
			*sealed
			sealedLeaser
		}{s, l}
	}
	return s
}

// inside is the key of a record in the inner store. It keeps that of the
// manifest free by adding a dot to it, and to it with dots behind it.
func inside(key string) string {
	if strings.TrimRight(key, ".") == manifestKey {
		return key + "."
	}
	return key
}

// outside undoes inside; there is nothing outside for the manifest.
func outside(name string) (key string, ok bool) {
	if strings.TrimRight(name, ".") == manifestKey {
		return strings.CutSuffix(name, ".")
	}
	return name, true
}

// sealed hides its vault behind a function, which no way of printing enters.
type sealed struct {
	inner Store
	vault func() *vault
}

func (s *sealed) Sealed() bool { return true }

func (s *sealed) Get(ctx context.Context, key string) ([]byte, Rev, error) {
	data, rev, err := s.inner.Get(ctx, inside(key))
	if err != nil {
		return nil, rev, err
	}
	plain, err := s.open(ctx, key, data)
	if err != nil && !errors.Is(err, ErrUnreadable) {
		rev = ""
	}
	return plain, rev, err
}

func (s *sealed) open(ctx context.Context, key string, data []byte) ([]byte, error) {
	i, err := recordKeyID(data)
	if err != nil {
		return nil, unreadable(key, err)
	}
	v := s.vault()
	secret, err := v.key(ctx, i)
	if err != nil {
		return nil, v.cannotRead(ctx, err)
	}
	if m := v.lastSeen(); m.store != "" {
		if plain, err := openRecord(secret, m.store, key, data); err == nil {
			return plain, nil
		}
	}
	m, _, err := v.load(ctx) // the first time, or the store was replaced under a running process
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("cache: %s, which names the store of all records, is gone; sign in again: %w", manifestKey, ErrUnreadable)
	}
	if err != nil {
		return nil, err
	}
	plain, err := openRecord(secret, m.store, key, data)
	return plain, unreadable(key, err)
}

func unreadable(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errNewer):
		return fmt.Errorf("cache: record %s was written by a newer version of this program; update this one: %w", key, ErrUnavailable)
	}
	return fmt.Errorf("cache: record %s is damaged or not of this store; sign in again: %w", key, ErrUnreadable)
}

func (s *sealed) Put(ctx context.Context, key string, data []byte, prev Rev) (Rev, error) {
	if err := checkKey(key); err != nil {
		return "", err // before a key is made for it
	}
	if len(data) > maxRecord-overhead {
		return "", fmt.Errorf("cache: record %s of %d bytes is larger than %d", key, len(data), maxRecord-overhead)
	}
	store, secret, err := s.vault().active(ctx)
	if err != nil {
		return "", err
	}
	record, err := sealRecord(secret, store, key, data)
	if err != nil {
		return "", err
	}
	if k, ok := s.inner.(keeper); ok && prev != "" {
		if _, now, err := s.Get(ctx, key); now == prev && errors.Is(err, ErrUnreadable) {
			return k.replace(ctx, inside(key), record, prev)
		}
	}
	return s.inner.Put(ctx, inside(key), record, prev)
}

// keeper is a store that can put what it replaces aside. What nobody can read
// today may be readable when a keychain comes back.
type keeper interface {
	replace(ctx context.Context, key string, data []byte, prev Rev) (Rev, error)
}

func (s *sealed) Delete(ctx context.Context, key string) error {
	return s.inner.Delete(ctx, inside(key))
}

func (s *sealed) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for name, err := range s.inner.List(ctx, prefix) {
			key, ok := outside(name)
			if err == nil && (!ok || !strings.HasPrefix(key, prefix)) {
				continue
			}
			if !yield(key, err) {
				return
			}
		}
	}
}

func (s *sealed) Lock(ctx context.Context, key string) (func() error, error) {
	return s.inner.Lock(ctx, inside(key))
}

type sealedTryLocker struct{ inner TryLocker }

func (s sealedTryLocker) TryLock(ctx context.Context, key string) (func() error, bool, error) {
	return s.inner.TryLock(ctx, inside(key))
}

type sealedChanger struct{ inner Changer }

func (s sealedChanger) Changed(ctx context.Context, key string, since Rev) (bool, error) {
	return s.inner.Changed(ctx, inside(key), since)
}

type sealedLeaser struct{ inner Leaser }

func (s sealedLeaser) Lost(key string) <-chan struct{} { return s.inner.Lost(inside(key)) }

// Reserve fails if there is no key, too: like a full disk, that must come to
// light before a refresh token is spent.
func (s *sealed) Reserve(ctx context.Context, key string, n int) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if _, _, err := s.vault().active(ctx); err != nil {
		return err
	}
	if r, ok := s.inner.(Reserver); ok {
		return r.Reserve(ctx, inside(key), n+overhead)
	}
	return nil
}

// Unlock asks a person only if the active key, or one that a record needed a
// moment ago, cannot be had without one.
func (s *sealed) Unlock(ctx context.Context) error {
	v := s.vault()
	locked := v.forgive()
	if u, ok := s.inner.(Unlocker); ok {
		if err := u.Unlock(ctx); err != nil {
			return err
		}
	}
	err := v.settle(ctx)
	u, asks := v.keys.(Unlocker)
	if err == nil && !locked || !asks || ctx.Err() != nil {
		return err
	}
	if err := u.Unlock(ctx); err != nil {
		return err
	}
	v.forgive()
	return v.settle(ctx)
}
