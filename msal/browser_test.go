package msal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// onSockets makes a platform and a client that speak over real connections.
func onSockets(t *testing.T) (*msaltest.Platform, *msal.Client) {
	t.Helper()
	p := msaltest.New(t)
	p.Start()
	return p, newClient(t, p, func(cfg *msal.Config) {
		cfg.InsecureLoopbackHTTP = true
		cfg.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	})
}

// visitor is a sign-in whose browser the test plays. Open has not returned when
// the test begins to and does not before its context ends.
type visitor struct {
	address  string // of the authorization request
	redirect string
	token    msal.Token
	err      error
	done     chan struct{} // closed: token and err are there
	closed   chan struct{} // closed: Open has returned
}

func startBrowser(ctx context.Context, t *testing.T, c *msal.Client, b msal.Browser) *visitor {
	t.Helper()
	v := &visitor{done: make(chan struct{}), closed: make(chan struct{})}
	opened := make(chan string)
	b.Open = func(ctx context.Context, address string) error {
		defer close(v.closed)
		opened <- address
		<-ctx.Done()
		return context.Cause(ctx)
	}
	go func() {
		defer close(v.done)
		v.token, v.err = c.SignIn(ctx, b, "read")
	}()
	v.address = <-opened
	v.redirect = query(t, v.address).Get("redirect_uri")
	return v
}

// wait returns what became of the sign-in, and makes sure that nothing is left.
func (v *visitor) wait(t *testing.T) (msal.Token, error) {
	t.Helper()
	<-v.done
	<-v.closed
	requireClosed(t, v.redirect)
	return v.token, v.err
}

func requireClosed(t testing.TB, redirect string) {
	t.Helper()
	u, err := url.Parse(redirect)
	require.NoError(t, err)
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err == nil {
		conn.Close()
	}
	require.Error(t, err, "the port still answers")
}

// call makes a request as a browser does, and returns status, header and body.
func call(t *testing.T, method, address string, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	browser := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := browser.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]msal.Browser{
		"form_post by itself": {},
		"form_post":           {ResponseMode: "form_post", RedirectURI: "http://localhost/auth/callback"},
		"query":               {ResponseMode: "query", RedirectURI: "http://127.0.0.1/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := onSockets(t)
			shown := ""
			b.Show = func(_ context.Context, address string) error { shown = address; return nil }
			var open context.Context
			b.Open = func(ctx context.Context, address string) error {
				open = ctx
				return p.Browse(ctx, address)
			}
			p.EditToken = func(string, map[string]any) {
				if open.Err() != nil {
					t.Error("the browser is ended before it can show how the sign-in went")
				}
			}
			token, err := c.SignIn(t.Context(), b, "read")
			require.NoError(t, err)
			require.Equal(t, "avery", token.Account.Subject)
			asked := query(t, shown)
			want := b.ResponseMode
			if want == "" {
				want = "form_post"
			}
			require.Equal(t, want, asked.Get("response_mode"))
			redirect, err := url.Parse(asked.Get("redirect_uri"))
			require.NoError(t, err)
			require.NotEmpty(t, redirect.Port())
			redirect.Host = redirect.Hostname()
			if b.RedirectURI == "" {
				b.RedirectURI = "http://127.0.0.1"
			}
			require.Equal(t, b.RedirectURI, redirect.String())
			exchange := p.TokenRequests("authorization_code")
			require.Len(t, exchange, 1)
			require.Equal(t, asked["redirect_uri"], exchange[0].Form["redirect_uri"])
			requireClosed(t, asked.Get("redirect_uri"))
		})
	}
}

// A server that lists no response modes supports query.
func TestBrowserFallsBackToQuery(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	p.EditMetadata = func(m map[string]any) { delete(m, "response_modes_supported") }
	v := startBrowser(t.Context(), t, c, msal.Browser{})
	require.Equal(t, "query", query(t, v.address).Get("response_mode"))
	require.NoError(t, p.Browse(t.Context(), v.address))
	_, err := v.wait(t)
	require.NoError(t, err)
}

// Everything that reaches the port before the genuine answer, most of it with
// the right state: none ends the sign-in, learns anything, or gets CORS.
func TestBrowserIgnoresStrangers_CB03_CB05(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	v := startBrowser(t.Context(), t, c, msal.Browser{ResponseMode: "query", Page: []byte("<!doctype html><p>Welcome")})
	asked := query(t, v.address)
	genuine := v.redirect + "/?" + visit(t, p, v.address).Encode()
	state := "state=" + url.QueryEscape(asked.Get("state"))
	for name, r := range map[string][]string{
		"CB-01":             {"GET", v.redirect + "/?code=x"},
		"CB-02":             {"GET", v.redirect + "/?code=x&state=y"},
		"CB-07 no state":    {"GET", v.redirect + "/?error=access_denied"},
		"CB-07 wrong state": {"GET", v.redirect + "/?error=access_denied&state=x"},
		"CB-09":             {"GET", genuine + "&code=y"},
		"CB-12 Host":        {"GET", genuine, "Host", "evil.example"},
		"CB-13 icon":        {"GET", v.redirect + "/favicon.ico"},
		"CB-13 HEAD":        {"HEAD", genuine},
		"CB-13 preflight":   {"OPTIONS", genuine, "Origin", "https://evil.example", "Access-Control-Request-Method", "GET", "Access-Control-Request-Private-Network", "true"},
		"CB-13 PUT":         {"PUT", genuine},
		"CB-14":             {"GET", v.redirect + "/?error=x&state=y&error_description=%3Cscript%3Ealert(1)%3C/script%3E"},
		"CB-15 POST":        {"POST", genuine},
		"CB-17 path":        {"GET", strings.Replace(genuine, "/?", "//?", 1)},
		"CB-21":             {"GET", v.redirect + "/"},
		"CB-21 page":        {"GET", v.redirect + "/done"},
		"CB-25":             {"GET", v.redirect + "/?code=&" + state},
		"CB-29 image":       {"GET", genuine, "Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors"},
		"CB-29 frame":       {"GET", genuine, "Sec-Fetch-Dest", "iframe", "Sec-Fetch-Site", "cross-site"},
		"CB-06 prefetch":    {"GET", genuine, "Sec-Purpose", "prefetch;prerender"},
		"CB-30 websocket":   {"GET", genuine, "Upgrade", "websocket", "Connection", "Upgrade"},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := call(t, r[0], r[1], r[2:]...)
			require.Contains(t, []int{400, 403, 404, 405, 421}, status)
			require.NotContains(t, fmt.Sprint(header), "Access-Control")
			for _, secret := range []string{asked.Get("state"), asked.Get("nonce"), asked.Get("code_challenge"), "script", p.URL} {
				require.NotContains(t, fmt.Sprint(header)+body, secret)
			}
		})
	}
	require.Zero(t, p.Count("token"))
	status, header, page := call(t, "GET", genuine)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, page, "Welcome")
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	_, err := v.wait(t)
	require.NoError(t, err)
}

// The server's word, when it has the right state, ends the sign-in.
func TestBrowserTypedErrors(t *testing.T) {
	t.Parallel()
	t.Run("CB-07 denied", func(t *testing.T) {
		t.Parallel()
		p, c := onSockets(t)
		p.Deny()
		_, err := c.SignIn(t.Context(), msal.Browser{Open: p.Browse}, "read")
		require.Equal(t, "access_denied", asServerError(t, err).Code)
		require.Zero(t, p.Count("token"))
	})
	t.Run("CB-10 another issuer", func(t *testing.T) {
		t.Parallel()
		p, c := onSockets(t)
		v := startBrowser(t.Context(), t, c, msal.Browser{ResponseMode: "query"})
		answer := change(visit(t, p, v.address), "iss", "https://evil.example")
		_, _, page := call(t, "GET", v.redirect+"/?"+answer.Encode())
		require.Contains(t, page, "not signed in")
		_, err := v.wait(t)
		require.ErrorContains(t, err, "iss is")
		require.Zero(t, p.Count("token"))
	})
	t.Run("TR-01 refused code", func(t *testing.T) {
		t.Parallel()
		p, c := onSockets(t)
		p.Fail("token", msaltest.Fault{Code: "invalid_scope", Description: "email is not supported"})
		opened := 0
		_, err := c.SignIn(t.Context(), msal.Browser{Open: func(ctx context.Context, address string) error {
			opened++
			return p.Browse(ctx, address)
		}}, "read")
		require.Equal(t, "invalid_scope", asServerError(t, err).Code)
		require.Equal(t, 1, opened, "nobody is asked to sign in twice")
		require.Equal(t, 1, p.Count("token"))
	})
}

// The answer is delivered again while the first is redeemed.
func TestBrowserSecondDelivery_CB06(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	v := startBrowser(t.Context(), t, c, msal.Browser{ResponseMode: "query"})
	genuine := v.redirect + "/?" + visit(t, p, v.address).Encode()
	p.Fail("token", msaltest.Fault{Delay: 100 * time.Millisecond, After: true})
	var reloads sync.WaitGroup
	for range 5 {
		reloads.Go(func() {
			// The later ones may find the port closed: the sign-in is over.
			if resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(genuine); err == nil {
				resp.Body.Close()
			}
		})
	}
	_, err := v.wait(t)
	reloads.Wait()
	require.NoError(t, err)
	require.Equal(t, 1, p.Count("token"))
	require.True(t, p.SessionAlive("avery"))
}

// A default that the server refuses is left out, and the person asked again at
// once; not a third time.
func TestBrowserStartsAgainWithoutARefusedDefault(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	p.RejectScopes = []string{"email"}
	var asked []string
	open := func(ctx context.Context, address string) error {
		asked = append(asked, query(t, address).Get("scope"))
		return p.Browse(ctx, address)
	}
	_, err := c.SignIn(t.Context(), msal.Browser{Open: open}, "read")
	require.NoError(t, err)
	require.Equal(t, []string{"read openid profile email offline_access", "read openid profile offline_access"}, asked)
	require.Equal(t, 1, p.Count("token"))

	asked, p.RejectScopes = nil, []string{"profile", "read"}
	_, err = c.SignIn(t.Context(), msal.Browser{Open: open}, "read")
	require.Equal(t, "invalid_scope", asServerError(t, err).Code)
	require.Equal(t, []string{"read openid profile email offline_access"}, asked, "the error names a scope of the caller, so it is about that one")
}

// Whoever has read the browser's address can end the sign-in. What they say is marked as what came with a redirect, does
// nothing to a terminal, and is none of the server's.
func TestForgedErrorAtThePort_CB34(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	open := func(_ context.Context, address string) error {
		q := query(t, address)
		forged := url.Values{"state": {q.Get("state")}, "iss": {p.URL}, "error": {"interaction_required"},
			"error_description": {"Your certificate has expired.\nRun: curl https://evil.example/fix"}}
		resp, err := http.PostForm(q.Get("redirect_uri"), forged)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	_, err := c.SignIn(t.Context(), msal.Browser{Open: open}, "read")
	require.Zero(t, asServerError(t, err).StatusCode)
	require.ErrorContains(t, err, `msal: sign in: a redirect said interaction_required: Your certificate has expired.`)
	require.NotContains(t, err.Error(), "server said")
	require.NotContains(t, err.Error(), "\n")
	require.Zero(t, p.Count("token"))
	requireNobody(t, c)
}

// Show has the address also where no browser comes up.
func TestBrowserThatDoesNotOpen_CB27_DV18_R8628_10(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	shown := make(chan string, 1)
	failed := errors.New("no display")
	b := msal.Browser{
		Show: func(_ context.Context, address string) error { shown <- address; return nil },
		Open: func(context.Context, string) error { return failed },
	}
	var wg sync.WaitGroup
	wg.Go(func() { _ = p.Browse(context.Background(), <-shown) }) // the person does it by hand
	_, err := c.SignIn(t.Context(), b, "read")
	wg.Wait()
	require.NoError(t, err)

	b.Timeout = 200 * time.Millisecond
	_, err = c.SignIn(t.Context(), b, "read")
	redirect := query(t, <-shown).Get("redirect_uri")
	require.ErrorIs(t, err, failed)
	require.ErrorContains(t, err, redirect)
	require.ErrorContains(t, err, "within 200ms: opening it: no display; if the browser", "what is known comes first")
	require.ErrorIs(t, err, msal.ErrSignInTimeout)
	requireClosed(t, redirect)         // too late
	require.Zero(t, p.Count("device")) // nor is anything else tried

	b.Show = func(context.Context, string) error { return failed }
	b.Open = func(context.Context, string) error { panic("opened though the person could not be told") }
	_, err = c.SignIn(t.Context(), b, "read")
	require.ErrorIs(t, err, failed)
	require.ErrorContains(t, err, "Browser.Show")
}

// An Open that is the browser, as one in tests is, ends a sign-in that nobody can
// finish: with the reason, without waiting, and without asking the person.
func TestBrowserThatMeetsTheEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(*msaltest.Platform)
		says string
	}{
		"a page that refuses":        {func(p *msaltest.Platform) { p.RedirectURIs = []string{"http://127.0.0.1/registered"} }, "400 Bad Request"},
		"an administrator's consent": {asEntra, "AADSTS90094"},
		"no connection":              {func(p *msaltest.Platform) { p.Fail("authorize", msaltest.Fault{CutBefore: true}) }, "the connection was cut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			tc.set(p)
			var log bytes.Buffer
			c := newClient(t, p, func(cfg *msal.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
				if p.Entra != nil {
					cfg.Authority, cfg.Provider.Name = cfg.Authority+"/"+wireTenant, "entra"
				}
			})
			redirect := ""
			_, err := c.SignIn(t.Context(), msal.Browser{Timeout: 10 * time.Second, Open: func(ctx context.Context, address string) error {
				redirect = query(t, address).Get("redirect_uri")
				return fmt.Errorf("wrapped: %w", p.Browse(ctx, address))
			}}, "Directory.Read.All")
			require.NotErrorIs(t, err, msal.ErrSignInTimeout)
			require.ErrorContains(t, err, "Browser.Open: wrapped: msaltest: browse: ")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, log.String(), "browser not opened", "nor is anybody asked to open one")
			requireClosed(t, redirect)
		})
	}
}

// A program can ask before it sends a person to a browser that nobody sees.
func TestNoBrowser(t *testing.T) {
	for _, name := range []string{
		"BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SUDO_UID", "PKEXEC_UID", "DOAS_USER",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
	require.Equal(t, "over SSH", msal.NoBrowser())
	if runtime.GOOS != "windows" { // which has no BROWSER
		t.Setenv("BROWSER", os.Args[0])
		require.Empty(t, msal.NoBrowser(), "whoever set it knows better")
	}
}

// What was seen at the port explains a timeout.
func TestBrowserTimeoutHint(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	v := startBrowser(t.Context(), t, c, msal.Browser{ResponseMode: "form_post", Timeout: time.Second})
	status, _, _ := call(t, "GET", v.redirect+"/?code=x&state=y")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	_, err := v.wait(t)
	require.ErrorIs(t, err, msal.ErrSignInTimeout)
	require.ErrorContains(t, err, "by GET")
	require.ErrorContains(t, err, v.redirect)
	require.Zero(t, p.Count("token"))
}

func TestBrowserCancelled_CB27(t *testing.T) {
	t.Parallel()
	_, c := onSockets(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	v := startBrowser(ctx, t, c, msal.Browser{})
	changed := errors.New("the person changed their mind")
	cancel(changed)
	_, err := v.wait(t)
	require.ErrorIs(t, err, changed)
	require.NotErrorIs(t, err, msal.ErrSignInTimeout)

	// A deadline of the caller's is the caller's too.
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	v = startBrowser(ctx, t, c, msal.Browser{})
	_, err = v.wait(t)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, msal.ErrSignInTimeout)
}

// No browser is opened when the answer could not arrive, or at another
// program.
func TestBrowserPort_CB19(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	for redirect, says := range map[string]string{
		"http://" + other.Addr().String(): other.Addr().String()[len("127.0.0.1:"):],
		"https://localhost":               "redirect address",
		"http://app.example/cb":           "redirect address",
	} {
		_, err = c.SignIn(t.Context(), msal.Browser{RedirectURI: redirect, Open: func(context.Context, string) error {
			t.Error("opened")
			return nil
		}}, "read")
		require.ErrorContains(t, err, says)
	}
	require.Zero(t, p.Count("authorize"))
}

// When SignIn returns the port is closed and nothing runs any more,
// whatever connections are held open. Not parallel: it looks at all goroutines.
func TestBrowserLeavesNothing_CB20_R8252_5(t *testing.T) {
	p, c := onSockets(t)
	v := startBrowser(t.Context(), t, c, msal.Browser{})
	for _, half := range []string{"", "GET / HTTP/1.1\r\nHost:"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(v.redirect, "http://"))
		require.NoError(t, err)
		defer conn.Close()
		_, err = io.WriteString(conn, half)
		require.NoError(t, err)
	}
	require.NoError(t, p.Browse(t.Context(), v.address))
	began := time.Now()
	_, err := v.wait(t)
	require.NoError(t, err)
	require.Less(t, time.Since(began), time.Second)
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	require.NotContains(t, string(stacks), "internal/loopback.")
	require.NotContains(t, string(stacks), "msal.Browser.")
}

// Everybody signs in at once, through one client, and gets
// their own account.
func TestBrowserInParallel_CB32_CO01(t *testing.T) {
	t.Parallel()
	p, c := onSockets(t)
	const n = 20
	for i := range n {
		p.Users = append(p.Users, msaltest.User{Subject: fmt.Sprint("user-", i)})
	}
	var wg sync.WaitGroup
	tokens, errs := make([]msal.Token, n), make([]error, n)
	for i := range n {
		wg.Go(func() {
			one := c.With(msal.Params{LoginHint: p.Users[i].Subject})
			tokens[i], errs[i] = one.SignIn(context.Background(), msal.Browser{Open: p.Browse}, "read")
		})
	}
	wg.Wait()
	for i := range n {
		require.NoError(t, errs[i])
		require.Equal(t, p.Users[i].Subject, tokens[i].Account.Subject)
		again, err := c.For(tokens[i].Account).Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, tokens[i].AccessToken(), again.AccessToken())
	}
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, n)
}

// What an application's Open does wrong is an error, not the end of its
// process.
func TestBrowserOpenPanics_BR12(t *testing.T) {
	t.Parallel()
	_, c := onSockets(t)
	_, err := c.SignIn(t.Context(), msal.Browser{
		Timeout: 50 * time.Millisecond,
		Show:    func(context.Context, string) error { return nil },
		Open:    func(context.Context, string) error { panic("boom") },
	}, "read")
	require.ErrorContains(t, err, "boom")
}
