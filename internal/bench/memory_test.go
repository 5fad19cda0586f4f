package bench

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// measureMemory reports the live heap of what has all accounts in memory, for each account. The peer's is held only
// while a look-up lasts.
func measureMemory(b *testing.B, w *world) {
	n := float64(len(w.accounts))
	before := liveHeap()
	client := w.client(b)
	ours := float64(liveHeap()-before) / n
	runtime.KeepAlive(client)

	before = liveHeap()
	all, err := w.file.read()
	require.NoError(b, err)
	peer := float64(liveHeap()-before) / n
	runtime.KeepAlive(all)
	report.add(len(w.accounts), memoryRow, cell{ours: []float64{ours}, peer: []float64{peer}})
}

// ownHeap is what each of n accounts takes in memory after it was asked for, over a sealed directory.
func ownHeap(tb testing.TB, n int) (*provider, float64) {
	p, dir := newEntra(tb), tb.TempDir()
	accounts, open := p.sealed(tb, dir, n)
	before := liveHeap()
	c := p.ours(tb, open())
	warm(tb, c, accounts, scopeSets(1))
	ours := float64(liveHeap()-before) / float64(n)
	runtime.KeepAlive(c)
	return p, ours
}

func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what has a finalizer or sits in a pool goes with the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
