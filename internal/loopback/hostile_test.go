package loopback

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/hostile"
)

// Another process connects as often as it can and holds on to everything. Never more than 32 connections are held, the
// browser gets through all the same, and nothing is left in the end. Not parallel: it counts goroutines.
func TestFloodFromAnotherProcess_CB24(t *testing.T) {
	const marker = "STAYSIGNED_TEST_FLOOD" // the address, a space, how often
	if at, n, ok := strings.Cut(os.Getenv(marker), " "); ok {
		attempts, err := strconv.Atoi(n)
		require.NoError(t, err)
		flood(at, attempts)
		return
	}
	before := runtime.NumGoroutine()
	s := listenReal(t, Config{Redirect: "http://127.0.0.1"})
	host := strings.TrimPrefix(s.RedirectURI(), "http://")
	attempts := hostile.Times(300, 10_000)
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), fmt.Sprint(marker, "=", host, " ", attempts))
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	release, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	said := bufio.NewScanner(out)
	require.True(t, said.Scan())
	require.Equal(t, "flooding", said.Text())

	stop, most := make(chan struct{}), make(chan int)
	go func() {
		held := 0
		for {
			s.gate.mu.Lock()
			held = max(held, len(s.gate.conns))
			s.gate.mu.Unlock()
			select {
			case <-stop:
				most <- held
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	var browser sync.WaitGroup
	browser.Go(func() {
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		for range 200 { // as a person would, and a browser by itself does
			if res, err := client.Get(s.RedirectURI() + "?code=c&state=" + state); err == nil {
				_ = res.Body.Close()
				return
			}
		}
	})
	answer, err := s.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, "c", answer.Get("code"))
	require.True(t, said.Scan(), "the flood ends")
	require.Equal(t, fmt.Sprint("flooded ", attempts), said.Text())
	require.LessOrEqual(t, runtime.NumGoroutine(), before+4*maxConns)
	s.Finish(true)
	browser.Wait()
	close(stop)
	require.LessOrEqual(t, <-most, 32)
	require.NoError(t, release.Close())
	require.NoError(t, child.Wait())
	requireRefused(t, s)
	requireGoroutines(t, before)
}

// flood connects so often to an address, says half a request on every other connection, closes none, and waits for the end
// of its input.
func flood(at string, attempts int) {
	var all sync.WaitGroup
	work, held := make(chan int), make(chan net.Conn, attempts)
	for range 8 {
		all.Go(func() {
			for i := range work {
				if c, err := net.DialTimeout("tcp", at, 10*time.Second); err == nil {
					if i%2 == 0 {
						_, _ = io.WriteString(c, "GET /?code=x&state")
					}
					held <- c
				}
			}
		})
	}
	for i := range attempts {
		if i == attempts/10 {
			fmt.Println("flooding")
		}
		work <- i
	}
	close(work)
	all.Wait()
	fmt.Println("flooded", attempts)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// The largest header, body and code, and one byte more.
func TestLimits(t *testing.T) {
	t.Parallel()
	fill := func(to int, request func(n int) string) string {
		text := request(to - len(request(0)))
		require.Len(t, text, to)
		return text
	}
	header := func(n int) string { return get("/cb?"+ok, "X: "+strings.Repeat("x", n)) }
	code := func(n int) string { return post("/cb", "state="+state+"&code="+strings.Repeat("c", n)) }
	body := func(n int) string {
		return post("/cb", fill(n, func(n int) string { return ok + "&x=" + strings.Repeat("x", n) }))
	}
	for name, test := range map[string]struct {
		raw      string
		formPost bool
		want     int
	}{
		"limit: callback header, 16 KiB":      {fill(maxHeader, header), false, http.StatusSeeOther},
		"limit: callback header, a byte more": {fill(maxHeader+1, header), false, http.StatusRequestHeaderFieldsTooLarge},
		"limit: callback body, 64 KiB":        {body(maxBody), true, http.StatusSeeOther},
		"limit: callback body, a byte more":   {body(maxBody + 1), true, http.StatusRequestEntityTooLarge},
		"limit: code, 16 KiB":                 {code(maxCode), true, http.StatusSeeOther},
		"limit: code, a byte more":            {code(maxCode + 1), true, http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _ := offline(test.formPost).readText(test.raw)
			require.Equal(t, test.want, got)
		})
	}
	require.Equal(t, []int{16 << 10, 64 << 10, 16 << 10}, []int{maxHeader, maxBody, maxCode})
}

// So many connections are held, and one more puts out the oldest.
func TestConnections(t *testing.T) {
	t.Parallel()
	for name, connections := range map[string]int{"limit: callback connections, 32": 32, "limit: callback connections, one more": 33} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, Config{}, func(t *testing.T, s *Server, p *pipes) {
				first := p.dial("")
				time.Sleep(graceTime)
				for range connections - 1 {
					p.dial("")
				}
				synctest.Wait()
				_ = first.SetReadDeadline(time.Now().Add(time.Millisecond)) // one that is closed has none
				_, err := first.Read(make([]byte, 1))
				require.Equal(t, connections > 32, errors.Is(err, io.EOF), "%v", err)
			})
		})
	}
}

// The result page, once there is a result, is for a person's browser that goes to it.
func TestResultPage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw  string
		want int
	}{
		"a browser":      {get("/cb/done", "Sec-Fetch-Dest: document"), http.StatusOK},
		"CB-13 posted":   {post("/cb/done", ok), http.StatusMethodNotAllowed},
		"CB-13 HEAD":     {"HEAD /cb/done HTTP/1.1\r\nHost: localhost:7\r\n\r\n", http.StatusMethodNotAllowed},
		"CB-29 an image": {get("/cb/done", "Sec-Fetch-Dest: image"), http.StatusForbidden},
		"CB-29 a frame":  {get("/cb/done", "Sec-Fetch-Dest: iframe"), http.StatusForbidden},
		"CB-12 a Host":   {"GET /cb/done HTTP/1.1\r\nHost: evil.example\r\n\r\n", http.StatusMisdirectedRequest},
		"CB-17 a path":   {get("/cb/done/"), http.StatusNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := offline(false)
			close(s.outcome)
			got, answer := s.readText(test.raw)
			require.Equal(t, test.want, got)
			require.Empty(t, answer)
		})
	}
}
