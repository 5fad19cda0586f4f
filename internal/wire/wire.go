// Package wire makes the requests of the module: a form out, one JSON object in.
//
// What it promises is mostly about what does not happen. A form is sent once and
// to one place: no redirect is followed, nothing is sent again by itself, no
// second way of authentication is tried. An answer is bounded in time and size and
// has passed strictjson before anyone sees it. And where there is no answer, the
// [Error] says the one thing that decides whether a refresh token may be used
// again: whether the server can have seen it.
//
// Where to read: wire.go (a request), once.go (its body), answer.go, error.go.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/staysigned/staysigned/internal/secureurl"
)

// Client makes requests. It is safe for concurrent use.
type Client struct {
	transport    http.RoundTripper
	timeout      time.Duration
	loopbackHTTP bool
	hosts        sync.Map // endpoint that secureurl has passed → its host; as many as the metadata has
}

// New returns a client with the transport of h, or with one of its own if h is
// nil. Of h nothing else is used but its Timeout, if that is the shorter one: its
// cookies and its opinion on redirects are not for protocol requests. timeout
// limits a request from its beginning to the last byte of the answer; 0 or less:
// 30 s. loopbackHTTP is that of secureurl.Parse. New does no I/O.
func New(h *http.Client, timeout time.Duration, loopbackHTTP bool) *Client {
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	if h == nil {
		return &Client{transport: ownTransport(net.Dialer{}), timeout: timeout, loopbackHTTP: loopbackHTTP}
	}
	if h.Timeout > 0 {
		timeout = min(timeout, h.Timeout)
	}
	if h.Transport == nil {
		return &Client{transport: http.DefaultTransport, timeout: timeout, loopbackHTTP: loopbackHTTP}
	}
	return &Client{transport: h.Transport, timeout: timeout, loopbackHTTP: loopbackHTTP}
}

// ownTransport is what a client has that was given none. It opens no connection
// and reads no environment before the first request.
func ownTransport(dialer net.Dialer) *http.Transport {
	dialer.Timeout = 10 * time.Second
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		// Servers and middleboxes drop idle connections after a minute or more,
		// often in silence. A form written into one of those is a form of which
		// nobody knows whether it arrived.
		IdleConnTimeout: 30 * time.Second,
		MaxIdleConns:    8,
	}
}

// Post sends form to endpoint. Every answer that is a JSON object is returned,
// whatever its status says, but a redirect; all else is an [*Error].
//
// When until ends while nothing of the form has left, the request is given up;
// from then on until means nothing and the request goes on. nil: never. The end of
// ctx ends the request at any time.
func (c *Client) Post(ctx context.Context, endpoint string, form url.Values, until context.Context) (Answer, error) {
	body := &once{text: form.Encode()}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if until != nil {
		giveUp := func() {
			if body.withhold() {
				cancel(fmt.Errorf("given up before anything was sent: %w", context.Cause(until)))
			}
		}
		if until.Err() != nil { // AfterFunc alone would leave it to the scheduler
			giveUp()
		}
		defer context.AfterFunc(until, giveUp)()
	}
	return c.do(ctx, http.MethodPost, endpoint, body)
}

// Get fetches a public document, metadata or keys. Only a JSON object with the
// status 200 is an answer; all else is an [*Error].
func (c *Client) Get(ctx context.Context, url string) (Answer, error) {
	return c.do(ctx, http.MethodGet, url, nil)
}

// do makes one request. It calls the transport and not an http.Client, which
// would follow redirects, keep cookies and put the URL, with its query, into its
// errors.
func (c *Client) do(ctx context.Context, method, endpoint string, form *once) (Answer, error) {
	known, ok := c.hosts.Load(endpoint)
	if !ok {
		u, err := secureurl.Parse(endpoint, c.loopbackHTTP)
		if err != nil {
			return Answer{}, &Error{Err: err}
		}
		known, _ = c.hosts.LoadOrStore(endpoint, u.Host)
	}
	host := known.(string)
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, endpoint, nil)
	if err != nil {
		return Answer{}, &Error{Host: host, Err: errors.New("not a request that can be sent")}
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "staysigned")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded") // RFC 6749 appendix B
		r.Body, r.ContentLength = form, int64(len(form.text))
	}
	if err := ctx.Err(); err != nil { // not every RoundTripper looks
		return Answer{}, &Error{Host: host, Err: cause(ctx, err, false)}
	}
	resp, err := c.transport.RoundTrip(r)
	if err == nil && (resp == nil || resp.Body == nil) {
		err = errors.New("the transport returned neither an answer nor an error")
	}
	if err != nil {
		sent := form != nil && !form.withhold()
		return Answer{}, &Error{Host: host, Sent: sent, Err: cause(ctx, err, sent)}
	}
	defer resp.Body.Close()
	a, err := receive(ctx, resp)
	if err == nil && form == nil && a.Status != http.StatusOK {
		err = errors.New("want status 200")
	}
	if err != nil {
		return Answer{}, &Error{Host: host, Status: a.Status, RetryAfter: a.RetryAfter, Body: a.Body, Sent: form != nil, Err: err}
	}
	return a, nil
}
