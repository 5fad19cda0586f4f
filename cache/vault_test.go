package cache_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// Of twenty processes at their first start, one makes the key.
func TestKeyIsMadeOnce_KC07(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			_, err := cache.Dir(dir, k).Put(t.Context(), fmt.Sprint("a-", i), []byte("one"), "")
			if err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, k.made)
	s := cache.Dir(dir, k)
	for i := range 20 {
		requireRecord(t, s, fmt.Sprint("a-", i), "one")
	}
}

// The key is asked for once, and may go away then.
func TestKeyIsAskedForOnce_KC08_KC09(t *testing.T) {
	t.Parallel()
	k, inner := &fakeKeys{}, cache.Memory()
	put(t, cache.Seal(inner, k), "a-1", "one", "")
	s := cache.Seal(inner, k)
	k.asked = 0
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if data, _, err := s.Get(t.Context(), "a-1"); err != nil || string(data) != "one" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	all.Wait()
	require.Equal(t, 1, k.asked)
	k.err = cache.ErrLocked
	put(t, s, "a-1", "two", requireRecord(t, s, "a-1", "one"))
	require.Equal(t, 1, k.asked)
}

// A lost key is a sign-in, and nothing is deleted: when it comes back,
// so does what nobody has replaced.
func TestKeyLost_KC01(t *testing.T) {
	t.Parallel()
	k, dir := &fakeKeys{}, t.TempDir()
	put(t, cache.Dir(dir, k), "a-1", "one", "")
	put(t, cache.Dir(dir, k), "a-2", "two", "")
	old := k.lose()

	s := cache.Dir(dir, k)
	rev := requireUnreadable(t, s, "a-1")
	requireUnreadable(t, s, "a-2")
	require.Equal(t, 1, k.made, "looking makes no key")
	_, err := s.Put(t.Context(), "a-1", []byte("blind"), "")
	require.ErrorIs(t, err, cache.ErrConflict)
	put(t, s, "a-1", "signed in again", rev)
	require.Equal(t, 2, k.made)
	requireRecord(t, cache.Dir(dir, k), "a-1", "signed in again")
	requireUnreadable(t, cache.Dir(dir, k), "a-2")
	require.FileExists(t, filepath.Join(dir, "a-1@lost"))

	for id, key := range old {
		k.keys[id] = key
	}
	s = cache.Dir(dir, k)
	requireRecord(t, s, "a-1", "signed in again")
	requireRecord(t, s, "a-2", "two")
	require.NoError(t, s.Delete(t.Context(), "a-1"))
	require.NoFileExists(t, filepath.Join(dir, "a-1@lost"), "a sign-out leaves nothing")
}

// What lies under the name of the key and is not the key.
func TestKeyIsAnother(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func([]byte) []byte{
		"KC-05 31 bytes": func(b []byte) []byte { return b[1:] },
		"KC-05 33 bytes": func(b []byte) []byte { return append(b, 0) },
		"KC-05 empty":    func([]byte) []byte { return nil },
		"KC-05 another":  func(b []byte) []byte { b[0]++; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, inner := &fakeKeys{}, cache.Memory()
			put(t, cache.Seal(inner, k), "a-1", "one", "")
			k.alter = alter
			_, _, err := cache.Seal(inner, k).Get(t.Context(), "a-1")
			require.ErrorContains(t, err, "there is another one")
			requireUnreadable(t, cache.Seal(inner, k), "a-1")
			require.Equal(t, 1, k.made)
			_, err = cache.Seal(inner, k).Put(t.Context(), "a-2", nil, "")
			require.ErrorIs(t, err, cache.ErrUnavailable, "nothing is sealed with it")
			k.alter = nil
			requireRecord(t, cache.Seal(inner, k), "a-1", "one")
		})
	}
}

// A keychain that does not answer takes nothing away, and no key is made
// because of it.
func TestKeyCannotBeHad(t *testing.T) {
	t.Parallel()
	cause := errors.New("of the keychain")
	for _, tt := range []struct{ err, want error }{
		{cache.ErrLocked, cache.ErrLocked},
		{cache.ErrUnavailable, cache.ErrUnavailable},
		{cache.ErrNoSecureStorage, cache.ErrNoSecureStorage},
		{cause, cache.ErrUnavailable},
	} {
		k, inner := &fakeKeys{}, cache.Memory()
		put(t, cache.Seal(inner, k), "a-1", "one", "")
		k.err = fmt.Errorf("today: %w", tt.err)
		s := cache.Seal(inner, k)
		data, rev, err := s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, tt.want)
		require.ErrorIs(t, err, tt.err, "the cause is kept")
		require.NotErrorIs(t, err, cache.ErrUnreadable)
		require.Empty(t, data)
		require.Empty(t, rev)
		_, err = s.Put(t.Context(), "a-2", nil, "")
		require.ErrorIs(t, err, tt.want)
		require.ErrorIs(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 1), tt.want, "before a token is spent")
		require.ErrorIs(t, s.(cache.Unlocker).Unlock(t.Context()), tt.want)
		require.NoError(t, s.Delete(t.Context(), "a-9"), "a sign-out needs no key")
		require.Equal(t, 1, k.made)

		k = &fakeKeys{err: tt.err}
		_, err = cache.Seal(cache.Memory(), k).Put(t.Context(), "a-1", nil, "")
		require.ErrorIs(t, err, tt.want, "the first start")
	}
}

// deaf are Keys that fail the first time, and then have recovered.
type deaf struct {
	fakeKeys
	err error
}

func (k *deaf) Key(ctx context.Context, id string) ([]byte, error) {
	if err := k.err; err != nil {
		k.err = nil
		return nil, err
	}
	return k.fakeKeys.Key(ctx, id)
}

// What may be in a keychain is not known while it does not answer, and so
// nothing is put there, not even at the first start.
func TestNoKeyIsMadeWhereTheKeychainFails(t *testing.T) {
	t.Parallel()
	k := &deaf{err: cache.ErrLocked}
	s := cache.Seal(cache.Memory(), k)
	_, err := s.Put(t.Context(), "a-1", []byte("one"), "")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.Zero(t, k.made)
	put(t, s, "a-1", "one", "")
	require.Equal(t, 1, k.made)
}

// full is a disk that takes no manifest.
type full struct {
	cache.Store
	err error
}

func (f *full) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	if f.err != nil && key == "store.json" {
		return "", f.err
	}
	return f.Store.Put(ctx, key, data, prev)
}

// Without a manifest nobody finds the key of what would be sealed.
func TestManifestWasNotWritten(t *testing.T) {
	t.Parallel()
	k, inner := &fakeKeys{}, &full{cache.Memory(), errors.New("no space left")}
	s := cache.Seal(inner, k)
	_, err := s.Put(t.Context(), "a-1", []byte("one"), "")
	require.ErrorIs(t, err, inner.err)
	require.ErrorIs(t, s.(cache.Unlocker).Unlock(t.Context()), inner.err)
	for key, err := range inner.List(t.Context(), "") {
		t.Fatal("written:", key, err)
	}
	inner.err = nil
	put(t, s, "a-1", "one", "")
	requireRecord(t, cache.Seal(inner, k), "a-1", "one")
}

// A keychain that says it stored the key, and did not: nothing is sealed with
// what nobody will have.
func TestKeyWasNotStored(t *testing.T) {
	t.Parallel()
	inner := cache.Memory()
	s := cache.Seal(inner, &fakeKeys{lies: true})
	err := s.(cache.Unlocker).Unlock(t.Context())
	require.ErrorIs(t, err, cache.ErrUnavailable)
	_, err = s.Put(t.Context(), "a-1", []byte("one"), "")
	require.ErrorIs(t, err, cache.ErrUnavailable)
	for key, err := range inner.List(t.Context(), "") {
		t.Fatal("written:", key, err)
	}
}

// A keychain that fails slowly is not asked once for each account, and is
// asked again when somebody has done something about it.
func TestRefusalsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k, inner := &fakeKeys{}, cache.Memory()
		put(t, cache.Seal(inner, k), "a-1", "one", "")
		k.asked, k.err = 0, cache.ErrLocked
		k.wait = func(context.Context) { time.Sleep(3 * time.Second) }
		s := cache.Seal(inner, k)
		start := time.Now()
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() { s.Get(t.Context(), "a-1") })
		}
		all.Wait()
		require.Equal(t, 3*time.Second, time.Since(start))
		require.Equal(t, 1, k.asked)
		time.Sleep(2 * time.Second)
		_, _, err := s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrLocked)
		require.Equal(t, 2, k.asked)
		k.err = nil
		require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
		requireRecord(t, s, "a-1", "one")

		leaving, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		k.wait = func(ctx context.Context) { <-ctx.Done(); k.err = ctx.Err() }
		s = cache.Seal(inner, k)
		_, _, err = s.Get(leaving, "a-1")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		k.wait, k.err = nil, nil
		requireRecord(t, s, "a-1", "one") // who left says nothing about the keychain
	})
}
