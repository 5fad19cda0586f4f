package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// certificate is one for 127.0.0.1, valid from one time to another, and the authority that every client of this test
// trusts.
func certificate(t *testing.T, from, to time.Time, host string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{host},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// Who answers with a certificate that is over, not yet valid or somebody else's gets nothing to read, also if a proxy has
// led there.
func TestCertificates(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, test := range map[string]struct {
		from, to time.Duration
		host     string
		ok       bool
	}{
		"good":                               {-day, day, "idp.test", true},
		"DD-24 expired":                      {-2 * day, -day, "idp.test", false},
		"DD-24 not yet":                      {day, 2 * day, "idp.test", false},
		"TR-29 somebody else's, via a proxy": {-day, day, "evil.test", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Now()
			cert, pool := certificate(t, now.Add(test.from), now.Add(test.to), test.host)
			s := secureServer(t, func(w http.ResponseWriter, r *http.Request) { write(w, `{}`) }, func(s *httptest.Server) {
				s.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			})
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodConnect {
					t.Errorf("the proxy sees a %s", r.Method)
					return
				}
				tunnel(w, s.Listener.Addr().String())
			}))
			t.Cleanup(proxy.Close)
			c := New(nil, 10*time.Second, false)
			transport := c.transport.(*http.Transport)
			transport.TLSClientConfig.RootCAs = pool
			transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
			t.Cleanup(transport.CloseIdleConnections)
			_, err := c.Post(t.Context(), "https://idp.test/token", form, nil)
			if test.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "certificate")
			require.False(t, asError(t, err).Sent)
		})
	}
}

// tunnel is what a proxy does after CONNECT, to wherever it likes.
func tunnel(w http.ResponseWriter, to string) {
	there, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer there.Close()
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	write(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { io.Copy(there, here); there.Close() }()
	io.Copy(here, there)
}

// The parts of a request have times of their own, and all of it has one.
func TestTimes(t *testing.T) {
	t.Parallel()
	silent := func(context.Context, string, string) (net.Conn, error) {
		ours, _ := net.Pipe()
		return ours, nil
	}
	// A socket that never gets to connect, as where something swallows the packets: only the dialer's own time ends it.
	unconnected := ownTransport(net.Dialer{ControlContext: func(ctx context.Context, _, _ string, _ syscall.RawConn) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}}).DialContext
	for name, test := range map[string]struct {
		endpoint string
		timeout  time.Duration
		answer   func(net.Conn)
		dial     func(context.Context, string, string) (net.Conn, error)
		want     time.Duration
	}{
		"limit: connection, 10 s":    {endpoint, time.Minute, nil, unconnected, 10 * time.Second},
		"limit: TLS handshake, 10 s": {"https://idp.test/token", time.Minute, nil, silent, 10 * time.Second},
		"limit: header, 15 s":        {endpoint, time.Minute, func(conn net.Conn) { readForm(conn); <-time.After(time.Hour) }, nil, 15 * time.Second},
		"limit: request, 30 s":       {endpoint, 0, func(conn net.Conn) { readForm(conn); drip(conn, "HTTP/1.1 200 OK\r\n\r\n") }, nil, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := piped(test.timeout, test.answer)
				if test.dial != nil {
					c.transport.(*http.Transport).DialContext = test.dial
				}
				start := time.Now()
				_, err := c.Post(t.Context(), test.endpoint, form, nil)
				require.Equal(t, test.want, time.Since(start))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				time.Sleep(2 * time.Hour)
			})
		})
	}
	t.Run("limit: request, just in time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, err := piped(0, func(conn net.Conn) {
				readForm(conn)
				time.Sleep(15*time.Second - 1)
				write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
				time.Sleep(15 * time.Second)
				write(conn, "{}")
			}).Post(t.Context(), endpoint, form, nil)
			require.NoError(t, err)
		})
	})
}

// Addresses of a private network are nobody's secret here: many providers run in one. What is dialled is what the name
// says, and no answer can name another place to go.
func TestPrivateAddresses_DD25(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"169.254.169.254", "10.0.0.1", "192.168.0.1", "[fd00::1]"} {
		dialled := ""
		c := New(nil, 0, false)
		c.transport.(*http.Transport).DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
			dialled = address
			return nil, errors.New("far away")
		}
		_, err := c.Get(t.Context(), "https://"+host+"/keys")
		require.ErrorContains(t, err, "far away")
		require.Equal(t, host+":443", dialled)
	}
}

// A metadata document or a key set has the status 200.
func TestOnly200(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 203, 206, 226} {
		t.Run(fmt.Sprint("R-DISC-3 ", status), func(t *testing.T) {
			t.Parallel()
			c, at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				write(w, `{"issuer":"x"}`)
			})
			_, err := c.Get(t.Context(), at)
			require.Equal(t, status == 200, err == nil, "%v", err)
		})
	}
}

// What the environment says about proxies, in a real process: net/http reads it once.
func TestProxyEnvironment(t *testing.T) {
	const marker = "STAYSIGNED_TEST_DIRECT" // a name below, a space, the port of a server
	if name, port, ok := strings.Cut(os.Getenv(marker), " "); ok {
		n, err := strconv.Atoi(port)
		require.NoError(t, err)
		at := map[string]string{
			"loopback": fmt.Sprint("http://127.0.0.1:", n), "zone": "https://[::1%25idp.example]/", "elsewhere": "https://idp.example/",
		}[name]
		a, err := New(nil, 0, true).Get(t.Context(), at)
		fmt.Println("answer:", string(a.Body), err)
		return
	}
	t.Parallel()
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { write(w, `{"direct":true}`) }))
	t.Cleanup(direct.Close)
	_, port, err := net.SplitHostPort(direct.Listener.Addr().String())
	require.NoError(t, err)
	for name, test := range map[string]struct {
		at, want string
		env      []string
	}{
		"EN-02 loopback":   {"loopback", `{"direct":true}`, []string{"HTTP_PROXY=http://127.0.0.1:1", "ALL_PROXY=http://127.0.0.1:1"}},
		"EN-03 in a CGI":   {"loopback", "refusing to use HTTP_PROXY", []string{"REQUEST_METHOD=GET", "HTTP_PROXY=http://127.0.0.1:1"}},
		"EN-04 zone":       {"zone", "brackets", []string{"HTTPS_PROXY=http://127.0.0.1:1", "NO_PROXY=idp.example"}},
		"EN-01 not direct": {"elsewhere", "proxyconnect tcp", []string{"HTTPS_PROXY=http://127.0.0.1:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			child := exec.Command(os.Args[0], "-test.run=^TestProxyEnvironment$", "-test.v")
			child.Env = append(os.Environ(), append([]string{marker + "=" + test.at + " " + port, "NO_PROXY=", "no_proxy=", "http_proxy=", "https_proxy="}, test.env...)...)
			out, err := child.CombinedOutput()
			require.NoError(t, err, string(out))
			require.Contains(t, string(out), "answer: ")
			require.Contains(t, string(out), test.want)
		})
	}
}
