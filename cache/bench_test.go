package cache

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
)

// oneKey keeps one key in memory, for all ids.
type oneKey []byte

func (k oneKey) Key(context.Context, string) ([]byte, error)  { return k, nil }
func (k oneKey) Create(context.Context, string, []byte) error { panic("read-only") }

func BenchmarkDir(b *testing.B) {
	k := make(oneKey, keyLen)
	rand.Read(k)
	path := b.TempDir()
	s := Dir(path, k)
	data := make([]byte, 6000)
	rev, err := s.Put(b.Context(), "a-1", data, "")
	require.NoError(b, err)
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Get(b.Context(), "a-1")
		}
	})
	b.Run("get, fresh process", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Dir(path, k).Get(b.Context(), "a-1")
		}
	})
	b.Run("changed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.(Changer).Changed(b.Context(), "a-1", rev)
		}
	})
	b.Run("put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			rev, err = s.Put(b.Context(), "a-1", data, rev)
			require.NoError(b, err)
		}
	})
	b.Run("reserve and put", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, s.(Reserver).Reserve(b.Context(), "a-1", 64<<10))
			rev, err = s.Put(b.Context(), "a-1", data, rev)
			require.NoError(b, err)
		}
	})
	b.Run("lock", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			unlock, err := s.Lock(b.Context(), "a-1")
			require.NoError(b, err)
			unlock()
		}
	})
}
