//go:build unix

package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/faults"
)

const spaceOfParent = "CACHE_TEST_SPACE"

// again starts the test that calls it in another process, with its space.
func again(t *testing.T, space, role string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), spaceOfParent+"="+space, "CACHE_TEST_ROLE="+role)
	return cmd
}

// startUntil starts a process and waits for that line of it.
func startUntil(t *testing.T, cmd *exec.Cmd, line string) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != line {
	}
	require.Equal(t, line, lines.Text())
}

// child returns the space and the role that again gave this process.
func child() (space, role string, ok bool) {
	space, ok = os.LookupEnv(spaceOfParent)
	return space, os.Getenv("CACHE_TEST_ROLE"), ok
}

// Of twenty processes at their first start one makes the key, and all read what
// the others wrote.
func TestFirstStart_CA17(t *testing.T) {
	t.Parallel()
	const processes = 20
	if space, role, ok := child(); ok {
		s := openDir(t, space)
		fmt.Println("ready")
		os.Stdin.Read(make([]byte, 1)) // until all are
		put(t, s, "a-"+role, "one", "")
		for range 200 { // while the others make a key, or write
			_, _, err := s.Get(t.Context(), "a-0")
			require.NotErrorIs(t, err, cache.ErrUnreadable)
		}
		return
	}
	for range faults.Rounds(14) {
		space := t.TempDir()
		gate, open, err := os.Pipe()
		require.NoError(t, err)
		var all []*exec.Cmd
		for i := range processes {
			cmd := again(t, space, fmt.Sprint(i))
			cmd.Stdin = gate
			all = append(all, cmd)
			startUntil(t, cmd, "ready")
		}
		open.Close()
		for _, cmd := range all {
			require.NoError(t, cmd.Wait())
		}
		gate.Close()
		keys, err := os.ReadDir(filepath.Join(space, "keys"))
		require.NoError(t, err)
		require.Len(t, keys, 1)
		for i := range all {
			requireRecord(t, openDir(t, space), fmt.Sprint("a-", i), "one")
		}
	}
}

// stuckKeys is a keychain that stores a key and does not come back.
type stuckKeys struct{ keyDir }

func (k stuckKeys) Create(ctx context.Context, id string, key []byte) error {
	if err := k.keyDir.Create(ctx, id, key); err != nil {
		return err
	}
	fmt.Println("stored")
	select {}
}

// Killed when its key is stored and nobody names it yet, a process leaves a key
// that nobody needs.
func TestKilledWhileMakingKey(t *testing.T) {
	t.Parallel()
	if space, _, ok := child(); ok {
		keys := stuckKeys{keyDir(filepath.Join(space, "keys"))}
		put(t, cache.Dir(filepath.Join(space, "store"), keys), "a-1", "one", "")
		return
	}
	for range faults.Rounds(15) {
		space := t.TempDir()
		cmd := again(t, space, "")
		startUntil(t, cmd, "stored")
		require.NoError(t, cmd.Process.Kill())
		cmd.Wait()
		require.NoFileExists(t, filepath.Join(space, "store", "store.json"))

		s := openDir(t, space)
		_, _, err := s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrNotFound)
		put(t, s, "a-1", "one", "")
		requireRecord(t, openDir(t, space), "a-1", "one")
		keys, err := os.ReadDir(filepath.Join(space, "keys"))
		require.NoError(t, err)
		require.Len(t, keys, 2)
	}
}

// A full disk, here a limit of the size of files. It comes to light in
// Reserve, and without that it costs no record.
func TestNoRoom_CA15(t *testing.T) {
	t.Parallel()
	space, _, ok := child()
	if !ok {
		space = t.TempDir()
		put(t, openDir(t, space), "a-1", "one", "")
		out, err := again(t, space, "").CombinedOutput()
		require.NoError(t, err, "%s", out)
		requireRecord(t, openDir(t, space), "a-1", "two")
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 32 << 10, Max: 32 << 10}))
	s := openDir(t, space)
	rev := requireRecord(t, s, "a-1", "one")
	err := s.(cache.Reserver).Reserve(t.Context(), "a-1", 64<<10)
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.ErrorIs(t, err, syscall.EFBIG)
	require.ErrorContains(t, err, filepath.Join(space, "store"), "where to make room")
	requireRecord(t, s, "a-1", "one")
	_, err = s.Put(t.Context(), "a-1", make([]byte, 64<<10), rev)
	require.ErrorIs(t, err, cache.ErrUnavailable)
	requireRecord(t, s, "a-1", "one")
	require.NoFileExists(t, filepath.Join(space, "store", "a-1@new"), "it may be what fills the disk")
	require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 16<<10))
	put(t, s, "a-1", "two", rev)
}

// Killed at any moment, a writer leaves one whole record and at most
// one other file.
func TestKilledWriter_CA16(t *testing.T) {
	t.Parallel()
	if space, _, ok := child(); ok {
		s := openDir(t, space)
		_, rev, err := s.Get(t.Context(), "a-1")
		for i := 0; ; i++ {
			require.NoError(t, err)
			if i%2 == 0 {
				require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 64<<10))
			}
			rev, err = s.Put(t.Context(), "a-1", []byte(strings.Repeat("x", 4000)+"end"), rev)
		}
	}
	space := t.TempDir()
	put(t, openDir(t, space), "a-1", "the end", "")
	for i := range 20 {
		cmd := again(t, space, "")
		require.NoError(t, cmd.Start())
		before, _, err := openDir(t, space).Get(t.Context(), "a-1")
		require.NoError(t, err)
		for deadline := time.Now().Add(10 * time.Second); i == 0 && len(before) < 4000; {
			require.True(t, time.Now().Before(deadline), "it writes")
			before, _, err = openDir(t, space).Get(t.Context(), "a-1")
			require.NoError(t, err)
		}
		spin := time.Now().Add(time.Duration(i) * 700 * time.Microsecond)
		for time.Now().Before(spin) { // any moment will do
		}
		require.NoError(t, cmd.Process.Kill())
		cmd.Wait()
		data, _, err := openDir(t, space).Get(t.Context(), "a-1")
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(data), "end"))
		entries, err := os.ReadDir(filepath.Join(space, "store"))
		require.NoError(t, err)
		strays := 0
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), "@lock") && !strings.HasSuffix(e.Name(), "@write") {
				strays++
			}
		}
		require.LessOrEqual(t, strays, 3, "store.json, a-1 and a-1@new: %v", entries)
	}
}

// holdFile holds the lock of a file as another process would.
func holdFile(t *testing.T, path string) *flock.Flock {
	t.Helper()
	held := flock.New(path)
	ok, err := held.TryLock()
	require.NoError(t, err)
	require.True(t, ok)
	return held
}

// A process that was stopped while it wrote, or while it made the key,
// holds nobody up for ever.
func TestStoppedProcess_CA18(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, dir, rev := written(t)
		held := holdFile(t, filepath.Join(dir, "a-1@write"))
		start := time.Now()
		_, err := s.Put(t.Context(), "a-1", nil, rev)
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.ErrorContains(t, err, "stopped")
		require.WithinDuration(t, start.Add(10*time.Second), time.Now(), time.Second)
		requireRecord(t, s, "a-1", "one")
		unlock, err := s.Lock(t.Context(), "a-1")
		require.NoError(t, err)
		require.NoError(t, unlock())

		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.Put(soon, "a-1", nil, rev)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, held.Unlock())
		put(t, s, "a-1", "two", rev)

		dir = t.TempDir()
		held = holdFile(t, filepath.Join(dir, "store.json@lock"))
		_, err = cache.Dir(dir, &fakeKeys{}).Put(t.Context(), "a-1", nil, "")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.ErrorContains(t, err, "making a key")
		require.NoError(t, held.Unlock())
	})
}

// A waiter asks again after 25 ms at the most, and is gone with its context.
func TestLockIsPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, dir, _ := written(t)
		held := holdFile(t, filepath.Join(dir, "a-1@lock"))
		_, ok, err := s.(cache.TryLocker).TryLock(t.Context(), "a-1")
		require.NoError(t, err)
		require.False(t, ok)
		waiting := make(chan time.Time, 1)
		go func() {
			unlock, err := s.Lock(t.Context(), "a-1")
			if err == nil {
				err = unlock()
			}
			if err != nil {
				t.Error(err)
			}
			waiting <- time.Now()
		}()
		time.Sleep(time.Second)
		freed := time.Now()
		require.NoError(t, held.Unlock())
		require.LessOrEqual(t, (<-waiting).Sub(freed), 25*time.Millisecond)

		mine, err := s.Lock(t.Context(), "a-1")
		require.NoError(t, err)
		go func() {
			unlock, err := s.Lock(t.Context(), "a-1")
			if err == nil {
				err = unlock()
			}
			if err != nil {
				t.Error(err)
			}
			waiting <- time.Now()
		}()
		synctest.Wait()
		freed = time.Now()
		require.NoError(t, mine())
		require.Equal(t, freed, <-waiting, "within a process nobody polls")

		held = holdFile(t, filepath.Join(dir, "a-1@lock"))
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = s.Lock(soon, "a-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, held.Unlock())
		unlock, err := s.Lock(t.Context(), "a-1")
		require.NoError(t, err, "who left holds nothing")
		require.NoError(t, unlock())
	})
}
