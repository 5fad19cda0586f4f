package msal_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// outages are what may be where the authority's metadata should be, and what a program has to be able to tell.
var outages = map[string]struct {
	at    string // empty: discovery
	fault msaltest.Fault
	edit  func(metadata map[string]any)
	down  func(*http.Request) error // the network

	action    msal.Action // of a *ServerError; empty: a net.Error
	temporary bool        // of a net.Error
	says      string      // what to do
}{
	"503":                    {fault: msaltest.Fault{Status: 503}, action: msal.ActionRetry, says: "try again later"},
	"503, a page":            {fault: msaltest.Fault{Status: 503, Body: "<h1>maintenance</h1>"}, action: msal.ActionRetry, says: "try again later"},
	"a gateway":              {fault: msaltest.Fault{Status: 502, Body: "<h1>bad gateway</h1>"}, action: msal.ActionRetry, says: "try again later"},
	"429":                    {fault: msaltest.Fault{Status: 429}, action: msal.ActionWait, says: "wait before calling again"},
	"not now":                {fault: msaltest.Fault{Status: 400, Code: "temporarily_unavailable"}, action: msal.ActionRetry, says: "try again later"},
	"403, a firewall's page": {fault: msaltest.Fault{Status: 403, Body: "<h1>blocked</h1>"}, action: msal.ActionRetry, says: "try again later"},
	"keys, 503":              {at: "keys", fault: msaltest.Fault{Status: 503}, action: msal.ActionRetry, says: "try again later"},
	"keys, 404":              {at: "keys", fault: msaltest.Fault{Status: 404, Body: "no"}, action: msal.ActionRetry, says: "try again later"},

	"404":                 {fault: msaltest.Fault{Status: 404, Body: "<h1>not found</h1>", Times: 2}, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"404 of a provider":   {fault: msaltest.Fault{Status: 404, Code: "Realm does not exist", Times: 2}, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"410":                 {fault: msaltest.Fault{Status: 410, Body: "{}"}, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"400":                 {fault: msaltest.Fault{Status: 400, Body: "no"}, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"a redirect":          {fault: msaltest.Fault{Status: 302, Body: "{}", Header: http.Header{"Location": {"https://elsewhere.example/"}}}, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"another issuer":      {edit: func(m map[string]any) { m["issuer"] = "https://elsewhere.example" }, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"no issuer":           {edit: func(m map[string]any) { delete(m, "issuer") }, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"no keys":             {edit: func(m map[string]any) { delete(m, "jwks_uri") }, action: msal.ActionFixApp, says: "correct Config.Authority"},
	"an object of others": {fault: msaltest.Fault{Body: `{"swagger":"2.0"}`}, action: msal.ActionFixApp, says: "correct Config.Authority"},

	"a page in its place": {fault: msaltest.Fault{Body: "<h1>welcome to the hotel</h1>"}, temporary: true, says: "see whether the network is up, and Config.Authority right"},
	"cut":                 {fault: msaltest.Fault{Cut: true}, temporary: true, says: "see whether the network is up"},
	"nothing in time":     {fault: msaltest.Fault{Hang: true}, temporary: true, says: "see whether the network is up"},
	"no such host": {down: func(r *http.Request) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true}}
	}, temporary: true, says: "see whether the network is up, and Config.Authority right"},
	"nobody listens": {down: func(*http.Request) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	}, temporary: true, says: "see whether the network is up"},
	"a certificate": {down: func(*http.Request) error {
		return &tls.CertificateVerificationError{Err: errors.New("x509: signed by unknown authority")}
	}, says: "Config.Authority right"},
	"a transport's own error": {down: func(*http.Request) error { return errors.New("proxy: no") }, temporary: true, says: "see whether the network is up"},
}

// TestOutages: who starts without metadata can tell a server that is down from an authority that is wrong, in the code and
// in the text, and nobody is told to sign in for it.
func TestOutages(t *testing.T) {
	for name, tc := range outages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.EditMetadata = tc.edit
				at := tc.at
				if at == "" {
					at = "discovery"
				}
				if tc.fault.Status != 0 || tc.fault.Body != "" || tc.fault.Cut || tc.fault.Hang {
					p.Fail(at, tc.fault)
				}
				inner := p.Client().Transport
				c := newClient(t, p, func(cfg *msal.Config) {
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						if tc.down != nil {
							return nil, tc.down(r)
						}
						return inner.RoundTrip(r)
					})}
				})
				_, err := c.SignIn(t.Context(), msal.DeviceCode{}, "read")
				require.ErrorContains(t, err, tc.says)
				require.ErrorContains(t, err, "https://idp.example", "whom to ask, or what to correct")
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				requireTame(t, err.Error())
				refused, said := errors.AsType[*msal.ServerError](err)
				network, ok := errors.AsType[net.Error](err)
				require.Equal(t, tc.action != "", said)
				require.Equal(t, tc.action == "", ok)
				if said {
					require.Equal(t, tc.action, refused.Action())
				} else {
					require.Equal(t, tc.temporary, network.(interface{ Temporary() bool }).Temporary())
					require.Equal(t, tc.fault.Hang, network.Timeout())
				}
			})
		})
	}
}

// What the network's errors are made of is there for errors.As, from a real connection too.
func TestOutageCauses(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	fails := func(authority string) error {
		c, err := msal.New(msal.Config{ClientID: "a-test-client", Authority: authority})
		require.NoError(t, err)
		_, err = c.Authorize(t.Context(), testRedirect, "read")
		return err
	}
	_, ok := errors.AsType[*tls.CertificateVerificationError](fails(server.URL))
	require.True(t, ok)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, ok = errors.AsType[*net.OpError](fails("https://" + closed.Addr().String()))
	require.True(t, ok)
}

// Who leaves is not told to look at the network.
func TestOutageAndACancelledContext(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Fail("discovery", msaltest.Fault{Hang: true})
	ctx, cancel := context.WithCancelCause(t.Context())
	changed := errors.New("the person changed their mind")
	time.AfterFunc(20*time.Millisecond, func() { cancel(changed) })
	_, err := newClient(t, p).Authorize(ctx, testRedirect, "read")
	require.ErrorIs(t, err, changed)
	require.NotContains(t, err.Error(), "network")
}

// A server without OpenID Connect that is down is not called one that does not exist.
func TestOutageOfTheSecondAddress(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	oauthOnly(p)
	p.Fail("discovery", msaltest.Fault{Status: 404})
	p.Fail("discovery", msaltest.Fault{Status: 503})
	_, err := newClient(t, p).Authorize(t.Context(), testRedirect, "read")
	require.Equal(t, msal.ActionRetry, asServerError(t, err).Action())
	require.Equal(t, 2, p.Count("discovery"))
}

// A tenant that does not exist is told in Microsoft's words, and with what to do.
func TestNoSuchTenant(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.URL = "https://login.microsoftonline.com"
	p.Entra = &msaltest.Entra{Tenants: []msaltest.Tenant{{ID: wireTenant}}}
	_, err := newClient(t, p, func(cfg *msal.Config) { cfg.Authority += "/nowhere.example" }).Authorize(t.Context(), testRedirect, "User.Read")
	e := asServerError(t, err)
	require.Equal(t, []int{90002}, e.Codes)
	require.Equal(t, msal.ActionFixApp, e.Action())
	require.ErrorContains(t, err, "correct the tenant or the host in Config.Authority")
}

// A daemon that starts while the server is down leaves it alone for as long as it wants, and goes on when it is well.
func TestKeepFreshWithoutMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		expire(t, p, newClient(t, p, with), "read")
		for key, err := range store.List(t.Context(), "m-") {
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), key))
		}
		c := newClient(t, p, with)
		p.Fail("discovery", msaltest.Fault{Status: 503, RetryAfter: "240", Times: -1})
		ended, stop := keepFresh(t, c)
		began := time.Now()
		for range 20 {
			time.Sleep(time.Minute)
			requireRunning(t, ended)
		}
		require.LessOrEqual(t, p.Count("discovery"), int(time.Since(began)/(4*time.Minute))+1)
		require.Greater(t, p.Count("discovery"), 1)
		p.Heal()
		time.Sleep(10 * time.Minute)
		requireToken(t, c, "read")
		require.ErrorIs(t, stop(), errShutDown)
	})
}
