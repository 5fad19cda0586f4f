package loopback

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listenFunc is net.Listen.
type listenFunc func(network, address string) (net.Listener, error)

// listen binds the sockets for r and returns what can be published. Only IP
// literals are bound: a listener on the name "localhost" takes one family, and
// another program may take the same port of the other (RFC 8252 section 8.3).
func (r redirect) listen(listen listenFunc) ([]net.Listener, redirect, error) {
	var listeners []net.Listener
	var err error
	switch r.host {
	case "localhost":
		listeners, err = listenBoth(listen, r.port)
	case "127.0.0.1":
		listeners, err = listenOne(listen, "tcp4", "127.0.0.1", r.port)
		if missing(err) { // RFC 8252 section 7.3: use whichever family the machine has
			r.host = "[::1]"
			listeners, err = listenOne(listen, "tcp6", "::1", r.port)
		}
	default:
		listeners, err = listenOne(listen, "tcp6", "::1", r.port)
	}
	switch {
	case err == nil:
		return listeners, r.withPort(listeners[0]), nil
	case missing(err):
		return nil, r, fmt.Errorf("this machine has no such loopback address: %w", err)
	case r.port != "":
		return nil, r, fmt.Errorf("port %s of the redirect address cannot be opened, end the program that holds it or configure a redirect address without a port: %w", r.port, err)
	}
	return nil, r, fmt.Errorf("no loopback port can be opened: %w", err)
}

func listenOne(listen listenFunc, network, ip, port string) ([]net.Listener, error) {
	if port == "" {
		port = "0"
	}
	l, err := listen(network, net.JoinHostPort(ip, port))
	if err != nil {
		return nil, err
	}
	return []net.Listener{l}, nil
}

// listenBoth binds one port of both families. A browser may resolve localhost
// to either; if another program held the other one, it would be handed the
// code. A port chosen for IPv4 may be taken for IPv6: then the next one.
func listenBoth(listen listenFunc, port string) (both []net.Listener, err error) {
	tries := 1
	if port == "" {
		tries = 10
	}
	for range tries {
		if both, err = listenPair(listen, port); err == nil || missing(err) {
			break
		}
	}
	return both, err
}

// listenPair leaves out a family that the machine does not have, and no other.
func listenPair(listen listenFunc, port string) ([]net.Listener, error) {
	four, err := listenOne(listen, "tcp4", "127.0.0.1", port)
	if err != nil && !missing(err) {
		return nil, err
	}
	if four != nil {
		_, port, _ = net.SplitHostPort(four[0].Addr().String())
	}
	six, err := listenOne(listen, "tcp6", "::1", port)
	if four != nil && err != nil {
		if missing(err) {
			return four, nil
		}
		four[0].Close()
	}
	return append(four, six...), err
}

// Windows reports winsock's own numbers, which its syscall constants of these
// names do not match.
const (
	wsaEAFNOSUPPORT  syscall.Errno = 10047
	wsaEADDRNOTAVAIL syscall.Errno = 10049
)

// missing reports that there is no such address family, or that its loopback
// address is not configured.
func missing(err error) bool {
	errno, _ := errors.AsType[syscall.Errno](err)
	switch errno {
	case syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL, wsaEAFNOSUPPORT, wsaEADDRNOTAVAIL:
		return true
	}
	return false
}
