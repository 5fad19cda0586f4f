//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
)

// Both kinds of address, the two questions, and the answer of the program that asks.
func TestHealth(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "health")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	for _, address := range []string{"unix:" + filepath.Join(dir, "s"), free.Addr().String()} {
		b := &board{}
		k := &keeper{state: state{Account: "avery", Scopes: []string{"mail"}, FreshUntil: time.Now().Add(time.Hour)}}
		b.add(k)
		stop, err := serveHealth(address, b)
		require.NoError(t, err)
		ask := func(path string) (int, string) {
			var out bytes.Buffer
			code := run(t.Context(), &out, []string{"-check", path, "-health", address})
			return code, out.String()
		}
		code, says := ask("/ready")
		require.Zero(t, code, says)
		require.Contains(t, says, `"person_needed":false`)
		k.end(msal.ErrSignInRequired)
		code, says = ask("/ready")
		require.Equal(t, exitFailed, code)
		require.Contains(t, says, `"person_needed":true,"action":"sign in again"`)
		code, _ = ask("/live")
		require.Zero(t, code)
		code, _ = ask("/other")
		require.Equal(t, exitFailed, code)
		require.Equal(t, strings.HasPrefix(address, "unix:"), served(t, address, "rebind.example"), "a browser has no way to a unix socket")
		stop()
		code, _ = ask("/live")
		require.Equal(t, exitFailed, code, "nobody is there any more")
	}
	_, err = serveHealth("0.0.0.0:8086", &board{})
	require.ErrorContains(t, err, "0.0.0.0")
}

// served tells whether a client that calls the server so gets an answer.
func served(t *testing.T, address, host string) bool {
	t.Helper()
	network, address, err := local(address)
	require.NoError(t, err)
	conn, err := net.Dial(network, address)
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /live HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	require.NoError(t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	return answer.StatusCode == http.StatusOK
}

// What systemd hears: that the daemon is ready, how it is, that it lives, and that it stops.
func TestNotify(t *testing.T) {
	dir, err := os.MkdirTemp("", "notify")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	systemd, err := net.ListenPacket("unixgram", socket)
	require.NoError(t, err)
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "200000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, &bytes.Buffer{}, []string{"-demo"}) }()
	said := map[string]bool{}
	hear := func(what string) {
		t.Helper()
		require.NoError(t, systemd.SetReadDeadline(time.Now().Add(time.Minute)))
		for b := make([]byte, 1000); !said[what]; {
			n, _, err := systemd.ReadFrom(b)
			require.NoError(t, err, "waiting for %q after %v", what, said)
			said[string(b[:n])] = true
		}
	}
	hear("READY=1\nSTATUS=0 of 1 tokens are fresh")
	hear("STATUS=1 of 1 tokens are fresh")
	hear("WATCHDOG=1")
	cancel()
	hear("STOPPING=1")
	require.Zero(t, <-ended)
}

// Whatever has the port while the daemon is down does nothing to the terminal of who asks.
func TestCheckIsVisible(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "\x1b]52;c;cm0=\a{\"account\": \"é\u009b2J\u202e\x7f\U000e0041\"}\r\n")
	}))
	t.Cleanup(other.Close)
	var out bytes.Buffer
	require.Zero(t, run(t.Context(), &out, []string{"-check", "/live", "-health", other.Listener.Addr().String()}))
	require.Equal(t, `\u001b]52;c;cm0=\u0007{"account": "é\u009b2J\u202e\u007f\udb40\udc41"}\u000d`+"\n", out.String())
}
