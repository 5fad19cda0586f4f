// Package loopback receives the browser's answer to one authorization request
// on a port of this machine (RFC 8252 section 7.3) and shows the person how the
// sign-in ended.
//
// The port is open to every program and every web page of this machine. So
// whatever is not the answer that the running sign-in waits for is refused and
// forgotten, and the wait goes on: no stray, forged or half-sent request ends a
// sign-in, and nothing of a request comes back in a response.
//
// Where to read: redirect.go (which address), listen.go (which sockets),
// serve.go (one connection, one request, one response), request.go (what an
// answer must look like), gate.go (how many connections), page.go (what the
// person sees), hint.go (what to say when nobody called back).
package loopback

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"
)

const (
	pageTime  = 500 * time.Millisecond // for the browser to fetch the result page
	closeTime = 300 * time.Millisecond // for responses under way, then connections are cut
)

// Config says which answer is waited for and where.
type Config struct {
	// Redirect is the redirect URI without what the machine chooses:
	// "http://localhost", "http://127.0.0.1" or "http://[::1]", with a port and
	// a path if they are fixed. Without a port any free one is taken.
	Redirect string
	// FormPost: the answer was asked for as response_mode=form_post and must be
	// a POST; else it must be a GET.
	FormPost bool
	// Accept tells whether an answer belongs to the running sign-in: its state,
	// compared in constant time. False: refused, and the wait goes on. It is
	// called by several goroutines at once and must not keep the values.
	Accept func(url.Values) bool
	// Success and Failure are whole HTML documents in place of the built-in
	// result pages. Styles within them and data: images work; scripts and
	// everything from elsewhere are blocked.
	Success, Failure []byte
}

// Server is an open port. It must be ended with Finish or Close.
type Server struct {
	published redirect
	cfg       Config
	listeners []net.Listener
	gate      gate
	hints     hints
	running   sync.WaitGroup // accept loops and connections

	deliver sync.Once
	answer  chan url.Values // holds the one accepted answer

	finish  sync.Once
	ok      bool          // read only after outcome is closed
	outcome chan struct{} // closed: the sign-in has ended, ok says how

	show  sync.Once
	shown chan struct{} // closed: a browser has the result page
}

// Listen binds loopback addresses and starts to answer. For "localhost" that is
// the same port of 127.0.0.1 and [::1], or an error; "127.0.0.1" becomes [::1]
// on a machine without IPv4, and RedirectURI says so.
func Listen(cfg Config) (*Server, error) {
	asked, err := parseRedirect(cfg.Redirect)
	if err != nil {
		return nil, err
	}
	listeners, published, err := asked.listen(net.Listen)
	if err != nil {
		return nil, err
	}
	return start(cfg, published, listeners), nil
}

func start(cfg Config, published redirect, listeners []net.Listener) *Server {
	s := &Server{
		published: published,
		cfg:       cfg,
		listeners: listeners,
		answer:    make(chan url.Values, 1),
		outcome:   make(chan struct{}),
		shown:     make(chan struct{}),
	}
	for _, l := range listeners {
		s.running.Go(func() { s.accept(l) })
	}
	return s
}

// RedirectURI is the redirect_uri of the authorization request and, byte for
// byte, of the token request (RFC 6749 section 4.1.3).
func (s *Server) RedirectURI() string { return s.published.String() }

// Wait returns the parameters of the first accepted answer, a success or an
// error of the provider; each of them occurs once. It returns ctx's error when
// ctx ends first. There is one answer, so there is one Wait.
func (s *Server) Wait(ctx context.Context) (url.Values, error) {
	select {
	case answer := <-s.answer:
		return answer, nil
	case <-s.outcome:
		return nil, errors.New("the redirect listener is closed")
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Finish tells the waiting browser how the sign-in ended: what the person sees
// is what became of the answer, not that it arrived. It returns after the
// result page was fetched, 800 ms at most; by then the port refuses connections
// and every goroutine of the server has ended. Later calls, also of Close, do
// nothing.
func (s *Server) Finish(ok bool) {
	s.finish.Do(func() {
		waiting := s.gate.anyKept() // asked before they are told: then they leave
		s.ok = ok
		close(s.outcome)
		if waiting {
			s.awaitPage()
		}
		s.shutDown()
	})
}

// Close is Finish(false): a browser that waits sees that the sign-in did not
// succeed.
func (s *Server) Close() { s.Finish(false) }

func (s *Server) awaitPage() {
	select {
	case <-s.shown:
	case <-time.After(pageTime):
	}
}

// shutDown cuts at once what will never be served. A browser opens connections
// ahead of need and keeps them idle; to wait for those would take seconds.
func (s *Server) shutDown() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.gate.shut()
	gone := make(chan struct{})
	go func() { s.running.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(closeTime):
		s.gate.cut()
		<-gone
	}
}
