package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/staysigned/staysigned/cache"
)

// onlyPossessors may view, read and find a key; nobody may change it. Whoever
// reaches a keyring of the user possesses what is in it, and whoever does not,
// is another user.
const onlyPossessors = 0x0b000000

func (k kernel) Key(_ context.Context, id string) (key []byte, err error) {
	name, err := k.description(id)
	if err != nil {
		return nil, err
	}
	err = possessing(func(rings []int) error {
		key, err = read(rings, name)
		return err
	})
	return key, err
}

func (k kernel) Create(_ context.Context, id string, key []byte) error {
	name, err := k.description(id)
	if err != nil {
		return err
	}
	if len(key) != keyLen {
		return fmt.Errorf("keys: a key has %d bytes, not %d", keyLen, len(key))
	}
	return possessing(func(rings []int) error {
		if _, err := read(rings, name); err == nil {
			return fmt.Errorf("keys: there is a key %s in the kernel keyring already: %w", id, cache.ErrConflict)
		} else if !errors.Is(err, cache.ErrNotFound) {
			return err
		}
		serial, err := unix.AddKey("user", name, key, rings[0])
		if err != nil {
			return explainKernel(err)
		}
		for _, ring := range rings[1:] {
			_, _ = unix.KeyctlInt(unix.KEYCTL_LINK, serial, ring, 0, 0) // one place is enough
		}
		if err := unix.KeyctlSetperm(serial, onlyPossessors); err != nil {
			_, _ = unix.KeyctlInt(unix.KEYCTL_REVOKE, serial, 0, 0, 0)
			return explainKernel(err)
		}
		stored, err := read(rings, name)
		if err == nil && !bytes.Equal(stored, key) {
			err = fmt.Errorf("keys: the kernel keyring accepted a key and has another one: %w", cache.ErrUnavailable)
		}
		return err
	})
}

// Remove implements [cache.Remover]. Who possesses a key may end it, though not
// change it.
func (k kernel) Remove(_ context.Context, id string) error {
	name, err := k.description(id)
	if err != nil {
		return err
	}
	return possessing(func(rings []int) error {
		for _, ring := range rings {
			serial, err := unix.KeyctlSearch(ring, "user", name, 0)
			if err == nil {
				_, err = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, serial, 0, 0, 0)
			}
			if err != nil && !gone(err) {
				return explainKernel(err)
			}
		}
		return nil
	})
}

// possessing calls do with the keyrings of the user. Reading a key needs that
// the caller possesses it, by way of a keyring of its thread, process or
// session; the session of a service, or after su, leads nowhere. So the
// keyrings are linked to this thread meanwhile, which changes nothing for
// anybody else.
func possessing(do func(rings []int) error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const thread = unix.KEY_SPEC_THREAD_KEYRING
	user, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_LINK, user, thread, 0, 0)
	}
	if err != nil {
		return explainKernel(err)
	}
	rings := []int{user}
	// Asking for it puts off its end, too.
	if persistent, err := unix.KeyctlInt(unix.KEYCTL_GET_PERSISTENT, -1, thread, 0, 0); err == nil {
		rings = append(rings, persistent)
	}
	defer func() {
		for _, ring := range rings {
			_, _ = unix.KeyctlInt(unix.KEYCTL_UNLINK, ring, thread, 0, 0)
		}
	}()
	return do(rings)
}

// read returns the key of that name from the first keyring that has it.
func read(rings []int, name string) ([]byte, error) {
	for _, ring := range rings {
		serial, err := unix.KeyctlSearch(ring, "user", name, 0)
		if gone(err) {
			continue
		}
		if err != nil {
			return nil, explainKernel(err)
		}
		key := make([]byte, keyLen+1)
		n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, serial, key, 0)
		if err != nil {
			return nil, explainKernel(err)
		}
		if n != keyLen {
			return nil, fmt.Errorf("keys: %s in the kernel keyring is not the key that was stored; it is left alone: %w", name, cache.ErrUnreadable)
		}
		return slices.Clip(key[:n]), nil
	}
	return nil, fmt.Errorf("keys: no such key in the kernel keyring: %w", cache.ErrNotFound)
}

func gone(err error) bool {
	return errors.Is(err, unix.ENOKEY) || errors.Is(err, unix.EKEYEXPIRED) || errors.Is(err, unix.EKEYREVOKED)
}

// explainKernel knows what the calls say where they are forbidden, by a filter
// of system calls, or not there, in other kernels that pass for Linux.
func explainKernel(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("keys: no kernel keyring here, as in a container whose seccomp profile forbids keyctl; allow it, or %s: %w: %w",
			elsewhere, cache.ErrNoSecureStorage, err)
	case errors.Is(err, unix.EDQUOT):
		return fmt.Errorf("keys: the kernel keyring of this user is full; see /proc/key-users, and remove keys of others: %w: %w", cache.ErrUnavailable, err)
	case gone(err):
		return fmt.Errorf("keys: the key has just gone from the kernel keyring: %w: %w", cache.ErrNotFound, err)
	}
	return fmt.Errorf("keys: kernel keyring: %w: %w", cache.ErrUnavailable, err)
}
