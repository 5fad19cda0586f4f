//go:build unix

package cache_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// somebodyElses is a directory of another user.
func somebodyElses(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return "/"
	}
	theirs := t.TempDir()
	require.NoError(t, os.Chown(theirs, 12345, 12345))
	return theirs
}

// A directory that is a link is the one that it leads to, with the same rules; and what others may do above it gives them
// nothing of what is in it.
func TestDirectoryOfOthers(t *testing.T) {
	t.Parallel()
	t.Run("CA-13 a link to ours", func(t *testing.T) {
		t.Parallel()
		target, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Chmod(target, 0o755))
		require.NoError(t, os.Symlink(target, link))
		s := cache.Dir(link, &fakeKeys{})
		put(t, s, "a-1", "one", "")
		requireRecord(t, s, "a-1", "one")
		requireMode(t, target, fs.ModeDir|0o700)
		requireMode(t, filepath.Join(target, "a-1"), 0o600)
	})
	t.Run("CA-13 a link to somebody else's", func(t *testing.T) {
		t.Parallel()
		theirs, link := somebodyElses(t), filepath.Join(t.TempDir(), "link")
		require.NoError(t, os.Symlink(theirs, link))
		before, err := os.ReadDir(theirs)
		require.NoError(t, err)
		s := cache.Dir(link, &fakeKeys{})
		_, err = s.Put(t.Context(), "a-1", []byte("one"), "")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.ErrorContains(t, err, "belongs to user")
		after, err := os.ReadDir(theirs)
		require.NoError(t, err)
		require.Len(t, after, len(before))
	})
	t.Run("CA-13 below one that all may write", func(t *testing.T) {
		t.Parallel()
		above := t.TempDir()
		require.NoError(t, os.Chmod(above, 0o777))
		dir := filepath.Join(above, "store")
		s := cache.Dir(dir, &fakeKeys{})
		rev := put(t, s, "a-1", "one", "")
		put(t, s, "a-1", "two", rev)
		requireMode(t, dir, fs.ModeDir|0o700)
		entries, err := os.ReadDir(above)
		require.NoError(t, err)
		require.Len(t, entries, 1, "the next record is written beside the old one, and nowhere else")
		// Somebody moves it away and puts a directory of their own in its place.
		require.NoError(t, os.Rename(dir, dir+" away"))
		require.NoError(t, os.Symlink(somebodyElses(t), dir))
		_, _, err = s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable)
	})
}

// Nothing is written where the environment says that temporary files go.
func TestTemporaryDirectory_EN09(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s, _, rev := written(t)
	require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 100))
	put(t, s, "a-1", "two", rev)
	entries, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// Who puts an older copy of a record back brings the older session of the same account back, and no other's: the server
// then decides what its refresh token is still worth.
func TestOlderCopy_CA05(t *testing.T) {
	t.Parallel()
	s, dir, rev := written(t)
	old, err := os.ReadFile(filepath.Join(dir, "a-1"))
	require.NoError(t, err)
	put(t, s, "a-1", "two", rev)
	put(t, s, "a-2", "another", "")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a-1"), old, 0o600))
	require.Equal(t, rev, requireRecord(t, s, "a-1", "one"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a-2"), old, 0o600))
	requireUnreadable(t, s, "a-2")
}
