package msaltest_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func (a *app) startEntra(pairs ...string) reply {
	a.t.Helper()
	r := a.post("/devicecode", with(url.Values{"client_id": {client}, "scope": {"User.Read " + mine}}, pairs...))
	require.Equal(a.t, http.StatusOK, r.status, r.body)
	return r
}

func (a *app) pollEntra(d reply, pairs ...string) reply {
	a.t.Helper()
	return a.poll(d, append([]string{"client_id", client}, pairs...)...)
}

func TestEntraDevice(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startEntra()
		require.Equal(t, p.URL+"/devicelogin", d.str("verification_uri"))
		require.NotContains(t, d.json, "verification_uri_complete")
		require.EqualValues(t, 900, d.json["expires_in"])
		require.EqualValues(t, 5, d.json["interval"])
		require.Contains(t, d.str("message"), "open the page "+p.URL+"/devicelogin and enter the code "+d.str("user_code"))

		r := a.pollEntra(d)
		require.Equal(t, 70016, r.number())
		require.Equal(t, "authorization_pending", r.code())
		require.Equal(t, "authorization_pending", a.pollEntra(d).code(), "there is no slow_down")
		require.NoError(t, p.Browse(t.Context(), d.str("verification_uri")+"?user_code="+d.str("user_code")))
		r = a.pollEntra(d, "grant_type", "device_code")
		require.Equal(t, "User.Read openid profile", r.str("scope"), r.body)
		require.True(t, p.SessionAlive("avery"))
		r = a.pollEntra(d)
		require.Equal(t, 70018, r.number())
		require.Equal(t, "bad_verification_code", r.code())

		d = a.startEntra()
		require.Equal(t, 70018, a.pollEntra(d, "client_id", other).number())
		require.Equal(t, 900144, a.pollEntra(d, "device_code", "").number())
		p.DenyDevice(d.str("user_code"))
		require.Equal(t, "authorization_declined", a.pollEntra(d).code())
		p.DeviceInterval = -1
		d = a.startEntra()
		require.NotContains(t, d.json, "interval")
		time.Sleep(15 * time.Minute)
		r = a.pollEntra(d)
		require.Equal(t, 70020, r.number())
		require.Equal(t, "expired_token", r.code())
		require.Equal(t, 900144, a.post("/devicecode", url.Values{"client_id": {client}}).number())
		require.Equal(t, 900144, a.post("/devicecode", url.Values{}).number())
	})
}

// Somebody who can not consent sees why, and the device goes on waiting.
func TestEntraDeviceStopped(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startEntra("scope", "Directory.Read.All openid")
		err := p.Browse(t.Context(), p.URL+"/devicelogin?user_code="+d.str("user_code"))
		require.ErrorContains(t, err, "AADSTS90094")
		p.Approve(d.str("user_code"))
		require.Equal(t, "authorization_pending", a.pollEntra(d).code())
		p.SignInAs(msaltest.User{Subject: "morgan", Admin: true})
		p.Approve(d.str("user_code"))
		require.Equal(t, "Directory.Read.All openid", a.pollEntra(d).str("scope"))

		p.Entra.Policies = []msaltest.Policy{{Resource: "api://contoso"}}
		d = a.startEntra("scope", readThings)
		p.AutoApproveAfter = 1
		require.Equal(t, http.StatusOK, a.pollEntra(d).status, "the person does what the policy wants where they sign in")
		p.Entra.Policies[0].Block = true
		d = a.startEntra("scope", readThings)
		require.Equal(t, "authorization_pending", a.pollEntra(d).code())
		p.Entra.Policies = nil
		d = a.startEntra("scope", "User.Read https://management.azure.com//user_impersonation")
		require.Equal(t, 28000, a.pollEntra(d).number(), "the person may consent to both, and no token can be for both")
		p.Deny()
		require.Equal(t, 65004, a.pollEntra(a.startEntra()).number())
	})
}

// A device is approved by somebody whom its tenant has.
func TestEntraDeviceOf(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, func(p *msaltest.Platform) { p.AutoApproveAfter = 1 })
	msa := a.of("consumers")
	require.Equal(t, msaltest.PersonalTenant, payload(t, msa.pollEntra(msa.startEntra()).str("id_token"))["tid"])
	d := a.of("organizations").startEntra()
	p.SignInAs(msaltest.User{Subject: "robin", TenantID: msaltest.PersonalTenant})
	require.Equal(t, "authorization_pending", a.of("organizations").pollEntra(d).code())
}
