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

// herd is a program whose token has expired.
type herd struct {
	subject string
	call    func(context.Context) error
}

// stampede lets many goroutines ask for a token that has expired.
func (b *book) stampede(tb testing.TB) {
	g := grid{head: []string{"", "refresh token", "token requests", "callers that failed", "session afterwards"}}
	for _, rotation := range rotations {
		for _, r := range []struct {
			name string
			join func(testing.TB, *provider, int) func(context.Context) error
		}{
			{"**staysigned**", joinOurs}, {"MSAL Go, in memory", joinMSALMemory}, {"MSAL Go, one file", joinMSALFile},
			{azDevice, joinAzure}, {xoauth2, joinOAuth2}, {googleAuth, joinGoogle},
		} {
			p := newEntra(tb)
			p.Rotation, p.AccessTokenLife = rotation.Rotation, time.Second
			var herds []herd
			for i := range b.runs {
				herds = append(herds, herd{name(i), r.join(tb, p, i)})
			}
			p.expire()
			var got outcomes
			for _, h := range herds {
				b.run(p, h, &got)
			}
			g.add(r.name, rotation.name, span(got.requests), span(got.failed), alive(got.alive))
			b.bars = append(b.bars, bar{fmt.Sprintf("%d goroutines, a refresh token that %s", b.callers, rotation.name), plain(r.name), median(got.requests), median(got.failed)})
		}
	}
	b.chapter(fmt.Sprintf("A stampede of %d goroutines", b.callers), fmt.Sprintf(stampedeAbout, latency, b.runs), g)
}

// expire waits until the tokens of a second are over; those that come next last an hour.
func (p *provider) expire() {
	time.Sleep(1100 * time.Millisecond)
	p.AccessTokenLife = 0
	p.Fail("token", msaltest.Fault{Delay: latency, Times: -1})
}

func (b *book) run(p *provider, h herd, got *outcomes) {
	p.ResetLog()
	var failed atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range b.callers {
		all.Go(func() {
			<-start
			if h.call(context.Background()) != nil {
				failed.Add(1)
			}
		})
	}
	close(start)
	all.Wait()
	got.requests = append(got.requests, float64(len(p.TokenRequests("refresh_token"))))
	got.failed = append(got.failed, float64(failed.Load()))
	living := 0.0
	if p.SessionAlive(h.subject) {
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
