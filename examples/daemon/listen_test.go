package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A web page whose name points to this machine by now reads nothing: the browser says which name it is.
func TestRebinding(t *testing.T) {
	t.Parallel()
	b := &board{}
	b.add(&keeper{state: state{Account: "avery@example.com"}})
	handler := localOnly(b)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8086": 200, "127.0.0.1:8086": 200, "127.8.0.1": 200, "[::1]:8086": 200, "[::1]": 200,
		"rebind.example:8086": 421, "rebind.example": 421, "localhost.rebind.example": 421, "127.0.0.1.rebind.example:8086": 421,
		"192.0.2.1:8086": 421, "0.0.0.0:8086": 421, "localho\u017ft": 421, "": 421,
	} {
		ask := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live", nil)
		ask.Host = host
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, ask)
		require.Equal(t, want, answer.Code, host)
		if want != http.StatusOK {
			require.NotContains(t, answer.Body.String(), "avery", host)
		}
	}
}

// pipes is a listener without a socket, for a bubble.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns the client's side of a connection as soon as the other one is accepted.
func (p pipes) dial() net.Conn {
	client, server := net.Pipe()
	p <- server
	return client
}

// Nobody keeps a connection: not who has asked, who says nothing, who is slow to say it, or who does not read the answer.
func TestNobodyStays(t *testing.T) {
	t.Parallel()
	const question = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for name, behave := range map[string]func(t *testing.T, conn net.Conn){
		"has asked": func(t *testing.T, conn net.Conn) {
			_, err := io.WriteString(conn, question)
			require.NoError(t, err)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, answer.StatusCode)
			require.True(t, answer.Close)
			_, err = io.Copy(io.Discard, answer.Body)
			require.NoError(t, err)
		},
		"says nothing": func(*testing.T, net.Conn) {},
		"is slow": func(_ *testing.T, conn net.Conn) {
			for _, b := range []byte(question) {
				if _, err := conn.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
		"does not read": func(t *testing.T, conn net.Conn) {
			_, err := io.WriteString(conn, question)
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := make(pipes)
				stop := serve(listener, &board{})
				defer stop()
				conn := listener.dial()
				defer conn.Close()
				require.NoError(t, conn.SetDeadline(time.Now().Add(12*time.Second)))
				behave(t, conn)
				time.Sleep(11 * time.Second)
				more, err := io.Copy(io.Discard, conn)
				require.NoError(t, err, "the server has closed it")
				require.Zero(t, more, "and long since")
			})
		})
	}
}

// Whoever connects again and again gets maxConns connections, and the next one when one of these has ended.
func TestFewConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := make(pipes)
		stop := serve(listener, &board{})
		var accepted []net.Conn
		more := make(chan net.Conn)
		go func() {
			for range maxConns + 1 {
				more <- listener.dial()
			}
		}()
		for range maxConns {
			accepted = append(accepted, <-more)
		}
		synctest.Wait()
		select {
		case <-more:
			require.Fail(t, "one more was accepted")
		default:
		}
		require.NoError(t, accepted[0].Close())
		last := <-more
		for _, conn := range append(accepted[1:], last) {
			defer conn.Close()
		}
		stop()
	})
}
