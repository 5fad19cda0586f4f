package wire

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// piped returns a client whose every connection goes to script, through a pipe:
// that works in a synctest bubble, where the clock is the test's.
func piped(timeout time.Duration, script func(net.Conn)) *Client {
	c := New(nil, timeout, true)
	transport := c.transport.(*http.Transport)
	transport.DisableKeepAlives = true
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { script(theirs); theirs.Close() }()
		return ours, nil
	}
	return c
}

// readForm reads one request from conn, its form included.
func readForm(conn net.Conn) string {
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return ""
	}
	body, _ := io.ReadAll(r.Body)
	return string(body)
}

const endpoint = "http://127.0.0.1:1/token"

// What a server does with a request that it has read, and what we may conclude.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, answer, want string
		status             int
		unknown            bool
	}{
		{"RF-06 closed", "", "no answer: the connection ", 0, true},
		{"TR-19 cut in the header", "HTTP/1.1 200 OK\r\nContent-", "no answer: the connection ", 0, true},
		{"TR-19 cut in the body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"access_token\":", "answered 200: the connection ended early", 200, true},
		{"TR-19 length larger than the body", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}", "answered 200: the connection ended early", 200, true},
		{"TR-19 cut chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}", "answered 200: the connection ended early", 200, true},
		{"broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + canary + "\r\n", "answered 200: the connection broke", 200, true},
		{"broken gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 16\r\n\r\n" + canary + "0000", "answered 200: the connection broke", 200, true},
		{"cut 400", "HTTP/1.1 400 Bad Request\r\nContent-Length: 50\r\n\r\n{", "answered 400", 400, false},
		{"cut 502", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 50\r\n\r\n", "answered 502", 502, true},
		{"LG-05 echo in the status line", canary + " " + canary + "\r\n\r\n", "no answer: the connection broke or what came was not HTTP", 0, true},
		{"LG-05 echo in a header", "HTTP/1.1 200 OK\r\n" + canary + "\r\n\r\n", "no answer: the connection broke", 0, true},
		{"LG-05 echo in a length", "HTTP/1.1 200 OK\r\nContent-Length: " + canary + "\r\n\r\n", "no answer: the connection broke", 0, true},
		{"DD-11 header flood", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n{}", "no answer: the connection broke", 0, true},
		{"DD-11 10^4 headers", "HTTP/1.1 200 OK\r\n" + strings.Repeat("Xx: yyyy\r\n", 10_000) + "\r\n{}", "no answer: the connection broke", 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			c := piped(0, func(conn net.Conn) {
				requests++
				if readForm(conn) != form.Encode() {
					t.Error("not the form")
				}
				write(conn, row.answer)
			})
			_, err := c.Post(t.Context(), endpoint, form, nil)
			require.ErrorContains(t, err, row.want)
			e := asError(t, err)
			require.Equal(t, row.status, e.Status)
			require.True(t, e.Sent)
			require.Equal(t, row.unknown, e.Unknown())
			require.Equal(t, 1, requests, "nothing sends a form again by itself")
		})
	}
}

func TestNothingWasSent_RF07(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	dial := func(err error) *Client {
		c := New(nil, 0, true)
		c.transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		return c
	}
	inProcess := func(err error) *Client {
		return New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, err })}, 0, true)
	}
	own := errors.New("circuit is open")
	for _, row := range []struct {
		name, at, want string
		c              *Client
		is             error
	}{
		{"refused", "http://" + closed.Addr().String(), "refused", New(nil, 0, true), nil},
		{"dial", endpoint, "127.0.0.1:1: no answer: circuit is open", dial(own), own},
		{"no such host", endpoint, "no such host", dial(&net.DNSError{Err: "no such host", Name: "idp.test", IsNotFound: true}), nil},
		{"dial timeout", endpoint, "not complete in time", dial(os.ErrDeadlineExceeded), context.DeadlineExceeded},
		{"other transport", endpoint, "circuit is open", inProcess(own), own},
		{"LG-06 URL of a client", endpoint, "no answer: circuit is open", inProcess(fmt.Errorf("retried: %w", &url.Error{Op: "Post", URL: "https://u:" + canary + "@x?code=" + canary, Err: own})), own},
		{"LG-06 proxy", endpoint, "may hold a password", inProcess(fmt.Errorf("invalid proxy address %q", "u:"+canary+"@proxy")), nil},
		{"TE-09 terminal", endpoint, `\u{1b}[2J`, inProcess(errors.New("\x1b[2J")), nil},
		{"neither", endpoint, "neither an answer nor an error", inProcess(nil), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			_, err := row.c.Post(t.Context(), row.at, form, nil)
			require.ErrorContains(t, err, row.want)
			if row.is != nil {
				require.ErrorIs(t, err, row.is)
			}
			e := asError(t, err)
			require.False(t, e.Sent)
			require.False(t, e.Unknown())
		})
	}
}

// A transport of another kind counts as having sent what it has read.
func TestForeignTransportThatLosesTheAnswer(t *testing.T) {
	t.Parallel()
	c := New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.GetBody != nil {
			t.Error("the body can be had twice")
		}
		_, _ = io.ReadAll(r.Body)
		return nil, fmt.Errorf("lost %s", canary)
	})}, 0, false)
	_, err := c.Post(t.Context(), "https://idp.example", form, nil)
	require.True(t, asError(t, err).Unknown())
}

func TestTimeoutCoversEverything(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(net.Conn){
		"silence":                  func(conn net.Conn) { readForm(conn); <-time.After(time.Hour) },
		"reads nothing":            func(conn net.Conn) { <-time.After(time.Hour) },
		"DD-10 one byte a second":  func(conn net.Conn) { readForm(conn); drip(conn, "HTTP/1.1 200 OK\r\n\r\n") },
		"one header byte a second": func(conn net.Conn) { readForm(conn); drip(conn, "HTTP/1.1 200 OK\r\nX: ") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				_, err := piped(9*time.Second, script).Post(t.Context(), endpoint, form, nil)
				require.Equal(t, 9*time.Second, time.Since(start))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, name != "reads nothing", asError(t, err).Unknown())
				time.Sleep(2 * time.Hour) // lets the scripts end
			})
		})
	}
}

func drip(conn net.Conn, head string) {
	write(conn, head)
	for range 3600 {
		if _, err := io.WriteString(conn, "x"); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestSlowHeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := piped(time.Minute, func(conn net.Conn) { readForm(conn); <-time.After(time.Hour) }).Post(t.Context(), endpoint, form, nil)
		require.Equal(t, 15*time.Second, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, asError(t, err).Unknown())
		time.Sleep(2 * time.Hour)
	})
}

// until takes a request back as long as its form is still here, and only then.
func TestUntil(t *testing.T) {
	t.Parallel()
	answerAfter := func(d time.Duration) func(net.Conn) {
		return func(conn net.Conn) {
			readForm(conn)
			time.Sleep(d)
			write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		}
	}
	in := func(t *testing.T, d time.Duration) context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		t.Cleanup(cancel)
		return ctx
	}
	t.Run("while dialling", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := piped(0, nil)
			c.transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
				time.Sleep(5 * time.Second) // net/http lets a dial finish that nobody waits for
				ours, theirs := net.Pipe()
				go func() {
					if readForm(theirs) != "" {
						t.Error("the form was sent after all")
					}
				}()
				return ours, nil
			}
			start := time.Now()
			_, err := c.Post(t.Context(), endpoint, form, in(t, 2*time.Second))
			require.Equal(t, 2*time.Second, time.Since(start))
			require.ErrorContains(t, err, "given up before anything was sent")
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.False(t, asError(t, err).Sent)
			time.Sleep(time.Minute)
			c.transport.(*http.Transport).CloseIdleConnections()
		})
	})
	t.Run("ended before", func(t *testing.T) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		c := piped(0, func(net.Conn) { t.Error("a connection was made") })
		_, err := c.Post(t.Context(), endpoint, form, ended)
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, asError(t, err).Sent)
	})
	t.Run("after sending", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a, err := piped(0, answerAfter(10*time.Second)).Post(t.Context(), endpoint, form, in(t, 2*time.Second))
			require.NoError(t, err)
			require.Equal(t, 200, a.Status)
		})
	})
	t.Run("never", func(t *testing.T) {
		_, err := piped(0, answerAfter(0)).Post(t.Context(), endpoint, form, nil)
		require.NoError(t, err)
	})
	t.Run("other transport, form read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				_, _ = io.ReadAll(r.Body)
				time.Sleep(10 * time.Second)
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}"))}, r.Context().Err()
			})}, 0, true)
			_, err := c.Post(t.Context(), endpoint, form, in(t, 2*time.Second))
			require.NoError(t, err)
		})
	})
	t.Run("other transport, form not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(10 * time.Second) // does not look at its context either
				_, err := io.ReadAll(r.Body)
				return nil, err
			})}, 0, true)
			_, err := c.Post(t.Context(), endpoint, form, in(t, 2*time.Second))
			require.ErrorContains(t, err, "given up before anything was sent")
			require.False(t, asError(t, err).Sent)
		})
	})
}

func TestContextEndsARequestAtAnyTime(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c := New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			t.Error("the transport was called")
			return nil, io.EOF
		})}, 0, true)
		_, err := c.Post(ctx, endpoint, form, nil)
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, asError(t, err).Sent)
	})
	t.Run("after sending", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			why := errors.New("the user closed the window")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(why) })
			_, err := piped(0, func(conn net.Conn) { readForm(conn); <-time.After(time.Hour) }).Post(ctx, endpoint, form, nil)
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, err, why)
			require.True(t, asError(t, err).Unknown())
			time.Sleep(2 * time.Hour)
		})
	})
}

// However giving up and sending fall together: either the transport got the whole
// form or it got nothing of it, and the error says which.
func TestGivingUpAndSendingExcludeEachOther(t *testing.T) {
	t.Parallel()
	var outcomes [2]int
	for range 500 {
		until, giveUp := context.WithCancel(t.Context())
		read := 0
		c := New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			var together sync.WaitGroup
			together.Go(giveUp)
			together.Go(func() {
				runtime.Gosched()
				b, _ := io.ReadAll(r.Body)
				read = len(b)
			})
			together.Wait()
			return nil, io.ErrUnexpectedEOF
		})}, 0, true)
		_, err := c.Post(t.Context(), endpoint, form, until)
		e := asError(t, err)
		if e.Sent {
			require.Equal(t, len(form.Encode()), read)
			outcomes[1]++
		} else {
			require.Zero(t, read)
			outcomes[0]++
		}
	}
	t.Logf("withheld %d, sent %d", outcomes[0], outcomes[1])
}

// A transport that goes on after it returned, as net/http's writer may, gets
// nothing more: Sent is final.
func TestNothingLeavesAfterTheError(t *testing.T) {
	t.Parallel()
	var body io.Reader
	c := New(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		body = r.Body
		return nil, io.EOF
	})}, 0, true)
	_, err := c.Post(t.Context(), endpoint, form, nil)
	require.False(t, asError(t, err).Sent)
	b, err := io.ReadAll(body)
	require.Empty(t, b)
	require.ErrorContains(t, err, "given up")
}

func TestLargeAnswersStopAtTheLimit(t *testing.T) {
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	require.NoError(t, err)
	for range 8 {
		_, err := z.Write(bytes.Repeat([]byte(" "), 1<<20))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	for name, write := range map[string]func(http.ResponseWriter){
		"DD-09 10 MB": func(w http.ResponseWriter) {
			for range 10 {
				write(w, strings.Repeat(" ", 1<<20))
			}
		},
		"DD-12 TR-22 gzip bomb": func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "gzip")
			write(w, bomb.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, at := serve(t, func(w http.ResponseWriter, r *http.Request) { write(w) })
			_, err := c.Post(t.Context(), at, form, nil)
			require.ErrorContains(t, err, "more than 1 MiB")
			require.True(t, asError(t, err).Unknown())
		})
	}
}

// A real environment, read once by a real process: net/http keeps what it read.
func TestProxyPasswordsAreNotShown_EN01_LG06(t *testing.T) {
	const marker = "STAYSIGNED_TEST_PROXY"
	if os.Getenv(marker) != "" {
		_, err := New(nil, 0, false).Post(t.Context(), "https://idp.example/token", form, nil)
		fmt.Println("error:", err)
		return
	}
	t.Parallel()
	child := exec.Command(os.Args[0], "-test.run=^TestProxyPasswordsAreNotShown_EN01_LG06$", "-test.v")
	child.Env = append(os.Environ(), marker+"=1", "NO_PROXY=", "no_proxy=", "https_proxy=",
		"HTTPS_PROXY=http://u:"+canary+"@127.0.0.1:1") // the last, because these are two names only on Unix
	out, err := child.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "error: idp.example: no answer: proxyconnect tcp: dial tcp 127.0.0.1:1")
	require.NotContains(t, string(out), canary)
}
