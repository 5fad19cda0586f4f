package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// refresher gets account 0 another token.
type refresher struct {
	name    string
	refresh func() error
}

func ourRefresher(name string, c *msal.Client, account msal.Account) refresher {
	return refresher{name, func() error {
		_, err := c.For(account).ForceRefresh().Token(context.Background(), scopeOf(0))
		return err
	}}
}

// anyClaims is how an application of MSAL Go refuses the cached token: there is no other way to ask for a refresh.
const anyClaims = `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`

func msalRefresher(tb testing.TB, name string, c public.Client) refresher {
	accounts, err := c.Accounts(tb.Context())
	require.NoError(tb, err)
	i := slices.IndexFunc(accounts, func(a public.Account) bool { return a.LocalAccountID == objectID(0) })
	return refresher{name, func() error {
		_, err := c.AcquireTokenSilent(context.Background(), []string{scopeOf(0)}, public.WithSilentAccount(accounts[i]), public.WithClaims(anyClaims))
		return err
	}}
}

// refreshes times refreshes without the provider's share.
func (b *book) refreshes(tb testing.TB) {
	counts := slices.DeleteFunc(slices.Clone(b.accounts), func(n int) bool { return n > b.files })
	got := measured{}
	for _, n := range counts {
		p, store, dir := newEntra(tb), cache.Memory(), tb.TempDir()
		remembered := p.crowd(tb, store, n, 1)
		onDisk, open := p.sealed(tb, dir, n)
		blob := p.crowdMSAL(tb, n, 1)
		path := filepath.Join(dir, "msal.json")
		require.NoError(tb, os.WriteFile(path, blob, 0o600))
		official, err := newExtension(path)
		require.NoError(tb, err)
		all := []refresher{
			ourRefresher(oursEach, p.ours(tb, store), remembered[0]),
			msalRefresher(tb, msalMemory, p.newMSAL(tb, &loaded{data: blob})),
			ourRefresher(oursDir, p.ours(tb, open()), onDisk[0]),
			msalRefresher(tb, msalFile, p.newMSAL(tb, plainFile(path))),
			msalRefresher(tb, msalExtension, p.newMSAL(tb, official)),
		}
		if n == 1 {
			source := p.refreshToken(tb, 0)
			all = append(all, refresher{xoauth2, func() error {
				_, err := p.source(p.client(), source).Token()
				return err
			}})
		}
		settle(tb)
		got[n] = p.beyond(tb, all, min(b.rounds, 20))
	}
	g := grid{head: columns(counts)}
	for _, name := range []string{oursEach, msalMemory, xoauth2, oursDir, msalFile, msalExtension, providersShare} {
		g.add(got.row(counts, name, "one token")...)
	}
	g.add(got.ratios(counts, msalRatio+", on disk", msalFile, oursDir)...)
	b.chapter("A refresh, beyond the network", refreshAbout, g)
}

const providersShare = "the provider's share, subtracted from each"

// beyond times refreshes in turns, without what the provider took.
func (p *provider) beyond(tb testing.TB, all []refresher, rounds int) sample {
	got := sample{}
	for round := range rounds + 1 {
		runtime.GC()
		for _, r := range all {
			p.spent.Store(0)
			start := time.Now()
			require.NoError(tb, r.refresh(), r.name)
			took := time.Since(start)
			p.ResetLog()
			if round > 0 { // the first is for what is done once
				got[r.name] = append(got[r.name], float64(took)-float64(p.spent.Load()))
				got[providersShare] = append(got[providersShare], float64(p.spent.Load()))
			}
		}
	}
	return got
}

// inStorm asks for cached tokens while somebody refreshes without a pause.
func (b *book) inStorm(tb testing.TB) {
	n := min(1_000, b.files)
	p, dir := newEntra(tb), tb.TempDir()
	accounts, open := p.sealed(tb, dir, n)
	blob := p.crowdMSAL(tb, n, 1)
	path := filepath.Join(dir, "msal.json")
	require.NoError(tb, os.WriteFile(path, blob, 0o600))
	c, inMemory, inFile := p.ours(tb, open()), p.newMSAL(tb, &loaded{data: blob}), p.newMSAL(tb, plainFile(path))
	g := grid{head: []string{"", "hits", "median", "99 of 100 within", "longest", "refreshes"}}
	for _, one := range []struct {
		rival
		refresher
	}{
		{each(tb, c, accounts, 1), ourRefresher(oursDir, c, accounts[0])},
		{msalRival(tb, msalMemory, inMemory, 1), msalRefresher(tb, msalMemory, inMemory)},
		{msalRival(tb, msalFile, inFile, 1), msalRefresher(tb, msalFile, inFile)},
	} {
		took, refreshed := storm(tb, one.rival, one.refresher, n, b.storm)
		g.add(one.refresher.name, thousands(len(took)), duration(median(took)), duration(p99(took)), duration(slices.Max(took)), thousands(refreshed))
		p.ResetLog()
	}
	b.chapter(fmt.Sprintf("A cached token while another is refreshed without a pause, %s accounts", thousands(n)), stormAbout, g)
}

func storm(tb testing.TB, r rival, one refresher, accounts int, long time.Duration) (took []float64, refreshed int) {
	var over atomic.Bool
	var all sync.WaitGroup
	all.Go(func() {
		for !over.Load() {
			if err := one.refresh(); err != nil {
				tb.Error(one.name, err)
				return
			}
			refreshed++
		}
	})
	order := pseudo(1)
	for end := time.Now().Add(long); ; {
		start := time.Now()
		if start.After(end) && len(took) > 0 {
			break
		}
		if err := r.hit(int(order.next()>>32)%accounts, 0); err != nil {
			tb.Fatal(one.name, err)
		}
		took = append(took, float64(time.Since(start)))
	}
	over.Store(true)
	all.Wait()
	return took, refreshed
}
