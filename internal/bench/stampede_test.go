package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// latency is how far away the provider is in a stampede.
const latency = 50 * time.Millisecond

// rotations are what providers do with a refresh token that has been used.
var rotations = []struct {
	name string
	msaltest.Rotation
}{
	{"stays valid, as Microsoft's", msaltest.KeepOld},
	{"works once; a second use ends the session (RFC 9700)", msaltest.RotateStrict},
}

// outcomes are those of the runs of one stampede.
type outcomes struct{ requests, failed, alive []float64 }

// herds are programs whose tokens have expired, one of each person's.
type herds struct {
	name, rotation string
	provider       *provider
	call           []func(context.Context) error
}

// stampede lets many goroutines ask for a token that has expired.
func (b *book) stampede(tb testing.TB) {
	var all []herds
	for _, rotation := range rotations {
		for _, r := range []struct {
			name string
			join func(testing.TB, *provider, int) func(context.Context) error
		}{
			{"**staysigned**", joinOurs}, {msalMemory, joinMSALMemory}, {msalFile, joinMSALFile},
			{azDevice, joinAzure}, {xoauth2, joinOAuth2}, {googleAuth, joinGoogle},
		} {
			h := herds{name: r.name, rotation: rotation.name, provider: newEntra(tb)}
			h.provider.Rotation, h.provider.AccessTokenLife = rotation.Rotation, time.Second
			for i := range b.runs {
				h.call = append(h.call, r.join(tb, h.provider, i))
			}
			all = append(all, h)
		}
	}
	time.Sleep(expired)
	g := grid{head: []string{"", "refresh token", "token requests", "callers that failed", "session afterwards"}}
	for _, h := range all {
		h.provider.goOn()
		var got outcomes
		for i := range b.runs {
			b.run(h, i, &got)
		}
		g.add(h.name, h.rotation, span(got.requests), span(got.failed), alive(got.alive))
		group := fmt.Sprintf("%d goroutines, a refresh token that %s", b.callers, h.rotation)
		b.bars = append(b.bars, bar{group, plain(h.name), median(got.requests), median(got.failed)})
	}
	b.chapter(fmt.Sprintf("A stampede of %d goroutines", b.callers), fmt.Sprintf(stampedeAbout, latency, b.runs), g)
}

// expired is when the tokens are over that everybody joins with: there are none for less than a second.
const expired = 1100 * time.Millisecond

// goOn is the provider after that: far away, and with tokens for an hour.
func (p *provider) goOn() {
	p.AccessTokenLife = 0
	p.Fail("token", msaltest.Fault{Delay: latency, Times: -1})
	p.ResetLog()
}

func (b *book) run(h herds, i int, got *outcomes) {
	p := h.provider
	p.ResetLog()
	var failed atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range b.callers {
		all.Go(func() {
			<-start
			if h.call[i](context.Background()) != nil {
				failed.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	got.requests = append(got.requests, float64(len(p.TokenRequests("refresh_token"))))
	got.failed = append(got.failed, float64(failed.Load()))
	living := 0.0
	if p.SessionAlive(name(i)) {
		living = 1
	}
	got.alive = append(got.alive, living)
}

// span is the least and the most of what was counted.
func span(list []float64) string {
	least, most := slices.Min(list), slices.Max(list)
	if least == most {
		return fmt.Sprintf("%.0f", least)
	}
	return fmt.Sprintf("%.0f to %.0f", least, most)
}

// alive says in how many of the runs the session was.
func alive(list []float64) string {
	n := 0
	for _, living := range list {
		n += int(living)
	}
	switch n {
	case len(list):
		return "alive"
	case 0:
		return "**ended**"
	}
	return fmt.Sprintf("alive in %d of %d", n, len(list))
}

func joinOurs(tb testing.TB, p *provider, i int) func(context.Context) error {
	c := p.ours(tb, cache.Memory())
	c = c.For(p.join(tb, c, i, 0))
	return func(ctx context.Context) error {
		_, err := c.Token(ctx, scopeOf(0))
		return err
	}
}

func joinMSALMemory(tb testing.TB, p *provider, i int) func(context.Context) error {
	c := p.newMSAL(tb, nil)
	return silently(c, p.joinMSAL(tb, c, i, 0))
}

func joinMSALFile(tb testing.TB, p *provider, i int) func(context.Context) error {
	path := filepath.Join(tb.TempDir(), "msal.json")
	require.NoError(tb, os.WriteFile(path, []byte("{}"), 0o600))
	c := p.newMSAL(tb, plainFile(path))
	return silently(c, p.joinMSAL(tb, c, i, 0))
}

func silently(c public.Client, account public.Account) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.AcquireTokenSilent(ctx, []string{scopeOf(0)}, public.WithSilentAccount(account))
		return err
	}
}

func joinAzure(tb testing.TB, p *provider, i int) func(context.Context) error {
	p.consent(tb, i)
	return p.newAzure(tb)
}

func joinOAuth2(tb testing.TB, p *provider, i int) func(context.Context) error {
	source := oauth2.ReuseTokenSource(nil, p.source(p.client(), p.refreshToken(tb, i)))
	return func(context.Context) error {
		_, err := source.Token()
		return err
	}
}

func joinGoogle(tb testing.TB, p *provider, i int) func(context.Context) error {
	cached := newGoogle(p.source(p.client(), p.refreshToken(tb, i)))
	return func(ctx context.Context) error {
		_, err := cached.Token(ctx)
		return err
	}
}
