package keys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keys"
)

// These tests need a kernel that has keyrings and lets this process use them.
// Where it does not, they fail with the error that says so.

var ofTheSystem = map[string]func(testing.TB, string) cache.Keys{
	"Kernel": kernelKeys,
	"Remember": func(t testing.TB, space string) cache.Keys {
		return keys.Remember(kernelKeys(t, space), passphraseKeys(t, space))
	},
}

// kernelKeys are those of an app of this test's own, which are gone afterwards.
func kernelKeys(t testing.TB, space string) cache.Keys {
	sum := sha256.Sum256([]byte(space))
	return appKeys(t, "test-"+hex.EncodeToString(sum[:8]))
}

func appKeys(t testing.TB, app string) cache.Keys {
	t.Cleanup(func() { forget("staysigned:" + app + ":") })
	return keys.Kernel(app)
}

// serials returns the keys of the user keyring whose names begin with prefix.
func serials(prefix string) (found []int) {
	list := make([]byte, 1<<16)
	n, _ := unix.KeyctlBuffer(unix.KEYCTL_READ, unix.KEY_SPEC_USER_KEYRING, list, 0)
	for ; n >= 4; n -= 4 {
		serial := int(binary.NativeEndian.Uint32(list[n-4:]))
		about, _ := unix.KeyctlString(unix.KEYCTL_DESCRIBE, serial) // type;uid;gid;perm;name
		if fields := strings.SplitN(about, ";", 5); len(fields) == 5 && strings.HasPrefix(fields[4], prefix) {
			found = append(found, serial)
		}
	}
	return found
}

func forget(prefix string) {
	linked(func() {
		for _, serial := range serials(prefix) {
			_, _ = unix.KeyctlInt(unix.KEYCTL_INVALIDATE, serial, 0, 0, 0)
		}
	})
}

// linked calls do on a thread that possesses what is in the user keyring.
func linked(do func()) {
	alone(func() {
		_, _ = unix.KeyctlInt(unix.KEYCTL_LINK, unix.KEY_SPEC_USER_KEYRING, unix.KEY_SPEC_THREAD_KEYRING, 0, 0)
		do()
	})
}

// alone calls do on a thread that ends with it, and all that was done to it.
func alone(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		do()
	}()
	<-done
}

func TestKernel(t *testing.T) {
	t.Parallel()
	space := t.TempDir()
	k := kernelKeys(t, space)
	_, err := k.Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound)
	require.NoError(t, k.Create(t.Context(), "id", someKey))
	for range 2 {
		key, err := kernelKeys(t, space).Key(t.Context(), "id")
		require.NoError(t, err)
		require.Equal(t, someKey, key)
	}
	_, err = k.Key(t.Context(), "other")
	require.ErrorIs(t, err, cache.ErrNotFound)
	_, err = kernelKeys(t, t.TempDir()).Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound, "another app's")
	require.ErrorIs(t, k.Create(t.Context(), "id", bytes.Repeat([]byte{1}, 32)), cache.ErrConflict, "written once")
	require.ErrorContains(t, k.Create(t.Context(), "id2", someKey[1:]), "32 bytes")
}

// What is removed nobody finds again, from whatever session, and no other key
// goes along.
func TestKernelRemove(t *testing.T) {
	t.Parallel()
	space := t.TempDir()
	k, other := kernelKeys(t, space), kernelKeys(t, t.TempDir())
	for _, k := range []cache.Keys{k, other} {
		require.NoError(t, k.Create(t.Context(), "id", someKey))
		require.NoError(t, k.Create(t.Context(), "id2", someKey))
	}
	var join, remove error
	alone(func() {
		_, join = unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
		remove = k.(cache.Remover).Remove(context.Background(), "id")
	})
	require.NoError(t, join)
	require.NoError(t, remove)
	_, err := kernelKeys(t, space).Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNotFound)
	require.NoError(t, k.(cache.Remover).Remove(t.Context(), "id"), "again")
	require.Error(t, k.(cache.Remover).Remove(t.Context(), "no name"))
	for k, id := range map[cache.Keys]string{k: "id2", other: "id"} {
		key, err := k.Key(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, someKey, key)
	}
	require.NoError(t, k.Create(t.Context(), "id", bytes.Repeat([]byte{1}, 32)), "a new one")
}

// Nothing is left of a store that is purged, in the kernel, in the file or in
// the directory, also while it is locked.
func TestPurge(t *testing.T) {
	t.Parallel()
	for _, locked := range []bool{false, true} {
		space := t.TempDir()
		file, dir := filepath.Join(space, "key.age"), filepath.Join(space, "store")
		kernel, who := kernelKeys(t, space), &person{says: "correct horse"}
		open := func() cache.Store { return cache.Dir(dir, keys.Remember(kernel, keys.QuickPassphrase(file, who.ask))) }
		s := open()
		require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
		_, err := s.Put(t.Context(), "a-1", []byte("one"), "")
		require.NoError(t, err)
		sum := sha256.Sum256([]byte(space))
		name := "staysigned:test-" + hex.EncodeToString(sum[:8]) + ":"
		require.Len(t, serials(name), 1)
		if locked {
			forget(name)
			s = open()
		}
		require.NoError(t, s.(cache.Purger).Purge(t.Context()))
		require.Empty(t, serials(name))
		require.NoFileExists(t, file)
		require.NoFileExists(t, filepath.Join(dir, "store.json"))
		require.EqualValues(t, 1, who.asked.Load())

		require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
		require.EqualValues(t, 2, who.asked.Load(), "a new life has a new passphrase")
		_, err = s.Put(t.Context(), "a-1", []byte("one"), "")
		require.NoError(t, err)
	}
}

// Nobody can change a key, and who does not possess it can not even see it.
func TestKernelPermissions(t *testing.T) {
	t.Parallel()
	require.NoError(t, appKeys(t, "test-permissions").Create(t.Context(), "id", someKey))
	const name = "staysigned:test-permissions:id"
	var about []string
	var updates, adds error
	linked(func() {
		for _, serial := range serials(name) {
			text, err := unix.KeyctlString(unix.KEYCTL_DESCRIBE, serial)
			about = append(about, fmt.Sprint(text, err))
			_, updates = unix.KeyctlBuffer(unix.KEYCTL_UPDATE, serial, []byte("evil"), 0)
		}
		_, adds = unix.AddKey("user", name, []byte("evil"), unix.KEY_SPEC_USER_KEYRING)
	})
	require.Len(t, about, 1)
	require.Contains(t, about[0], ";0b000000;")
	require.ErrorIs(t, updates, unix.EACCES)
	require.ErrorIs(t, adds, unix.EACCES)
	key, err := keys.Kernel("test-permissions").Key(t.Context(), "id")
	require.NoError(t, err)
	require.Equal(t, someKey, key)
}

// The session of a service, or after su, has no link to the user keyring.
func TestKernelWithoutALink(t *testing.T) {
	t.Parallel()
	k := kernelKeys(t, t.TempDir())
	var join, create, read error
	var key []byte
	alone(func() {
		_, join = unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0)
		create = k.Create(context.Background(), "id", someKey)
		key, read = k.Key(context.Background(), "id")
	})
	require.NoError(t, join)
	require.NoError(t, create)
	require.NoError(t, read)
	require.Equal(t, someKey, key)
	key, err := k.Key(t.Context(), "id")
	require.NoError(t, err, "from another session")
	require.Equal(t, someKey, key)
}

// The keyrings of the thread are as before.
func TestKernelLeavesNoLink(t *testing.T) {
	t.Parallel()
	k := kernelKeys(t, t.TempDir())
	links := -1
	alone(func() {
		_ = k.Create(context.Background(), "id", someKey)
		links, _ = unix.KeyctlBuffer(unix.KEYCTL_READ, unix.KEY_SPEC_THREAD_KEYRING, make([]byte, 64), 0)
	})
	require.Zero(t, links)
}

func TestKernelForeignKey(t *testing.T) {
	t.Parallel()
	k := appKeys(t, "test-foreign")
	for _, text := range []string{"x", strings.Repeat("x", 31), strings.Repeat("x", 33), strings.Repeat("x", 3000)} {
		_, err := unix.AddKey("user", "staysigned:test-foreign:id", []byte(text), unix.KEY_SPEC_USER_KEYRING)
		require.NoError(t, err)
		_, err = k.Key(t.Context(), "id")
		require.ErrorIs(t, err, cache.ErrUnreadable)
		require.ErrorIs(t, k.Create(t.Context(), "id", someKey), cache.ErrUnreadable, "left alone")
	}
}

// As in a container: Docker's filter answers keyctl and add_key with EPERM, and
// kernels that pass for Linux do not know them.
func TestKernelForbidden(t *testing.T) {
	t.Parallel()
	for _, errno := range []unix.Errno{unix.EPERM, unix.ENOSYS} {
		var filter, read, create, remove, both error
		alone(func() {
			filter = forbid(errno, unix.SYS_KEYCTL, unix.SYS_ADD_KEY)
			_, read = keys.Kernel("app").Key(context.Background(), "id")
			create = keys.Kernel("app").Create(context.Background(), "id", someKey)
			remove = keys.Kernel("app").(cache.Remover).Remove(context.Background(), "id")
			both = keys.Remember(keys.Kernel("app"), &table{}).(cache.Remover).Remove(context.Background(), "id")
		})
		require.NoError(t, filter)
		require.NoError(t, both, "what cannot be there remembers nothing")
		for _, err := range []error{read, create, remove} {
			require.ErrorIs(t, err, cache.ErrNoSecureStorage)
			require.ErrorIs(t, err, errno)
			require.ErrorContains(t, err, "seccomp")
			require.ErrorContains(t, err, "cache.KeyFile")
		}
	}
}

// forbid makes system calls of this thread fail from now on.
func forbid(errno unix.Errno, calls ...uint32) error {
	load := unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS} // the number of the call
	program := []unix.SockFilter{load}
	for i, call := range calls {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: uint8(len(calls) - i), K: call})
	}
	program = append(program,
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&prog)), 0, 0)
}

func TestKernelNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a:b", "a\n", "é", "a/b", strings.Repeat("x", 65)} {
		_, err := keys.Kernel(name).Key(t.Context(), "id")
		require.ErrorContains(t, err, "name", "%q", name)
		require.Error(t, keys.Kernel(name).Create(t.Context(), "id", someKey))
		_, err = keys.Kernel("app").Key(t.Context(), name)
		require.ErrorContains(t, err, "name", "%q", name)
	}
}
