package loopback

import (
	"bufio"
	"context"
	"crypto/subtle"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

const state = "s-Yq0zR5N1f8"

func accept(v url.Values) bool {
	return subtle.ConstantTimeCompare([]byte(v.Get("state")), []byte(state)) == 1
}

// listenReal opens a real port.
func listenReal(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Accept = accept
	s, err := Listen(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// browse goes to address as a browser does: it follows redirects and keeps no
// connection.
func browse(t *testing.T, address string) (*http.Response, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(address)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func requireRefused(t *testing.T, s *Server) {
	t.Helper()
	u, err := url.Parse(s.RedirectURI())
	require.NoError(t, err)
	c, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err == nil {
		c.Close()
	}
	require.Error(t, err, "the port still answers")
}

// requireGoroutines gives goroutines that have done their work the moment that
// they need to be gone.
func requireGoroutines(t *testing.T, want int) {
	t.Helper()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= want+1 }, time.Second, time.Millisecond) // +1: this one
}

func TestSignIn_R6749_20(t *testing.T) {
	for _, redirect := range []string{"http://localhost", "http://127.0.0.1", "http://[::1]", "http://localhost/", "http://127.0.0.1/auth/callback"} {
		for _, ok := range []bool{true, false} {
			t.Run(redirect, func(t *testing.T) {
				t.Parallel()
				s := listenReal(t, Config{Redirect: redirect})
				require.Regexp(t, `^http://(localhost|127\.0\.0\.1|\[::1\]):\d+(/auth/callback|/)?$`, s.RedirectURI())

				seen := make(chan func(), 1)
				go func() {
					res, page := browse(t, s.RedirectURI()+"?code=c1&state="+state+"&session_state=x")
					seen <- func() {
						require.Equal(t, http.StatusOK, res.StatusCode)
						require.Equal(t, ok, strings.Contains(page, "You are signed in"))
						require.Equal(t, !ok, strings.Contains(page, "You are not signed in"))
						require.Equal(t, s.published.pagePath(), res.Request.URL.RequestURI(), "code and state must leave the address bar")
					}
				}()
				answer, err := s.Wait(t.Context())
				require.NoError(t, err)
				require.Equal(t, url.Values{"code": {"c1"}, "state": {state}, "session_state": {"x"}}, answer)
				s.Finish(ok)
				requireRefused(t, s)
				(<-seen)()
			})
		}
	}
}

func TestFormPost_R9700_8(t *testing.T) {
	t.Parallel()
	s := listenReal(t, Config{Redirect: "http://localhost/cb", FormPost: true})
	form := url.Values{"code": {strings.Repeat("c", maxCode)}, "state": {state}}
	seen := make(chan *http.Response, 1)
	go func() {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.PostForm(s.RedirectURI(), form)
		if err == nil {
			res.Body.Close()
		}
		seen <- res
	}()
	answer, err := s.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, form, answer)
	s.Finish(true)
	res := <-seen
	require.NotNil(t, res)
	require.Equal(t, http.MethodGet, res.Request.Method, "303 turns the POST into a GET; 307 would post the code again")
	require.Equal(t, "/cb/done", res.Request.URL.Path)
}

func TestErrorAnswer(t *testing.T) {
	t.Parallel()
	s := listenReal(t, Config{Redirect: "http://127.0.0.1"})
	go func() {
		if res, err := http.Get(s.RedirectURI() + "?error=access_denied&error_description=A%0D%0AB&state=" + state); err == nil {
			_ = res.Body.Close()
		}
	}()
	answer, err := s.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, "access_denied", answer.Get("error"))
	require.Equal(t, "A\r\nB", answer.Get("error_description"), "Microsoft breaks lines in descriptions")
	s.Finish(false)
}

func TestParallelSignIns_CB32(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for _, code := range []string{"one", "two", "three"} {
		s := listenReal(t, Config{Redirect: "http://localhost"})
		all.Go(func() { browse(t, s.RedirectURI()+"?code="+code+"&state="+state) })
		all.Go(func() {
			answer, err := s.Wait(t.Context())
			s.Finish(err == nil)
			if err != nil || answer.Get("code") != code {
				t.Errorf("got %v, %v, want code %s", answer, err, code)
			}
		})
	}
	all.Wait()
}

// Connections that a browser opened ahead of need, and one half-sent
// request, do not hold up the end.
func TestGoneWithinASecond_CB20_R8252_5(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := Listen(Config{Redirect: "http://localhost", Accept: accept})
	require.NoError(t, err)
	host := strings.TrimPrefix(s.RedirectURI(), "http://")
	for _, sent := range []string{"", "", "GET /?code", "GET / HTTP/1.1\r\nHost:"} {
		c, err := net.Dial("tcp", host)
		require.NoError(t, err)
		defer c.Close()
		_, err = io.WriteString(c, sent)
		require.NoError(t, err)
	}
	genuine, err := net.Dial("tcp", host)
	require.NoError(t, err)
	defer genuine.Close()
	_, err = io.WriteString(genuine, "GET /?code=c&state="+state+" HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	require.NoError(t, err)
	_, err = s.Wait(t.Context())
	require.NoError(t, err)

	began := time.Now()
	s.Finish(true) // nobody fetches the page
	require.Less(t, time.Since(began), time.Second)
	requireGoroutines(t, before)
	requireRefused(t, s)
}

func TestAbandoned_CO02(t *testing.T) {
	before := runtime.NumGoroutine()
	began := time.Now()
	for range 300 {
		s, err := Listen(Config{Redirect: "http://localhost", Accept: accept})
		require.NoError(t, err)
		s.Close()
		s.Close()
		s.Finish(true)
		_, err = s.Wait(t.Context())
		require.Error(t, err)
	}
	requireGoroutines(t, before)
	require.Less(t, time.Since(began), 20*time.Second, "an end that nobody watches needs no patience")
}

// Whoever opens connections and holds them does not keep the browser
// out.
func TestFlood_CB24(t *testing.T) {
	t.Parallel()
	s := listenReal(t, Config{Redirect: "http://127.0.0.1"})
	host := strings.TrimPrefix(s.RedirectURI(), "http://")
	flood := func(n int) {
		for range n {
			c, err := net.Dial("tcp", host)
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}
	flood(2 * maxConns)
	var rest sync.WaitGroup
	rest.Go(func() { flood(2 * maxConns) })
	rest.Go(func() {
		// On a busy machine it may be put out before it could say anything; a
		// browser then tries again.
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for range 20 {
			if res, err := client.Get(s.RedirectURI() + "?code=c&state=" + state); err == nil {
				_ = res.Body.Close()
				return
			}
		}
	})
	answer, err := s.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, "c", answer.Get("code"))
	flood(2 * maxConns) // nor is it put out while it waits for the result
	s.gate.mu.Lock()
	held := len(s.gate.conns)
	s.gate.mu.Unlock()
	require.LessOrEqual(t, held, maxConns)
	s.Finish(true)
	rest.Wait()
}

// pipes is a listener in memory, for tests that own the clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return nil }

func (p *pipes) dial(send string) net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	_, _ = io.WriteString(here, send)
	return here
}

// inBubble runs f with a server on fake time, at http://localhost:7/cb.
func inBubble(t *testing.T, cfg Config, f func(t *testing.T, s *Server, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		cfg.Accept = accept
		s := start(cfg, redirect{"localhost", "7", "/cb"}, []net.Listener{p})
		f(t, s, p)
		time.Sleep(time.Second) // a Finish that f started is over
		s.Close()
	})
}

const (
	end     = " HTTP/1.1\r\nHost: localhost:7\r\n\r\n"
	genuine = "GET /cb?code=c&state=" + state + end
	getPage = "GET /cb/done" + end
)

func status(t *testing.T, c net.Conn) int {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	return res.StatusCode
}

// The person waits for the result as long as the application does: a slow token
// endpoint is no broken page.
func TestSlowRedemption(t *testing.T) {
	t.Parallel()
	inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
		c := p.dial(genuine)
		_, err := s.Wait(t.Context())
		require.NoError(t, err)
		time.Sleep(2 * time.Minute)
		p.dial("GET /half") // nor does the end wait for such
		finished := make(chan time.Time)
		go func() { s.Finish(true); finished <- time.Now() }()
		require.Equal(t, http.StatusSeeOther, status(t, c))
		require.Equal(t, http.StatusOK, status(t, p.dial(getPage)))
		require.Equal(t, time.Now(), <-finished, "fetched, so nothing is left to wait for")
	})
}

// A reload brings the same answer again. It is not delivered again, and
// it gets the result as well.
func TestReload_CB06(t *testing.T) {
	t.Parallel()
	inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
		first, second := p.dial(genuine), p.dial(genuine)
		_, err := s.Wait(t.Context())
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = s.Wait(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "delivered twice")

		go s.Finish(true)
		require.Equal(t, http.StatusSeeOther, status(t, first))
		require.Equal(t, http.StatusSeeOther, status(t, second))
		require.Equal(t, http.StatusSeeOther, status(t, p.dial(genuine)), "also one that comes after the end")
	})
}

// Close without a result, as after a timeout, tells a browser that waits that
// it did not work out.
func TestCloseWhileABrowserWaits(t *testing.T) {
	t.Parallel()
	inBubble(t, Config{Failure: []byte("<p>no</p>")}, func(t *testing.T, s *Server, p *pipes) {
		c := p.dial(genuine)
		synctest.Wait()
		go s.Close()
		require.Equal(t, http.StatusSeeOther, status(t, c))
		res, err := http.ReadResponse(bufio.NewReader(p.dial(getPage)), nil)
		require.NoError(t, err)
		page, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, "<p>no</p>", string(page))
	})
}

func TestEndOfTheListener(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reads bool // the browser reads the redirect, and not the page
		want  time.Duration
	}{
		"limit: end of the listener, 800 ms": {false, 800 * time.Millisecond},
		"limit: end of the listener, 500 ms": {true, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
				c := p.dial(genuine)
				p.dial("")
				synctest.Wait()
				if test.reads {
					go io.Copy(io.Discard, c)
				}
				began := time.Now()
				s.Finish(true)
				require.Equal(t, test.want, time.Since(began))
			})
		})
	}
}

func TestNoPageBeforeTheResult(t *testing.T) {
	t.Parallel()
	inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
		require.Equal(t, http.StatusNotFound, status(t, p.dial(getPage)))
		p.dial(genuine)
		synctest.Wait()
		require.Equal(t, http.StatusNotFound, status(t, p.dial(getPage)))
	})
}

func TestReadTimes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		send string
		want time.Duration
	}{
		"limit: callback header, 2 s":  {"", headerTime},
		"half a line":                  {"GET /cb?co", headerTime},
		"no end":                       {"GET /cb HTTP/1.1\r\nHost: localhost:7\r\n", headerTime},
		"limit: callback request, 5 s": {"POST /cb HTTP/1.1\r\nHost: localhost:7\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\ncode", readTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Config{FormPost: true}, func(t *testing.T, s *Server, p *pipes) {
				began := time.Now()
				_, _ = io.Copy(io.Discard, p.dial(tc.send))
				require.Equal(t, tc.want, time.Since(began))
			})
		})
	}
}

func TestWaitEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(io.ErrNoProgress)
		_, err := s.Wait(ctx)
		require.ErrorIs(t, err, io.ErrNoProgress)
		require.Equal(t, http.StatusBadRequest, status(t, p.dial("GET /cb?code=c&state=other"+end)), "still open after Wait")
	})
}
