//go:build unix

package faults_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// requireSame demands that all have the same token.
func requireSame(t testing.TB, replies []reply) {
	t.Helper()
	for _, r := range replies {
		require.Empty(t, r.Error)
		require.Empty(t, r.Warning)
		require.NotEmpty(t, r.Token)
		require.Equal(t, replies[0].Token, r.Token)
	}
}

func TestStampede_RF02(t *testing.T) {
	for _, n := range []int{20, 50} {
		t.Run(fmt.Sprint(n, " processes"), func(t *testing.T) {
			w := newWorld(t, msaltest.RotateStrict)
			first := w.signIn(t, "avery")
			rounds := faults.Rounds(1)
			for range rounds {
				w.expire(t)
				before := w.refreshes()
				all := w.crowd(t, n, "")
				requireSame(t, together(t, all, order{Do: "token"}))
				require.Equal(t, before+1, w.refreshes())
				for _, p := range all {
					p.end(t)
				}
			}
			require.True(t, w.alive(first))
			t.Logf("%d rounds of %d processes: %d requests, nobody failed", rounds, n, w.refreshes())
		})
	}
}

func TestDaemonAndTools(t *testing.T) {
	t.Parallel()
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery")
	daemon := w.start(t, "")
	for range faults.Rounds(2) {
		require.Empty(t, daemon.do(t, order{Do: "token"}).Error)
		w.expire(t)
		time.Sleep(1100 * time.Millisecond) // a daemon looks at the store once a second
		before := w.refreshes()
		tools := w.crowd(t, 3, "")
		requireSame(t, together(t, append(tools, daemon), order{Do: "token"}))
		require.Equal(t, before+1, w.refreshes())

		// A tool brings a new refresh token, and the daemon has to go on with it.
		requireSame(t, []reply{tools[0].do(t, order{Do: "force"})})
		requireSame(t, []reply{daemon.do(t, order{Do: "force"})})
		require.Equal(t, before+3, w.refreshes())
		require.True(t, w.alive(first))
		for _, p := range tools {
			p.end(t)
		}
	}
}

func TestReaders(t *testing.T) {
	const readers = 500
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery")
	for _, name := range []string{w.keys(t)[0] + "@lock", w.keys(t)[0] + "@write", "store.json@lock", "store.json@write"} {
		held := flock.New(w.path(name))
		require.NoError(t, held.Lock())
		defer held.Close()
	}
	processes := faults.Rounds(22)
	before := w.platform.Count()
	all := w.crowd(t, processes, "")
	var took []time.Duration
	for _, r := range together(t, all, order{Do: "readers", N: readers / processes}) {
		require.Empty(t, r.Error)
		require.Equal(t, fingerprint(first), r.Token)
		took = append(took, r.Took...)
	}
	require.Len(t, took, readers)
	require.Equal(t, before, w.platform.Count())
	slices.Sort(took)
	t.Logf("%d readers in %d processes at once: half of them within %v, 99 %% within %v",
		readers, processes, took[readers/2], took[readers*99/100])
}
