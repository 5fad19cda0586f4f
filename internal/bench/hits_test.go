package bench

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

const (
	ownMap    = "a Go map of the same tokens, and a look at the clock"
	mapAlone  = "a Go map of that size, the look-up alone"
	msalRatio = "MSAL Go to staysigned"
)

// mapOfTokens is what a program can do that keeps tokens by itself and never refreshes one.
func mapOfTokens(tb testing.TB, c *msal.Client, accounts []msal.Account) (withClock, alone rival) {
	all := make(map[string]*msal.Token, len(accounts))
	for _, a := range accounts {
		token, err := c.For(a).Token(tb.Context(), scopeOf(0))
		require.NoError(tb, err)
		all[strings.Clone(a.ID)] = &token // an ID that comes with a request is not the one in the map
	}
	withClock = rival{name: ownMap, hit: func(i, _ int) error {
		_, err := lookUpToken(all, accounts[i].ID)
		return err
	}}
	alone = rival{name: mapAlone, hit: func(i, _ int) error {
		if all[accounts[i].ID] == nil {
			return msal.ErrSignInRequired
		}
		return nil
	}}
	return withClock, alone
}

//go:noinline
func lookUpToken(all map[string]*msal.Token, id string) (msal.Token, error) {
	if t := all[id]; t != nil && time.Now().Before(t.Expiry) {
		return *t, nil
	}
	return msal.Token{}, msal.ErrSignInRequired
}

// measured has a sample for each number of accounts.
type measured map[int]sample

// row writes the medians of one rival.
func (m measured) row(accounts []int, name, otherwise string) []string {
	cells := []string{name}
	for _, n := range accounts {
		cell := otherwise
		if times := m[n][name]; len(times) > 0 {
			cell = duration(median(times))
		}
		cells = append(cells, cell)
	}
	return cells
}

func (m measured) ratios(accounts []int, title, a, b string) []string {
	cells := []string{title}
	for _, n := range accounts {
		cell := ""
		if len(m[n][a]) > 0 && len(m[n][b]) > 0 {
			cell = times(m[n].ratio(a, b))
		}
		cells = append(cells, cell)
	}
	return cells
}

// quotients are of medians, where the two did not take turns.
func (m measured) quotients(accounts []int, title, a, b string) []string {
	cells := []string{title}
	for _, n := range accounts {
		cell := ""
		if len(m[n][a]) > 0 {
			cell = times(m[n].median(a) / m[n].median(b))
		}
		cells = append(cells, cell)
	}
	return cells
}

func (m measured) curve(accounts []int, title, name string) series {
	s := series{name: title}
	for _, n := range accounts {
		if times := m[n][name]; len(times) > 0 {
			s.points = append(s.points, point{float64(n), median(times)})
		}
	}
	return s
}

// inMemory asks for a cached token, with one scope set for each account.
func (b *book) inMemory(tb testing.TB) {
	got := measured{}
	for _, n := range b.accounts {
		p, store := newEntra(tb), cache.Memory()
		accounts := p.crowd(tb, store, n, 1)
		c := p.ours(tb, store)
		rivals := []rival{bound(tb, c, accounts, 1), each(tb, c, accounts, 1)}
		withClock, alone := mapOfTokens(tb, c, accounts)
		rivals = append(rivals, withClock, alone)
		if n <= b.peers {
			kept := &loaded{data: p.crowdMSAL(tb, n, 1)}
			rivals = append(rivals, msalRival(tb, msalMemory, p.newMSAL(tb, kept), 1))
		}
		if n == 1 {
			refreshToken := p.refreshToken(tb, 0)
			rivals = append(rivals, p.azureRival(tb), p.oauth2Rival(tb, refreshToken), p.googleRival(tb, refreshToken))
		}
		got[n] = b.race(tb, rivals, n, 1)
	}
	g := grid{head: columns(b.accounts)}
	for _, name := range []string{oursBound, oursEach, msalMemory} {
		g.add(got.row(b.accounts, name, "not run")...)
	}
	for _, name := range []string{azDevice, xoauth2, googleAuth} {
		g.add(got.row(b.accounts, name, "one token")...)
	}
	g.add(got.row(b.accounts, ownMap, "")...)
	g.add(got.row(b.accounts, mapAlone, "")...)
	g.add(got.ratios(b.accounts, msalRatio, msalMemory, oursEach)...)
	g.add(got.ratios(b.accounts, "staysigned, kept, to x/oauth2", oursBound, xoauth2)...)
	g.add(got.ratios(b.accounts, "staysigned, each time, to the map of tokens", oursEach, ownMap)...)
	b.curves = append(b.curves, got.curve(b.accounts, "staysigned", oursEach), got.curve(b.accounts, "MSAL Go, in memory", msalMemory), got.curve(b.accounts, "a map of the tokens", ownMap))
	b.chapter("A cached token, in memory", hitsAbout, g)
}

// race lets the rivals take turns.
func (b *book) race(tb testing.TB, rivals []rival, accounts, sets int) sample {
	var turns []turn
	for _, r := range rivals {
		turns = append(turns, hits(tb, r, accounts, sets))
	}
	return interleave(turns, b.rounds, b.slice)
}

// inMemorySets asks for one of many tokens of an account.
func (b *book) inMemorySets(tb testing.TB) {
	got := measured{}
	counts := slices.DeleteFunc(slices.Clone(b.accounts), func(n int) bool { return n > b.peers })
	for _, n := range counts {
		p, store := newEntra(tb), cache.Memory()
		accounts := p.crowd(tb, store, n, b.sets)
		kept := &loaded{data: p.crowdMSAL(tb, n, b.sets)}
		rivals := []rival{
			each(tb, p.ours(tb, store), accounts, b.sets), msalRival(tb, msalMemory, p.newMSAL(tb, kept), b.sets),
		}
		got[n] = b.race(tb, rivals, n, b.sets)
	}
	g := grid{head: columns(counts)}
	g.add(got.row(counts, oursEach, "")...)
	g.add(got.row(counts, msalMemory, "")...)
	g.add(got.ratios(counts, msalRatio, msalMemory, oursEach)...)
	b.chapter(fmt.Sprintf("A cached token, in memory, %d scope sets for each account", b.sets), setsAbout, g)
}

// onDisk asks for a cached token that other processes share.
func (b *book) onDisk(tb testing.TB) {
	got := measured{}
	for _, n := range b.accounts {
		p, dir := newEntra(tb), tb.TempDir()
		accounts, open := p.sealed(tb, dir, n)
		c := p.ours(tb, open())
		ours := each(tb, c, accounts, 1)
		ours.name = oursDir
		// By itself: in a round with the others, more than a second would pass, and each hit would look for changes.
		got[n] = b.race(tb, []rival{ours}, n, 1)
		if n <= b.peers {
			maps.Copy(got[n], b.ofFiles(tb, p, dir, n))
		}
		got[n][oursChecked] = checked(tb, c, accounts, b.rounds)
		got[n][oursFirst] = interleave([]turn{{oursFirst, func(times int) {
			for i := range times {
				_, err := p.ours(tb, open()).For(accounts[i%n]).Token(tb.Context(), scopeOf(0))
				require.NoError(tb, err)
			}
		}}}, b.rounds, b.slice)[oursFirst]
	}
	g := grid{head: columns(b.accounts)}
	for _, name := range []string{oursDir, oursChecked, oursFirst, msalFile, msalExtension} {
		g.add(got.row(b.accounts, name, "not run")...)
	}
	g.add(got.quotients(b.accounts, msalRatio, msalFile, oursDir)...)
	b.curves = append(b.curves, got.curve(b.accounts, msalFile, msalFile))
	b.chapter("A cached token, shared between processes", diskAbout, g)
}

// ofFiles measures MSAL Go over a file with n accounts.
func (b *book) ofFiles(tb testing.TB, p *provider, dir string, n int) sample {
	path := filepath.Join(dir, "msal.json")
	require.NoError(tb, os.WriteFile(path, p.crowdMSAL(tb, n, 1), 0o600))
	official, err := newExtension(path)
	require.NoError(tb, err)
	shorter := *b
	shorter.rounds = min(b.rounds, 10)
	if n > b.files {
		shorter.rounds = 1
	}
	return shorter.race(tb, []rival{
		msalRival(tb, msalFile, p.newMSAL(tb, plainFile(path)), 1), msalRival(tb, msalExtension, p.newMSAL(tb, official), 1),
	}, n, 1)
}

const (
	oursChecked = "… the one a second that looks for changes"
	oursFirst   = "… the first of a process"
)

// sealed makes a directory with n accounts, and returns them and what opens it as a process does.
func (p *provider) sealed(tb testing.TB, dir string, n int) ([]msal.Account, func() cache.Store) {
	key, sessions := filepath.Join(dir, "key"), filepath.Join(dir, "sessions")
	require.NoError(tb, os.WriteFile(key, []byte(padding[:32]), 0o600))
	require.NoError(tb, os.Mkdir(sessions, 0o700))
	accounts := p.crowd(tb, cache.Seal(bulk(sessions), cache.KeyFile(key)), n, 1)
	return accounts, func() cache.Store { return cache.Dir(sessions, cache.KeyFile(key)) }
}

// checked times hits that are due to look at the store.
func checked(tb testing.TB, c *msal.Client, accounts []msal.Account, rounds int) (took []float64) {
	some := accounts[:min(len(accounts), 500)]
	for range min(rounds, 5) {
		time.Sleep(1100 * time.Millisecond)
		start := time.Now()
		for _, a := range some {
			_, err := c.For(a).Token(tb.Context(), scopeOf(0))
			require.NoError(tb, err)
		}
		took = append(took, float64(time.Since(start))/float64(len(some)))
	}
	return took
}

// parallel asks for cached tokens from several goroutines.
func (b *book) parallel(tb testing.TB) {
	const n = 100
	p, store := newEntra(tb), cache.Memory()
	accounts := p.crowd(tb, store, n, 1)
	c := p.ours(tb, store)
	refreshToken := p.refreshToken(tb, 0)
	rivals := []rival{
		bound(tb, c, accounts, 1), each(tb, c, accounts, 1), msalRival(tb, msalMemory, p.newMSAL(tb, &loaded{data: p.crowdMSAL(tb, n, 1)}), 1),
		p.azureRival(tb), p.oauth2Rival(tb, refreshToken), p.googleRival(tb, refreshToken),
	}
	counts, got := []int{1, 2, 8}, measured{}
	for _, goroutines := range counts {
		var turns []turn
		for _, r := range rivals {
			shared := together(goroutines, hits(tb, r, n, 1))
			turns = append(turns, turn{r.name, shared.do})
		}
		got[goroutines] = interleave(turns, b.rounds, b.slice)
	}
	g := grid{head: append(columns(counts), "8 to 1")}
	for _, r := range rivals {
		g.add(append(got.row(counts, r.name, ""), times(got[8].median(r.name)/got[1].median(r.name)))...)
	}
	b.chapter("A cached token, asked for by several goroutines", parallelAbout, g)
}

// together lets several goroutines share a turn.
func together(goroutines int, alone turn) turn {
	return turn{fmt.Sprint(goroutines, " goroutines"), func(times int) {
		var all sync.WaitGroup
		for range goroutines {
			all.Go(func() { alone.do(times/goroutines + 1) })
		}
		all.Wait()
	}}
}
