package msal_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// A server that has had enough is left alone for as long as it says, or a
// minute: a hundred calls cost one request, nobody is told to sign in, and the
// session goes on.
func TestThrottled(t *testing.T) {
	loop := msaltest.Fault{Code: "invalid_grant", Description: "AADSTS50196: The server terminated an operation because it encountered a loop while processing a request."}
	with := func(f msaltest.Fault, retryAfter string) msaltest.Fault { f.RetryAfter = retryAfter; return f }
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) } // synctest begins on the second
	busy := msaltest.Fault{Status: 429, Code: "temporarily_unavailable", Description: "AADSTS90055: The tenant has too many requests."}
	for name, tc := range map[string]struct {
		fault  func() msaltest.Fault
		rest   time.Duration
		action msal.Action
	}{
		"50196":                   {func() msaltest.Fault { return loop }, time.Minute, msal.ActionWait},
		"50196 with seconds":      {func() msaltest.Fault { return with(loop, "120") }, 2 * time.Minute, msal.ActionWait},
		"50196 with a status":     {func() msaltest.Fault { f := loop; f.Status = 429; return f }, time.Minute, msal.ActionWait},
		"RF-08 seconds":           {func() msaltest.Fault { return with(busy, "5") }, 5 * time.Second, msal.ActionWait},
		"RF-08 a date":            {func() msaltest.Fault { return with(busy, in(90*time.Second)) }, 90 * time.Second, msal.ActionWait},
		"RF-08 a date long ago":   {func() msaltest.Fault { return with(busy, in(-time.Hour)) }, time.Minute, msal.ActionWait},
		"RF-08 a date far away":   {func() msaltest.Fault { return with(busy, in(240*time.Hour)) }, 5 * time.Minute, msal.ActionWait},
		"RF-08 many seconds":      {func() msaltest.Fault { return with(busy, "999999999") }, 5 * time.Minute, msal.ActionWait},
		"RF-08 a negative number": {func() msaltest.Fault { return with(busy, "-1") }, time.Minute, msal.ActionWait},
		"RF-08 words":             {func() msaltest.Fault { return with(busy, "abc") }, time.Minute, msal.ActionWait},
		"no word":                 {func() msaltest.Fault { return busy }, time.Minute, msal.ActionWait},
		"a page":                  {func() msaltest.Fault { return msaltest.Fault{Status: 429, Body: "<h1>429</h1>"} }, time.Minute, msal.ActionWait},
		"an outage with an end":   {func() msaltest.Fault { return msaltest.Fault{Status: 503, RetryAfter: "30"} }, 30 * time.Second, msal.ActionRetry},
		"an outage as an error": {func() msaltest.Fault {
			return msaltest.Fault{Status: 400, Code: "temporarily_unavailable", RetryAfter: "30"}
		}, 30 * time.Second, msal.ActionRetry},
		"RF-08 its other name": {func() msaltest.Fault {
			return msaltest.Fault{Status: 400, Code: "server_error", RetryAfter: in(45 * time.Second)}
		}, 45 * time.Second, msal.ActionRetry},
		"even as an invalid grant": {func() msaltest.Fault { return msaltest.Fault{Status: 429, Code: "invalid_grant"} }, time.Minute, msal.ActionWait},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				expire(t, p, c, "read")
				p.Fail("token", tc.fault())
				began := time.Now()
				for range 100 {
					_, err := c.Token(t.Context(), "read")
					require.NotErrorIs(t, err, msal.ErrSignInRequired)
					e := asServerError(t, err)
					require.Equal(t, tc.action, e.Action())
					require.Equal(t, tc.rest-time.Since(began), e.RetryAfter)
					require.ErrorContains(t, err, "at least)")
					time.Sleep(tc.rest / 101)
				}
				require.Equal(t, 1, p.Count())
				time.Sleep(tc.rest - time.Since(began))
				requireToken(t, c, "read")
				require.Equal(t, 2, p.Count())
				require.True(t, p.SessionAlive("avery"))
			})
		})
	}
}

// What is about the request lets the next one through, whatever comes with it; so does the pace of a device code.
func TestRefusalIsNoRest(t *testing.T) {
	for _, code := range []string{"invalid_client", "slow_down", "access_denied"} {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			c := newClient(t, p)
			expire(t, p, c, "read")
			p.Fail("token", msaltest.Fault{Status: 400, Code: code, RetryAfter: "120"})
			_, err := c.Token(t.Context(), "read")
			require.Equal(t, code, asServerError(t, err).Code)
			requireToken(t, c, "read")
			require.Equal(t, 2, p.Count())
		})
	}
}

// Who is left alone is the server, for all accounts of this client, and not that
// of another tenant. A sign-in is a person's doing, and is let through.
func TestThrottledByAuthority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const other = "22222222-2222-4333-8444-555555555555"
		p := msaltest.New(t)
		p.URL, p.Rotation = "https://login.microsoftonline.com", msaltest.KeepOld
		p.Entra = &msaltest.Entra{Tenants: []msaltest.Tenant{{ID: wireTenant}, {ID: other}}}
		p.Users = []msaltest.User{unifiedAvery}
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Authority += "/" + wireTenant })
		avery := signIn(t, p, c, "User.Read").Account
		guest := unifiedAvery
		guest.Subject, guest.TenantID = "a guest", other
		p.SignInAs(guest)
		elsewhere := c.With(msal.Params{Tenant: other})
		signIn(t, p, elsewhere, "User.Read")
		second := unifiedAvery
		second.Subject, second.ObjectID = "second", "bbbbbbbb-0000-4000-8000-00000000b2b2"
		p.SignInAs(second)
		signIn(t, p, c, "User.Read")
		time.Sleep(2 * time.Hour)
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Status: 429, RetryAfter: "60"})
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Len(t, accounts, 2)
		for _, a := range accounts {
			_, err := c.For(a).Token(t.Context(), "User.Read")
			require.Equal(t, msal.ActionWait, asServerError(t, err).Action())
		}
		require.Equal(t, 1, p.Count())
		requireToken(t, elsewhere, "User.Read")
		require.Equal(t, 2, p.Count())
		p.SignInAs(unifiedAvery)
		signIn(t, p, c.For(avery), "User.Read")
	})
}

// What one person's token was asked for too often rests that person's session, whatever else it is asked for, and nobody
// else's: who loops on purpose, with the client ID that everybody knows, must not stop all. Their sign-in is let through.
func TestLoopRestsItsSession_RF21(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Users = people
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		looper := c.For(signIn(t, p, c, "read", "write").Account)
		p.SignInAs(blake)
		other := c.For(signIn(t, p, c, "read").Account)
		time.Sleep(2 * time.Hour)
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Code: "invalid_grant", Description: "AADSTS50196: loop", RetryAfter: "90"})
		for range 3 {
			for _, scope := range []string{"read", "write"} {
				_, err := looper.Token(t.Context(), scope)
				require.Equal(t, msal.ActionWait, asServerError(t, err).Action())
			}
		}
		require.Equal(t, 1, p.Count())
		requireToken(t, other, "read")
		require.Equal(t, 2, p.Count())
		p.SignInAs(avery)
		signIn(t, p, looper, "read", "write")
		requireToken(t, looper.ForceRefresh(), "read")
	})
}

// KeepFresh does not come back before the server wants it to, and a refresh
// ahead of time that is throttled is nobody's error.
func TestKeepFreshThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		token := signIn(t, p, c, "read")
		ended, stop := keepFresh(t, c)
		time.Sleep(time.Until(token.RefreshAfter))
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Code: "invalid_grant", Description: "AADSTS50196: loop", Times: -1})
		var last time.Time
		for range 20 {
			time.Sleep(time.Minute)
			requireRunning(t, ended)
			_, err := c.Token(t.Context(), "read")
			require.Equal(t, !time.Now().Before(token.Expiry), err != nil)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
		}
		for _, r := range p.Requests() {
			require.GreaterOrEqual(t, r.Time.Sub(last), time.Minute)
			last = r.Time
		}
		require.Greater(t, p.Count(), 5)
		p.Heal()
		time.Sleep(10 * time.Minute)
		requireToken(t, c, "read")
		require.ErrorIs(t, stop(), errShutDown)
	})
}
