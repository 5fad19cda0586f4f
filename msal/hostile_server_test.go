package msal_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// hostileLine is a network on which p answers, but for one endpoint: there somebody writes whatever they like to the
// connection. It works in a bubble, and what reads is net/http's own client.
type hostileLine struct {
	p     *msaltest.Platform
	at    string         // path of the endpoint; empty: p answers everywhere
	write func(net.Conn) // instead of an answer
	taken atomic.Int64   // bytes that the client took of it
	times atomic.Int64   // how often it was asked
}

func (l *hostileLine) client() *http.Client {
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go l.serve(there)
		return here, nil
	}
	return &http.Client{Transport: &http.Transport{DialTLSContext: dial, DialContext: dial, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}}
}

func (l *hostileLine) serve(conn net.Conn) {
	defer conn.Close()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	if r.URL.Path == l.at {
		l.times.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		l.write(counted{conn, &l.taken})
		return
	}
	r.URL.Scheme, r.URL.Host, r.RequestURI = "https", r.Host, ""
	resp, err := l.p.Client().Transport.RoundTrip(r)
	if err == nil {
		_ = resp.Write(conn)
	}
}

// counted counts what its other side takes.
type counted struct {
	net.Conn
	n *atomic.Int64
}

func (c counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// endless writes head, and then body until nobody takes it.
func endless(head, body string, pause time.Duration) func(net.Conn) {
	return func(conn net.Conn) {
		_, err := io.WriteString(conn, head)
		for err == nil {
			time.Sleep(pause)
			_, err = io.WriteString(conn, body)
		}
	}
}

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

// bomb is 8 MiB of spaces in 8 kB.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for range 8 {
		_, _ = z.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = z.Close()
	return b.String()
})

// tricks are what a server does to a client that waits.
var tricks = map[string]func(net.Conn){
	"never answers":     func(net.Conn) { time.Sleep(time.Hour) },
	"a byte a second":   endless(okHead+"\r\n{", " ", time.Second),
	"half a header":     endless("HTTP/1.1 200 OK\r\nX: ", "x", time.Second),
	"a body for ever":   endless(okHead+"\r\n{", strings.Repeat(" ", 32<<10), 0),
	"headers for ever":  endless(okHead, "Xx: yyyy\r\n", 0),
	"hints for ever":    endless("", "HTTP/1.1 103 Early Hints\r\n\r\n", 0),
	"trailers for ever": endless(okHead+"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n", "Xx: yyyy\r\n", 0),
	"tiny chunks":       endless(okHead+"Transfer-Encoding: chunked\r\n\r\n", "1;"+strings.Repeat("x", 1000)+"\r\n \r\n", 0),
	"a bomb":            func(conn net.Conn) { _, _ = io.WriteString(conn, okHead+"Content-Encoding: gzip\r\n\r\n"+bomb()) },
	"back to itself": func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 307 Temporary Redirect\r\nLocation: ?again\r\nContent-Length: 0\r\n\r\n")
	},
	"to somebody else": func(conn net.Conn) {
		_, _ = io.WriteString(conn, "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n")
	},
}

// doors are the endpoints, each with what leads there. It returns the error, after which nothing may be lost.
var doors = map[string]struct {
	path  string
	asked int64 // at most
	knock func(t *testing.T, p *msaltest.Platform, c *msal.Client) error
}{
	"discovery": {"/.well-known/openid-configuration", 1, func(t *testing.T, _ *msaltest.Platform, c *msal.Client) error {
		_, err := c.Authorize(t.Context(), testRedirect, "read")
		return err
	}},
	"keys": {"/keys", 1, func(t *testing.T, _ *msaltest.Platform, c *msal.Client) error {
		_, err := c.Authorize(t.Context(), testRedirect, "read")
		return err
	}},
	"code": {"/token", 1, func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
		z, callback := begin(t, p, c, "read")
		_, err := z.Redeem(t.Context(), callback)
		return err
	}},
	"device": {"/device", 1, func(t *testing.T, _ *msaltest.Platform, c *msal.Client) error {
		_, err := c.SignIn(t.Context(), silently, "read")
		return err
	}},
	"poll": {"/token", 12, func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
		p.DeviceLife = time.Minute
		_, err := c.SignIn(t.Context(), silently, "read")
		return err
	}},
}

// However a server behaves, a call ends in time, takes no more than it can use, and leaves nothing at work.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	for door, d := range doors {
		for trick, write := range tricks {
			t.Run("DD-09 DD-10 DD-11 DD-12 DD-13 TR-22 "+door+", "+trick, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := msaltest.New(t)
					l := &hostileLine{p: p, at: d.path, write: write}
					c := newClient(t, p, func(cfg *msal.Config) { cfg.HTTPClient = l.client() })
					began := time.Now()
					err := d.knock(t, p, c)
					require.Error(t, err)
					require.NotErrorIs(t, err, msal.ErrSignInRequired)
					require.LessOrEqual(t, time.Since(began), max(30*time.Second, p.DeviceLife+30*time.Second))
					require.Less(t, len(err.Error()), 1000)
					require.LessOrEqual(t, l.times.Load(), d.asked)
					require.LessOrEqual(t, l.taken.Load(), d.asked*(2<<20), "bytes")
					requireNobody(t, c)
					time.Sleep(2 * time.Hour) // who dripped has ended
				})
			})
		}
	}
}

// The same at a refresh: no session is lost, and when the server has come to its senses it goes on.
func TestHostileServersLater(t *testing.T) {
	t.Parallel()
	for trick, write := range tricks {
		for _, path := range []string{"/token", "/.well-known/openid-configuration", "/keys"} {
			t.Run("DD-10 DD-12 RF-06 "+path+", "+trick, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					p := msaltest.New(t)
					p.Rotation = msaltest.KeepOld
					store := cache.Memory()
					first := expire(t, p, newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store }), "read")
					for key, err := range store.List(t.Context(), "m-") { // as after an update: nothing is known of the server
						require.NoError(t, err)
						require.NoError(t, store.Delete(t.Context(), key))
					}
					l := &hostileLine{p: p, at: path, write: write}
					c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.HTTPClient = store, l.client() })
					began := time.Now()
					_, err := c.Token(t.Context(), "read")
					require.Error(t, err)
					require.NotErrorIs(t, err, msal.ErrSignInRequired)
					require.LessOrEqual(t, time.Since(began), 61*time.Second)
					require.LessOrEqual(t, l.times.Load(), int64(2))
					require.LessOrEqual(t, l.taken.Load(), int64(4<<20))
					l.at = ""
					token, err := c.Token(t.Context(), "read")
					require.NoError(t, err)
					require.Equal(t, first.Account, token.Account)
					time.Sleep(2 * time.Hour)
				})
			})
		}
	}
}

// And at a sign-out: the session is gone from here, and the error says what the server was not told.
func TestHostileServersAtTheEnd(t *testing.T) {
	t.Parallel()
	for trick, write := range tricks {
		t.Run("LO-02 R-7009-2 "+trick, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				l := &hostileLine{p: p, at: "/revoke", write: write}
				c := newClient(t, p, func(cfg *msal.Config) { cfg.HTTPClient = l.client() })
				signIn(t, p, c, "read")
				began := time.Now()
				if err := c.SignOut(t.Context()); err != nil {
					require.ErrorContains(t, err, "the server was not told")
				} else {
					require.Contains(t, []string{"a bomb", "a body for ever", "trailers for ever", "tiny chunks", "a byte a second"}, trick, "the status was 200")
				}
				require.LessOrEqual(t, time.Since(began), 30*time.Second)
				require.LessOrEqual(t, l.taken.Load(), int64(2<<20))
				requireNobody(t, c)
				_, err := c.Token(t.Context(), "read")
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// An issuer that publishes a private key has lost it: that is for its owner to hear of, from whoever notices.
func TestPrivateKeyIsTold_KS10(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditKeys = func(document map[string]any) {
		document["keys"] = append(document["keys"].([]any), map[string]any{"kty": "RSA", "kid": "leaked", "n": "AQAB", "e": "AQAB", "d": "c2VjcmV0"})
	}
	var log bytes.Buffer
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	signIn(t, p, c, "read")
	require.Contains(t, log.String(), `msg="keys of the server not used"`)
	require.Contains(t, log.String(), "leaked")
	require.NotContains(t, log.String(), "c2VjcmV0")
	require.NotContains(t, log.String(), "AQAB")
}

// An endpoint is gone and the metadata that might name the new one does not come:
// the accounts that are refreshed at once wait for it once, not one after the other.
func TestMetadataDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		var accounts []msal.Account
		for _, subject := range []string{"a", "b", "c", "d"} {
			p.SignInAs(msaltest.User{Subject: subject})
			accounts = append(accounts, signIn(t, p, c, "read").Account)
		}
		time.Sleep(2 * time.Hour)
		p.Fail("token", msaltest.Fault{Status: 404})
		_, err := c.For(accounts[0]).Token(t.Context(), "read")
		require.Equal(t, 404, asServerError(t, err).StatusCode)
		p.Fail("discovery", msaltest.Fault{Hang: true, Times: -1})
		p.ResetLog()
		began := time.Now()
		var wg sync.WaitGroup
		for _, a := range accounts {
			wg.Go(func() { requireToken(t, c.For(a), "read") })
		}
		wg.Wait()
		require.Equal(t, 30*time.Second, time.Since(began))
		require.Equal(t, 1, p.Count("discovery"))
	})
}
