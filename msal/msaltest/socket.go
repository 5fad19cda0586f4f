package msaltest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// server is one listener of the platform.
type server struct {
	http    *http.Server
	running sync.WaitGroup // the listener and its connections
}

// Start serves the platform on a free port of 127.0.0.1, without TLS, until [Platform.Close]; a platform made by [New]
// is closed when its test ends. URL is the address from then on.
func (p *Platform) Start() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.fatalf("Start: %v", err)
	}
	p.URL = "http://" + l.Addr().String()
	s := p.newServer()
	s.running.Go(func() { _ = s.http.Serve(l) }) // it ends with ErrServerClosed and nothing else
}

// Serve serves the platform on the listener, for programs, until [Platform.Close]; it then returns nil. While URL is
// empty the listener's address is the issuer. A StateFile that cannot be read is an error at once.
func (p *Platform) Serve(l net.Listener) error {
	if err := p.stateFault(); err != nil {
		l.Close()
		return fmt.Errorf("msaltest: %w", err)
	}
	if p.URL == "" {
		p.mu.Lock()
		p.host = "http://" + l.Addr().String()
		p.mu.Unlock()
	}
	s := p.newServer()
	s.running.Add(1)
	defer s.running.Done()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close ends Start and Serve: it cuts every connection and returns when the last request has been left. The platform
// still answers in process.
func (p *Platform) Close() {
	p.mu.Lock()
	servers := p.servers
	p.servers = nil
	p.mu.Unlock()
	for _, s := range servers {
		_ = s.http.Close() // the listener's error: it is closed either way
		s.running.Wait()
	}
}

func (p *Platform) newServer() *server {
	s := &server{}
	s.http = &http.Server{
		Handler:           p,
		ReadHeaderTimeout: 10 * time.Second,
		ConnState:         s.count,
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.servers = append(p.servers, s)
	return s
}

// count lets Close wait for the connections, so that a test that looks for leaked goroutines finds none.
func (s *server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.running.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.running.Done()
	}
}
