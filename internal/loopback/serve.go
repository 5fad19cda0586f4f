package loopback

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	headerTime = 2 * time.Second // for the header, from the connection on
	readTime   = 5 * time.Second // for the whole request
	maxHeader  = 16 << 10
	maxBody    = 64 << 10

	hangUp = 0 // in place of a status: no response
)

// accept lets connections in until l is closed.
//
// One connection carries one request and gets one response. What an http.Server
// does besides (keep-alive, HTTP/2, requests read ahead, five seconds of
// patience with idle connections when it shuts down) is nothing that a redirect
// needs, and each would have to be switched off or waited for.
func (s *Server) accept(l net.Listener) {
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no descriptor left, or a connection that was gone before it was taken
			time.Sleep(graceTime)
			continue
		}
		if c := (&conn{Conn: nc, since: time.Now()}); s.gate.enter(c) {
			s.running.Go(func() { s.serve(c) })
		}
	}
}

func (s *Server) serve(c *conn) {
	defer s.gate.leave(c)
	status, answer := s.read(c)
	switch status {
	case hangUp:
		return
	case http.StatusSeeOther:
		s.take(c, answer)
	case http.StatusOK:
		s.gate.keep(c)
		defer s.show.Do(func() { close(s.shown) })
	}
	// A response that cannot be written has nobody to tell.
	_, _ = c.Write(s.response(status))
}

// take delivers the first answer and holds every browser that brought it until
// the sign-in has ended: a page that says "signed in" before the code was
// redeemed would be a guess. A reload brings the same answer again and waits
// too, and nothing else comes of it. There is no deadline here: whoever waits
// for the answer has one.
func (s *Server) take(c *conn, answer url.Values) {
	s.gate.keep(c)
	_ = c.SetDeadline(time.Time{})
	s.deliver.Do(func() { s.answer <- answer })
	<-s.outcome
}

// read reads one request and decides: 303 with an accepted answer, 200 for the
// result page, or the refusal.
func (s *Server) read(c net.Conn) (status int, answer url.Values) {
	began := time.Now()
	_ = c.SetDeadline(began.Add(headerTime))
	limit := &io.LimitedReader{R: c, N: maxHeader}
	in := bufio.NewReader(limit)
	switch first, err := in.Peek(1); {
	case err != nil:
		return hangUp, nil
	case first[0] == 0x16: // a TLS handshake record (RFC 8446 section 5.1)
		s.hints.note(func(h *hints) { h.https = true })
		return hangUp, nil
	}
	req, err := http.ReadRequest(in)
	switch {
	case err != nil && limit.N <= 0:
		return http.StatusRequestHeaderFieldsTooLarge, nil
	case err != nil:
		return http.StatusBadRequest, nil
	}
	_ = c.SetDeadline(began.Add(readTime))
	limit.N = 2 * maxBody // a chunked body is larger on the wire
	return s.judge(req)
}
