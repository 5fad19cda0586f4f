package msal_test

import (
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// expire signs in, lets the access token expire, and forgets the requests so
// far.
func expire(t *testing.T, p *msaltest.Platform, c *msal.Client, scope ...string) msal.Token {
	t.Helper()
	token := signIn(t, p, c, scope...)
	time.Sleep(time.Until(token.Expiry))
	p.ResetLog()
	return token
}

// What each answer to a refresh means for the program and for the session.
func TestRefreshRefused(t *testing.T) {
	tests := map[string]struct {
		fault    msaltest.Fault
		entra    bool
		signIn   bool // ErrSignInRequired
		kept     bool // the refresh token is sent again at the next call,
		rest     bool // after a minute
		requests int
	}{
		"invalid_grant ends the session":                   {fault: msaltest.Fault{Code: "invalid_grant"}, signIn: true, requests: 1},
		"bad_token too":                                    {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "bad_token"}, signIn: true, requests: 1},
		"token_expired too":                                {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "token_expired"}, signIn: true, requests: 1},
		"Microsoft's without a suberror too":               {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Description: "AADSTS700082: expired due to inactivity"}, signIn: true, requests: 1},
		"a second factor keeps it":                         {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "basic_action", Claims: `{"access_token":{}}`}, signIn: true, kept: true, requests: 1},
		"consent keeps it":                                 {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "consent_required", Description: "AADSTS65001: consent"}, signIn: true, kept: true, requests: 1},
		"claims keep it":                                   {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Claims: `{"access_token":{"capolids":{}}}`}, signIn: true, kept: true, requests: 1},
		"70000 about scopes keeps it":                      {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Description: "AADSTS70000: one or more scopes requested are unauthorized"}, signIn: true, kept: true, requests: 1},
		"a loop is a throttle, not a sign-out":             {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Description: "AADSTS50196: loop"}, kept: true, rest: true, requests: 1},
		"so is any error with the status of one":           {fault: msaltest.Fault{Status: 429, Code: "invalid_grant"}, kept: true, rest: true, requests: 1},
		"a missing registration keeps it":                  {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Description: "AADSTS90008: misconfigured"}, signIn: true, kept: true, rest: true, requests: 1},
		"nothing that can be asked for at a page keeps it": {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "message_only", Claims: `{"access_token":{"capolids":{}}}`}, signIn: true, kept: true, rest: true, requests: 1},
		"another application's token":                      {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "client_mismatch"}, signIn: true, kept: true, requests: 1},
		"a device that has to be registered":               {entra: true, fault: msaltest.Fault{Code: "invalid_grant", Suberror: "device_authentication_failed"}, signIn: true, kept: true, rest: true, requests: 1},
		"Intune":                                           {entra: true, fault: msaltest.Fault{Code: "unauthorized_client", Suberror: "protection_policy_required", Description: "AADSTS53005: Application needs to enforce Intune protection policies"}, signIn: true, kept: true, rest: true, requests: 1},
		"interaction_required keeps it":                    {fault: msaltest.Fault{Code: "interaction_required"}, signIn: true, kept: true, requests: 1},
		"login_required keeps it":                          {fault: msaltest.Fault{Code: "login_required"}, signIn: true, kept: true, requests: 1},
		"invalid_client is a fault of the program":         {fault: msaltest.Fault{Status: 401, Code: "invalid_client"}, kept: true, requests: 1},
		"invalid_scope is the caller's":                    {fault: msaltest.Fault{Code: "invalid_scope", Description: "no such thing"}, kept: true, requests: 1},
		"an outage is not a sign-out":                      {fault: msaltest.Fault{Status: 500}, kept: true, requests: 1},
		"nor is a page":                                    {fault: msaltest.Fault{Status: 400, Body: "<html>invalid_grant</html>"}, kept: true, requests: 1},
		"nor an error that is no string":                   {fault: msaltest.Fault{Status: 400, Body: `{"error":["invalid_grant"]}`}, kept: true, requests: 1},
		"nor one without a code":                           {fault: msaltest.Fault{Status: 400, Body: `{}`}, kept: true, requests: 1},
		"nor one twice over":                               {fault: msaltest.Fault{Status: 400, Body: `{"error":"x","error":"invalid_grant"}`}, kept: true, requests: 1},
		"an error with the status of success is one":       {fault: msaltest.Fault{Status: 200, Body: `{"error":"invalid_grant"}`}, signIn: true, requests: 1},
		"a gateway's error is sent once more, then unsure": {fault: msaltest.Fault{Status: 502, Times: 2}, kept: true, requests: 2},
		"a gateway's error in JSON too":                    {fault: msaltest.Fault{Status: 504, Body: `{"message":"late"}`, Times: 2}, kept: true, requests: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				edit, scope := func(*msal.Config) {}, "read"
				if tt.entra {
					scope = "User.Read"
					asEntra(p)
					edit = func(cfg *msal.Config) {
						cfg.Authority, cfg.Provider.Name = p.URL+"/organizations", "entra"
					}
				}
				c := newClient(t, p, edit)
				expire(t, p, c, scope)
				p.Fail("token", tt.fault)
				_, err := c.Token(t.Context(), scope)
				require.Error(t, err)
				require.Equal(t, tt.signIn, errors.Is(err, msal.ErrSignInRequired), "%v", err)
				require.Equal(t, tt.requests, p.Count())
				require.NotContains(t, err.Error(), "<html>")

				p.ResetLog()
				if tt.rest {
					time.Sleep(time.Minute)
				}
				_, err = c.Token(t.Context(), scope)
				if tt.kept {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, msal.ErrSignInRequired)
					require.Zero(t, p.Count())
				}
			})
		})
	}
}

// An answer that is lost is asked for once more with the same refresh token:
// a server with a grace period then gives it again.
func TestLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.Grace
		c := newClient(t, p)
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Cut: true})
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		sent := p.TokenRequests("refresh_token")
		require.Len(t, sent, 2)
		require.Equal(t, sent[0].Form.Get("refresh_token"), sent[1].Form.Get("refresh_token"))
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

func TestLostTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{CutBefore: true, Times: 2})
		_, err := c.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Status: 429, RetryAfter: "60"})
		for range 3 {
			_, err := c.Token(t.Context(), "read")
			refused, ok := errors.AsType[*msal.ServerError](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, http.StatusTooManyRequests, refused.StatusCode)
			require.Positive(t, refused.RetryAfter)
			time.Sleep(10 * time.Second)
		}
		require.Equal(t, 1, p.Count())
		time.Sleep(31 * time.Second)
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
	})
}

// A new signing key: the answer is stored first, then the key is fetched.
func TestUnknownKeyCostsOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := expire(t, p, c, "read")
		p.RotateKeys()
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, 1, p.Count("token"))
		require.Equal(t, 1, p.Count("keys"))
		require.Equal(t, 2, p.Count())
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// The key cannot be had: the answer waits in the store, the refresh token is
// not spent again, and another process completes it.
func TestAnswerWaitsForItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		c := newClient(t, p, with)
		first := expire(t, p, c, "read")
		p.RotateKeys()
		p.Fail("keys", msaltest.Fault{Status: 503})
		for range 2 {
			_, err := c.Token(t.Context(), "read")
			require.Error(t, err)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
		}
		require.Equal(t, 1, p.Count("token"))
		token, err := newClient(t, p, with).Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, first.AccessToken(), token.AccessToken())
		require.Equal(t, 1, p.Count("token"))
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// A server that signs with a key before it publishes it: the answer waits.
func TestKeyPublishedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := expire(t, p, c, "read")
		var before any
		p.EditKeys = func(document map[string]any) { before = document["keys"] }
		resp, err := p.Client().Get(p.URL + "/keys")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		p.EditKeys = func(document map[string]any) { document["keys"] = before }
		p.RotateKeys()
		p.ResetLog()
		for range 3 {
			_, err := c.ForceRefresh().Token(t.Context(), "read")
			require.Error(t, err)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
			time.Sleep(20 * time.Second)
		}
		require.Equal(t, 1, p.Count("token"))
		require.LessOrEqual(t, p.Count("keys"), 2)
		p.EditKeys = nil
		time.Sleep(time.Minute)
		_, err = c.ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// An answer about somebody else is dropped whole, and the grant stays (OpenID
// Connect Core 12.2).
func TestRefreshMustNotChangeWho(t *testing.T) {
	for claim, value := range map[string]any{"sub": "somebody-else", "iss": "https://elsewhere.example", "aud": "another-client"} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = msaltest.KeepOld
				c := newClient(t, p)
				first := expire(t, p, c, "read")
				p.EditClaims = func(claims map[string]any) { claims[claim] = value }
				_, err := c.Token(t.Context(), "read")
				require.Error(t, err)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				p.EditClaims = nil
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, first.Account, token.Account)
				sent := p.TokenRequests("refresh_token")
				require.Equal(t, sent[0].Form.Get("refresh_token"), sent[1].Form.Get("refresh_token"))
			})
		})
	}
}

func TestForceRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := signIn(t, p, c, "read")
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Delay: time.Second})
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				token, err := c.ForceRefresh().Token(t.Context(), "read")
				require.NoError(t, err)
				require.NotEqual(t, first.AccessToken(), token.AccessToken())
			})
		}
		wg.Wait()
		require.Equal(t, 1, p.Count())

		forced := c.ForceRefresh()
		for range 3 {
			_, err := forced.Token(t.Context(), "read")
			require.NoError(t, err)
		}
		require.Equal(t, 2, p.Count(), "a token obtained after the call of ForceRefresh satisfies it")
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, 2, p.Count())
	})
}

func TestWithClaims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Capabilities = []string{"cp1"} })
		signIn(t, p, c, "read")
		p.ResetLog()
		challenged := c.WithClaims(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`)
		for range 2 {
			_, err := challenged.Token(t.Context(), "read")
			require.NoError(t, err)
		}
		sent := p.TokenRequests("refresh_token")
		require.Len(t, sent, 1)
		require.JSONEq(t, `{"access_token":{"nbf":{"essential":true,"value":"1"},"xms_cc":{"values":["cp1"]}}}`, sent[0].Form.Get("claims"))

		_, err := c.WithClaims("[]").Token(t.Context(), "read")
		require.Error(t, err)
		require.Equal(t, 1, p.Count())
	})
}

// Scopes that were never asked for: one refresh, then a person. Microsoft speaks
// of consent, others of the scope; a sign-in asks for it in either case.
func TestScopesNeverAskedFor(t *testing.T) {
	for _, code := range []string{"consent_required", "invalid_scope"} {
		t.Run(code, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				p.ResetLog()
				p.Fail("token", msaltest.Fault{Code: code, Description: "write"})
				_, err := c.Token(t.Context(), "write")
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				require.Equal(t, msal.ActionSignIn, asServerError(t, err).Action())
				require.Equal(t, 1, p.Count())
				_, err = c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, 1, p.Count())
			})
		})
	}
}

// What was asked for and not granted is Missing, and not asked for again.
func TestMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.GrantScopes = func(requested []string) []string {
			var granted []string
			for _, s := range requested {
				if s != "write" {
					granted = append(granted, s)
				}
			}
			return granted
		}
		c := newClient(t, p)
		signIn(t, p, c, "read", "write")
		p.ResetLog()
		token, err := c.Token(t.Context(), "write", "read")
		require.NoError(t, err)
		require.Equal(t, "write", token.Missing.String())
		require.True(t, token.Scopes.Has("read"))
		require.Zero(t, p.Count())
	})
}

// A mistyped scope must not cost the session its defaults, also where the
// server repeats the whole request.
func TestMistypedScopeCostsNoDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Code: "invalid_scope", Description: "Invalid scopes: tpyo openid profile email offline_access"})
		_, err := c.Token(t.Context(), "tpyo")
		require.Error(t, err)
		require.Equal(t, 1, p.Count("token"))
		p.ResetLog()
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, "read openid profile email offline_access", p.TokenRequests("")[0].Form.Get("scope"))
	})
}

// A default is given up only if the server is content without it.
func TestDefaultIsRememberedOnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Code: "invalid_scope", Description: "email is not allowed", Times: 2})
		_, err := c.Token(t.Context(), "read")
		require.Error(t, err)
		_, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		sent := p.TokenRequests("refresh_token")
		require.Len(t, sent, 3)
		require.Equal(t, "read openid profile offline_access", sent[1].Form.Get("scope"))
		require.Equal(t, "read openid profile email offline_access", sent[2].Form.Get("scope"))
	})
}

// The keys cannot be had for hours: the answer still waits.
func TestLongKeyOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		first := expire(t, p, c, "read")
		p.RotateKeys()
		p.Fail("keys", msaltest.Fault{Status: 503, Times: -1})
		for range 100 {
			_, err := c.Token(t.Context(), "read")
			require.Error(t, err)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
			time.Sleep(7 * time.Minute)
			_, err = c.Token(t.Context(), "read")
			require.Error(t, err)
			time.Sleep(time.Second)
		}
		require.Equal(t, 1, p.Count("token"))
		p.Heal()
		time.Sleep(time.Minute)
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.True(t, p.SessionAlive(first.Account.Subject))
	})
}

// A clock that went wrong after the sign-in must not burn a refresh token: the
// server's own clock judges its answer.
func TestWrongClockKeepsTheSession(t *testing.T) {
	for name, shift := range map[string]time.Duration{"slow": time.Hour, "fast": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				inner := p.Client().Transport
				var server time.Duration // how far its clock is ahead of ours
				c := newClient(t, p, func(cfg *msal.Config) {
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						resp, err := inner.RoundTrip(r)
						if err == nil {
							resp.Header.Set("Date", time.Now().Add(server).UTC().Format(http.TimeFormat))
						}
						return resp, err
					})}
				})
				first := expire(t, p, c, "read")
				server = shift
				p.EditClaims = func(claims map[string]any) {
					claims["iat"], claims["exp"] = time.Now().Add(shift).Unix(), time.Now().Add(shift+time.Hour).Unix()
				}
				_, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.True(t, p.SessionAlive(first.Account.Subject))
			})
		})
	}
}

func TestErrorNullIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		expire(t, p, c, "read")
		p.EditToken = func(_ string, answer map[string]any) { answer["error"] = nil }
		_, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
	})
}
