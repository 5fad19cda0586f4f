package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// serveHealth shows the board at an address until stop is called.
func serveHealth(address string, b *board) (stop func(), err error) {
	network, address, err := local(address)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		if err := os.Remove(address); err != nil && !errors.Is(err, os.ErrNotExist) { // one that was killed left it
			return nil, err
		}
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	if network == "unix" {
		return serve(listener, b), nil
	}
	return serve(listener, localOnly(b)), nil
}

// serve lets nobody stay: a connection is for one request, and ends in time, whatever the other side does.
func serve(listener net.Listener, handler http.Handler) (stop func()) {
	server := &http.Server{Handler: handler, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	server.SetKeepAlivesEnabled(false)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(&few{listener, make(chan struct{}, maxConns)})
	}()
	return func() { _ = server.Close(); <-done }
}

// local splits an address. It is this machine's, because the names of people are to be had there.
func local(address string) (network, rest string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "unix", path, nil
	}
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "", "", fmt.Errorf("-health %q is neither unix:PATH nor an address such as 127.0.0.1:8086", address)
	}
	return "tcp", address, nil
}

// localOnly refuses who asks for another host than this machine. A web page may let its own name point to 127.0.0.1 once it
// is loaded (DNS rebinding), and reads then what is served here as if it were its own; but the browser sends that name.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil { // there is no port
			host = strings.Trim(r.Host, "[]")
		}
		if host != "localhost" && !net.ParseIP(host).IsLoopback() {
			http.Error(w, "this is for localhost", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxConns is more than all probes need at a time.
const maxConns = 16

// few is a listener with no more connections than turns. Whoever can connect could else use up the files that the program
// may open, and it needs some for its network and its store.
type few struct {
	net.Listener
	turns chan struct{}
}

// Accept implements [net.Listener].
func (f *few) Accept() (net.Conn, error) {
	f.turns <- struct{}{}
	conn, err := f.Listener.Accept()
	if err != nil {
		<-f.turns
		return nil, err
	}
	return &turn{conn, sync.OnceFunc(func() { <-f.turns })}, nil
}

// turn is a connection that gives its turn to the next one.
type turn struct {
	net.Conn
	end func()
}

// Close implements [net.Conn].
func (t *turn) Close() error {
	defer t.end()
	return t.Conn.Close()
}
