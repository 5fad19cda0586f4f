package msal_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// cae is what an API asks for when a session was revoked: a token from later on.
const cae = `{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`

// challenging is an API that does not take token, for want of claims.
func challenging(token *msal.Token, claims string) http.HandlerFunc {
	return refusing(token, `Bearer realm="", authorization_uri="https://idp.example/authorize", error="insufficient_claims", claims="`+
		base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
}

// A challenge, and the capabilities, are part of the authorization request, of
// every token request and of the start of a device flow.
func TestClaimsAreSent(t *testing.T) {
	for name, tc := range map[string]struct {
		capabilities []string
		challenge    string
		want         string // "": no parameter
	}{
		"neither":      {},
		"a challenge":  {challenge: cae, want: cae},
		"capabilities": {capabilities: []string{"cp1"}, want: `{"access_token":{"xms_cc":{"values":["cp1"]}}}`},
		"both":         {[]string{"cp1"}, cae, `{"access_token":{"nbf":{"essential":true,"value":"1635527790"},"xms_cc":{"values":["cp1"]}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.AutoApproveAfter = 2
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Capabilities = tc.capabilities })
				if tc.challenge != "" {
					c = c.WithClaims(tc.challenge)
				}
				signIn(t, p, c, "read")
				_, err := c.SignIn(t.Context(), quietDevice, "read")
				require.NoError(t, err)
				requireToken(t, c.ForceRefresh(), "read")
				sent := map[string]int{}
				for _, r := range p.Requests() {
					if r.Endpoint == "discovery" || r.Endpoint == "keys" {
						continue
					}
					require.Equal(t, tc.want, r.Form.Get("claims"), r.Endpoint)
					require.Equal(t, tc.want != "", r.Form.Has("claims"), r.Endpoint)
					sent[r.Endpoint]++
				}
				require.Equal(t, map[string]int{"authorize": 1, "device": 1, "token": 4}, sent)
			})
		})
	}
}

// A challenge that cannot be sent is refused before anything happens.
func TestWithClaimsBeforeIO(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		capabilities []string
		challenge    string
	}{
		"MS-10 array":             {nil, "[]"},
		"MS-10 too long":          {nil, `{"a":"` + strings.Repeat("a", 8<<10) + `"}`},
		"no place for capability": {[]string{"cp1"}, `{"access_token":[1]}`},
		"a text for claims":       {[]string{"cp1"}, `{"access_token":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			store := &countingStore{Store: cache.Memory()}
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.Capabilities = store, tc.capabilities })
			token := signIn(t, p, c, "read")
			p.ResetLog()
			store.calls.Store(0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for by, c := range map[string]*msal.Client{
				"WithClaims": c.WithClaims(tc.challenge), "For": c.For(token.Account).WithClaims(tc.challenge),
				"ForceRefresh": c.WithClaims(tc.challenge).ForceRefresh(), "With": c.WithClaims(tc.challenge).With(msal.Params{}),
			} {
				for method, call := range scopeMethods {
					require.ErrorContains(t, call(ctx, c, []string{"read"}), "claims challenge: ", "%s of %s", method, by)
				}
			}
			require.Zero(t, p.Count())
			require.Zero(t, store.calls.Load())
		})
	}
}

// What a refresh does not satisfy is for a person, and the program finds the
// claims for the sign-in in the error, whatever the refresh was answered.
func TestHTTPClientSaysWhichClaims(t *testing.T) {
	t.Parallel()
	const theirs = `{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}`
	for name, tc := range map[string]struct {
		fault  msaltest.Fault
		omit   []string // default scopes
		code   string
		claims string
	}{
		"the server's own": {fault: msaltest.Fault{Code: "invalid_grant", Suberror: "basic_action", Claims: theirs}, code: "invalid_grant", claims: theirs},
		"the API's":        {fault: msaltest.Fault{Code: "interaction_required", Description: "AADSTS50076: MFA"}, code: "interaction_required", claims: mfa},
		"a dead session":   {fault: msaltest.Fault{Code: "invalid_grant", Suberror: "bad_token", Description: "AADSTS50173: revoked"}, code: "invalid_grant", claims: mfa},
		"nothing to ask":   {omit: []string{"offline_access"}, code: "insufficient_claims", claims: mfa},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var refused msal.Token
			p := msaltest.New(t)
			n := &internet{p: p, hosts: map[string]http.HandlerFunc{api: challenging(&refused, mfa)}}
			c := newClient(t, p, func(cfg *msal.Config) { cfg.HTTPClient, cfg.OmitScopes = &http.Client{Transport: n}, tc.omit })
			refused = signIn(t, p, c, "read")
			p.ResetLog()
			if tc.fault.Code != "" {
				p.Fail("token", tc.fault)
			}
			_, err := c.HTTPClient(api, "read").Get(api)
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			_, ok := errors.AsType[*url.Error](err)
			require.True(t, ok, "%T", err)
			e := asServerError(t, err)
			require.Equal(t, tc.code, e.Code)
			require.Equal(t, tc.claims, e.Claims)
			require.Equal(t, msal.ActionSignIn, e.Action())
			require.LessOrEqual(t, p.Count(), 1)

			// And back: the sign-in shows them to the server, and the API is content.
			p.ResetLog()
			signIn(t, p, c.WithClaims(e.Claims), "read")
			for _, r := range p.Requests() {
				require.Equal(t, tc.claims, r.Form.Get("claims"), r.Endpoint)
			}
			p.ResetLog()
			resp, err := c.HTTPClient(api, "read").Get(api)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, resp.StatusCode)
			resp.Body.Close()
			require.Zero(t, p.Count(), "the plain client has the new token")
		})
	}
}

// A revoked session in the words of continuous access evaluation: one refresh,
// and from then on the new token.
func TestHTTPClientContinuousAccess(t *testing.T) {
	t.Parallel()
	var revoked msal.Token
	n, c, token := online(t, challenging(&revoked, cae))
	revoked = token
	client := c.HTTPClient(api, "read")
	for range 3 {
		resp, err := client.Get(api)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	require.Len(t, n.seen, 4)
	require.Equal(t, 1, n.p.Count())
	require.Equal(t, cae, n.p.TokenRequests("refresh_token")[0].Form.Get("claims"))
}

// An API that is never content is believed at the second time, and a program
// that asks a hundred times costs one refresh a minute.
func TestHTTPClientChallengesWithoutEnd(t *testing.T) {
	for name, challenge := range map[string]string{
		"claims":        `Bearer error="insufficient_claims", claims="` + base64.RawURLEncoding.EncodeToString([]byte(mfa)) + `"`,
		"invalid_token": `Bearer error="invalid_token"`,
		"nothing":       "",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, c, _ := online(t, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("WWW-Authenticate", challenge)
					w.WriteHeader(http.StatusUnauthorized)
				})
				client := c.HTTPClient(api, "read")
				get := func() {
					resp, err := client.Get(api)
					require.NoError(t, err)
					resp.Body.Close()
					require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
				}
				get()
				require.Len(t, n.seen, 2)
				for range 99 {
					get()
				}
				require.Len(t, n.seen, 101)
				require.Equal(t, 1, n.p.Count())
				time.Sleep(time.Minute)
				get()
				require.Equal(t, 2, n.p.Count())
				require.Len(t, n.seen, 103)
			})
		})
	}
}

// An API that thinks of something new each time causes ten refreshes in a minute,
// whether it likes the new tokens or not, and whether there are any.
func TestHTTPClientChangingChallenges(t *testing.T) {
	newer := func(n int) string {
		return fmt.Sprintf(`Bearer error="insufficient_claims", claims="{\"access_token\":{\"nbf\":{\"value\":\"%d\"}}}"`, n)
	}
	person := msaltest.Fault{Code: "interaction_required", Times: -1}
	for name, tc := range map[string]struct {
		refuses   func(n int, again bool) string // the challenge to the nth request, with a token that came again or not; "": none
		fault     msaltest.Fault
		requests  int
		refreshes int
		last      int // status; 0: an error
	}{
		"never content":                      {func(n int, _ bool) string { return newer(n) }, msaltest.Fault{}, 50, 5, 401},
		"R-MS-7 limit: 401s of an API, ten":  {contentOnce(newer), msaltest.Fault{}, 11, 10, 200},
		"R-MS-7 limit: 401s of an API, more": {contentOnce(newer), msaltest.Fault{}, 50, 10, 401},
		"each token once, without claims":    {contentOnce(func(int) string { return "Bearer" }), msaltest.Fault{}, 50, 10, 401},
		"a person is needed":                 {func(n int, _ bool) string { return newer(n) }, person, 50, 10, 401},
		"three in turn, for a person":        {func(n int, _ bool) string { return newer(n % 3) }, person, 50, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, seen := 0, map[string]bool{}
				net, c, _ := online(t, func(w http.ResponseWriter, r *http.Request) {
					token := r.Header.Get("Authorization")
					challenge := tc.refuses(n, seen[token])
					n, seen[token] = n+1, true
					if challenge != "" {
						w.Header().Set("WWW-Authenticate", challenge)
						w.WriteHeader(http.StatusUnauthorized)
					}
				})
				if tc.fault.Code != "" {
					net.p.Fail("token", tc.fault)
				}
				client := c.HTTPClient(api, "read")
				var last int
				get := func() {
					resp, err := client.Get(api)
					if last = 0; err == nil {
						last = resp.StatusCode
						resp.Body.Close()
					} else {
						require.ErrorIs(t, err, msal.ErrSignInRequired)
					}
				}
				for range tc.requests {
					get()
				}
				require.Equal(t, tc.refreshes, net.p.Count())
				require.Equal(t, tc.last, last)
				time.Sleep(time.Minute)
				get()
				require.Equal(t, tc.refreshes+1, net.p.Count(), "after a minute it is heard again")
			})
		})
	}
}

// contentOnce refuses each token from its second request on.
func contentOnce(challenge func(n int) string) func(int, bool) string {
	return func(n int, again bool) string {
		if again {
			return challenge(n)
		}
		return ""
	}
}

// Whoever else answers has no say: another origin, that of a redirect, and one
// who repeats the token that he was shown.
func TestHTTPClientForeignChallenges(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://elsewhere.example"
	var token msal.Token
	n, c, signedIn := online(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		case "/there-and-back":
			http.Redirect(w, r, elsewhere+"/back", http.StatusTemporaryRedirect)
		case "/back":
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30"`)
			w.WriteHeader(http.StatusUnauthorized)
		default:
			challenging(&token, `{"access_token":{"x":{"value":"`+token.AccessToken()+`"}}}`)(w, r)
		}
	})
	token = signedIn
	n.hosts[elsewhere] = func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/back" {
			http.Redirect(w, r, api+"/back", http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	for _, path := range []string{"/redirect", "/there-and-back", "/echo"} {
		resp, err := c.HTTPClient(api, "read").Get(api + path)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusUnauthorized, resp.StatusCode, path)
	}
	_, err := c.HTTPClient(elsewhere, "read").Get(api)
	require.ErrorContains(t, err, "its token is for")
	require.Zero(t, n.p.Count())
}

// A challenge is for this process: the store does not have it, and another
// process takes the token that came of it without a word.
func TestClaimsAreNotStored(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	c := newClient(t, p, with)
	signIn(t, p, c, "read")
	challenged := c.WithClaims(cae)
	requireToken(t, challenged, "read")
	signIn(t, p, c.WithClaims(mfa), "read")
	for key := range keysOf(t, store) {
		data, _, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		require.NotContains(t, string(data), `nbf\"`) // quoted within a string, as a token never is
		require.NotContains(t, string(data), `acrs\"`)
	}
	p.ResetLog()
	requireToken(t, newClient(t, p, with), "read")
	require.Zero(t, p.Count())
}

// What only a person can change is asked of the server once, whoever calls:
// HTTPClient says so with its requests, KeepFresh by returning.
func TestNoLoops(t *testing.T) {
	const token, app = "invalid_grant", "unauthorized_client"
	for suberror, tc := range map[string]struct {
		code   string
		action msal.Action
	}{
		"basic_action":                 {token, msal.ActionSignIn},
		"additional_action":            {token, msal.ActionSignIn},
		"message_only":                 {token, msal.ActionGiveUp},
		"consent_required":             {token, msal.ActionSignIn},
		"user_password_expired":        {token, msal.ActionSignIn},
		"bad_token":                    {token, msal.ActionSignIn},
		"token_expired":                {token, msal.ActionSignIn},
		"client_mismatch":              {token, msal.ActionSignIn},
		"protection_policy_required":   {app, msal.ActionGiveUp},
		"device_authentication_failed": {token, msal.ActionAskAdmin},
	} {
		fault := msaltest.Fault{Code: tc.code, Suberror: suberror, Times: -1}
		check := func(t *testing.T, p *msaltest.Platform, err error) {
			t.Helper()
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.Equal(t, tc.action, asServerError(t, err).Action())
			require.Equal(t, 1, p.Count())
		}
		t.Run(suberror+"/HTTPClient", func(t *testing.T) {
			t.Parallel()
			var refused msal.Token
			n, c, token := online(t, challenging(&refused, mfa))
			refused = token
			n.p.Fail("token", fault)
			client := c.HTTPClient(api, "read")
			for range 100 {
				_, err := client.Get(api)
				check(t, n.p, err)
			}
			require.Len(t, n.seen, 100)
			n.p.Heal()
			signIn(t, n.p, c.WithClaims(mfa), "read")
			resp, err := client.Get(api)
			require.NoError(t, err, "who has signed in need not wait")
			resp.Body.Close()
			require.Equal(t, http.StatusOK, resp.StatusCode)
		})
		t.Run(suberror+"/KeepFresh", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				p.ResetLog()
				p.Fail("token", fault)
				ended, stop := keepFresh(t, c)
				time.Sleep(24 * time.Hour)
				select {
				case err := <-ended:
					check(t, p, err)
				default:
					require.NoError(t, stop(), "it still tries")
				}
			})
		})
	}
}

// A refusal that a sign-in does not change is remembered for a minute, for that
// request and that session.
func TestBarred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, entra := newEntra(t)
		p.Rotation = msaltest.NoRotation // it is the request that makes the difference, not another refresh token
		c := newClient(t, p, entra)
		first := signIn(t, p, c, "User.Read", "Mail.Read")
		time.Sleep(time.Until(first.Expiry))
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Code: "invalid_grant", Suberror: "message_only", Description: "AADSTS53003: Access has been blocked."})
		began := time.Now()
		for range 100 {
			_, err := c.Token(t.Context(), "User.Read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.Equal(t, msal.ActionGiveUp, asServerError(t, err).Action())
			_, err = c.ForceRefresh().Token(t.Context(), "User.Read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
		}
		require.Equal(t, 1, p.Count())
		requireToken(t, c, "Mail.Read")                                                      // other scopes may have no such policy,
		requireToken(t, c.WithClaims(`{"access_token":{"nbf":{"value":"1"}}}`), "User.Read") // and claims may be what it wants
		require.Equal(t, 3, p.Count())
		require.Equal(t, began, time.Now())

		// A new session is not concerned, and after a minute nobody is.
		unregistered := msaltest.Fault{Code: "invalid_grant", Suberror: "device_authentication_failed"}
		for range 2 {
			signIn(t, p, c, "User.Read")
			p.ResetLog()
			p.Fail("token", unregistered)
			for range 10 {
				_, err := c.ForceRefresh().Token(t.Context(), "User.Read")
				require.Equal(t, msal.ActionAskAdmin, asServerError(t, err).Action())
			}
			require.Equal(t, 1, p.Count())
		}
		time.Sleep(time.Minute)
		requireToken(t, c.ForceRefresh(), "User.Read")
	})
}

// The error of a redirect has what Microsoft adds to it.
func TestRedirectError(t *testing.T) {
	t.Parallel()
	const id = "0000aaaa-11bb-cccc-dd33-eeeeee333333"
	long := `{"a":"` + strings.Repeat("a", 8<<10) + `"}`
	for name, tc := range map[string]struct {
		back   url.Values
		want   msal.ServerError
		action msal.Action
	}{
		"of another server": {url.Values{"error": {"login_required"}}, msal.ServerError{Code: "login_required"}, msal.ActionSignIn},
		"cancelled": {url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"}, "error_description": {"AADSTS65004: User declined. Trace ID: x Correlation ID: " + id + " Timestamp: y"}},
			msal.ServerError{Code: "access_denied", Suberror: "cancel", CorrelationID: id, Codes: []int{65004}, Description: "AADSTS65004: User declined. Trace ID: x Correlation ID: " + id + " Timestamp: y"}, msal.ActionGiveUp},
		"with claims": {url.Values{"error": {"interaction_required"}, "suberror": {"basic_action"}, "claims": {mfa}, "correlation_id": {id}},
			msal.ServerError{Code: "interaction_required", Suberror: "basic_action", Claims: mfa, CorrelationID: id}, msal.ActionSignIn},
		"with too many claims": {url.Values{"error": {"interaction_required"}, "claims": {long}}, msal.ServerError{Code: "interaction_required"}, msal.ActionSignIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, err := c.Authorize(t.Context(), "http://127.0.0.1/callback", "read")
			require.NoError(t, err)
			answer := visit(t, p, z.URL())
			answer.Del("code")
			for name, values := range tc.back {
				answer[name] = values
			}
			_, err = z.Redeem(t.Context(), answer)
			e := asServerError(t, err)
			require.Equal(t, tc.want, msal.ServerError{
				Code: e.Code, Description: e.Description, Suberror: e.Suberror, Claims: e.Claims, CorrelationID: e.CorrelationID,
				URI: e.URI, Codes: e.Codes, StatusCode: e.StatusCode, RetryAfter: e.RetryAfter,
			})
			require.ErrorContains(t, err, "a redirect said "+tc.want.Code)
			require.Equal(t, tc.action, e.Action())
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
		})
	}
}

// FuzzHTTPClientChallenge: whatever an API writes into its challenge, the
// request ends with its 401 or with claims that WithClaims takes, and the API
// is called twice at most.
func FuzzHTTPClientChallenge(f *testing.F) {
	for _, s := range []string{`Bearer error="insufficient_claims", claims="e30"`, `Bearer error=insufficient_claims, claims="{\"access_token\":null}"`, "Bearer", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if strings.ContainsFunc(header, func(r rune) bool { return r < ' ' || r > '~' }) {
			return
		}
		n, c, _ := online(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", header)
			w.WriteHeader(http.StatusUnauthorized)
		})
		n.p.Fail("token", msaltest.Fault{Code: "interaction_required"})
		resp, err := c.HTTPClient(api, "read").Get(api)
		require.LessOrEqual(t, len(n.seen), 2)
		if err == nil {
			resp.Body.Close()
			require.Equal(t, http.StatusUnauthorized, resp.StatusCode)
			return
		}
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		if claims := asServerError(t, err).Claims; claims != "" {
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(claims), &object))
			signIn(t, n.p, c.WithClaims(claims), "read")
		}
	})
}
