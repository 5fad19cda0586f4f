package cache_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

// keyDir is a keychain that processes share: a directory of keys.
type keyDir string

func (d keyDir) Key(_ context.Context, id string) ([]byte, error) {
	key, err := os.ReadFile(filepath.Join(string(d), id))
	if errors.Is(err, fs.ErrNotExist) {
		err = cache.ErrNotFound
	}
	return key, err
}

func (d keyDir) Create(_ context.Context, id string, key []byte) error {
	if err := os.MkdirAll(string(d), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(string(d), "new")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(key); err != nil {
		return err
	}
	return os.Link(f.Name(), filepath.Join(string(d), id))
}

func openDir(_ testing.TB, space string) cache.Store {
	return cache.Dir(filepath.Join(space, "store"), keyDir(filepath.Join(space, "keys")))
}

func TestDir(t *testing.T) {
	t.Parallel()
	cachetest.Run(t, openDir)
}

func TestSeal(t *testing.T) {
	t.Parallel()
	cachetest.RunInProcess(t, func(t testing.TB) cache.Store {
		return cache.Seal(cache.Memory(), keyDir(t.TempDir()))
	})
}
