package msal_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

const api = "https://api.example"

// internet is every host but the platform's, by scheme and host. Its answers
// do not say which request they are for, as those of many a RoundTripper.
type internet struct {
	p     *msaltest.Platform
	hosts map[string]http.HandlerFunc

	mu   sync.Mutex
	seen []string // origin, path and Authorization of each request, as they came
}

func (n *internet) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasPrefix(r.URL.String(), n.p.URL+"/") {
		return n.p.Client().Transport.RoundTrip(r)
	}
	origin := r.URL.Scheme + "://" + r.URL.Host
	n.mu.Lock()
	n.seen = append(n.seen, strings.TrimSpace(origin+r.URL.Path+" "+strings.Join(r.Header.Values("Authorization"), ", ")))
	n.mu.Unlock()
	if r.Body == nil {
		r.Body = http.NoBody // as a server has it
	}
	defer r.Body.Close()
	if n.hosts[origin] == nil {
		return nil, errors.New("no such host")
	}
	answer := httptest.NewRecorder()
	n.hosts[origin](answer, r)
	return answer.Result(), nil
}

// online signs in and returns a client whose HTTPClient meets handler at api.
func online(t testing.TB, handler http.HandlerFunc) (*internet, *msal.Client, msal.Token) {
	t.Helper()
	p := msaltest.New(t)
	n := &internet{p: p, hosts: map[string]http.HandlerFunc{api: handler}}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.HTTPClient = &http.Client{Transport: n} })
	token := signIn(t, p, c, "read")
	p.ResetLog()
	return n, c, token
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// refusing is an API that no longer takes a token, and says why.
func refusing(token *msal.Token, challenge string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Authorization") == "Bearer "+token.AccessToken() {
			w.Header().Set("WWW-Authenticate", challenge)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, "refused")
			return
		}
		_, _ = w.Write(body)
	}
}

func read(t testing.TB, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

// One Authorization header, ours, on a copy of the request.
func TestHTTPClientSendsTheToken_R6750_1_TB03(t *testing.T) {
	t.Parallel()
	n, c, token := online(t, ok)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://API.example:443/me", nil)
	require.NoError(t, err)
	req.Header["Authorization"] = []string{"Basic x", "Bearer y"}
	n.hosts["https://API.example:443"] = ok
	resp, err := c.HTTPClient(api+"/", "read").Do(req)
	require.NoError(t, err)
	require.Equal(t, "hello", read(t, resp))
	require.Equal(t, []string{"https://API.example:443/me Bearer " + token.AccessToken()}, n.seen)
	require.Equal(t, []string{"Basic x", "Bearer y"}, req.Header["Authorization"])
	require.Zero(t, n.p.Count())
}

// Nothing goes anywhere else, with the token or without.
func TestHTTPClientKeepsToItsOrigin_R9700_6_TB01(t *testing.T) {
	t.Parallel()
	n, c, token := online(t, ok)
	client := c.HTTPClient(api, "read")
	for _, address := range []string{
		"https://evil.example/", "http://api.example/", "https://api.example:8443/", "https://sub.api.example/",
		"https://api.example.evil.example/", "https://api.example@evil.example/", "https://apİ.example/", "https://ap%C4%B0.example/",
	} {
		closed := &closing{Reader: strings.NewReader("body")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, closed)
		require.NoError(t, err)
		_, err = client.Do(req)
		require.ErrorContains(t, err, "its token is for https://api.example:443", address)
		require.NotContains(t, err.Error(), token.AccessToken())
		require.True(t, closed.closed, address)
	}
	require.Empty(t, n.seen)
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// A chain of redirects that has left the origin is left
// alone, also when it comes back.
func TestHTTPClientRedirects(t *testing.T) {
	t.Parallel()
	const b = "https://b.example"
	for name, chain := range map[string][]string{ // each redirects to the next; + has the token
		"TB-02 within":         {"+" + api + "/1", "+" + api + "/2", "+" + api + "/3"},
		"TB-02 and back":       {"+" + api + "/1", b + "/1", api + "/2"},
		"TB-02 long way back":  {"+" + api + "/1", "+" + api + "/2", b + "/1", b + "/2", api + "/3", api + "/4"},
		"TB-02 downgrade":      {"+" + api + "/1", "http://api.example/2", api + "/3"},
		"TB-02 subdomain":      {"+" + api + "/1", "https://sub.api.example/2"},
		"TB-02 another port":   {"+" + api + "/1", "https://api.example:8443/2", api + "/3"},
		"TB-02 a capital I":    {"+" + api + "/1", "https://apİ.example/2", api + "/3"}, // U+0130; dialled as xn--api-bec.example
		"TB-02 to the refused": {"+" + api + "/1", b + "/1", api + "/2", b + "/3", api + "/4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := map[string]string{}
			hop := func(w http.ResponseWriter, r *http.Request) {
				to := next[r.URL.Scheme+"://"+r.URL.Host+r.URL.Path]
				if to == "" {
					ok(w, r)
					return
				}
				http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			}
			n, c, token := online(t, hop)
			var want []string
			for i, step := range chain {
				address := strings.TrimPrefix(step, "+")
				if i > 0 {
					next[strings.TrimPrefix(chain[i-1], "+")] = address
				}
				if address != step {
					step = address + " Bearer " + token.AccessToken()
				}
				want = append(want, step)
				u, err := url.Parse(address)
				require.NoError(t, err)
				n.hosts[u.Scheme+"://"+u.Host] = hop
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimPrefix(chain[0], "+"), nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer by-hand")
			resp, err := c.HTTPClient(api, "read").Do(req)
			require.NoError(t, err)
			require.Equal(t, "hello", read(t, resp))
			require.Equal(t, want, n.seen)
			require.Zero(t, n.p.Count())
		})
	}
}

// A refused token is replaced once, and the body sent again.
func TestHTTPClientReplays_TB04(t *testing.T) {
	t.Parallel()
	var first msal.Token
	n, c, token := online(t, refusing(&first, `Bearer error="invalid_token"`))
	first = token
	resp, err := c.HTTPClient(api, "read").Post(api+"/items", "text/plain", strings.NewReader("body"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, "body", read(t, resp))
	require.Len(t, n.seen, 2)
	require.Len(t, n.p.TokenRequests("refresh_token"), 1)
	require.Equal(t, 1, n.p.Count())
	again, err := c.Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, api+"/items Bearer "+again.AccessToken(), n.seen[1])
}

// A server that refuses every token is believed at the second one.
func TestHTTPClientDoesNotLoop_R21_2_RF17(t *testing.T) {
	t.Parallel()
	n, c, _ := online(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	resp, err := c.HTTPClient(api, "read").Get(api)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
	require.Len(t, n.seen, 2)
	require.Equal(t, 1, n.p.Count())
}

// Where nothing better can be had, the API's own 401 comes back, whole.
func TestHTTPClientReturnsThe401(t *testing.T) {
	t.Parallel()
	claims := func(s string) string { return `Bearer error="insufficient_claims", claims="` + s + `"` }
	for name, tc := range map[string]struct {
		challenge string
		getBody   func() (io.ReadCloser, error)
		fault     msaltest.Fault
		requests  int
	}{
		"TB-04 no GetBody":       {},
		"TB-04 GetBody fails":    {getBody: func() (io.ReadCloser, error) { return nil, errors.New("the file is gone") }, requests: 1},
		"outage":                 {getBody: again, fault: msaltest.Fault{Status: 503}, requests: 1},
		"server says slow down":  {getBody: again, fault: msaltest.Fault{Status: 429, RetryAfter: "10"}, requests: 1},
		"challenge in an outage": {getBody: again, challenge: claims("e30"), fault: msaltest.Fault{Status: 503}, requests: 1},
		"challenge, slow down":   {getBody: again, challenge: claims("e30"), fault: msaltest.Fault{Status: 429, RetryAfter: "10"}, requests: 1},
		"MS-10 bad base64":       {getBody: again, challenge: claims("!")},
		"MS-10 array":            {getBody: again, challenge: claims("WzFd")},
		"MS-10 endless":          {getBody: again, challenge: claims(strings.Repeat("e30", 4000))},
		"R-6750-4 two challenge": {getBody: again, challenge: claims("!") + ", " + claims("!")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first msal.Token
			n, c, token := online(t, refusing(&first, tc.challenge))
			first = token
			if tc.fault.Status != 0 {
				n.p.Fail("token", tc.fault)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api, io.NopCloser(strings.NewReader("body")))
			require.NoError(t, err)
			req.GetBody = tc.getBody
			resp, err := c.HTTPClient(api, "read").Do(req)
			require.NoError(t, err)
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
			require.Equal(t, "refused", read(t, resp))
			require.Len(t, n.seen, 1)
			require.Equal(t, tc.requests, n.p.Count())
		})
	}
}

func again() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("body")), nil }

const mfa = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`

func TestHTTPClientClaimsChallenge(t *testing.T) {
	t.Parallel()
	challenge := `Basic realm="x", bearer realm="", authorization_uri="https://idp.example/authorize", error="insufficient_claims", claims="` +
		base64.StdEncoding.EncodeToString([]byte(mfa)) + `"`
	t.Run("a refresh is enough", func(t *testing.T) {
		t.Parallel()
		var first msal.Token
		n, c, token := online(t, refusing(&first, challenge))
		first = token
		resp, err := c.HTTPClient(api, "read").Get(api)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Empty(t, read(t, resp))
		require.Equal(t, 1, n.p.Count())
		require.JSONEq(t, mfa, n.p.TokenRequests("refresh_token")[0].Form.Get("claims"))
	})
	t.Run("a person is needed", func(t *testing.T) {
		t.Parallel()
		var first msal.Token
		n, c, token := online(t, refusing(&first, challenge))
		first = token
		n.p.Fail("token", msaltest.Fault{Code: "interaction_required", Description: "AADSTS50076: use a second factor", Claims: mfa})
		_, err := c.HTTPClient(api, "read").Get(api)
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		refused := asServerError(t, err)
		require.Equal(t, "interaction_required", refused.Code)
		require.JSONEq(t, mfa, refused.Claims)
		require.Equal(t, []int{50076}, refused.Codes)
		require.Len(t, n.seen, 1)
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err, "the session is as good as before")
	})
}

func TestHTTPClientWithoutSession(t *testing.T) {
	t.Parallel()
	n, c, _ := online(t, ok)
	require.NoError(t, c.SignOut(t.Context()))
	n.p.ResetLog()
	body := &closing{Reader: strings.NewReader("body")}
	_, err := c.HTTPClient(api, "read").Post(api, "text/plain", body)
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.True(t, body.closed)
	require.Empty(t, n.seen)
	require.Zero(t, n.p.Count())
}

func TestHTTPClientArguments(t *testing.T) {
	t.Parallel()
	n, c, _ := online(t, ok)
	for name, tc := range map[string]struct {
		client *msal.Client
		origin string
		scope  []string
		is     error
		says   string
	}{
		"default scope":      {c, api, []string{"openid", "read"}, scopes.ErrDuplicateDefault, "openid"},
		"invalid scope":      {c, api, []string{"a b"}, scopes.ErrInvalid, ""},
		"path":               {c, api + "/v1", []string{"read"}, nil, "path or query"},
		"query":              {c, api + "?a=b", []string{"read"}, nil, "path or query"},
		"R-6750-3 http":      {c, "http://api.example", []string{"read"}, nil, "https is needed"},
		"R-6750-3 localhost": {c, "http://127.0.0.1:8080", []string{"read"}, nil, "https is needed"},
		"no scheme":          {c, "api.example", []string{"read"}, nil, "origin"},
		"empty":              {c, "", []string{"read"}, nil, "origin"},
		"userinfo":           {c, "https://user:pass-word@api.example", []string{"read"}, nil, "origin"},
		"fragment":           {c, api + "#", []string{"read"}, nil, "fragment"},
		"params":             {c.With(msal.Params{MaxAge: -1}), api, []string{"read"}, nil, "MaxAge"},
		"claims":             {c.WithClaims("[]"), api, []string{"read"}, nil, "claims challenge"},
	} {
		t.Run(name, func(t *testing.T) {
			body := &closing{Reader: strings.NewReader("body")}
			_, err := tc.client.HTTPClient(tc.origin, tc.scope...).Post(api, "text/plain", body)
			require.ErrorContains(t, err, "msal: http client: ")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "pass-word")
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			require.True(t, body.closed)
		})
	}
	require.Empty(t, n.seen)
	require.Zero(t, n.p.Count())
}

// http is for a server on this machine, and has to be asked for.
func TestHTTPClientLoopback_R6750_3(t *testing.T) {
	t.Parallel()
	n, _, _ := online(t, ok)
	n.hosts["http://127.0.0.1:8080"] = ok
	c := newClient(t, n.p, func(cfg *msal.Config) {
		cfg.HTTPClient, cfg.InsecureLoopbackHTTP = &http.Client{Transport: n}, true
	})
	token := signIn(t, n.p, c, "read")
	resp, err := c.HTTPClient("http://127.0.0.1:8080", "read").Get("http://127.0.0.1:8080/me")
	require.NoError(t, err)
	require.Equal(t, "hello", read(t, resp))
	require.Equal(t, []string{"http://127.0.0.1:8080/me Bearer " + token.AccessToken()}, n.seen)
}

// A thousand requests are refused one after the other, because the token is
// not taken any more: one refresh serves them all, also those whose refusal
// comes after it.
func TestHTTPClientStampede(t *testing.T) {
	for name, challenge := range map[string]string{
		"invalid_token": `Bearer error="invalid_token"`,
		"claims":        `Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(mfa)) + `"`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var first msal.Token
				refuse := refusing(&first, challenge)
				n, c, token := online(t, func(w http.ResponseWriter, r *http.Request) {
					delay, _ := time.ParseDuration(r.URL.Query().Get("after"))
					time.Sleep(delay)
					refuse(w, r)
				})
				first = token
				n.p.Fail("token", msaltest.Fault{Delay: 50 * time.Millisecond})
				client := c.HTTPClient(api, "read")
				var wg sync.WaitGroup
				failed := make(chan error, 1000)
				for i := range 1000 {
					wg.Go(func() {
						req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprintf("%s/?after=%dms", api, i), nil)
						if err != nil {
							failed <- err
							return
						}
						resp, err := client.Do(req)
						if err == nil {
							resp.Body.Close()
							if resp.StatusCode != http.StatusOK {
								err = errors.New(resp.Status)
							}
						}
						failed <- err
					})
				}
				wg.Wait()
				close(failed)
				for err := range failed {
					require.NoError(t, err)
				}
				require.Equal(t, 1, n.p.Count())
				require.True(t, n.p.SessionAlive("avery"))
			})
		})
	}
}
