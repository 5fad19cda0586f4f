package msaltest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestClientReachesNothingElse(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	p := msaltest.New(r)
	_, err := p.Client().Get("https://other.example/keys")
	require.ErrorContains(t, err, "reaches only https://idp.example, not https://other.example")
	require.Len(t, r.errors, 1)
	_, err = p.Client().Get("http://idp.example/keys")
	require.Error(t, err, "another scheme")
	_, err = p.Client().Get(p.URL + "/authorize?" + authorization().Encode())
	require.ErrorContains(t, err, "CheckRedirect")
	require.Len(t, r.errors, 3)

	p.AllowUnknown = true
	_, err = p.Client().Get("https://other.example/keys")
	require.Error(t, err)
	require.Len(t, r.errors, 3)
}

func TestClientFollowsRedirects(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.RedirectURIs = []string{p.URL + "/keys"}
	resp, err := p.Client().Get(p.URL + "/logout?client_id=app&post_logout_redirect_uri=" + p.URL + "/keys")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, "/keys", resp.Request.URL.Path)
	require.NotEmpty(t, resp.Header.Get("Date"))
	require.Equal(t, 2, p.Count())
}

func TestClientObeysItsContext(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/keys", nil)
	require.NoError(t, err)
	_, err = p.Client().Do(req)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, p.Count(), "it was never sent")
}

// Whether a request was sent decides whether a client may send it again.
func TestClientTellsItsTrace(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Fail("keys", msaltest.Fault{CutBefore: true})
	var seen []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:              func(string) { seen = append(seen, "get") },
		GotConn:              func(httptrace.GotConnInfo) { seen = append(seen, "got") },
		WroteHeaders:         func() { seen = append(seen, "headers") },
		WroteRequest:         func(httptrace.WroteRequestInfo) { seen = append(seen, "request") },
		GotFirstResponseByte: func() { seen = append(seen, "answer") },
	})
	for _, want := range []string{"get got headers request", "get got headers request answer"} {
		seen = nil
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+"/keys", nil)
		require.NoError(t, err)
		_, _ = p.Client().Do(req)
		require.Equal(t, want, strings.Join(seen, " "))
	}
}

// A hook is the test's own code, and may end the test as any other line of it.
func TestHookThatFails(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditKeys = func(map[string]any) { runtime.Goexit() } // what t.FailNow does
	_, err := p.Client().Get(p.URL + "/keys")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	p.EditKeys = func(map[string]any) { panic("the hook's own") }
	require.PanicsWithValue(t, "the hook's own", func() { _, _ = p.Client().Get(p.URL + "/keys") })
	p.EditKeys = func(d map[string]any) { d["x"] = func() {} }
	require.Panics(t, func() { _, _ = p.Client().Get(p.URL + "/keys") }, "not JSON")
}

func TestZeroPlatform(t *testing.T) {
	t.Parallel()
	var inProcess msaltest.Platform
	resp, err := inProcess.Client().Get("https://any.example/.well-known/openid-configuration")
	require.NoError(t, err)
	require.Contains(t, text(t, resp), `"issuer":"https://any.example"`)
	_, err = inProcess.Client().Get("https://other.example/keys")
	require.Error(t, err, "the first request has decided")

	var handler msaltest.Platform
	server := httptest.NewServer(&handler)
	defer server.Close()
	resp, err = server.Client().Get(server.URL + "/.well-known/openid-configuration")
	require.NoError(t, err)
	require.Contains(t, text(t, resp), `"issuer":"`+server.URL+`"`)

	resp, err = server.Client().Get(server.URL + "/nowhere")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
	require.Contains(t, text(t, resp), "Not found")
}

func TestServe(t *testing.T) {
	t.Parallel()
	var p msaltest.Platform
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error)
	go func() { ended <- p.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + l.Addr().String() + "/.well-known/openid-configuration")
	require.NoError(t, err)
	require.Contains(t, text(t, resp), `"issuer":"http://`+l.Addr().String()+`"`)
	p.Close()
	require.NoError(t, <-ended)
	require.Error(t, p.Serve(l), "the listener is closed")
	p.Close()
}

// An issuer may have a path, and some end in a slash; both are part of the name.
func TestIssuerWithAPath(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"https://idp.example/realms/x", "https://idp.example/"} {
		p := msaltest.New(t)
		p.URL = issuer
		a := newApp(t, p)
		a.base = strings.TrimSuffix(issuer, "/")
		document := a.get("/.well-known/openid-configuration").json
		require.Equal(t, issuer, document["issuer"])
		require.Equal(t, a.base+"/token", document["token_endpoint"])
		r := a.signIn()
		a.base = issuer
		require.Equal(t, issuer, a.claims(r.str("id_token"))["iss"])
	}
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}
