package msal_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

const testRedirect = "http://127.0.0.1/callback"

// begin starts a sign-in and lets the person say yes: what is left is Redeem.
func begin(t testing.TB, p *msaltest.Platform, c *msal.Client, scope ...string) (*msal.Authorization, url.Values) {
	t.Helper()
	z, err := c.Authorize(t.Context(), testRedirect, scope...)
	require.NoError(t, err)
	return z, visit(t, p, z.URL())
}

// requireNobody makes sure that a refused sign-in has stored nothing.
func requireNobody(t testing.TB, c *msal.Client) {
	t.Helper()
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, accounts)
}

func asServerError(t testing.TB, err error) *msal.ServerError {
	t.Helper()
	refused, ok := errors.AsType[*msal.ServerError](err)
	require.True(t, ok, "%v", err)
	return refused
}

// What is sent to the two endpoints, and that the two belong together.
func TestAuthorizeAndRedeemOnTheWire_R6749_1(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditMetadata = func(m map[string]any) {
		m["authorization_endpoint"] = m["authorization_endpoint"].(string) + "?tenant=blue%20one" // which stays
	}
	c := newClient(t, p)
	seen := map[string]bool{}
	unguessable := func(s string) {
		require.GreaterOrEqual(t, len(s), 43)
		require.False(t, seen[s], "used twice")
		seen[s] = true
	}
	for range 3 {
		z, err := c.With(msal.Params{Prompt: "login", MaxAge: 90 * time.Second, ACRValues: []string{"a", "b"},
			LoginHint: "avery", DomainHint: "d", Extra: url.Values{"ui_locales": {"pt-BR"}, "empty": {""}},
		}).Authorize(t.Context(), testRedirect, "read", "User.Read")
		require.NoError(t, err)
		u, err := url.Parse(z.URL())
		require.NoError(t, err)
		front := u.Query()
		for name, values := range front {
			require.Len(t, values, 1, name) // R-6749-2
			require.NotEmpty(t, values[0], name)
		}
		unguessable(front.Get("state"))
		unguessable(front.Get("nonce"))
		challenge := front.Get("code_challenge")
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			front.Del(name)
		}
		require.Equal(t, url.Values{
			"tenant": {"blue one"}, "response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {testRedirect},
			"scope": {"read User.Read openid profile email offline_access"}, "code_challenge_method": {"S256"},
			"prompt": {"login"}, "max_age": {"90"}, "acr_values": {"a b"}, "login_hint": {"avery"},
			"domain_hint": {"d"}, "ui_locales": {"pt-BR"},
		}, front)

		p.ResetLog()
		_, err = c.Authorize(t.Context(), testRedirect)
		require.NoError(t, err)
		require.Zero(t, p.Count(), "known metadata is not fetched again")
		plain, callback := begin(t, p, c, "read")
		p.ResetLog()
		_, err = plain.Redeem(t.Context(), callback)
		require.NoError(t, err)
		require.Equal(t, 1, p.Count())
		sent := p.Requests()[0]
		require.Equal(t, "application/x-www-form-urlencoded", sent.Header.Get("Content-Type")) // R-6749-13
		require.Empty(t, sent.Header.Get("Authorization"))                                     // R-6749-11
		verifier := sent.Form.Get("code_verifier")
		unguessable(verifier)
		require.Regexp(t, `^[A-Za-z0-9._~-]{43,128}$`, verifier) // R-7636-1
		require.NotContains(t, z.URL()+plain.URL(), verifier)
		require.Equal(t, url.Values{
			"client_id": {clientID}, "grant_type": {"authorization_code"}, "code": {callback.Get("code")},
			"redirect_uri": {testRedirect}, "code_verifier": {verifier}, // R-6749-10: the very same
			"scope": {"read openid profile email offline_access"},
		}, sent.Form)
		sum := sha256.Sum256([]byte(verifier)) // R-7636-3
		u, err = url.Parse(plain.URL())
		require.NoError(t, err)
		require.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:]), u.Query().Get("code_challenge"))
		require.NotEqual(t, challenge, u.Query().Get("code_challenge"))
	}
}

func TestAuthorizeRefusesBeforeIO(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	plain := newClient(t, p)
	extra := func(name string) *msal.Client {
		return plain.With(msal.Params{Extra: url.Values{name: {"x"}}})
	}
	for name, tc := range map[string]struct {
		client   *msal.Client
		redirect string
		scope    []string
		is       error
		says     string
	}{
		"default":             {plain, testRedirect, []string{"read", "openid", "Email"}, scopes.ErrDuplicateDefault, "openid"},
		"two in one":          {plain, testRedirect, []string{"a b"}, scopes.ErrInvalid, "a b"},
		"relative":            {plain, "/callback", nil, nil, "absolute"},
		"empty":               {plain, "", nil, nil, "absolute"},
		"fragment":            {plain, "http://127.0.0.1/#", nil, nil, "fragment"},
		"http elsewhere":      {plain, "http://app.example/cb", nil, nil, "use https"},
		"like localhost":      {plain, "http://localhost.app.example/cb", nil, nil, "use https"},
		"script":              {plain, "javascript:alert(1)", nil, nil, "use https"},
		"R-8252-8 no dot":     {plain, "myapp:/cb", nil, nil, "com.example.app"},
		"no host":             {plain, "https:///cb", nil, nil, "use https"},
		"negative age":        {plain.With(msal.Params{MaxAge: -1}), testRedirect, nil, nil, "MaxAge"},
		"resource":            {plain.With(msal.Params{Resources: []string{"https://api.example/#x"}}), testRedirect, nil, nil, "Resources"},
		"challenge":           {plain.WithClaims("[1]"), testRedirect, nil, nil, "claims challenge"},
		"R-6749-2 state":      {extra("state"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 nonce":      {extra("nonce"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 redirect":   {extra("redirect_uri"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 scope":      {extra("scope"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 client":     {extra("client_id"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 type":       {extra("Response_Type"), testRedirect, nil, nil, "Params.Extra"},
		"R-7636-2 downgrade":  {extra("code_challenge_method"), testRedirect, nil, nil, "Params.Extra"},
		"R-7636-2 challenge":  {extra("code_challenge"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 mode":       {extra("response_mode"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 request":    {extra("request_uri"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 credential": {extra("client_secret"), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 two values": {plain.With(msal.Params{Extra: url.Values{"x": {"1", "2"}}}), testRedirect, nil, nil, "Params.Extra"},
		"R-6749-2 no value":   {plain.With(msal.Params{Extra: url.Values{"x": {}}}), testRedirect, nil, nil, "Params.Extra"},
		"password":            {plain, "http://user:pass-word@app.example/", nil, nil, "use https"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.client.Authorize(t.Context(), tc.redirect, tc.scope...)
			require.ErrorContains(t, err, "msal: authorize: ")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "pass-word")
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		})
	}
	require.Zero(t, p.Count())
	for _, good := range []string{"https://app.example/cb?a=b", "http://localhost:8080", "http://[::1]/", "com.example.app:/cb"} {
		_, err := plain.Authorize(t.Context(), good)
		require.NoError(t, err, good)
	}
}

// A server that cannot do S256 is not signed in to (R-7636-5).
func TestAuthorizeNeedsS256(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		methods any
		says    string
	}{"plain only": {[]string{"plain"}, "S256"}, "none": {[]string{}, "S256"}, "unpublished": {nil, ""}} {
		t.Run("R-7636-5 "+name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.EditMetadata = func(m map[string]any) {
				if m["code_challenge_methods_supported"] = tc.methods; tc.methods == nil {
					delete(m, "code_challenge_methods_supported")
				}
			}
			_, err := newClient(t, p).Authorize(t.Context(), testRedirect)
			if tc.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.says)
			}
		})
	}
}

// change returns callback with some parameters set anew, or removed.
func change(callback url.Values, name string, values ...string) url.Values {
	changed := url.Values{}
	for n, v := range callback {
		changed[n] = slices.Clone(v)
	}
	changed[name] = values
	if values == nil {
		delete(changed, name)
	}
	return changed
}

// Redirects that are somebody else's: each is told apart, and the sign-in goes on.
func TestStrangersDoNotUseUp_CB03(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	z, callback := begin(t, p, c, "read")
	_, other := begin(t, p, c, "read")
	state := callback.Get("state")
	for name, stray := range map[string]url.Values{
		"CB-01 no state":         change(callback, "state"),
		"CB-02 empty":            change(callback, "state", ""),
		"CB-02 prefix":           change(callback, "state", state[:len(state)-1]),
		"CB-02 suffix":           change(callback, "state", state+"x"),
		"CB-02 case":             change(callback, "state", strings.ToUpper(state)),
		"CB-02 1 MB":             change(callback, "state", strings.Repeat(state, 25_000)),
		"CB-04 parallel sign-in": other,
		"CB-07 error, no state":  {"error": {"access_denied"}},
		"CB-07 error, wrong":     {"error": {"access_denied"}, "state": {"x"}},
		"CB-09 two states":       change(callback, "state", state, state),
		"nothing":                nil,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := z.Redeem(t.Context(), stray)
			require.ErrorIs(t, err, msal.ErrStateMismatch)
			require.NotContains(t, err.Error(), state)
		})
	}
	require.Zero(t, p.Count("token"))
	_, err := z.Redeem(t.Context(), callback) // CB-03
	require.NoError(t, err)
}

// Redirects with our state that are not to be followed: typed, final, and the
// code stays where it is.
func TestWrongAnswersUseUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit func(v url.Values) url.Values
		code string // of the *ServerError
		says string
	}{
		"CB-07 error": {edit: func(v url.Values) url.Values {
			return change(change(change(v, "code"), "error", "access_denied"), "error_description", "no\x1b[2J\nthanks")
		}, code: "access_denied", says: `no\`},
		"CB-08 code and error":  {edit: func(v url.Values) url.Values { return change(v, "error", "server_error") }, code: "server_error"},
		"CB-09 two codes":       {edit: func(v url.Values) url.Values { return change(v, "code", "a", "a") }, says: `"code" twice`},
		"CB-09 two iss":         {edit: func(v url.Values) url.Values { return change(v, "iss", v.Get("iss"), v.Get("iss")) }, says: `"iss" twice`},
		"CB-09 two errors":      {edit: func(v url.Values) url.Values { return change(v, "error", "a", "b") }, says: `"error" twice`},
		"CB-10 R-9207-2 no iss": {edit: func(v url.Values) url.Values { return change(v, "iss") }, says: "no iss"},
		"CB-10 R-9207-1 slash":  {edit: func(v url.Values) url.Values { return change(v, "iss", v.Get("iss")+"/") }, says: "iss is"},
		"CB-10 R-9207-1 other":  {edit: func(v url.Values) url.Values { return change(v, "iss", "https://\x1b[31mevil.example") }, says: "evil.example"},
		"CB-10 R-9207-1 empty":  {edit: func(v url.Values) url.Values { return change(v, "iss", []string{}...) }, says: "iss"},
		"CB-10 error of another": {edit: func(v url.Values) url.Values {
			return change(change(v, "iss", "https://evil.example"), "error", "access_denied")
		}, says: "iss is"},
		"CB-25 neither":  {edit: func(v url.Values) url.Values { return change(v, "code") }, says: "neither a code nor an error"},
		"CB-25 empty":    {edit: func(v url.Values) url.Values { return change(v, "code", "") }, says: "neither a code nor an error"},
		"CB-25 100 kB":   {edit: func(v url.Values) url.Values { return change(v, "code", strings.Repeat("c", 100_000)) }, says: "too long"},
		"CB-25 controls": {edit: func(v url.Values) url.Values { return change(v, "code", "c\x00\r\n") }, says: "printable"},
		"CB-25 umlaut":   {edit: func(v url.Values) url.Values { return change(v, "code", "cödé") }, says: "printable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, callback := begin(t, p, c, "read")
			_, err := z.Redeem(t.Context(), tc.edit(callback))
			require.ErrorContains(t, err, "msal: redeem: ")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "\x1b")
			require.NotErrorIs(t, err, msal.ErrStateMismatch)
			if tc.code != "" {
				require.Equal(t, tc.code, asServerError(t, err).Code)
			}
			_, err = z.Redeem(t.Context(), callback)
			require.ErrorContains(t, err, "redeemed before")
			require.Zero(t, p.Count("token"))
			requireNobody(t, c)
		})
	}
}

// A server that does not announce iss may send the right one, or none.
func TestIssNotAnnounced(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		iss  []string
		says string
	}{"none": {}, "equal": {iss: []string{msaltest.DefaultURL}}, "different": {[]string{"https://evil.example"}, "iss is"}} {
		t.Run("CB-11 R-9207-3 "+name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.OmitIss = true
			z, callback := begin(t, p, newClient(t, p), "read")
			_, err := z.Redeem(t.Context(), change(callback, "iss", tc.iss...))
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.Zero(t, p.Count("token"))
		})
	}
}

// However the token endpoint answers, the code has been sent: once, and to it
// alone. (The in-process client fails the test when another host is called.)
func TestCodeIsSentOnce(t *testing.T) {
	t.Parallel()
	elsewhere := http.Header{"Location": {"https://evil.example/token"}}
	for name, fault := range map[string]msaltest.Fault{
		"TR-01 400":             {Code: "invalid_grant"},
		"TR-01 scope":           {Code: "invalid_scope", Description: "email is not supported"},
		"TR-18 500":             {Status: 500},
		"TR-18 502":             {Status: 502},
		"TR-18 503":             {Status: 503, RetryAfter: "1"},
		"TR-19 LG-06 cut":       {Cut: true},
		"TR-19 cut before":      {CutBefore: true},
		"TR-19 truncated":       {Truncate: 40},
		"TR-17 web page":        {Body: "<html>welcome to the hotel</html>"},
		"TR-21 401":             {Status: 401, Code: "invalid_client", Header: http.Header{"Www-Authenticate": {"Basic realm=x"}}},
		"TR-30 R-7636-4 301":    {Status: 301, Header: elsewhere, Body: "{}"},
		"TR-30 R-7636-4 303":    {Status: 303, Header: elsewhere, Body: "{}"},
		"TR-30 R-7636-4 307":    {Status: 307, Header: elsewhere, Body: "{}"},
		"TR-30 R-7636-4 308":    {Status: 308, Header: elsewhere, Body: "{}"},
		"TR-17 no content":      {Status: 204, Body: " "},
		"TR-20 no error member": {Status: 400, Body: `{"message":"secret-token"}`},
	} {
		t.Run("R-6749-9 "+name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, callback := begin(t, p, c, "read")
			p.Fail("token", fault)
			_, err := z.Redeem(t.Context(), callback)
			require.Error(t, err)
			for _, secret := range []string{callback.Get("code"), p.TokenRequests("")[0].Form.Get("code_verifier"), "secret-token", "hotel"} {
				require.NotContains(t, err.Error(), secret)
			}
			if fault.Code != "" {
				require.Equal(t, fault.Code, asServerError(t, err).Code)
			}
			_, err = z.Redeem(t.Context(), callback)
			require.ErrorContains(t, err, "redeemed before")
			require.Equal(t, 1, p.Count("token"))
			requireNobody(t, c)
			z, callback = begin(t, p, c, "read")
			require.Contains(t, z.URL(), "email", "a refusal after the person said yes leaves the defaults alone")
			_, err = z.Redeem(t.Context(), callback)
			require.NoError(t, err, "the next sign-in is not affected")
		})
	}
}

// Of many deliveries of one callback one is redeemed.
func TestRedeemInParallel_CB06(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	z, callback := begin(t, p, c, "read")
	var wg sync.WaitGroup
	var good atomic.Int32
	for range 50 {
		wg.Go(func() {
			if _, err := z.Redeem(context.Background(), callback); err == nil {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, good.Load())
	require.Equal(t, 1, p.Count("token"))
	require.True(t, p.SessionAlive("avery"))
}

func TestAuthorizationExpires(t *testing.T) {
	for name, tc := range map[string]struct {
		after time.Duration
		says  string
	}{"limit: authorization, 10 min": {10 * time.Minute, ""}, "limit: authorization, later": {10*time.Minute + 1, "more than 10m0s"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.CodeLife = time.Hour
				z, callback := begin(t, p, newClient(t, p), "read")
				time.Sleep(tc.after)
				_, err := z.Redeem(t.Context(), callback)
				if tc.says == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, tc.says)
				require.ErrorIs(t, err, msal.ErrSignInTimeout)
				require.Zero(t, p.Count("token"))
			})
		})
	}
}
