package msaltest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// listener is an application's redirect listener, which notes what arrives.
func listener(t *testing.T) (uri string, arrived func() *http.Request) {
	var mu sync.Mutex
	var last *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		mu.Lock()
		defer mu.Unlock()
		last = r
	}))
	t.Cleanup(server.Close)
	return server.URL + "/callback", func() *http.Request {
		mu.Lock()
		defer mu.Unlock()
		return last
	}
}

func TestBrowse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set           func(*msaltest.Platform)
		mode, method  string
		member, value string
	}{
		"query":            {func(*msaltest.Platform) {}, "query", "GET", "state", "state-1"},
		"form_post":        {func(*msaltest.Platform) {}, "form_post", "POST", "state", "state-1"},
		"a page":           {func(p *msaltest.Platform) { p.Interactive = true }, "query", "GET", "state", "state-1"},
		"a page and post":  {func(p *msaltest.Platform) { p.Interactive = true }, "form_post", "POST", "error", ""},
		"somebody says no": {func(p *msaltest.Platform) { p.Deny() }, "query", "GET", "error", "access_denied"},
		"on sockets":       {(*msaltest.Platform).Start, "query", "GET", "error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c.set(p)
			uri, arrived := listener(t)
			form := authorization("redirect_uri", uri, "response_mode", c.mode)
			require.NoError(t, p.Browse(t.Context(), p.URL+"/authorize?"+form.Encode()))
			r := arrived()
			require.NotNil(t, r)
			require.Equal(t, c.method, r.Method)
			require.Equal(t, c.value, r.Form.Get(c.member), r.Form)
			require.Equal(t, "navigate", r.Header.Get("Sec-Fetch-Mode"))
			require.Equal(t, c.method == "POST", r.URL.RawQuery == "", "parameters of a form are in its body")
		})
	}
}

func TestBrowseADevice(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	yes, no := a.startDevice(), a.startDevice()
	require.NoError(t, p.Browse(t.Context(), yes.str("verification_uri_complete")))
	require.Empty(t, a.poll(yes).code())
	p.Deny()
	require.NoError(t, p.Browse(t.Context(), no.str("verification_uri_complete")))
	require.Equal(t, "access_denied", a.poll(no).code())
	require.ErrorContains(t, p.Browse(t.Context(), no.str("verification_uri")), "No device waits with this code.")
}

func TestBrowseFails(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	browse := func(pairs ...string) error {
		return p.Browse(t.Context(), p.URL+"/authorize?"+authorization(pairs...).Encode())
	}
	ended := func(err error) bool {
		var e interface{ SignInEnded() bool }
		return errors.As(err, &e) && e.SignInEnded()
	}
	require.ErrorContains(t, browse("client_id", ""), "the request has no client_id")
	require.True(t, ended(browse("client_id", "")))
	require.True(t, ended(browse("redirect_uri", "https://app.example/cb")))
	require.ErrorContains(t, browse("redirect_uri", "https://app.example/cb"), "neither the platform nor a loopback")
	require.ErrorContains(t, p.Browse(t.Context(), "https://other.example"), "neither the platform nor a loopback")
	require.Error(t, p.Browse(t.Context(), "%zz"))
	p.Fail("authorize", msaltest.Fault{Cut: true})
	require.ErrorIs(t, browse(), io.ErrUnexpectedEOF)

	closed := httptest.NewServer(nil)
	closed.Close()
	err := browse("redirect_uri", closed.URL)
	require.ErrorContains(t, err, "the application does not answer")
	require.False(t, ended(err), "it may have heard")
	require.NotContains(t, err.Error(), "code", "an authorization code has no business in a message")

	away := httptest.NewServer(http.RedirectHandler("https://evil.example/", http.StatusSeeOther))
	defer away.Close()
	require.ErrorContains(t, browse("redirect_uri", away.URL), "https://evil.example is neither")

	p.RedirectURIs = []string{p.URL + "/logout?" + url.Values{"client_id": {"app"}}.Encode()}
	p.RedirectURIs = append(p.RedirectURIs, p.URL+"/authorize?loop")
	loop := p.URL + "/logout?" + url.Values{"client_id": {"app"}, "post_logout_redirect_uri": {p.RedirectURIs[0]}}.Encode()
	require.NoError(t, p.Browse(t.Context(), loop))
}
