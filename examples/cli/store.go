package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/cache/keys"
)

// store is where the sessions are, sealed, and who has the key to them.
type store struct {
	cache.Store
	dir  string
	kind string // of the key, as in --key
	keys cache.Keys
}

// openStore touches nothing yet. The key is where the person said, or in the keychain: nothing is chosen because
// something else is not there.
func (a *app) openStore(p profile) (*store, error) {
	s := &store{dir: p.Store, kind: p.Key}
	if s.dir == "" {
		dir, err := keychain.Dir(program)
		if err != nil {
			return nil, err
		}
		s.dir = dir
	}
	if s.kind == "" {
		s.kind = "keychain"
	}
	switch file, isFile := strings.CutPrefix(s.kind, "file:"); {
	case s.kind == "keychain":
		s.keys = keychain.Keys(program)
	case s.kind == "kernel":
		s.keys = keys.Kernel(program)
	case s.kind == "passphrase":
		s.keys = keys.Remember(keys.Kernel(program), keys.Passphrase(s.passphraseFile(), a.passphrase(s.passphraseFile())))
	case isFile && file != "":
		s.keys = cache.KeyFile(file)
	default:
		return nil, usage(fmt.Errorf("--key %q: want keychain, kernel, passphrase or file:PATH", s.kind))
	}
	s.Store = cache.Dir(s.dir, s.keys)
	return s, nil
}

// passphraseFile lies beside the directory, which is the library's own.
func (s *store) passphraseFile() string { return filepath.Clean(s.dir) + ".age" }

// String is for a person.
func (s *store) String() string { return fmt.Sprintf("%s (key: %s)", tilde(s.dir), s.kind) }

// explain adds to an error of the key that it is elsewhere, if it is: a keychain that does not answer is nothing that
// somebody has to mend whose key is in the kernel.
func (s *store) explain(err error) error {
	if !errors.Is(err, cache.ErrUnavailable) && !errors.Is(err, cache.ErrNoSecureStorage) {
		return err
	}
	if key := s.elsewhere(); key != "" {
		return &elsewhereError{err, key}
	}
	return err
}

// elsewhere is who has the key of these sessions, as in --key, if it is another one than the one that is used.
func (s *store) elsewhere() string {
	manifest, err := os.ReadFile(filepath.Join(s.dir, "store.json"))
	if err != nil {
		return ""
	}
	pinned, err := cache.Pinned(manifest)
	if p, ok := s.keys.(cache.Provider); err != nil || ok && p.Provider() == pinned {
		return ""
	}
	switch pinned {
	case "key file":
		return "file:PATH"
	case "kernel keyring":
		return "kernel"
	case "passphrase":
		return "passphrase"
	case keychain.Keys(program).(cache.Provider).Provider():
		return "keychain"
	}
	return ""
}

// unlock gets the key, and may ask a person for it.
func (s *store) unlock(ctx context.Context) error { return s.Store.(cache.Unlocker).Unlock(ctx) }

// purge removes the records and the key, where that is the program's to remove: a key file is somebody else's.
func (s *store) purge(ctx context.Context) error { return s.Store.(cache.Purger).Purge(ctx) }
