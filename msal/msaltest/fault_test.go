package msaltest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// The table says what a client gets of a refresh, and whether the refresh token is spent nevertheless.
var faults = map[string]struct {
	fault  msaltest.Fault
	effect bool
	status int // 0: an error instead of an answer
	header string
	body   string // a part of it
	err    error
}{
	"error code": {fault: msaltest.Fault{Code: "invalid_grant", Description: "d", Suberror: "bad_token", Claims: "{}"},
		status: 400, body: `{"claims":"{}","error":"invalid_grant","error_description":"d","suberror":"bad_token"}`},
	"error code and status": {fault: msaltest.Fault{Status: 401, Code: "invalid_client"}, status: 401, body: `{"error":"invalid_client"}`},
	"status":                {fault: msaltest.Fault{Status: 502}, status: 502, body: "<!DOCTYPE html>"},
	"status after":          {fault: msaltest.Fault{Status: 502, After: true}, effect: true, status: 502},
	"throttled":             {fault: msaltest.Fault{Status: 429, RetryAfter: "7"}, status: 429, header: "7"},
	"retry after alone":     {fault: msaltest.Fault{RetryAfter: "soon"}, status: 503, header: "soon"},
	"redirect": {fault: msaltest.Fault{Status: 307, Header: http.Header{"Location": {"https://evil.example"}}},
		status: 307, body: "Temporary Redirect"},
	"content type":   {fault: msaltest.Fault{Body: "{}", ContentType: "text/plain"}, status: 200, body: "{}"},
	"html":           {fault: msaltest.Fault{Body: "<p>sign in to the wi-fi"}, status: 200, body: "<p>sign in"},
	"raw json":       {fault: msaltest.Fault{Body: `{"a":1,"a":2}`}, status: 200, body: `{"a":1,"a":2}`},
	"cut":            {fault: msaltest.Fault{Cut: true}, effect: true, err: io.EOF},
	"cut before":     {fault: msaltest.Fault{CutBefore: true}, err: io.EOF},
	"truncated":      {fault: msaltest.Fault{Truncate: 10}, effect: true, err: io.ErrUnexpectedEOF},
	"header alone":   {fault: msaltest.Fault{Truncate: -1}, effect: true, err: io.ErrUnexpectedEOF},
	"truncated html": {fault: msaltest.Fault{Body: "<p>", Truncate: 9}, err: io.ErrUnexpectedEOF},
}

func TestFaultsInProcess(t *testing.T) {
	t.Parallel()
	testFaults(t, func(*msaltest.Platform) *http.Client { return nil })
}

func TestFaultsOnSockets(t *testing.T) {
	t.Parallel()
	testFaults(t, func(p *msaltest.Platform) *http.Client {
		p.Start()
		return &http.Client{
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
}

func testFaults(t *testing.T, connect func(*msaltest.Platform) *http.Client) {
	for name, c := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			client := connect(p)
			a := newApp(t, p)
			token := a.signIn().str("refresh_token")
			if client != nil {
				a.http = client
			}
			p.Fail("token", c.fault)
			r, err := a.try("/token", refreshment(token))
			if c.status == 0 {
				require.True(t, errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, c.err), err)
			} else {
				require.NoError(t, err)
				require.Equal(t, c.status, r.status)
				require.Equal(t, c.header, r.header.Get("Retry-After"))
				require.Equal(t, c.fault.Header.Get("Location"), r.header.Get("Location"))
				require.Contains(t, r.body, c.body)
			}
			require.Equal(t, c.effect, a.refresh(token).code() == "invalid_grant", "whether the token was spent")
		})
	}
}

func TestTruncatedBodyArrives(t *testing.T) {
	t.Parallel()
	for _, sockets := range []bool{false, true} {
		p := msaltest.New(t)
		client := p.Client()
		if sockets {
			p.Start()
			client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		}
		p.Fail("keys", msaltest.Fault{Truncate: 7})
		resp, err := client.Get(p.URL + "/keys")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.Equal(t, `{"keys"`, string(body))
		require.Greater(t, resp.ContentLength, int64(100), "the header promises the whole")
		require.NoError(t, resp.Body.Close())
	}
}

func TestFaultsQueue(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	status := func() int { return a.get("/keys").status }
	p.Fail("token", msaltest.Fault{Status: 599})
	p.Fail("keys", msaltest.Fault{Status: 500, Times: 2})
	p.Fail("keys", msaltest.Fault{Status: 501})
	p.Fail("", msaltest.Fault{Status: 502})
	for _, want := range []int{500, 500, 501, 502, 200} {
		require.Equal(t, want, status())
	}
	p.Heal()
	p.Fail("keys", msaltest.Fault{Status: 503, Times: -1})
	for range 3 {
		require.Equal(t, 503, status())
	}
	p.Heal()
	require.Equal(t, 200, status())
}

func TestDelayAndHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		a := newApp(t, p)
		start := time.Now()
		p.Fail("keys", msaltest.Fault{Delay: time.Minute})
		require.Equal(t, http.StatusOK, a.get("/keys").status)
		require.Equal(t, time.Minute, time.Since(start))

		// A client that gives up has lost the answer, not the effect.
		for name, fault := range map[string]msaltest.Fault{
			"delay": {Delay: time.Hour}, "hang": {Hang: true}, "hanging refusal": {Status: 503, Hang: true},
		} {
			token := a.signIn().str("refresh_token")
			p.Fail("token", fault)
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("gave up"))
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/token",
				strings.NewReader(refreshment(token).Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			start = time.Now()
			_, err = a.do(req)
			cancel()
			require.ErrorContains(t, err, "gave up", name)
			require.Equal(t, time.Second, time.Since(start), name)
			require.Equal(t, fault.Status == 0, a.refresh(token).code() == "invalid_grant", name)
			synctest.Wait()
		}

		a.http.Timeout = 3 * time.Second
		p.Fail("keys", msaltest.Fault{Hang: true})
		_, err := a.http.Get(p.URL + "/keys")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestHangEndsWithThePlatform(t *testing.T) {
	t.Parallel()
	var p msaltest.Platform
	p.Start()
	p.Fail("keys", msaltest.Fault{Hang: true})
	failed := make(chan error)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	go func() {
		_, err := client.Get(p.URL + "/keys")
		failed <- err
	}()
	require.Eventually(t, func() bool { return p.Count("keys") == 1 }, 5*time.Second, time.Millisecond)
	p.Close()
	require.Error(t, <-failed)
}
