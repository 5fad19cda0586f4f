package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// fakeKeys is a keychain with the faults of real ones.
type fakeKeys struct {
	mu          sync.Mutex
	keys        map[string][]byte
	asked, made int
	err         error                     // of Key and Create
	lies        bool                      // Create keeps nothing
	alter       func(key []byte) []byte   // what Key returns instead
	wait        func(ctx context.Context) // before Key answers
}

func (k *fakeKeys) Key(ctx context.Context, id string) ([]byte, error) {
	if k.wait != nil {
		k.wait(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	key, ok := k.keys[id]
	switch {
	case k.err != nil:
		return nil, k.err
	case !ok:
		return nil, fmt.Errorf("item %s: %w", id, cache.ErrNotFound)
	case k.alter != nil:
		key = k.alter(bytes.Clone(key))
	}
	return key, nil
}

func (k *fakeKeys) Create(_ context.Context, id string, key []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	if _, ok := k.keys[id]; ok {
		return errors.New("exists")
	}
	k.made++
	if k.keys == nil {
		k.keys = map[string][]byte{}
	}
	if !k.lies {
		k.keys[id] = bytes.Clone(key)
	}
	return nil
}

// lose empties the keychain and returns what was in it.
func (k *fakeKeys) lose() map[string][]byte {
	old := k.keys
	k.keys = nil
	return old
}

func put(t testing.TB, s cache.Store, key, data string, prev cache.Rev) cache.Rev {
	t.Helper()
	rev, err := s.Put(t.Context(), key, []byte(data), prev)
	require.NoError(t, err)
	require.NotEmpty(t, rev)
	return rev
}

func requireRecord(t testing.TB, s cache.Store, key, want string) cache.Rev {
	t.Helper()
	data, rev, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	require.Equal(t, want, string(data))
	return rev
}

// requireUnreadable demands the revision that a Put can replace.
func requireUnreadable(t testing.TB, s cache.Store, key string) cache.Rev {
	t.Helper()
	data, rev, err := s.Get(t.Context(), key)
	require.ErrorIs(t, err, cache.ErrUnreadable)
	require.ErrorContains(t, err, "sign in again")
	require.NotEmpty(t, rev)
	require.Nil(t, data)
	return rev
}

// KC-07: of twenty processes at their first start, one makes the key.
func TestKeyIsMadeOnce(t *testing.T) {
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

// KC-08, KC-09: the key is asked for once, and may go away then.
func TestKeyIsAskedForOnce(t *testing.T) {
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

// KC-01: a lost key is a sign-in, and nothing is deleted: when it comes back,
// so does what nobody has replaced.
func TestKeyLost(t *testing.T) {
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

// KC-05: what lies under the name of the key and is not the key.
func TestKeyIsAnother(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func([]byte) []byte{
		"31 bytes": func(b []byte) []byte { return b[1:] },
		"33 bytes": func(b []byte) []byte { return append(b, 0) },
		"empty":    func([]byte) []byte { return nil },
		"another":  func(b []byte) []byte { b[0]++; return b },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, inner := &fakeKeys{}, cache.Memory()
			put(t, cache.Seal(inner, k), "a-1", "one", "")
			k.alter = alter
			requireUnreadable(t, cache.Seal(inner, k), "a-1")
			require.Equal(t, 1, k.made)
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

// unlocking is an inner store, and Keys, that may need a person.
type unlocking struct {
	cache.Store
	*fakeKeys
	name string
	log  *[]string
	err  error
}

func (u *unlocking) Unlock(context.Context) error {
	*u.log = append(*u.log, u.name)
	return u.err
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	var log []string
	inner := &unlocking{Store: cache.Memory(), name: "inner", log: &log}
	k := &unlocking{fakeKeys: &fakeKeys{}, name: "keys", log: &log}
	s := cache.Seal(inner, k)
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.Equal(t, []string{"inner", "keys"}, log)
	require.Equal(t, 1, k.made, "there is a key for the next Put")
	k.err = cache.ErrLocked
	require.ErrorIs(t, s.(cache.Unlocker).Unlock(t.Context()), cache.ErrLocked)
	inner.err = cache.ErrUnavailable
	require.ErrorIs(t, s.(cache.Unlocker).Unlock(t.Context()), cache.ErrUnavailable)
}

// What says which key seals the records is deleted, damaged or newer.
func TestManifestFaults(t *testing.T) {
	t.Parallel()
	setUp := func(t *testing.T) (dir, manifest string, k *fakeKeys, s cache.Store) {
		k, dir = &fakeKeys{}, t.TempDir()
		s = cache.Dir(dir, k)
		put(t, s, "a-1", "one", "")
		return dir, filepath.Join(dir, "store.json"), k, s
	}
	t.Run("deleted under a running process", func(t *testing.T) {
		t.Parallel()
		dir, manifest, k, s := setUp(t)
		require.NoError(t, os.Remove(manifest))
		requireRecord(t, s, "a-1", "one")
		requireUnreadable(t, cache.Dir(dir, k), "a-1")
		put(t, s, "a-2", "two", "")
		require.Equal(t, 1, k.made)
		requireRecord(t, cache.Dir(dir, k), "a-1", "one")
	})
	t.Run("damaged", func(t *testing.T) {
		t.Parallel()
		dir, manifest, k, _ := setUp(t)
		require.NoError(t, os.WriteFile(manifest, []byte("{}"), 0o600))
		s := cache.Dir(dir, k)
		rev := requireUnreadable(t, s, "a-1")
		put(t, s, "a-1", "signed in again", rev)
		requireRecord(t, cache.Dir(dir, k), "a-1", "signed in again")
		require.FileExists(t, manifest+"@lost")
	})
	t.Run("CA-06 newer", func(t *testing.T) {
		t.Parallel()
		dir, manifest, k, s := setUp(t)
		newer := []byte(`{"schema":2,"stores":[]}` + "\n")
		require.NoError(t, os.WriteFile(manifest, newer, 0o600))
		_, err := s.Put(t.Context(), "a-2", nil, "")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		_, rev, err := cache.Dir(dir, k).Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.Empty(t, rev, "not to be replaced")
		got, err := os.ReadFile(manifest)
		require.NoError(t, err)
		require.Equal(t, newer, got)
	})
	t.Run("the whole store replaced", func(t *testing.T) {
		t.Parallel()
		dir, _, k, s := setUp(t)
		require.NoError(t, os.RemoveAll(dir))
		put(t, cache.Dir(dir, k), "a-1", "theirs", "")
		put(t, s, "a-1", "mine", requireRecord(t, s, "a-1", "theirs"))
		requireRecord(t, cache.Dir(dir, k), "a-1", "mine")
	})
}

// onlyStore has none of the abilities.
type onlyStore struct{ cache.Store }

func TestSealPassesAbilitiesOn(t *testing.T) {
	t.Parallel()
	m := cache.Memory()
	type tryLocker struct {
		cache.Store
		cache.TryLocker
	}
	type changer struct {
		cache.Store
		cache.Changer
	}
	for _, tt := range []struct {
		inner             cache.Store
		canTry, canChange bool
	}{
		{m, true, true},
		{tryLocker{m, m.(cache.TryLocker)}, true, false},
		{changer{m, m.(cache.Changer)}, false, true},
		{onlyStore{m}, false, false},
	} {
		s := cache.Seal(tt.inner, &fakeKeys{})
		_, canTry := s.(cache.TryLocker)
		require.Equal(t, tt.canTry, canTry)
		_, canChange := s.(cache.Changer)
		require.Equal(t, tt.canChange, canChange)
		require.True(t, s.(cache.Sealed).Sealed())
		require.NoError(t, s.(cache.Reserver).Reserve(t.Context(), "a-1", 1))
	}
	require.Panics(t, func() { cache.Seal(m, nil) })
	require.Panics(t, func() { cache.Seal(nil, &fakeKeys{}) })
}

// The manifest takes no name away.
func TestManifestName(t *testing.T) {
	t.Parallel()
	s := cache.Seal(cache.Memory(), &fakeKeys{})
	for _, key := range []string{"store.json", "store.json.", "store.json..", "store.jsonx"} {
		put(t, s, key, "of "+key, "")
	}
	var keys []string
	for key, err := range s.List(t.Context(), "store.json.") {
		require.NoError(t, err)
		requireRecord(t, s, key, "of "+key)
		keys = append(keys, key)
	}
	require.ElementsMatch(t, []string{"store.json.", "store.json.."}, keys)
}

func TestSealedDoesNotPrint(t *testing.T) {
	t.Parallel()
	k := &fakeKeys{}
	s := cache.Dir(t.TempDir(), k)
	put(t, s, "a-1", "canary", "")
	for _, key := range k.lose() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			text := fmt.Sprintf(verb, s)
			for _, way := range []string{"%v", "%#v", "%s", "%x", "%d"} {
				require.NotContains(t, text, strings.Trim(fmt.Sprintf(way, key), "[]"))
			}
			require.NotContains(t, text, "canary")
		}
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := cache.Dir(t.TempDir(), &fakeKeys{})
	const most = 16<<20 - 84
	_, err := s.Put(t.Context(), "a-1", make([]byte, most+1), "")
	require.ErrorContains(t, err, "larger")
	rev, err := s.Put(t.Context(), "a-1", make([]byte, most), "")
	require.NoError(t, err)
	data, again, err := s.Get(t.Context(), "a-1")
	require.NoError(t, err)
	require.Len(t, data, most)
	require.Equal(t, rev, again)
}
