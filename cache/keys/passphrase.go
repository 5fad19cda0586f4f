package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/staysigned/staysigned/cache"
)

// ErrWrongPassphrase is what Unlock returns if the passphrase does not open the
// file, along with cache.ErrLocked. Nobody is asked again but by another Unlock.
var ErrWrongPassphrase = errors.New("wrong passphrase")

// Passphrase returns Keys whose only key lies in file, wrapped by a passphrase,
// for people on machines without a keychain. ask gets it from the person; it
// should respect its context. Whoever forgets the passphrase signs in again,
// with a new file.
//
// Only Unlock calls ask, and only if the key cannot be had otherwise. Package
// msal unlocks its store in a sign-in; what is silent, such as Client.Token, is
// never the reason for a question, and gets cache.ErrLocked instead. A command
// line tool, whose person sits in front of it, unlocks its store when it starts:
//
//	err := store.(cache.Unlocker).Unlock(ctx)
//
// That takes a second by intention, in which guesses are made expensive.
// [Remember] spares it.
//
// The first Unlock of a store asks for a new passphrase, and the file is made;
// a careful ask has it repeated if there is no file. An empty one is refused.
// The file is never written again, and answers under any id. Its format is that
// of age, so that "age -d file" shows the key, and "age -p" wraps one. A store
// that is purged takes it along: do not share it between stores.
//
// Errors to act on: cache.ErrLocked; ErrWrongPassphrase; cache.ErrUnavailable if
// the file is damaged or somebody else's, and cache.ErrNoSecureStorage if others
// may read it: its mode must be 0400 or 0600 (Windows has none). ask must not
// be nil.
func Passphrase(file string, ask func(ctx context.Context) (string, error)) cache.Keys {
	return newPassphrase(file, ask, workFactor)
}

func newPassphrase(file string, ask func(context.Context) (string, error), work int) *passphrase {
	if ask == nil {
		panic("keys: Passphrase needs somebody to ask")
	}
	known := make(chan opened, 1)
	known <- opened{}
	return &passphrase{file: wrapped{file, work}, ask: ask, known: known, asking: make(chan struct{}, 1)}
}

type passphrase struct {
	file   wrapped
	ask    func(context.Context) (string, error)
	known  chan opened   // a lock and what it guards: no way of printing looks into a channel
	asking chan struct{} // held by the one who asks
}

// opened is what is known of the file. There is no passphrase when there is a
// key.
type opened struct {
	key        []byte
	passphrase string
}

// Provider implements [cache.Provider].
func (p *passphrase) Provider() string { return "passphrase" }

func (p *passphrase) Key(context.Context, string) ([]byte, error) {
	o := <-p.known
	defer func() { p.known <- o }()
	if o.key != nil {
		return bytes.Clone(o.key), nil
	}
	data, err := p.file.read()
	if err != nil {
		return nil, err
	}
	if o.passphrase == "" {
		return nil, p.locked()
	}
	// Another process made the file after this one had asked.
	o.key, err = p.file.unwrap(data, o.passphrase)
	o.passphrase = ""
	return bytes.Clone(o.key), err
}

func (p *passphrase) locked() error {
	return fmt.Errorf("keys: the key in %s is locked, and nobody has given its passphrase; unlock the store, or sign in: %w", p.file.path, cache.ErrLocked)
}

func (p *passphrase) Create(_ context.Context, _ string, key []byte) error {
	if len(key) != keyLen {
		return fmt.Errorf("keys: a key has %d bytes, not %d", keyLen, len(key))
	}
	o := <-p.known
	defer func() { p.known <- o }()
	if o.passphrase == "" {
		return p.locked()
	}
	if err := p.file.create(key, o.passphrase); err != nil {
		return err
	}
	o = opened{key: bytes.Clone(key)}
	return nil
}

// Remove implements [cache.Remover]. It needs no passphrase, and leaves a file
// that is known to have another key.
func (p *passphrase) Remove(_ context.Context, id string) error {
	o := <-p.known
	defer func() { p.known <- o }()
	if o.key != nil && cache.KeyID(o.key) != id {
		return nil
	}
	if err := p.file.remove(); err != nil {
		return err
	}
	o = opened{}
	return nil
}

// Unlock implements [cache.Unlocker]. It asks unless the key is in memory.
func (p *passphrase) Unlock(ctx context.Context) error {
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	o := <-p.known
	p.known <- o
	if o.key != nil {
		return nil
	}
	data, err := p.file.read()
	if err != nil && !errors.Is(err, cache.ErrNotFound) {
		return err // before anybody is asked
	}
	o = opened{}
	if o.passphrase, err = p.answer(ctx); err != nil {
		return err
	}
	if data != nil {
		if o.key, err = p.file.unwrap(data, o.passphrase); err != nil {
			return err
		}
		o.passphrase = ""
	}
	<-p.known
	p.known <- o
	return nil
}

func (p *passphrase) answer(ctx context.Context) (string, error) {
	text, err := p.ask(ctx)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", fmt.Errorf("keys: no passphrase for %s: %w: %w", p.file.path, cache.ErrLocked, err)
	case text == "":
		return "", fmt.Errorf("keys: the passphrase for %s is empty; give one: %w: %w", p.file.path, cache.ErrLocked, ErrWrongPassphrase)
	}
	return text, nil
}
