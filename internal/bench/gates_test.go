//go:build !race

// The race detector slows one rival more than another.

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// The gates are ratios of what takes turns in one process, so that they do not depend on the machine. On a busy one most
// turns are interrupted, and lose their caches: what counts is the best quarter, and a limit that is kept once in so many tries.
const tries = 4

// within demands that a takes no more than limit times as long as b.
func within(t *testing.T, limit float64, a, b string, measure func() sample) {
	t.Helper()
	var seen []float64
	for range tries {
		got := measure()
		ratio := quarter(got[a]) / quarter(got[b])
		if seen = append(seen, ratio); ratio <= limit {
			t.Logf("%s: %.4g times %s", plain(a), ratio, plain(b))
			return
		}
	}
	require.Failf(t, "too slow", "%s is to take at most %g times as long as %s, and took %.4g", plain(a), limit, plain(b), seen)
}

// quarter is what one in four does not exceed.
func quarter(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/4] }

// brisk is how long the turns of a gate are: with one account too short to be interrupted, else long enough for the
// caches to fill.
func brisk(tb testing.TB, accounts int, rivals ...rival) func() sample {
	b := &book{extent: extent{rounds: 100, slice: min(time.Duration(accounts)*50*time.Microsecond, time.Millisecond)}}
	return func() sample { return b.race(tb, rivals, accounts, 1) }
}

// A hit is 20 times as fast as MSAL Go's with one account, and not slower than that of x/oauth2, which knows none.
func TestHitOfOneAccount(t *testing.T) {
	p, store := newEntra(t), cache.Memory()
	accounts := p.crowd(t, store, 1, 1)
	ours := bound(t, p.ours(t, store), accounts, 1)
	theirs := msalRival(t, msalMemory, p.newMSAL(t, &loaded{data: p.crowdMSAL(t, 1, 1)}), 1)
	simple := p.oauth2Rival(t, p.refreshToken(t, 0))
	within(t, 1.0/20, ours.name, theirs.name, brisk(t, 1, ours, theirs))
	within(t, 1.1, ours.name, simple.name, brisk(t, 1, ours, simple))
}

// With 10,000 accounts on disk it is 10,000 times as fast as MSAL Go's.
func TestHitOfManyAccountsOnDisk(t *testing.T) {
	const n = 10_000
	p, dir := newEntra(t), t.TempDir()
	accounts, open := p.sealed(t, dir, n)
	ours := each(t, p.ours(t, open()), accounts, 1)
	path := filepath.Join(dir, "msal.json")
	require.NoError(t, os.WriteFile(path, p.crowdMSAL(t, n, 1), 0o600))
	theirs := msalRival(t, msalFile, p.newMSAL(t, plainFile(path)), 1)
	within(t, 1.0/10_000, ours.name, theirs.name, func() sample {
		return interleave([]turn{hits(t, ours, n, 1), hits(t, theirs, n, 1)}, 1, 10*time.Millisecond)
	})
}

// Finding an account among many, at random, takes at most twice as long as a map of tokens that looks at the clock.
func TestHitAtRandom(t *testing.T) {
	for _, n := range []int{100, 1_000} {
		p, store := newEntra(t), cache.Memory()
		accounts := p.crowd(t, store, n, 1)
		c := p.ours(t, store)
		ours := each(t, c, accounts, 1)
		own, _ := mapOfTokens(t, c, accounts)
		within(t, 2, ours.name, own.name, brisk(t, n, ours, own))
	}
}

// The same account asked again takes as long among 10,000 as alone.
func TestHitIsFlat(t *testing.T) {
	p := newEntra(t)
	var turns []turn
	for _, n := range []int{1, 10_000} {
		store := cache.Memory()
		accounts := p.crowd(t, store, n, 1)
		r := each(t, p.ours(t, store), accounts, 1)
		r.name = thousands(n)
		turns = append(turns, hits(t, r, 1, 1))
	}
	within(t, 1.5, turns[1].name, turns[0].name, func() sample { return interleave(turns, 100, 50*time.Microsecond) })
}

// Eight goroutines do not wait for each other: a hit takes no longer than with one. On a machine that leaves us one
// processor this shows little; that a hit takes no lock is a test of package msal.
func TestHitInParallel(t *testing.T) {
	p, store := newEntra(t), cache.Memory()
	accounts := p.crowd(t, store, 100, 1)
	alone := hits(t, bound(t, p.ours(t, store), accounts, 1), 100, 1)
	turns := []turn{{"one goroutine", alone.do}, together(8, alone)}
	within(t, 1.3, turns[1].name, turns[0].name, func() sample { return interleave(turns, 100, 500*time.Microsecond) })
}

// A program that prints its cached token takes at most half as long again as one that only reads the same files.
func TestColdStart(t *testing.T) {
	c := newCold(t)
	turns := []turn{c.turn(t, coldOurs), c.turn(t, coldBare)}
	within(t, 1.5, coldOurs, coldBare, func() sample { return interleave(turns, 25, 0) })
	require.Zero(t, c.requests(t, coldOurs))
}

// An account with 4 KB of tokens takes less than 5 KB in memory. It is not a ratio, but no machine disturbs it.
func TestMemory(t *testing.T) {
	_, ours := ownHeap(t, 10_000)
	require.Less(t, ours, 5_000.0)
	require.Greater(t, ours, float64(accessLen+idLen)) // or something was not counted
}

// What a program does before main begins, it does at each start: our packages fill a few tables, and no more.
func TestNothingAtStart(t *testing.T) {
	c := newCold(t)
	cmd := c.command(t, coldOurs)
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	// init github.com/…/msal @1.5 ms, 0.02 ms clock, 808 bytes, 8 allocs
	line := regexp.MustCompile(`init (\S+) @.* clock, (\d+) bytes, (\d+) allocs`)
	bytes, allocs, all := 0, 0, line.FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(t, all)
	for _, m := range all {
		if strings.HasPrefix(m[1], "github.com/staysigned/") {
			n, _ := strconv.Atoi(m[2])
			bytes += n
			n, _ = strconv.Atoi(m[3])
			allocs += n
		}
	}
	require.LessOrEqual(t, bytes, 12<<10, "%s", out)
	require.LessOrEqual(t, allocs, 64, "%s", out)
}

// A program whose key is in the keychain starts no session bus where there is none: it would outlive the program, and
// know nobody's keys.
func TestNoBusIsStarted(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("a session bus is Linux's")
	}
	c, dir := newCold(t), t.TempDir()
	started := filepath.Join(dir, "started")
	for _, name := range []string{"dbus-launch", "dbus-daemon", "dbus-run-session", "dbus-broker-launch"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho \"$0\" >>"+started+"\n"), 0o755))
	}
	cmd := c.command(t, coldKeychain)
	cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "XDG_STATE_HOME=" + dir}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "%s", out) // there is nobody
	require.NoFileExists(t, started)
}
