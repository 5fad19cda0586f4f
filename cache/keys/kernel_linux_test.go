package keys_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
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
		var filter, read, create error
		alone(func() {
			filter = forbid(errno, unix.SYS_KEYCTL, unix.SYS_ADD_KEY)
			_, read = keys.Kernel("app").Key(context.Background(), "id")
			create = keys.Kernel("app").Create(context.Background(), "id", someKey)
		})
		require.NoError(t, filter)
		for _, err := range []error{read, create} {
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
