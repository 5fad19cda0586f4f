package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const canary = "CANARY-RT-91"

var form = url.Values{"grant_type": {"refresh_token"}, "refresh_token": {canary}, "client_id": {"app"}, "scope": {"a ü"}}

// roundTrip is a transport in this process.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// write is for servers: whether the other side still listens is not their matter.
func write(w io.Writer, s string) { _, _ = io.WriteString(w, s) }

// serve answers over a real socket; the client is one as New(nil, …) makes it.
func serve(t *testing.T, h http.HandlerFunc) (*Client, string) {
	t.Helper()
	s := httptest.NewServer(h)
	c := New(nil, 10*time.Second, true)
	t.Cleanup(func() { c.transport.(*http.Transport).CloseIdleConnections(); s.Close() })
	return c, s.URL
}

// asError checks what every error promises: who, no secret, one bounded line.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v", err)
	require.NotContains(t, err.Error(), canary)
	require.NotContains(t, err.Error(), "\x1b")
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, len(err.Error()), 600)
	require.NotContains(t, e.Err.Error(), canary, "nor does what it wraps")
	return e
}

func TestPostSendsTheFormAndNothingElse(t *testing.T) {
	t.Parallel()
	c, at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.String() != "/token?p=B2C_1_x" || string(body) != form.Encode() || r.ContentLength != int64(len(body)) {
			t.Errorf("got %s %s %q", r.Method, r.URL, body)
		}
		got := r.Header.Clone()
		got.Del("Content-Length")
		want := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"gzip"}, // R-6749-11: no Authorization
			"Content-Type": {"application/x-www-form-urlencoded"}, "User-Agent": {"staysigned"}}
		if !equal(got, want) {
			t.Errorf("got headers %v", got)
		}
		w.Header().Set("Date", "Sat, 22 Nov 2025 22:00:00 GMT")
		w.Header().Set("Retry-After", "5")
		w.Header().Set("X-Other", "yes")
		write(w, ` {"access_token":"x"} `)
	})
	a, err := c.Post(t.Context(), at+"/token?p=B2C_1_x", form, nil)
	require.NoError(t, err)
	require.Equal(t, 200, a.Status)
	require.JSONEq(t, `{"access_token":"x"}`, string(a.Body))
	require.Equal(t, "yes", a.Header.Get("X-Other"))
	require.Equal(t, 5*time.Second, a.RetryAfter)
	require.True(t, time.Date(2025, 11, 22, 22, 0, 0, 0, time.UTC).Equal(a.Date))
}

func equal(a, b http.Header) bool {
	for k := range a {
		if strings.Join(a[k], "|") != strings.Join(b[k], "|") {
			return false
		}
	}
	return len(a) == len(b)
}

func TestGet(t *testing.T) {
	t.Parallel()
	c, at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.Header.Get("Content-Type") != "" {
			t.Errorf("got %s %v", r.Method, r.Header)
		}
		if r.URL.Path == "/created" {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(201)
		}
		write(w, `{"issuer":"x"}`)
	})
	a, err := c.Get(t.Context(), at+"/ok")
	require.NoError(t, err)
	require.JSONEq(t, `{"issuer":"x"}`, string(a.Body))

	_, err = c.Get(t.Context(), at+"/created")
	e := asError(t, err)
	require.ErrorContains(t, err, "answered 201: want status 200")
	require.Equal(t, 7*time.Second, e.RetryAfter)
	require.False(t, e.Sent)
	require.False(t, e.Unknown(), "a document that is fetched changes nothing")
}

// Which bodies are answers, and what is said of the others.
func TestAnswers(t *testing.T) {
	t.Parallel()
	const object = `{"error":"x"}`
	for _, row := range []struct {
		name    string
		status  int
		media   string
		body    string
		want    string // of the error; "" for an answer
		unknown bool
	}{
		{"JSON", 200, "application/json", object, "", false},
		{"TR-15 plain text", 200, "text/plain; charset=utf-8", object, "", false},
		{"DD-15 no type", 200, "", object, "", false},
		{"DD-15 odd type", 200, "application/x-www-form-urlencoded", object, "", false},
		{"refusal", 400, "application/json", object, "", false},
		{"unauthorized", 401, "application/json", object, "", false},
		{"unavailable with JSON", 503, "application/json", object, "", false},
		{"gateway with JSON", 502, "application/json", object, "", false},
		{"TR-17 captive portal", 200, "text/html", "<html>" + canary, "answered 200: a web page, not JSON (captive portal or proxy?)", true},
		{"DD-15 HTML with JSON in it", 200, "Text/HTML; charset=utf-8", object, "a web page", true},
		{"TR-16 form", 200, "application/x-www-form-urlencoded", "access_token=" + canary, "a form, not JSON", true},
		{"TR-16 form without a type", 200, "", "access_token=" + canary, "not JSON (captive portal or proxy?)", true},
		{"TR-17 204", 204, "", "", "empty answer", true},
		{"TR-17 empty", 200, "application/json", " \n", "empty answer", true},
		{"TR-17 byte order mark", 200, "application/json", "\ufeff" + object, "byte order mark", true},
		{"TR-17 trailing garbage", 200, "application/json", object + "x", "not one JSON value", true},
		{"TR-17 two objects", 200, "application/json", object + object, "not one JSON value", true},
		{"TR-05 duplicate", 200, "application/json", `{"access_token":"` + canary + `","access_token":""}`, `"access_token" appears twice`, true},
		{"array", 200, "application/json", `["` + canary + `"]`, "not an object", true},
		{"string", 200, "application/json", `"` + canary + `"`, "not an object", true},
		{"null", 200, "application/json", `null`, "not an object", true},
		{"TR-22 nesting", 200, "application/json", strings.Repeat("[", 10_000), "nested more than 32 deep", true},
		{"DD-09 limit: answer, 1 MiB", 200, "application/json", `{"a":"` + strings.Repeat("x", 1<<20-8) + `"}`, "", false},
		{"DD-09 limit: answer, a byte more", 200, "application/json", `{"a":"` + strings.Repeat("x", 1<<20-7) + `"}`, "more than 1 MiB", true},
		{"TR-18 502", 502, "text/html", "<p>" + canary, "answered 502: a web page", true},
		{"TR-18 504 plain", 504, "text/plain", canary, "answered 504: not JSON", true},
		{"TR-18 503", 503, "text/html", canary, "answered 503: a web page", false},
		{"DD-20 500", 500, "text/plain", "\x1b]0;pwn" + canary, "answered 500: not JSON", false},
		{"400 without JSON", 400, "text/plain", canary, "answered 400: not JSON", false},
		{"429 empty", 429, "", "", "answered 429: an empty answer", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: row.status, Header: http.Header{"Content-Type": {row.media}, "Retry-After": {"9"}},
					Body: io.NopCloser(strings.NewReader(row.body))}, nil
			})}, 0, false)
			a, err := c.Post(t.Context(), "https://idp.example/token", form, nil)
			if row.want == "" {
				require.NoError(t, err)
				require.Equal(t, row.status, a.Status)
				require.Equal(t, row.body, string(a.Body))
				return
			}
			require.ErrorContains(t, err, "idp.example answered ")
			require.ErrorContains(t, err, row.want)
			require.Zero(t, a)
			e := asError(t, err)
			require.Equal(t, row.status, e.Status)
			require.Equal(t, 9*time.Second, e.RetryAfter)
			require.True(t, e.Sent)
			require.Equal(t, row.unknown, e.Unknown())
		})
	}
}

// A 307 would carry the code or the refresh token to wherever it points.
func TestRedirectsAreNotFollowed_DD13_DD14_TR30(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the target got a request") }))
	t.Cleanup(elsewhere.Close)
	for _, location := range []string{elsewhere.URL + "/x", "/loop", "", "http://%zz" + canary} {
		for _, status := range []int{300, 301, 302, 303, 304, 305, 307, 308, 399} {
			requests := 0
			own, at := serve(t, func(w http.ResponseWriter, r *http.Request) {
				requests++
				w.Header().Set("Retry-After", "3")
				w.Header()["Location"] = []string{location}
				w.WriteHeader(status)
			})
			willing := New(&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return nil }, Transport: own.transport}, 0, true)
			for _, c := range []*Client{own, willing} {
				_, err := c.Post(t.Context(), at+"/token", form, nil)
				e := asError(t, err)
				require.ErrorContains(t, err, "a redirect, which is never followed")
				require.Equal(t, status, e.Status)
				require.Equal(t, 3*time.Second, e.RetryAfter)
				require.False(t, e.Unknown())
				_, err = c.Get(t.Context(), at+"/keys")
				require.Equal(t, status, asError(t, err).Status)
			}
			require.Equal(t, 4, requests)
		}
	}
}

func TestRefusedURLsNeverReachATransport(t *testing.T) {
	t.Parallel()
	c := New(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		t.Error("the transport was called")
		return nil, io.EOF
	})}, 0, false)
	for _, at := range []string{"http://idp.example/token", "http://127.0.0.1:1/token", "https://u:" + canary + "@idp.example", "javascript:alert(1)", "", "https://idp.example/#"} {
		_, err := c.Post(t.Context(), at, form, nil)
		require.False(t, asError(t, err).Sent, at)
		require.False(t, asError(t, err).Unknown(), at)
		_, err = c.Get(t.Context(), at)
		require.Empty(t, asError(t, err).Host)
	}
}

func TestCookiesAreNotKept(t *testing.T) {
	t.Parallel()
	_, at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Cookie") != "" {
			t.Error("a cookie came back")
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		write(w, `{}`)
	})
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	c := New(&http.Client{Jar: jar}, 0, true)
	for range 2 {
		_, err := c.Post(t.Context(), at, form, nil)
		require.NoError(t, err)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	require.Equal(t, 30*time.Second, New(nil, 0, false).timeout)
	require.Equal(t, 30*time.Second, New(nil, -1, false).timeout)
	require.Equal(t, time.Second, New(&http.Client{Timeout: time.Second}, time.Minute, false).timeout)
	require.Equal(t, time.Second, New(&http.Client{Timeout: time.Minute}, time.Second, false).timeout)
	require.Equal(t, http.DefaultTransport, New(&http.Client{}, 0, false).transport)
}

// trusting returns what New(nil, …) makes, trusting the server's certificate.
func trusting(t *testing.T, s *httptest.Server) *Client {
	c := New(nil, 10*time.Second, false)
	transport := c.transport.(*http.Transport)
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AddCert(s.Certificate())
	t.Cleanup(transport.CloseIdleConnections)
	return c
}

func secureServer(t *testing.T, h http.HandlerFunc, change func(*httptest.Server)) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = discard()
	change(s)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func TestTLS(t *testing.T) {
	t.Parallel()
	h := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Proto", r.Proto)
		write(w, `{}`)
	}
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		s := secureServer(t, h, func(s *httptest.Server) { s.EnableHTTP2 = true })
		a, err := trusting(t, s).Post(t.Context(), s.URL, form, nil)
		require.NoError(t, err)
		require.Equal(t, "HTTP/2.0", a.Header.Get("X-Proto"))
	})
	t.Run("DD-24 R-6749-18 self-signed", func(t *testing.T) {
		t.Parallel()
		s := secureServer(t, h, func(*httptest.Server) {})
		_, err := New(nil, 0, false).Post(t.Context(), s.URL, form, nil)
		require.False(t, asError(t, err).Sent)
		_, ok := errors.AsType[x509.UnknownAuthorityError](err)
		require.True(t, ok, err)
		require.ErrorContains(t, err, "certificate")
	})
	t.Run("DD-24 wrong host", func(t *testing.T) {
		t.Parallel()
		s := secureServer(t, h, func(*httptest.Server) {})
		c := trusting(t, s)
		c.transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		}
		_, err := c.Post(t.Context(), "https://idp.test", form, nil)
		require.False(t, asError(t, err).Sent)
		require.ErrorContains(t, err, "idp.test: no answer: tls: failed to verify certificate")
	})
	t.Run("DD-24 TLS 1.1", func(t *testing.T) {
		t.Parallel()
		s := secureServer(t, h, func(s *httptest.Server) {
			s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
		})
		_, err := trusting(t, s).Post(t.Context(), s.URL, form, nil)
		require.False(t, asError(t, err).Sent)
		require.ErrorContains(t, err, "protocol version")
	})
}
