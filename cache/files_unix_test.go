//go:build unix

package cache_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// written returns a store with one record, and what belongs to it.
func written(t testing.TB) (s cache.Store, dir string, rev cache.Rev) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "above", "store")
	s = cache.Dir(dir, &fakeKeys{})
	return s, dir, put(t, s, "a-1", "one", "")
}

func requireMode(t testing.TB, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	require.Equal(t, want, info.Mode(), "%s", path)
}

// For the owner alone, whatever the umask; what others could read is
// corrected.
func TestModes_CA01(t *testing.T) { // not parallel: the umask is the process's
	old := syscall.Umask(0)
	s, dir, rev := written(t)
	unlock, err := s.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	require.NoError(t, unlock())
	require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 100))
	syscall.Umask(old)
	requireMode(t, dir, fs.ModeDir|0o700)
	requireMode(t, filepath.Dir(dir), fs.ModeDir|0o700)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 7)
	for _, e := range entries {
		requireMode(t, filepath.Join(dir, e.Name()), 0o600)
	}

	require.NoError(t, os.Chmod(dir, 0o777))
	requireRecord(t, s, "a-1", "one")
	requireMode(t, dir, fs.ModeDir|0o700)
	require.NoError(t, os.Chmod(filepath.Join(dir, "a-1"), 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "a-1@new"), 0o666))
	requireRecord(t, s, "a-1", "one")
	requireMode(t, filepath.Join(dir, "a-1"), 0o600)
	put(t, s, "a-1", "two", rev)
	requireMode(t, filepath.Join(dir, "a-1"), 0o600)
}

// Nothing is read from, or left in, somebody else's directory.
func TestOwner_CA12_CA24(t *testing.T) {
	t.Parallel()
	theirs := "/"
	if os.Geteuid() == 0 {
		theirs = t.TempDir()
		require.NoError(t, os.Chown(theirs, 12345, 12345))
	}
	s := cache.Dir(theirs, &fakeKeys{})
	_, err := s.Put(t.Context(), "a-1", nil, "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorContains(t, err, theirs+" belongs to user")
	_, _, err = s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	for _, err := range s.List(t.Context(), "") {
		require.ErrorIs(t, err, cache.ErrUnavailable)
	}
	_, err = s.Lock(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	if os.Geteuid() == 0 {
		s, dir, _ := written(t)
		require.NoError(t, os.Chown(filepath.Join(dir, "a-1"), 12345, 12345))
		_, _, err := s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable, "whoever owns it can be asked")
		s, dir, _ = written(t)
		require.NoError(t, os.Chown(dir, 12345, 12345))
		_, _, err = s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable, "they can put anything there")
	}
}

// What stands in the place of a record is not followed,
// waited for or read without end; a sign-in moves it aside.
func TestNotARecord(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("untouched"), 0o600))
	for name, make := range map[string]func(path string) error{
		"CA-10 symlink outside":   func(p string) error { return os.Symlink(outside, p) },
		"CA-10 symlink inside":    func(p string) error { return os.Symlink("a-2", p) },
		"CA-10 symlink to itself": func(p string) error { return os.Symlink("a-1", p) },
		"CA-11 endless device":    func(p string) error { return os.Symlink("/dev/zero", p) },
		"CA-11 fifo":              func(p string) error { return syscall.Mkfifo(p, 0o600) },
		"CA-11 directory":         func(p string) error { return os.Mkdir(p, 0o700) },
		"CA-11 socket": func(p string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p})
			if err == nil {
				l.SetUnlinkOnClose(false)
				l.Close()
			}
			return err
		},
		"CA-08 empty":                    func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"CA-08 zeros":                    func(p string) error { return os.Truncate(p, 0) },
		"CA-07 plain JSON":               func(p string) error { return os.WriteFile(p, []byte(`{"RefreshToken":{}}`), 0o600) },
		"CA-08 1 GB":                     func(p string) error { return createSparse(p, 1<<30) },
		"CA-08 limit: file, a byte more": func(p string) error { return createSparse(p, 16<<20+1) },
		"CA-08 limit: file, 16 MiB":      func(p string) error { return createSparse(p, 16<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			base, err := os.MkdirTemp("", "s") // the address of a socket is short
			require.NoError(t, err)
			defer os.RemoveAll(base)
			k := &fakeKeys{}
			s := cache.Dir(base, k)
			put(t, s, "a-2", "two", "")
			path := filepath.Join(base, "a-1")
			if name == "CA-08 zeros" {
				require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
			}
			require.NoError(t, make(path))
			rev := requireUnreadable(t, s, "a-1")
			changed, err := s.(cache.Changer).Changed(t.Context(), "a-1", rev)
			require.NoError(t, err)
			require.False(t, changed)
			_, err = s.Put(t.Context(), "a-1", nil, "")
			require.ErrorIs(t, err, cache.ErrConflict)
			put(t, s, "a-1", "signed in again", rev)
			requireRecord(t, s, "a-1", "signed in again")
			requireRecord(t, s, "a-2", "two")
			_, err = os.Lstat(path + "@lost")
			require.NoError(t, err, "moved aside")
		})
	}
	t.Cleanup(func() {
		data, err := os.ReadFile(outside)
		require.NoError(t, err)
		require.Equal(t, "untouched", string(data))
	})
}

func createSparse(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

// A dangling symbolic link is no record, and what it points to is not made.
func TestDanglingLink_CA10(t *testing.T) {
	t.Parallel()
	s, dir, _ := written(t)
	target := filepath.Join(t.TempDir(), "target")
	require.NoError(t, os.Symlink(target, filepath.Join(dir, "a-3")))
	put(t, s, "a-3", "three", requireUnreadable(t, s, "a-3"))
	require.NoFileExists(t, target)
}

// The file of the next record is not one that is also
// something else.
func TestNewFileIsOurs(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(dir, path string) error{
		"CA-10 symlink to a record":   func(_, p string) error { return os.Symlink("a-2", p) },
		"CA-12 hard link to a record": func(dir, p string) error { return os.Link(filepath.Join(dir, "a-2"), p) },
		"fifo":                        func(_, p string) error { return syscall.Mkfifo(p, 0o600) },
		"directory":                   func(_, p string) error { return os.MkdirAll(filepath.Join(p, "full"), 0o700) },
		"left by a crash":             func(_, p string) error { return os.WriteFile(p, []byte(strings.Repeat("x", 1<<20)), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir, rev := written(t)
			put(t, s, "a-2", "two", "")
			require.NoError(t, make(dir, filepath.Join(dir, "a-1@new")))
			put(t, s, "a-1", "three", rev)
			requireRecord(t, s, "a-1", "three")
			requireRecord(t, s, "a-2", "two")
			require.NoFileExists(t, filepath.Join(dir, "a-1@new"))
		})
	}
}

// A record that is copied over another, or into another store of the
// same key, does not open.
func TestCopiedRecord_CA04(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("k", 32)), 0o400))
	mine, theirs := t.TempDir(), t.TempDir()
	s := cache.Dir(mine, cache.KeyFile(file))
	put(t, s, "a-1", "one", "")
	put(t, s, "a-2", "two", "")
	put(t, cache.Dir(theirs, cache.KeyFile(file)), "a-1", "theirs", "")
	for _, from := range []string{filepath.Join(mine, "a-2"), filepath.Join(theirs, "a-1")} {
		data, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(mine, "a-1"), data, 0o600))
		requireUnreadable(t, s, "a-1")
	}
}

// Reserve makes the file that Put then writes: the room is there.
func TestReservationIsUsed(t *testing.T) {
	t.Parallel()
	s, dir, rev := written(t)
	reserve := func() os.FileInfo {
		require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 64<<10))
		info, err := os.Stat(filepath.Join(dir, "a-1@new"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, info.Sys().(*syscall.Stat_t).Blocks*512, int64(64<<10))
		return info
	}
	first := reserve()
	require.True(t, os.SameFile(first, reserve()), "once is enough")
	put(t, s, "a-1", "two", rev)
	record, err := os.Stat(filepath.Join(dir, "a-1"))
	require.NoError(t, err)
	require.True(t, os.SameFile(first, record))
	require.Less(t, record.Size(), int64(200))
	require.NoFileExists(t, filepath.Join(dir, "a-1@new"))
}

// Whoever removes the directory under a running process gets it anew. Who
// waits for a lock there gets the one that others see.
func TestDirectoryRemoved(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, filepath.Join(t.TempDir(), "store")
	s, other := cache.Dir(dir, k), cache.Dir(dir, k)
	rev := put(t, s, "a-1", "one", "")
	held, err := s.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	waiting := make(chan func() error)
	go func() {
		unlock, err := other.Lock(t.Context(), "a-1")
		if err != nil {
			t.Error(err)
		}
		waiting <- unlock
	}()
	require.NoError(t, os.Rename(dir, dir+" is gone"))
	changed, err := s.(cache.Changer).Changed(t.Context(), "a-1", rev)
	require.NoError(t, err)
	require.True(t, changed)
	_, err = s.Put(t.Context(), "a-1", nil, rev)
	require.ErrorIs(t, err, cache.ErrConflict, "removing is signing out")
	put(t, s, "a-1", "two", "")
	requireRecord(t, other, "a-1", "two")

	unlock := <-waiting
	_, ok, err := cache.Dir(dir, k).(cache.TryLocker).TryLock(t.Context(), "a-1")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, unlock())
	require.NoError(t, held())
}

// What a name means may change between two looks at it.
func TestSwappedFile_CA14(t *testing.T) {
	t.Parallel()
	s, dir, _ := written(t)
	put(t, s, "a-2", "two", "")
	path, swap := filepath.Join(dir, "a-1"), filepath.Join(dir, "swap@")
	record, err := os.ReadFile(path)
	require.NoError(t, err)
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			var err error
			switch i % 4 {
			case 0, 2:
				err = os.WriteFile(swap, record, 0o600)
			case 1:
				err = os.Symlink("a-2", swap)
			case 3:
				err = syscall.Mkfifo(swap, 0o600)
			}
			if err = errors.Join(err, os.Rename(swap, path)); err != nil {
				<-stop
				stopped <- err
				return
			}
		}
	}()
	seen := map[bool]int{}
	for n := 0; n < 1000 || seen[true] < 10 || seen[false] < 10; n++ {
		data, rev, err := s.Get(t.Context(), "a-1")
		if seen[err == nil]++; err == nil && string(data) != "one" ||
			err != nil && (rev == "" || !errors.Is(err, cache.ErrUnreadable)) && !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("%q, %q, %v", data, rev, err)
		}
	}
	close(stop)
	require.NoError(t, <-stopped)
}

// A directory that cannot be written, or is none, is an error that names it.
func TestDirectoryFaults(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, path := range []string{"", file, filepath.Join(file, "below"), "/proc/none/of/ours", "nul\x00"} {
		s := cache.Dir(path, &fakeKeys{})
		_, err := s.Put(t.Context(), "a-1", nil, "")
		require.ErrorIs(t, err, cache.ErrUnavailable, "%q", path)
		_, err = s.Lock(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable, "%q", path)
	}
	_, _, err := cache.Dir(filepath.Join(t.TempDir(), "none"), &fakeKeys{}).Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrNotFound)
	s := cache.Dir(filepath.Join(t.TempDir(), "none"), &fakeKeys{})
	for key, err := range s.List(t.Context(), "") {
		t.Fatal(key, err)
	}
}

// A daemon may change its directory: a relative path stays what it was.
func TestRelativePath(t *testing.T) { // not parallel: the directory is the process's
	t.Chdir(t.TempDir())
	k := &fakeKeys{}
	s := cache.Dir("store", k)
	put(t, s, "a-1", "one", "")
	t.Chdir(t.TempDir())
	requireRecord(t, s, "a-1", "one")
}

// Names that Windows takes for devices, or shortens.
func TestFileNames_CA21(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := cache.Dir(dir, &fakeKeys{})
	for key, file := range map[string]string{
		"a-1": "a-1", "con": "@con@", "nul.txt": "@nul.txt@", "com1": "@com1@", "lpt0.x": "@lpt0.x@", "a.": "@a.@",
		"com": "com", "comx": "comx", "com-": "com-", "conx": "conx", "a.con": "a.con", "com10": "com10",
	} {
		put(t, s, key, key, "")
		require.FileExists(t, filepath.Join(dir, file))
		requireRecord(t, s, key, key)
	}
	n := 0
	for key, err := range s.List(t.Context(), "") {
		require.NoError(t, err)
		requireRecord(t, s, key, key)
		n++
	}
	require.Equal(t, 12, n)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "@x@"), nil, 0o600), "what is not ours is not listed")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README"), nil, 0o600))
	for key := range s.List(t.Context(), "x") {
		t.Fatal(key)
	}
}
