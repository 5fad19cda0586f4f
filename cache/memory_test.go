package cache_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	cachetest.RunInProcess(t, func(testing.TB) cache.Store { return cache.Memory() })
}

func TestMemoryAbilities(t *testing.T) {
	t.Parallel()
	s := cache.Memory()
	require.Implements(t, (*cache.TryLocker)(nil), s)
	require.Implements(t, (*cache.Changer)(nil), s)
	sealed, ok := s.(cache.Sealed)
	require.True(t, ok && sealed.Sealed(), "a program that keeps its sessions in memory needs no InsecurePlaintextCache")
}

func TestMemoryIsItsOwn(t *testing.T) {
	t.Parallel()
	a, b := cache.Memory(), cache.Memory()
	_, err := a.Put(t.Context(), "a", []byte("one"), "")
	require.NoError(t, err)
	_, _, err = b.Get(t.Context(), "a")
	require.ErrorIs(t, err, cache.ErrNotFound)
}

func TestMemoryDoesNotPrint(t *testing.T) {
	t.Parallel()
	const secret = "refresh-token"
	s := cache.Memory()
	_, err := s.Put(t.Context(), "a", []byte(secret), "")
	require.NoError(t, err)
	inside := struct{ Store cache.Store }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c"} {
		for _, value := range []any{s, inside, &inside, []cache.Store{s}} {
			printed := fmt.Sprintf(verb, value)
			for _, form := range []string{"%s", "%x", "%X", "%d", "%c"} {
				require.NotContains(t, printed, fmt.Sprintf(form, []byte(secret)), "by %s", verb)
			}
		}
	}
	encoded, err := json.Marshal(inside)
	require.NoError(t, err)
	require.JSONEq(t, `{"Store":{}}`, string(encoded))
}

// A waiter leaves at its deadline, and not a moment later.
func TestMemoryLockEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := cache.Memory()
		unlock, err := s.Lock(t.Context(), "a")
		require.NoError(t, err)
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 75*time.Second)
		defer cancel()
		_, err = s.Lock(ctx, "a")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 75*time.Second, time.Since(begin))
		require.NoError(t, unlock())
	})
}

// It is asked once a second for each account in use.
func TestMemoryChangedIsCheap(t *testing.T) {
	s := cache.Memory()
	rev, err := s.Put(t.Context(), "a", []byte("one"), "")
	require.NoError(t, err)
	changer, ok := s.(cache.Changer)
	require.True(t, ok)
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if changed, err := changer.Changed(ctx, "a", rev); changed || err != nil {
			t.Error(changed, err)
		}
	}))
}
