package cache

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// Rev names one revision of a record. It is opaque: only equality means
// something. The empty Rev means that there is no record. A Store never uses
// a Rev twice for a key, also not after Delete, so that a writer who read
// before a sign-out can never write after it.
type Rev string

// Store keeps records of opaque bytes, a few kilobytes each, under keys that
// package msal makes: one lower-case letter, then up to 127 of a-z, 0-9, dot,
// underscore and hyphen, so that a key serves as a file name everywhere. A
// Store does not interpret them.
//
// All methods may be called from many goroutines at once. A slice that is
// passed in or handed out belongs to the caller: a Store copies what it keeps.
type Store interface {
	// Get returns the record of key and its revision. Errors to act on:
	// ErrNotFound; ErrUnreadable, which comes with the Rev so that Put can
	// replace what nobody can read; ErrLocked; ErrUnavailable.
	Get(ctx context.Context, key string) (data []byte, rev Rev, err error)

	// Put replaces the record of key if its revision still is prev, and
	// creates it if prev is empty and there is none. Otherwise it writes
	// nothing and returns ErrConflict. When it returns nil the record
	// survives a crash of the process. After any other error the outcome is
	// unknown: Get tells.
	Put(ctx context.Context, key string, data []byte, prev Rev) (Rev, error)

	// Delete removes the record of key. A record that is not there is not an
	// error. Later Puts with an older revision fail with ErrConflict.
	Delete(ctx context.Context, key string) error

	// List yields the keys that begin with prefix, lazily and in no
	// particular order. A key written or deleted meanwhile may be missed.
	List(ctx context.Context, prefix string) iter.Seq2[string, error]

	// Lock excludes every other holder of key's lock, in this process and in
	// others, until unlock is called or the process ends. It waits until ctx
	// ends. The lock needs no record of that name and holds up no Get, Put or
	// Delete: it is a promise among those who refresh. Calling unlock again
	// does nothing.
	Lock(ctx context.Context, key string) (unlock func() error, err error)
}

// TryLocker is a Store that can tell at once that a lock is taken. Without it
// a refresh ahead of time waits a moment for the lock instead.
type TryLocker interface {
	TryLock(ctx context.Context, key string) (unlock func() error, ok bool, err error)
}

// Changer is a Store that can tell cheaply, without a network, whether a
// record may have changed since a revision. False alarms are allowed, missed
// changes are not. It is asked at most once a second for each account in use;
// without it a process notices the writes and sign-outs of others only when
// its own token is due.
type Changer interface {
	Changed(ctx context.Context, key string, since Rev) (bool, error)
}

// Reserver is a Store that can make sure that the next Put of n bytes under
// key finds room. It is asked before a refresh token is spent, because a full
// disk after that moment would end the session.
type Reserver interface {
	Reserve(ctx context.Context, key string, n int) error
}

// Leaser is a Store whose locks are leases: one that is not renewed in time,
// because its holder was stopped or has lost its way to the store, ends by
// itself, and somebody else may take it. Whoever takes a lock asks right after
// Lock or TryLock, and begins nothing more once the lock is lost; what is under
// way goes on, and Put decides.
type Leaser interface {
	// Lost returns a channel that is closed when the lock of key, taken
	// through this Store and not yet unlocked, is lost. It returns nil if
	// there is no such lock.
	Lost(key string) <-chan struct{}
}

// Unlocker is a Store, or Keys, that may have to ask a person before it can be
// read, such as one whose key lies in a locked keychain. Package msal calls it
// in a sign-in only, before the browser opens; a program whose person waits in
// front of it may call it earlier.
type Unlocker interface {
	Unlock(ctx context.Context) error
}

// Sealed is a Store that can promise that values never rest in plaintext.
// Package msal refuses a Store without this promise unless the application
// sets Config.InsecurePlaintextCache.
type Sealed interface {
	Sealed() bool
}

// Keys keeps the secret keys of a sealed store. A key is written once and
// never changed.
type Keys interface {
	// Key returns the key of that id, or ErrNotFound.
	Key(ctx context.Context, id string) ([]byte, error)
	// Create stores a new key, and fails if id exists.
	Create(ctx context.Context, id string, key []byte) error
}

// Provider is Keys that says in a word or two where it keeps them, such as
// "keychain" or "key file": one lower-case letter, then up to 31 of a-z, 0-9,
// space, dot, underscore and hyphen. A sealed store is pinned to it: see
// [Seal]. Keys without a name are one provider.
type Provider interface {
	Provider() string
}

// Adopter is Keys that may answer with a key that others keep, such as one that
// the machine forgets. A sign-in that is about to pin a store to them hands them
// the key of the store first, and no session depends on the others from then on.
type Adopter interface {
	// Adopt keeps the key of that id, or makes sure that it is kept already.
	// ErrNotFound means that it cannot have this one, but one of its own,
	// which seals from then on. After any other error, such as ErrLocked, the
	// pin stays where it is.
	Adopt(ctx context.Context, id string, key []byte) error
}

// providerName is empty for Keys that does not say.
func providerName(k Keys) string {
	p, ok := k.(Provider)
	if !ok {
		return ""
	}
	name := p.Provider()
	if !isProviderName(name) {
		panic(fmt.Sprintf("cache: provider name %.80q is not of the form [a-z][a-z0-9 ._-]{0,31}", name))
	}
	return name
}

func isProviderName(name string) bool {
	ok := name == "" || len(name) <= 32 && name[0] >= 'a' && name[0] <= 'z'
	for i := 0; ok && i < len(name); i++ {
		ok = strings.IndexByte("abcdefghijklmnopqrstuvwxyz0123456789 ._-", name[i]) >= 0
	}
	return ok
}

// providerWords names a provider in a sentence.
func providerWords(name string) string {
	if name == "" {
		return "without a name"
	}
	return strconv.Quote(name)
}

// checkKey refuses a key that could not be a file name everywhere. It holds
// for all stores of this package, memory included, so that a test with one
// store finds what would break another.
func checkKey(key string) error {
	ok := len(key) > 0 && len(key) <= 128 && key[0] >= 'a' && key[0] <= 'z'
	for i := 0; ok && i < len(key); i++ {
		c := key[i]
		ok = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if !ok {
		return fmt.Errorf("cache: key %.140q is not of the form [a-z][a-z0-9._-]{0,127}", key)
	}
	return nil
}
