package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
)

// home is where the tour keeps what outlives it: the session, sealed, and what its platform has to remember.
type home struct {
	dir   string // empty: nothing is kept
	store cache.Store
	where string // in words, where the session is and where its key
}

// stateDir is a directory for the tour alone, where programs of this system keep their state.
func stateDir() (string, error) {
	dir, err := keychain.Dir("staysigned-quickstart")
	return filepath.Dir(dir), err
}

// openHome chooses the store and says which. The key belongs in the keychain. Where there is none a file has to do, and
// that is this program's choice: the library never makes it.
func openHome(ctx context.Context, dir string, keys cache.Keys) (*home, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &home{store: cache.Memory(), where: fmt.Sprintf("in the memory of this program, and ends with it:\n   %v", err)}, nil
	}
	sessions, file := filepath.Join(dir, "sessions"), filepath.Join(dir, "key")
	kept := "in " + sessions + ", sealed.\n   The key to it is in "
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return &home{dir, cache.Dir(sessions, cache.KeyFile(file)), kept + file + ", which only you can read, as the first time."}, err
	}
	store := cache.Dir(sessions, keys)
	none := store.(cache.Unlocker).Unlock(ctx) // may ask for the keychain's password
	if none == nil {
		return &home{dir, store, kept + "the keychain of this machine."}, nil
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if _, err := os.Lstat(filepath.Join(sessions, "store.json")); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the keychain that has the key to the session cannot be had now: %w", none)
	}
	key := make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile(file, key, 0o400); err != nil {
		return nil, err
	}
	return &home{dir, cache.Dir(sessions, cache.KeyFile(file)),
		kept + file + ", which only you can read, for want of a keychain:\n   " + none.Error()}, nil
}

// forget removes what the tour has kept, and nothing else.
func (h *home) forget(ctx context.Context) error {
	if h.dir == "" {
		return nil
	}
	if err := h.store.(cache.Purger).Purge(ctx); err != nil {
		return err
	}
	for _, name := range []string{"sessions", "key", "address", "platform.json", "platform.json.new"} {
		if err := os.RemoveAll(filepath.Join(h.dir, name)); err != nil {
			return err
		}
	}
	_ = os.Remove(h.dir) // not with what else is in it: -dir may name a directory that has more
	return nil
}
