package keys_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
	"github.com/staysigned/staysigned/cache/keys"
)

var (
	someKey  = bytes.Repeat([]byte{0xfb, '\n'}, 16)
	someText = base64.StdEncoding.EncodeToString(someKey)
)

// The test binary is also the program that Command runs. The rules of a Store
// sync thousands of times, which costs nothing in memory.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "as-program" {
		os.Exit(program(os.Args[2], os.Args[3:]))
	}
	if dir, err := os.MkdirTemp("/dev/shm", "keys"); err == nil {
		os.Remove(dir)
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}

func program(what string, arg []string) int {
	switch what {
	case "print":
		text, _ := base64.StdEncoding.DecodeString(arg[0])
		os.Stdout.Write(text)
	case "fail":
		fmt.Print(someText)
		fmt.Fprint(os.Stderr, "vault is \x1b[31msealed\x1b[0m", strings.Repeat("!", 100_000))
		return 3
	case "flood":
		for {
			if _, err := fmt.Println(someText); err != nil {
				return 1
			}
		}
	case "input":
		if text, err := io.ReadAll(os.Stdin); err != nil || len(text) > 0 {
			return 4
		}
		fmt.Println(someText)
	case "hang":
		time.Sleep(time.Hour)
	case "family": // a child that holds the file open, and the output
		child := exec.Command(os.Args[0], "as-program", "child", arg[0])
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		_ = child.Run()
	case "child":
		file, err := os.OpenFile(arg[0], os.O_WRONLY, 0)
		if err != nil {
			return 5
		}
		fmt.Fprint(file, "ready")
		time.Sleep(time.Hour)
	}
	return 0
}

func programKeys(t testing.TB, arg ...string) cache.Keys {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return keys.Command(self, append([]string{"as-program"}, arg...)...)
}

// The stores of every provider keep all the promises of a store, and that of a
// passphrase between processes, too: where the key comes from changes nothing
// in what processes do to each other.
func TestStores(t *testing.T) {
	providers := map[string]func(t testing.TB, space string) cache.Keys{
		"Command": func(t testing.TB, _ string) cache.Keys {
			return programKeys(t, "print", base64.StdEncoding.EncodeToString(someKey))
		},
		"Func": func(testing.TB, string) cache.Keys {
			return keys.Func(func(context.Context, string) ([]byte, error) { return bytes.Clone(someKey), nil })
		},
		"Passphrase": passphraseKeys,
	}
	maps.Copy(providers, ofTheSystem)
	for name, provider := range providers {
		t.Run(name, func(t *testing.T) {
			if name == "Passphrase" {
				cachetest.Run(t, func(t testing.TB, space string) cache.Store {
					return cache.Dir(filepath.Join(space, "store"), provider(t, space))
				})
				return
			}
			cachetest.RunInProcess(t, func(t testing.TB) cache.Store {
				space := t.TempDir()
				return cache.Dir(filepath.Join(space, "store"), provider(t, space))
			})
		})
	}
}

func passphraseKeys(t testing.TB, space string) cache.Keys {
	k := keys.QuickPassphrase(filepath.Join(space, "key.age"), says("correct horse"))
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()))
	return k
}

// says is a person who answers with that passphrase.
func says(passphrase string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return passphrase, nil }
}

// Who can only be read says so, and what to do.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	for _, k := range []cache.Keys{
		keys.Command("pass", "show", "key"),
		keys.Func(func(context.Context, string) ([]byte, error) { return someKey, nil }),
	} {
		err := k.Create(t.Context(), "id", someKey)
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorIs(t, err, cache.ErrUnavailable)
	}
}

func TestProviders(t *testing.T) {
	t.Parallel()
	nobody := func(context.Context) (string, error) { return "", nil }
	for want, k := range map[string]cache.Keys{
		"command":        keys.Command("x"),
		"function":       keys.Func(func(context.Context, string) ([]byte, error) { return nil, nil }),
		"kernel keyring": keys.Kernel("x"),
		"passphrase":     keys.Remember(keys.Kernel("x"), keys.Passphrase("x", nobody)),
	} {
		require.Equal(t, want, k.(cache.Provider).Provider())
		cache.Seal(cache.Memory(), k) // takes the name
	}
	require.Panics(t, func() { keys.Func(nil) })
	require.Panics(t, func() { keys.Passphrase("x", nil) })
	require.Panics(t, func() { keys.Remember(nil, keys.Kernel("x")) })
}

func TestFunc(t *testing.T) {
	t.Parallel()
	cause := errors.New("no such alias")
	for name, tt := range map[string]struct {
		key  []byte
		err  error
		want error
	}{
		"key":         {someKey, nil, nil},
		"31 bytes":    {someKey[1:], nil, cache.ErrUnavailable},
		"nothing":     {nil, nil, cache.ErrUnavailable},
		"lost":        {nil, cache.ErrNotFound, cache.ErrNotFound},
		"locked":      {nil, cache.ErrLocked, cache.ErrLocked},
		"some error":  {nil, cause, cause},
		"unavailable": {nil, cause, cache.ErrUnavailable},
		"cancelled":   {nil, context.Canceled, context.Canceled},
	} {
		asked := ""
		k := keys.Func(func(_ context.Context, id string) ([]byte, error) { asked = id; return tt.key, tt.err })
		key, err := k.Key(t.Context(), "the-id")
		require.Equal(t, "the-id", asked)
		if tt.want == nil {
			require.NoError(t, err)
			require.Equal(t, tt.key, key)
			continue
		}
		require.ErrorIs(t, err, tt.want, name)
		require.Nil(t, key)
	}
}

// A function with several keys: the new one seals, and what the old one sealed
// is still read.
func TestFuncRotates_KC10(t *testing.T) {
	t.Parallel()
	inner := cache.Memory()
	all := [][]byte{bytes.Repeat([]byte{1}, 32)}
	open := func() cache.Store {
		return cache.Seal(inner, keys.Func(func(_ context.Context, id string) ([]byte, error) {
			for _, key := range all {
				if cache.KeyID(key) == id {
					return key, nil
				}
			}
			return all[len(all)-1], nil
		}))
	}
	_, err := open().Put(t.Context(), "a-1", []byte("one"), "")
	require.NoError(t, err)
	all = append(all, bytes.Repeat([]byte{2}, 32))
	data, _, err := open().Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Equal(t, "one", string(data))
}

// table is Keys in memory.
type table struct {
	keys  map[string][]byte
	err   error
	asked int
}

func (m *table) Key(_ context.Context, id string) ([]byte, error) {
	m.asked++
	if m.err != nil {
		return nil, m.err
	}
	if key, ok := m.keys[id]; ok {
		return key, nil
	}
	return nil, cache.ErrNotFound
}

func (m *table) Create(_ context.Context, id string, key []byte) error {
	if m.err == nil {
		m.keys[id] = key
	}
	return m.err
}

func TestRemember(t *testing.T) {
	t.Parallel()
	id := cache.KeyID(someKey)
	fast, slow := &table{keys: map[string][]byte{}}, &table{keys: map[string][]byte{}}
	k := keys.Remember(fast, slow)
	_, err := k.Key(t.Context(), id)
	require.ErrorIs(t, err, cache.ErrNotFound)
	require.NoError(t, k.Create(t.Context(), id, someKey))
	require.Empty(t, fast.keys, "a new key goes where it is kept")
	for range 3 {
		key, err := k.Key(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, someKey, key)
	}
	require.Equal(t, 2, slow.asked, "once without, once with a key")

	slow.keys["other"] = someKey // the one key of Keys that answers every id
	_, err = k.Key(t.Context(), "other")
	require.NoError(t, err)
	require.Len(t, fast.keys, 1, "remembered under its own id only")
	fast.keys[id] = bytes.Repeat([]byte{9}, 32)
	key, err := k.Key(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, someKey, key, "what is wrong in fast does not count")

	fast.err = cache.ErrNoSecureStorage
	_, err = k.Key(t.Context(), id)
	require.NoError(t, err, "it costs time only")
	slow.err = cache.ErrLocked
	_, err = k.Key(t.Context(), id)
	require.ErrorIs(t, err, cache.ErrLocked)
	require.NotErrorIs(t, err, cache.ErrNoSecureStorage)
	require.NoError(t, k.(cache.Unlocker).Unlock(t.Context()), "slow needs none")
}
