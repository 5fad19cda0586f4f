package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// unlocking is an inner store, and Keys, that may need a person.
type unlocking struct {
	cache.Store
	*fakeKeys
	name string
	log  *[]string
	err  error

	opens bool // Unlock helps
}

func (u *unlocking) Unlock(context.Context) error {
	*u.log = append(*u.log, u.name)
	if u.opens {
		u.fakeKeys.err = nil
	}
	return u.err
}

// The inner store comes first, and a person is asked for the key only if it
// cannot be had without one.
func TestUnlock(t *testing.T) {
	t.Parallel()
	var log []string
	inner := &unlocking{Store: cache.Memory(), name: "inner", log: &log}
	k := &unlocking{fakeKeys: &fakeKeys{}, name: "keys", log: &log}
	unlock := func() error {
		log = nil
		return cache.Seal(inner, k).(cache.Unlocker).Unlock(t.Context())
	}
	require.NoError(t, unlock())
	require.Equal(t, []string{"inner"}, log)
	require.Equal(t, 1, k.made, "there is a key for the next Put")
	k.fakeKeys.err = cache.ErrLocked
	k.opens = true
	require.NoError(t, unlock())
	require.Equal(t, []string{"inner", "keys"}, log)
	require.Equal(t, 1, k.made)
	k.fakeKeys.err, k.opens = cache.ErrLocked, false
	require.ErrorIs(t, unlock(), cache.ErrLocked, "it says that it is open, and is not")
	k.err = errors.New("dismissed")
	require.ErrorIs(t, unlock(), k.err)
	inner.err = cache.ErrUnavailable
	require.ErrorIs(t, unlock(), cache.ErrUnavailable)
	require.Equal(t, []string{"inner"}, log)
}

// The active key is in memory, and the record of another account needs an older
// one: that is worth a question.
func TestUnlockForAnOldKey(t *testing.T) {
	t.Parallel()
	var log []string
	k, inner := &unlocking{fakeKeys: &fakeKeys{}, name: "keys", log: &log, opens: true}, cache.Memory()
	put(t, cache.Seal(inner, k), "a-1", "one", "")
	old := k.lose()
	s := cache.Seal(inner, k)
	put(t, s, "a-2", "two", "")
	maps.Copy(k.keys, old)
	k.fakeKeys.err = cache.ErrLocked
	_, _, err := s.Get(t.Context(), "a-1")
	require.ErrorIs(t, err, cache.ErrLocked)
	require.NoError(t, s.(cache.Unlocker).Unlock(t.Context()))
	require.Equal(t, []string{"keys"}, log)
	requireRecord(t, s, "a-1", "one")
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
		newer := []byte(`{"schema":3,"stores":[]}` + "\n")
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

// leaseOf is a Leaser that holds the lock of one key.
type leaseOf string

func (l leaseOf) Lost(key string) <-chan struct{} {
	if key == string(l) {
		return make(chan struct{})
	}
	return nil
}

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
	type leaser struct {
		cache.Store
		cache.Leaser
	}
	type tryLeaser struct {
		tryLocker
		cache.Leaser
	}
	type changeLeaser struct {
		changer
		cache.Leaser
	}
	type all struct {
		cache.Store
		cache.TryLocker
		cache.Changer
		cache.Leaser
	}
	try, change, lease := m.(cache.TryLocker), m.(cache.Changer), leaseOf("a-1")
	for _, tt := range []struct {
		inner                      cache.Store
		canTry, canChange, canLose bool
	}{
		{onlyStore{m}, false, false, false},
		{m, true, true, false},
		{tryLocker{m, try}, true, false, false},
		{changer{m, change}, false, true, false},
		{leaser{m, lease}, false, false, true},
		{tryLeaser{tryLocker{m, try}, lease}, true, false, true},
		{changeLeaser{changer{m, change}, lease}, false, true, true},
		{all{m, try, change, lease}, true, true, true},
	} {
		s := cache.Seal(tt.inner, &fakeKeys{})
		_, canTry := s.(cache.TryLocker)
		require.Equal(t, tt.canTry, canTry)
		_, canChange := s.(cache.Changer)
		require.Equal(t, tt.canChange, canChange)
		l, canLose := s.(cache.Leaser)
		require.Equal(t, tt.canLose, canLose)
		if canLose {
			require.NotNil(t, l.Lost("a-1"))
			require.Nil(t, l.Lost("a-2"))
		}
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

// A record of a newer version is not damage: it is to be left alone, and is readable again when the program is.
func TestRecordOfANewerVersion(t *testing.T) {
	t.Parallel()
	inner := cache.Memory()
	s := cache.Seal(inner, &fakeKeys{})
	_, err := s.Put(t.Context(), "a-1", []byte("x"), "")
	require.NoError(t, err)
	data, rev, err := inner.Get(t.Context(), "a-1")
	require.NoError(t, err)
	data = bytes.Clone(data)
	data[6], data[7] = 2, ^byte(2) // the version, and its complement
	_, err = inner.Put(t.Context(), "a-1", data, rev)
	require.NoError(t, err)
	for range 2 { // also with all that was read before
		_, rev, err = s.Get(t.Context(), "a-1")
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NotErrorIs(t, err, cache.ErrUnreadable)
		require.ErrorContains(t, err, "newer version")
		require.Empty(t, rev)
	}
}

// A name that is none is refused before a key is made for it.
func TestNoKeyForABadName(t *testing.T) {
	t.Parallel()
	inner := cache.Memory()
	_, err := cache.Seal(inner, &fakeKeys{}).Put(t.Context(), "../x", []byte("x"), "")
	require.Error(t, err)
	_, _, err = inner.Get(t.Context(), "store.json")
	require.ErrorIs(t, err, cache.ErrNotFound, "no manifest, and so no key")
}
