package cache

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// refusalsLast is how long a failed question for a key answers the next
	// ones: a keychain that takes seconds to fail is not asked once for each
	// of a thousand accounts.
	refusalsLast = 2 * time.Second

	// makingKeyLasts bounds the wait for another process that is making the
	// key. It may be asking a person.
	makingKeyLasts = 30 * time.Second
)

// vault has the keys of a sealed store, each asked for once in the life of the
// process: a keychain that is locked or gone later ends no session.
type vault struct {
	inner    Store
	keys     Keys
	provider string        // who keeps keys
	turn     chan struct{} // held by the one who asks keys; the others find the answer

	mu      sync.Mutex
	seen    manifest // as last read or written; zero: never
	ready   map[id][]byte
	refused map[id]refusal
}

type refusal struct {
	err   error
	until time.Time
}

func newVault(inner Store, k Keys) *vault {
	return &vault{
		inner: inner, keys: k, provider: providerName(k), turn: make(chan struct{}, 1),
		ready: map[id][]byte{}, refused: map[id]refusal{},
	}
}

// load reads the manifest.
func (v *vault) load(ctx context.Context) (manifest, Rev, error) {
	data, rev, err := v.inner.Get(ctx, manifestKey)
	if err != nil {
		return manifest{}, rev, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return manifest{}, rev, badManifest(err)
	}
	v.mu.Lock()
	v.seen = m
	v.mu.Unlock()
	return m, rev, nil
}

func (v *vault) lastSeen() manifest {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.seen
}

// key returns the key of that id. ErrUnreadable means that it is lost; all
// other errors, that it may come back.
func (v *vault) key(ctx context.Context, i id) ([]byte, error) {
	if key, err := v.known(i); key != nil || err != nil {
		return key, err
	}
	done, err := v.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if key, err := v.known(i); key != nil || err != nil {
		return key, err
	}
	key, err := v.ask(ctx, i)
	if err == nil || ctx.Err() == nil {
		v.learn(i, key, err)
	}
	return key, err
}

func (v *vault) known(i id) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r, ok := v.refused[i]; ok && time.Now().Before(r.until) {
		return nil, r.err
	}
	return v.ready[i], nil
}

func (v *vault) learn(i id, key []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.refused) // one is enough: damaged records name any number of keys
	if err != nil {
		v.refused[i] = refusal{err, time.Now().Add(refusalsLast)}
		return
	}
	v.ready[i] = key
}

// forgive forgets refusals, as a person is about to do something about them,
// and tells whether one of them was about a lock.
func (v *vault) forgive() (locked bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.refused {
		locked = locked || errors.Is(r.err, ErrLocked)
	}
	clear(v.refused)
	return locked
}

// forget forgets all that was read or made.
func (v *vault) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.seen = manifest{}
	clear(v.ready)
	clear(v.refused)
}

// askAgain is ask for a key that this process has. Who removed the manifest may
// have removed the key, too, and what is sealed with one that only this process
// has ends with it.
func (v *vault) askAgain(ctx context.Context, i id) ([]byte, error) {
	done, err := v.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return v.ask(ctx, i)
}

// alone waits until nobody else asks keys.
func (v *vault) alone(ctx context.Context) (done func(), err error) {
	select {
	case v.turn <- struct{}{}:
		return func() { <-v.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (v *vault) ask(ctx context.Context, i id) ([]byte, error) {
	key, err := v.keys.Key(ctx, string(i))
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("cache: key %s is gone from where it was kept; sign in again, or bring it back: %w", i, ErrUnreadable)
	case err != nil:
		return nil, typed(err)
	case len(key) != keyLen || keyID(key) != i:
		return nil, fmt.Errorf("cache: where key %s was kept there is another one; sign in again, or bring it back: %w", i, ErrUnreadable)
	}
	return slices.Clone(key), nil
}

// cannotRead says why a record's key cannot be had: it may be that of another
// provider, or of a newer version.
func (v *vault) cannotRead(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	m, _, other := v.load(ctx)
	if other == nil {
		other = v.elsewhere(m)
	}
	if other == nil || lost(other) {
		return err
	}
	return other
}

// elsewhere is the error of a store whose key another provider keeps. To take
// a key from whoever was configured today would show every person as signed
// out, and leave two halves of one store.
func (v *vault) elsewhere(m manifest) error {
	if !m.pinned || m.provider == v.provider {
		return nil
	}
	return fmt.Errorf("cache: the key of this store is pinned to the provider %s, and this program uses %s; "+
		"use the former again, or sign in, which pins the latter: %w", providerWords(m.provider), providerWords(v.provider), ErrUnavailable)
}

// active returns the store's id and the key that seals what is written now. If
// there is none, or if it is lost, it makes one: what the lost key sealed stays
// where it is until a sign-in replaces it.
func (v *vault) active(ctx context.Context) (store id, key []byte, err error) {
	m, _, err := v.load(ctx)
	if err == nil {
		err = v.elsewhere(m)
	}
	if err == nil {
		if key, err = v.key(ctx, m.key); err == nil {
			return m.store, key, nil
		}
	}
	if !lost(err) {
		return "", nil, err
	}
	return v.renew(ctx, false)
}

// settle makes sure that there is an active key and that the store is pinned to
// this provider. Only where a person is there may the pin move.
func (v *vault) settle(ctx context.Context) error {
	m, _, err := v.load(ctx)
	if err == nil && m.pinned && m.provider == v.provider {
		if _, err = v.key(ctx, m.key); err == nil {
			return nil
		}
	}
	if err != nil && !lost(err) {
		return err
	}
	_, _, err = v.renew(ctx, true)
	return err
}

// renew publishes a key that this process can use, under the lock of the
// manifest. Without it, of twenty processes at their first start each would
// make its own and read nothing of the others'. pin takes the store over from
// another provider, along with its key if that can be had; what another key
// sealed stays readable for whoever has it.
func (v *vault) renew(ctx context.Context, pin bool) (store id, key []byte, err error) {
	wait, cancel := context.WithTimeout(ctx, makingKeyLasts)
	defer cancel()
	unlock, err := v.inner.Lock(wait, manifestKey)
	if err != nil {
		if wait.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("cache: another process has been making a key for %v: %w", makingKeyLasts, ErrUnavailable)
		}
		return "", nil, err
	}
	defer func() { _ = unlock() }()
	last := v.lastSeen()
	m, rev, err := v.load(ctx)
	published := err == nil
	if lost(err) {
		m, err = last, nil // removed under a running process, which knows better
	}
	if err == nil && !pin {
		err = v.elsewhere(m)
	}
	if err == nil && m.key != "" {
		if key, err = v.key(ctx, m.key); err == nil && !published {
			key, err = v.askAgain(ctx, m.key)
		}
	}
	if published && err == nil && (!pin || m.pinned && m.provider == v.provider) {
		return m.store, key, nil // by somebody else, meanwhile
	}
	if pin && err == nil && key != nil {
		err = v.adopt(ctx, m.key, key)
	}
	if lost(err) || err == nil && key == nil {
		key, err = v.create(ctx)
	}
	if err != nil {
		return "", nil, err
	}
	return v.publish(ctx, m.store, key, rev, !published)
}

// adopt hands a key to its new provider. After an error that is lost the
// provider does without it.
func (v *vault) adopt(ctx context.Context, i id, key []byte) error {
	adopter, ok := v.keys.(Adopter)
	if !ok {
		return nil // who answers with a key keeps it
	}
	done, err := v.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = adopter.Adopt(ctx, string(i), slices.Clone(key))
	if err == nil || lost(err) {
		return err
	}
	return typed(err)
}

// lost tells what only a new key, or a new manifest, can mend.
func lost(err error) bool { return errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) }

// publish makes key the active one and pins the store to its provider. The key
// is safe where it is kept by now: a crash before this leaves a key that nobody
// names, and no record without one. A manifest that can be read is replaced in
// one step; aside is for damage.
func (v *vault) publish(ctx context.Context, store id, key []byte, rev Rev, aside bool) (id, []byte, error) {
	if store == "" {
		store = newID()
	}
	m := manifest{store: store, key: keyID(key), pinned: true, provider: v.provider}
	put := v.inner.Put
	if k, ok := v.inner.(keeper); ok && aside && rev != "" {
		put = k.replace
	}
	if _, err := put(ctx, manifestKey, m.encode(), rev); err != nil {
		return "", nil, err
	}
	v.mu.Lock()
	v.seen = m
	v.mu.Unlock()
	v.learn(m.key, key, nil)
	return store, key, nil
}

// create makes a key and reads it back: there are keychains that say they
// stored what they did not. Keys that keeps one key for all ids, such as a key
// file, has it already.
func (v *vault) create(ctx context.Context) ([]byte, error) {
	done, err := v.alone(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	fresh := make([]byte, keyLen)
	rand.Read(fresh)
	name := string(keyID(fresh))
	key, err := v.keys.Key(ctx, name)
	if err == nil && len(key) == keyLen {
		return slices.Clone(key), nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, typed(err)
	}
	if err := v.keys.Create(ctx, name, slices.Clone(fresh)); err != nil {
		return nil, typed(err)
	}
	key, err = v.keys.Key(ctx, name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, typed(err)
	}
	if !bytes.Equal(key, fresh) {
		return nil, fmt.Errorf("cache: a new key was stored, and then it was not there; try again: %w", ErrUnavailable)
	}
	return fresh, nil
}

// typed makes sure that an error of a stranger's Keys says what to do.
func typed(err error) error {
	for _, known := range []error{ErrUnreadable, ErrLocked, ErrUnavailable, ErrNoSecureStorage, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	return fmt.Errorf("cache: key: %w: %w", ErrUnavailable, err)
}
