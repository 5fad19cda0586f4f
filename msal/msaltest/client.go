package msaltest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
)

// Client returns an HTTP client that reaches the platform in process: no socket, no name look-up, no certificate, and
// so it works inside a testing/synctest bubble, where a platform made in the bubble follows its clock.
//
// It behaves as a client does over the network: it obeys the request's context, calls httptrace hooks, gets "unexpected
// EOF" where a fault cuts the connection, and follows redirects unless CheckRedirect is set. Requests to another host
// fail, and fail the test too; see [Platform.Browse] for what follows a redirect to a loopback address.
func (p *Platform) Client() *http.Client { return &http.Client{Transport: inProcess{p}} }

type inProcess struct{ p *Platform }

// RoundTrip implements [http.RoundTripper].
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := t.p.reaches(req.URL); err != nil {
		return nil, err
	}
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	incoming, err := arrive(req)
	if err != nil {
		return nil, err
	}
	x := &exchange{header: http.Header{}, done: make(chan struct{})}
	go x.serve(t.p, incoming)
	select {
	case <-x.done:
		return x.response(req)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// reaches refuses other hosts: what a test sends there by mistake must not leave the machine, and must not pass.
func (p *Platform) reaches(u *url.URL) error {
	if p.owns(u) || slices.ContainsFunc(p.allAPIs(), func(a *API) bool { return a.url.Host == u.Host }) {
		return nil
	}
	err := fmt.Errorf("msaltest: the in-process client reaches only %s, not %s://%s (to look at a redirect instead, "+
		"set CheckRedirect)", p.home(), u.Scheme, u.Host)
	if p.t != nil && !p.AllowUnknown {
		p.t.Error(err)
	}
	return err
}

// owns tells whether the platform itself answers at an address: its own, or with Entra one of the cloud's.
func (p *Platform) owns(u *url.URL) bool {
	return p.isHome(u) || p.Entra != nil && p.microsoft().lends(u)
}

// isHome tells whether the address is the platform's. Before the first request of a zero Platform every address is.
func (p *Platform) isHome(u *url.URL) bool {
	home := p.home()
	root, err := url.Parse(home)
	return home == "" || err == nil && root.Scheme == u.Scheme && root.Host == u.Host
}

// arrive turns a client's request into what a server sees of it, and tells the client's trace that it has been sent.
func arrive(req *http.Request) (*http.Request, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
	}
	in := req.Clone(req.Context())
	in.RequestURI = req.URL.RequestURI()
	in.URL, _ = url.ParseRequestURI(in.RequestURI) // it comes from a URL
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	in.RemoteAddr = "127.0.0.1:0"
	if in.Method == "" {
		in.Method = http.MethodGet
	}
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	if req.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{HandshakeComplete: true, ServerName: req.URL.Hostname()}
	}
	traceSent(req)
	return in, nil
}

// traceSent calls the hooks by which a client learns that its request is no longer its own: whether a refresh token
// may be sent again depends on that.
func traceSent(req *http.Request) {
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil {
		return
	}
	if trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

// exchange is the connection of one request, and its http.ResponseWriter.
type exchange struct {
	header http.Header
	status int
	body   bytes.Buffer
	cut    bool // the handler did not finish
	panic  any
	done   chan struct{}
}

// serve runs the handler. Its panics reach the caller as they would if there were no goroutine, except the one that
// means a cut connection; it also ends if a hook calls t.FailNow.
func (x *exchange) serve(p *Platform, in *http.Request) {
	x.cut = true
	defer close(x.done)
	defer func() {
		v := recover()
		if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			x.panic = v
		}
	}()
	p.ServeHTTP(x, in)
	x.cut = false
	x.status = cmp.Or(x.status, http.StatusOK) // as for every handler that does not say: one of a test's own may not
}

func (x *exchange) Header() http.Header { return x.header }

func (x *exchange) WriteHeader(status int) { x.status = status }

func (x *exchange) Write(b []byte) (int, error) { return x.body.Write(b) }

// FlushError is what http.ResponseController looks for.
func (x *exchange) FlushError() error { return nil }

// response is what the client gets to see.
func (x *exchange) response(req *http.Request) (*http.Response, error) {
	if x.panic != nil {
		panic(x.panic)
	}
	if x.status == 0 {
		return nil, fmt.Errorf("msaltest: the connection was cut: %w", io.ErrUnexpectedEOF)
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GotFirstResponseByte != nil {
		trace.GotFirstResponseByte()
	}
	body := io.Reader(&x.body)
	length := int64(x.body.Len())
	if x.cut {
		_, _ = fmt.Sscan(x.header.Get("Content-Length"), &length) // answer.write has set it
		body = io.MultiReader(body, cutReader{})
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", x.status, http.StatusText(x.status)),
		StatusCode:    x.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        x.header,
		Body:          io.NopCloser(body),
		ContentLength: length,
		Request:       req,
	}, nil
}

type cutReader struct{}

func (cutReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
