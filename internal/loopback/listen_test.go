package loopback

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// network is a machine's loopback: what binding an address gives.
type network struct {
	faults map[string]error // by network or by address
	next   int              // the port that :0 becomes
	open   map[string]bool
}

type fakeListener struct {
	net.Listener
	n    *network
	addr string
}

func (l fakeListener) Addr() net.Addr {
	addr, _ := net.ResolveTCPAddr("tcp", l.addr)
	return addr
}
func (l fakeListener) Close() error { delete(l.n.open, l.addr); return nil }

func (n *network) listen(network, address string) (net.Listener, error) {
	fault := n.faults[network]
	if ip, free := strings.CutSuffix(address, ":0"); free && fault == nil {
		n.next++
		address = fmt.Sprintf("%s:%d", ip, n.next)
	}
	if fault = cmp.Or(fault, n.faults[address]); fault != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: os.NewSyscallError("bind", fault)}
	}
	n.open[address] = true
	return fakeListener{n: n, addr: address}, nil
}

func TestListenFamilies(t *testing.T) {
	t.Parallel()
	const none, off, taken = syscall.EAFNOSUPPORT, syscall.EADDRNOTAVAIL, syscall.EADDRINUSE
	for name, tc := range map[string]struct {
		redirect string
		faults   map[string]error
		want     string // the redirect URI, or a part of the error
		open     []string
	}{
		"R-8252-2 both":             {"http://localhost", nil, "http://localhost:1", []string{"127.0.0.1:1", "[::1]:1"}},
		"no IPv6":                   {"http://localhost", map[string]error{"tcp6": none}, "http://localhost:1", []string{"127.0.0.1:1"}},
		"IPv6 off":                  {"http://localhost", map[string]error{"tcp6": off}, "http://localhost:1", []string{"127.0.0.1:1"}},
		"IPv6 off on Windows":       {"http://localhost", map[string]error{"tcp6": wsaEADDRNOTAVAIL}, "http://localhost:1", []string{"127.0.0.1:1"}},
		"no IPv4":                   {"http://localhost", map[string]error{"tcp4": none}, "http://localhost:1", []string{"[::1]:1"}},
		"neither":                   {"http://localhost", map[string]error{"tcp4": none, "tcp6": off}, "no such loopback address", nil},
		"CB-31 next port":           {"http://localhost", map[string]error{"[::1]:1": taken}, "http://localhost:2", []string{"127.0.0.1:2", "[::1]:2"}},
		"CB-31 never half":          {"http://localhost", map[string]error{"tcp6": taken}, "no loopback port", nil},
		"CB-31 never half, fixed":   {"http://localhost:9/x", map[string]error{"[::1]:9": taken}, "port 9 of the redirect address", nil},
		"CB-19 fixed port taken":    {"http://127.0.0.1:9", map[string]error{"127.0.0.1:9": taken}, "port 9 of the redirect address", nil},
		"R-8252-3 literal":          {"http://127.0.0.1", nil, "http://127.0.0.1:1", []string{"127.0.0.1:1"}},
		"R-8252-4 literal, no IPv4": {"http://127.0.0.1/cb", map[string]error{"tcp4": none}, "http://[::1]:1/cb", []string{"[::1]:1"}},
		"literal, taken":            {"http://127.0.0.1", map[string]error{"tcp4": taken}, "no loopback port", nil},
		"literal 6":                 {"http://[::1]", nil, "http://[::1]:1", []string{"[::1]:1"}},
		"R-8252-4 literal, no IPv6": {"http://[::1]", map[string]error{"tcp6": none}, "no such loopback address", nil},
		"fixed port, both families": {"http://localhost:9", nil, "http://localhost:9", []string{"127.0.0.1:9", "[::1]:9"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &network{faults: tc.faults, open: map[string]bool{}}
			asked, err := parseRedirect(tc.redirect)
			require.NoError(t, err)
			_, published, err := asked.listen(n.listen)
			if tc.open == nil {
				require.ErrorContains(t, err, tc.want)
				require.Empty(t, n.open, "left open")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, published.String())
			require.Len(t, n.open, len(tc.open))
			for _, address := range tc.open {
				require.True(t, n.open[address], address)
			}
		})
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	other, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer other.Close()
	for _, host := range []string{"localhost", "127.0.0.1"} {
		_, port, _ := net.SplitHostPort(other.Addr().String())
		_, err = Listen(Config{Redirect: "http://" + host + ":" + port})
		require.ErrorContains(t, err, "port "+port)
	}
}

func TestLoopbackOnly_CB18_R8252_2(t *testing.T) {
	t.Parallel()
	s := listenReal(t, Config{Redirect: "http://localhost"})
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	for _, addr := range addrs {
		ip := addr.(*net.IPNet).IP
		if ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			continue
		}
		c, err := net.DialTimeout("tcp", net.JoinHostPort(ip.String(), s.published.port), time.Second)
		if err == nil {
			c.Close()
		}
		require.Error(t, err, ip)
	}
}

// Nothing in the environment moves the listener.
func TestEnvironmentIsNotRead_EN05(t *testing.T) {
	for _, name := range []string{"HOST", "HOSTNAME", "ADDRESS", "LISTEN", "BIND", "PORT", "REDIRECT_URI", "OAUTH_REDIRECT_URI", "OAUTH_LISTEN_ADDRESS", "http_proxy", "HTTP_PROXY"} {
		t.Setenv(name, "0.0.0.0:9")
	}
	s := listenReal(t, Config{Redirect: "http://127.0.0.1"})
	require.Len(t, s.listeners, 1)
	require.Equal(t, "http://"+s.listeners[0].Addr().String(), s.RedirectURI())
	require.NotEqual(t, "9", s.published.port)
}
