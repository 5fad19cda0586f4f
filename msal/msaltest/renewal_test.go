package msaltest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestRenewal(t *testing.T) {
	t.Parallel()
	const bare = "openid api.read"
	for name, c := range map[string]struct {
		renewal msaltest.Renewal
		offline []string
		pairs   []string // of the authorization request
		want    bool
		scope   string // of the answer
	}{
		"scope":                        {msaltest.RenewByScope, nil, nil, true, everything},
		"no scope":                     {msaltest.RenewByScope, nil, []string{"scope", bare}, false, bare},
		"another scope":                {msaltest.RenewByScope, []string{"offline"}, []string{"scope", bare + " offline"}, true, bare + " offline"},
		"not that one":                 {msaltest.RenewByScope, []string{"offline"}, nil, false, everything},
		"no scope does":                {msaltest.RenewByScope, []string{}, nil, false, everything},
		"scope and consent":            {msaltest.RenewByConsent, nil, []string{"prompt", "consent"}, true, everything},
		"scope without consent":        {msaltest.RenewByConsent, nil, nil, false, strings.Replace(everything, "offline_access ", "", 1)},
		"consent without the scope":    {msaltest.RenewByConsent, nil, []string{"prompt", "consent", "scope", bare}, false, bare},
		"parameter":                    {msaltest.RenewByParameter, nil, []string{"access_type", "offline"}, true, everything},
		"scope where a parameter does": {msaltest.RenewByParameter, nil, nil, false, everything},
		"online":                       {msaltest.RenewByParameter, nil, []string{"access_type", "online"}, false, everything},
		"always":                       {msaltest.RenewAlways, nil, []string{"scope", bare}, true, bare},
		"never":                        {msaltest.RenewNever, nil, []string{"prompt", "consent", "access_type", "offline"}, false, everything},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.Renewal, p.OfflineScopes = c.renewal, c.offline
			a := newApp(t, p)
			r := a.signIn(c.pairs...)
			require.Equal(t, c.want, r.str("refresh_token") != "")
			require.Equal(t, c.scope, r.str("scope"))
			require.Equal(t, c.want, p.SessionAlive("avery"))
			if c.want {
				require.NotEmpty(t, a.refresh(r.str("refresh_token")).str("refresh_token"), "and goes on")
			}
		})
	}
}

// With RenewByParameter it is the consent that wins the token.
func TestFirstConsent(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Renewal = msaltest.RenewByParameter
	p.Users = []msaltest.User{{Subject: "ann"}, {Subject: "bob"}}
	a := newApp(t, p)
	wins := func(pairs ...string) bool {
		return a.signIn(append(pairs, "access_type", "offline")...).str("refresh_token") != ""
	}
	require.True(t, wins("scope", "openid"))
	require.False(t, wins("scope", "openid"))
	require.True(t, wins("scope", "openid", "prompt", "consent"), "asked again")
	require.True(t, wins("scope", "openid api.read"), "more is asked for")
	require.False(t, wins("scope", "api.read"), "less is")
	require.True(t, wins("scope", "openid", "login_hint", "bob"), "another person")
	p.Revoke("ann")
	require.True(t, wins("scope", "openid"), "the consent was taken back")
}

func TestRenewalOfADevice(t *testing.T) {
	for _, renewal := range []msaltest.Renewal{msaltest.RenewByScope, msaltest.RenewByConsent, msaltest.RenewByParameter} {
		t.Run(string('0'+rune(renewal)), func(t *testing.T) {
			deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
				p.Renewal, p.AutoApproveAfter = renewal, 1
				require.NotEmpty(t, a.poll(a.startDevice()).str("refresh_token"), "the person was asked")
				require.NotEmpty(t, a.poll(a.startDevice()).str("refresh_token"))
			})
		})
	}
}

// Keycloak says so only to the code, when the person is done.
func TestOfflineIsDenied(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		p.Users = []msaltest.User{{Subject: "ann", NoOffline: true}, {Subject: "bob"}}
		p.AutoApproveAfter = 1
		code := a.authorize().Get("code")
		for _, want := range []string{"not_allowed", "invalid_grant"} {
			r := a.post("/token", redemption(code))
			require.Equal(t, 400, r.status)
			require.Equal(t, want, r.code(), "the code is used up")
		}
		require.Equal(t, "not_allowed", a.poll(a.startDevice()).code())
		require.NotEmpty(t, a.signIn("scope", "openid").str("access_token"))
		require.NotEmpty(t, a.signIn("login_hint", "bob").str("refresh_token"))
	})
}

// What a session has won it keeps, in the next process too.
func TestRenewalOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Renewal, p.StateFile = msaltest.RenewAlways, t.TempDir()+"/state.json"
	r := newApp(t, p).signIn("scope", "openid")
	next := msaltest.New(t)
	next.StateFile = p.StateFile
	again := newApp(t, next).refresh(r.str("refresh_token"))
	require.Empty(t, again.code())
	require.NotEmpty(t, again.str("refresh_token"))
	require.True(t, next.SessionAlive("avery"))
}
