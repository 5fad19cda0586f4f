//go:build unix

package faults_test

import (
	"context"
	"fmt"
	mrand "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// lanes are worlds in which kills happen side by side.
const lanes = 4

// TestKilled kills a program at a moment of its refresh that is drawn evenly, and looks at what that leaves. It
// measures the window in which a session is lost with a strict server.
func TestKilled(t *testing.T) {
	lines := []string{tallyHead}
	for _, latency := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond} {
		for _, rotation := range []msaltest.Rotation{msaltest.RotateStrict, msaltest.Grace} {
			kind := map[msaltest.Rotation]string{msaltest.RotateStrict: "strict", msaltest.Grace: "grace"}[rotation]
			t.Run(fmt.Sprint(kind, " ", latency), func(t *testing.T) {
				sum := tally{latency: latency, kind: kind}
				sum.measure(t, rotation)
				var mu sync.Mutex
				var working sync.WaitGroup
				for lane := range lanes {
					working.Go(func() {
						k := newKiller(t, rotation, latency, uint64(3*10+lane))
						for i := lane; i < faults.Rounds(3) && !t.Failed(); i += lanes {
							k.once(t, sum.whole)
						}
						mu.Lock()
						defer mu.Unlock()
						sum.add(k.tally)
					})
				}
				working.Wait()
				require.False(t, t.Failed())
				require.Equal(t, faults.Rounds(3), sum.runs)
				lines = append(lines, sum.String())
			})
		}
	}
	table := strings.Join(lines, "\n") + "\n"
	t.Log("\n" + table)
	require.NoError(t, os.WriteFile(filepath.Join(t.ArtifactDir(), windowFile), []byte(table), 0o644))
	if *update && faults.Rounds(3) == 1000 {
		require.NoError(t, os.WriteFile(windowFile, []byte(table), 0o644))
	}
}

// tally counts what kills did.
type tally struct {
	latency time.Duration
	kind    string
	runs    int
	early   int             // the refresh had no effect at the server
	lost    int             // it had, and its answer was not stored
	late    int             // it was stored
	after   []time.Duration // how long after the commit the kills came that are counted in lost

	// Of refreshes that nobody disturbed, the median: from order to reply, from the server's commit until the answer
	// had been read, and from there until it was stored and Token had returned.
	whole, network, client time.Duration
}

const tallyHead = "server latency   kills  no effect   stored  in the window  lost   commit to receipt  receipt to return  95 % of those kills within"

func (s tally) String() string {
	ended := s.lost
	if s.kind == "grace" {
		ended = 0 // once tells: the next run had its token
	}
	within := time.Duration(0)
	if len(s.after) > 0 {
		slices.Sort(s.after)
		within = s.after[len(s.after)*95/100]
	}
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
	return fmt.Sprintf("%-6s %7v %7d %10d %8d %14d %5d %19v %18v %26v",
		s.kind, s.latency, s.runs, s.early, s.late, s.lost, ended, round(s.network), round(s.client), round(within))
}

func (s *tally) add(o tally) {
	s.runs, s.early, s.lost, s.late = s.runs+o.runs, s.early+o.early, s.lost+o.lost, s.late+o.late
	s.after = append(s.after, o.after...)
}

// measure takes the times of refreshes that nobody disturbs.
func (s *tally) measure(t *testing.T, rotation msaltest.Rotation) {
	w := newWorld(t, rotation)
	w.signIn(t, "avery")
	w.front.lasting(s.latency)
	var whole, network, client []time.Duration
	for range 21 {
		w.expire(t)
		p := w.start(t, "")
		begin := time.Now()
		r := p.do(t, order{Do: "token"})
		whole = append(whole, time.Since(begin))
		require.Empty(t, r.Error)
		p.end(t)
		commits := w.front.commit()
		committed := commits[len(commits)-1].UnixNano()
		network = append(network, time.Duration(r.Received-committed))
		client = append(client, time.Duration(r.Done-r.Received))
	}
	s.whole, s.network, s.client = median(whole), median(network), median(client)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// killer kills programs of one world.
type killer struct {
	*world
	tally
	random *mrand.Rand
	first  msal.Token
}

func newKiller(t *testing.T, rotation msaltest.Rotation, latency time.Duration, stream uint64) *killer {
	k := &killer{world: newWorld(t, rotation), random: chance(t, stream)}
	k.kind = map[bool]string{true: "grace"}[rotation == msaltest.Grace]
	k.first = k.signIn(t, "avery")
	k.front.lasting(latency)
	return k
}

// once kills one, and demands that the next run has a token, or says why there is none.
func (k *killer) once(t *testing.T, whole time.Duration) {
	k.expire(t)
	old, commits := k.refreshToken(t), len(k.front.commit())
	p := k.start(t, "")
	p.send(t, order{Do: "token"})
	pause(context.Background(), time.Duration(k.random.Float64()*1.1*float64(whole)))
	killed := time.Now()
	p.kill(t)
	k.front.settle(t)
	k.runs++

	key := k.keys(t)[0]
	_, _, err := k.store().Get(t.Context(), key)
	require.NoError(t, err, "every record can be read")
	require.LessOrEqual(t, len(k.strays(t)), 1, "%v", k.strays(t))
	stored, committed := k.refreshToken(t) != old, k.front.commit()[commits:]
	require.LessOrEqual(t, len(committed), 1, "one request")

	before := k.refreshes()
	token, err := k.token(t)
	switch {
	case stored:
		k.late++
		require.NoError(t, err, "what was received and stored is never lost")
		require.Len(t, committed, 1)
		require.Equal(t, before, k.refreshes())
	case len(committed) == 0:
		k.early++
		require.NoError(t, err, "the refresh token is unspent")
		require.Equal(t, before+1, k.refreshes())
	case k.kind == "grace":
		k.lost++
		require.NoError(t, err, "the next run sends the same refresh token")
		require.Equal(t, before+1, k.refreshes())
	default:
		k.lost++
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.NotErrorIs(t, err, cache.ErrUnreadable)
	}
	if !stored && len(committed) > 0 {
		k.after = append(k.after, killed.Sub(committed[0]))
	}
	if err != nil {
		k.first = k.signIn(t, "avery")
		return
	}
	require.Empty(t, token.Warning)
	require.True(t, k.alive(k.first))
}

// strays are the files that are neither records nor locks.
func (w *world) strays(t testing.TB) (names []string) {
	entries, err := os.ReadDir(w.path())
	require.NoError(t, err)
	for _, e := range entries {
		name := e.Name()
		record := name == "store.json" || !strings.Contains(name, "@") && strings.ContainsAny(name[:1], "am")
		if !record && !strings.HasSuffix(name, "@lock") && !strings.HasSuffix(name, "@write") {
			names = append(names, name)
		}
	}
	return names
}
