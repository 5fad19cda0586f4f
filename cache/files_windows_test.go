package cache_test

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/staysigned/staysigned/cache"
)

// scan opens a file as a virus scanner does that shares it with nobody.
func scan(t *testing.T, path string) (leave func()) {
	t.Helper()
	name, err := windows.UTF16PtrFromString(path)
	require.NoError(t, err)
	handle, err := windows.CreateFile(name, windows.GENERIC_READ, 0, nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	require.NoError(t, err)
	return sync.OnceFunc(func() { windows.CloseHandle(handle) })
}

// Every method waits for somebody who has a file of the record open and soon
// leaves.
func TestScanner(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"a-1", "a-1@new", "a-1@lock", "a-1@write"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			dir, k := t.TempDir(), &fakeKeys{}
			s := cache.Dir(dir, k)
			rev := put(t, s, "a-1", "one", "")
			unlock, err := s.Lock(t.Context(), "a-1")
			require.NoError(t, err)
			require.NoError(t, unlock())
			for _, do := range []func() error{
				func() error { return s.(cache.Reserver).Reserve(t.Context(), "a-1", 64<<10) }, // makes a-1@new
				func() (err error) { _, rev, err = s.Get(t.Context(), "a-1"); return err },
				func() (err error) { rev, err = s.Put(t.Context(), "a-1", []byte("two"), rev); return err },
				func() error { return s.Delete(t.Context(), "a-1") },
			} {
				if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
					require.Equal(t, "a-1@new", file)
					require.NoError(t, do())
					continue
				}
				leave := scan(t, filepath.Join(dir, file))
				soon := time.AfterFunc(100*time.Millisecond, leave)
				require.NoError(t, do())
				soon.Stop()
				leave()
			}
		})
	}
}

// Who never leaves costs some seconds and no record.
func TestScannerStays(t *testing.T) {
	t.Parallel()
	dir, k := t.TempDir(), &fakeKeys{}
	s := cache.Dir(dir, k)
	rev := put(t, s, "a-1", "one", "")
	leave := scan(t, filepath.Join(dir, "a-1"))
	defer leave()
	for name, do := range map[string]func() error{
		"Get":    func() error { _, _, err := s.Get(t.Context(), "a-1"); return err },
		"Put":    func() error { _, err := s.Put(t.Context(), "a-1", []byte("two"), rev); return err },
		"Delete": func() error { return s.Delete(t.Context(), "a-1") },
	} {
		begin := time.Now()
		err := do()
		require.ErrorIs(t, err, cache.ErrUnavailable, name)
		require.ErrorContains(t, err, "a-1", name)
		require.GreaterOrEqual(t, time.Since(begin), time.Second, name)
		require.Less(t, time.Since(begin), 40*time.Second, name)
	}
	leave()
	requireRecord(t, s, "a-1", "one")
	put(t, s, "a-1", "two", rev)
}

// Five thousand writes do not fail because others read the record meanwhile,
// through this package or as any other program reads a file.
func TestReadersDuringWrites(t *testing.T) {
	t.Parallel()
	dir, k := t.TempDir(), &fakeKeys{}
	s := cache.Dir(dir, k)
	rev := put(t, s, "a-1", "record", "")
	over := make(chan struct{})
	var all sync.WaitGroup
	reading := func(read func() error) {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-over:
					if n < 100 {
						t.Errorf("read %d times, which shows nothing", n)
					}
					return
				case <-time.After(5 * time.Millisecond): // they have other files, too
				}
				if err := read(); err != nil {
					t.Errorf("reading: %v", err)
					return
				}
			}
		})
	}
	reading(func() error {
		data, _, err := cache.Dir(dir, k).Get(t.Context(), "a-1")
		if err == nil && string(data) != "record" {
			err = errors.New("torn: " + string(data))
		}
		return err
	})
	reading(func() error {
		file, err := os.Open(filepath.Join(dir, "a-1")) // does not share deletion
		if err != nil {
			return nil //nolint:nilerr // other programs have to do with what they find
		}
		return file.Close()
	})
	n := 5000
	if testing.Short() {
		n = 500
	}
	for range n {
		var err error
		if rev, err = s.Put(t.Context(), "a-1", []byte("record"), rev); err != nil {
			t.Errorf("writing: %v", err)
			break
		}
	}
	close(over)
	all.Wait()
}
