package keychain

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/zalando/go-keyring"

	"github.com/staysigned/staysigned/cache"
)

const (
	silentWait = 3 * time.Second // people wait for a token meanwhile
	personWait = 2 * time.Minute // to find the password of the keychain
)

// Keys returns [cache.Keys] in the keychain, for [cache.Dir] and [cache.Seal].
// app is as in [New]. A key is one item of the service "staysigned-app",
// written once and read back. Calls take three seconds at the most and ask no
// person by themselves, as far as the keychain can be asked whether it is open
// (macOS's cannot); the result is a [cache.Unlocker] that does.
//
// Errors to act on: cache.ErrNotFound; cache.ErrLocked; cache.ErrUnavailable
// and cache.ErrNoSecureStorage, which say what is missing; cache.ErrUnreadable
// if the item is not what was stored, which is left alone.
func Keys(app string) cache.Keys {
	return &keys{app: app, chain: system()}
}

type keys struct {
	app   string
	chain chain
	calls calls
}

// chain is a keychain of go-keyring's and what has to be known about it.
type chain struct {
	get     func(service, user string) (string, error)
	set     func(service, user, secret string) error
	remove  func(service, user string) error
	ready   func(ctx context.Context) error // nil if get and set will not ask a person
	unlock  func(ctx context.Context) error // may ask one
	explain func(err error) error           // of get and set, in terms of package cache

	// look asks nobody. The error is the one that ready has.
	look func(ctx context.Context) ([]Place, error)
}

// provider is to whom a store is pinned whose key is in a keychain.
const provider = "keychain"

// Provider implements [cache.Provider].
func (k *keys) Provider() string { return provider }

func (k *keys) Key(ctx context.Context, id string) ([]byte, error) {
	if err := errors.Join(checkName(k.app), checkName(id)); err != nil {
		return nil, err
	}
	text, err := k.calls.do(ctx, "read "+id, func(ctx context.Context) (string, error) {
		if err := k.chain.ready(ctx); err != nil {
			return "", err
		}
		text, err := k.chain.get(service(k.app), user(id))
		return text, k.explain(err)
	})
	if err != nil {
		return nil, err
	}
	return parseItem(text, id)
}

// Create reads back what it stored. A person who dismisses the prompt of a
// Secret Service, and a macOS that finds its input too long, leave go-keyring
// with a success and the keychain without the item.
func (k *keys) Create(ctx context.Context, id string, key []byte) error {
	if err := errors.Join(checkName(k.app), checkName(id)); err != nil {
		return err
	}
	if len(key) != keyLen {
		return fmt.Errorf("keychain: a key has %d bytes, not %d", keyLen, len(key))
	}
	service, user, item := service(k.app), user(id), formatItem(id, key)
	_, err := k.calls.do(ctx, "write "+id, func(ctx context.Context) (string, error) {
		if err := k.chain.ready(ctx); err != nil {
			return "", err
		}
		if _, err := k.chain.get(service, user); err == nil {
			return "", fmt.Errorf("keychain: there is a key %s already: %w", id, cache.ErrConflict)
		} else if err := k.explain(err); !errors.Is(err, cache.ErrNotFound) {
			return "", err
		}
		if err := k.chain.set(service, user, item); err != nil {
			return "", k.explain(err)
		}
		if stored, err := k.chain.get(service, user); err != nil || stored != item {
			return "", fmt.Errorf("keychain: it accepted a key and does not have it; was a prompt dismissed? try again: %w", cache.ErrUnavailable)
		}
		return "", nil
	})
	return err
}

// Remove implements [cache.Remover].
func (k *keys) Remove(ctx context.Context, id string) error {
	if err := errors.Join(checkName(k.app), checkName(id)); err != nil {
		return err
	}
	_, err := k.calls.do(ctx, "remove "+id, func(ctx context.Context) (string, error) {
		if err := k.chain.ready(ctx); err != nil {
			return "", err
		}
		return "", k.explain(k.chain.remove(service(k.app), user(id)))
	})
	if errors.Is(err, cache.ErrNotFound) {
		return nil
	}
	return err
}

// Unlock asks a person to open the keychain if it is locked.
func (k *keys) Unlock(ctx context.Context) error {
	if err := checkName(k.app); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, personWait)
	defer cancel()
	err := k.chain.unlock(wait)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (k *keys) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, keyring.ErrNotFound):
		return fmt.Errorf("keychain: no such key: %w", cache.ErrNotFound)
	case errors.Is(err, keyring.ErrUnsupportedPlatform):
		return fmt.Errorf("keychain: none on this system; %s: %w", elsewhere, cache.ErrNoSecureStorage)
	}
	return k.chain.explain(err)
}

// elsewhere is the remedy where no keychain can be had.
const elsewhere = "keep the key elsewhere, with cache.KeyFile or package cache/keys, or the sessions in cache.Memory"

// quote bounds a text that somebody else chose, and makes it harmless.
func quote(err error) string { return fmt.Sprintf("%.200q", err.Error()) }

func service(app string) string { return "staysigned-" + app }
func user(id string) string     { return "key-" + id }

// checkName accepts what is a name of a program or a key everywhere: in a
// path, in an attribute, and on the command line that go-keyring writes to
// macOS's security tool.
func checkName(name string) error {
	ok := len(name) > 0 && len(name) <= 64 && name[0] != '.' && name[len(name)-1] != '.'
	for i := 0; ok && i < len(name); i++ {
		c := name[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
	}
	if !ok || isDevice(name) {
		return fmt.Errorf("keychain: name %.80q: want up to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen, "+
			"no dot at either end, and not a device of Windows", name)
	}
	return nil
}

// isDevice tells which names are devices in any directory of Windows.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return true
	}
	return len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && base[3] >= '0' && base[3] <= '9'
}

// A key is stored as text, because some keychains change anything else:
//
//	tk1:<id>:<key in base64>:<checksum>
//
// It says itself which key it is. go-keyring takes the first of all items that
// have our attributes, whoever made it and whatever else it has.
const (
	itemPrefix = "tk1:"
	keyLen     = 32
)

func formatItem(id string, key []byte) string {
	text := itemPrefix + id + ":" + base64.StdEncoding.EncodeToString(key) + ":"
	sum := sha256.Sum256([]byte(text))
	return text + hex.EncodeToString(sum[:4])
}

func parseItem(text, id string) ([]byte, error) {
	rest, ok := strings.CutPrefix(text, itemPrefix+id+":")
	encoded, _, found := strings.Cut(rest, ":")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || !found || err != nil || len(key) != keyLen || formatItem(id, key) != text {
		return nil, fmt.Errorf("keychain: item %s is not the key that was stored; it is left alone: %w", user(id), cache.ErrUnreadable)
	}
	return key, nil
}
