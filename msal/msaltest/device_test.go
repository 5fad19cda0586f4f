package msaltest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func (a *app) startDevice() reply {
	a.t.Helper()
	r := a.post("/device", url.Values{"client_id": {"app"}, "scope": {everything}})
	require.Equal(a.t, http.StatusOK, r.status, r.body)
	return r
}

func (a *app) poll(d reply, pairs ...string) reply {
	a.t.Helper()
	return a.post("/token", with(url.Values{
		"client_id": {"app"}, "grant_type": {grantDevice}, "device_code": {d.str("device_code")},
	}, pairs...))
}

// deviceTest runs in a bubble, where waiting for an interval takes no time.
func deviceTest(t *testing.T, f func(t *testing.T, p *msaltest.Platform, a *app)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		f(t, p, newApp(t, p))
	})
}

func TestDeviceFlow(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startDevice()
		require.EqualValues(t, 5, d.json["interval"])
		require.EqualValues(t, 900, d.json["expires_in"])
		require.Equal(t, p.URL+"/activate", d.str("verification_uri"))
		require.Equal(t, p.URL+"/activate?user_code="+d.str("user_code"), d.str("verification_uri_complete"))
		require.Regexp(t, `^[B-Z]{4}-[B-Z]{4}$`, d.str("user_code"))

		require.Equal(t, "authorization_pending", a.poll(d).code())
		time.Sleep(5 * time.Second)
		p.Approve(strings.ToLower(strings.ReplaceAll(d.str("user_code"), "-", " ")))
		r := a.poll(d)
		require.Empty(t, r.code(), r.body)
		require.NotContains(t, a.claims(r.str("id_token")), "nonce")
		require.True(t, p.SessionAlive("avery"))
		require.Empty(t, a.refresh(r.str("refresh_token")).code())
		require.Equal(t, "invalid_grant", a.poll(d).code(), "single use")
	})
}

func TestSlowDown(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startDevice()
		require.Equal(t, "authorization_pending", a.poll(d).code())
		time.Sleep(5*time.Second - time.Nanosecond)
		require.Equal(t, "slow_down", a.poll(d).code())
		time.Sleep(10*time.Second - time.Nanosecond)
		require.Equal(t, "slow_down", a.poll(d).code(), "5 seconds more, for good")
		time.Sleep(15 * time.Second)
		require.Equal(t, "authorization_pending", a.poll(d).code())
		p.NoSlowDown = true
		require.Equal(t, "authorization_pending", a.poll(d).code())
	})
}

func TestDeviceInterval(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		p.DeviceInterval = -1
		d := a.startDevice()
		require.NotContains(t, d.json, "interval")
		a.poll(d)
		time.Sleep(4 * time.Second)
		require.Equal(t, "slow_down", a.poll(d).code(), "5 seconds hold unspoken")
		p.DeviceInterval = 2 * time.Second
		d = a.startDevice()
		require.EqualValues(t, 2, d.json["interval"])
		a.poll(d)
		time.Sleep(2 * time.Second)
		require.Equal(t, "authorization_pending", a.poll(d).code())
	})
}

func TestDeviceRefusals(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startDevice()
		require.Equal(t, "invalid_grant", a.poll(d, "client_id", "other").code())
		require.Equal(t, "invalid_grant", a.poll(d, "device_code", "dc-unknown").code())
		p.DenyDevice(d.str("user_code"))
		require.Equal(t, "access_denied", a.poll(d).code())

		p.DeviceLife = time.Minute
		d = a.startDevice()
		time.Sleep(time.Minute)
		require.Equal(t, "expired_token", a.poll(d).code())

		require.Equal(t, "invalid_client", a.post("/device", url.Values{}).code())
		require.Equal(t, "invalid_request", a.post("/device", url.Values{"client_id": {"a", "b"}}).code())
	})
}

func TestAutoApproveAfter(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		p.AutoApproveAfter = 2
		d := a.startDevice()
		require.Equal(t, "authorization_pending", a.poll(d).code())
		time.Sleep(5 * time.Second)
		require.Empty(t, a.poll(d).code())

		p.AutoApproveAfter = 1
		p.Deny()
		require.Equal(t, "access_denied", a.poll(a.startDevice()).code())
	})
}

func TestVerificationPage(t *testing.T) {
	deviceTest(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		d := a.startDevice()
		r := a.get("/activate?user_code=" + d.str("user_code"))
		require.Contains(t, r.body, `value="`+d.str("user_code")+`"`)
		require.Equal(t, "authorization_pending", a.poll(d).code(), "the page alone approves nothing")

		decide := func(code, decision string) reply {
			return a.post("/activate", url.Values{"user_code": {code}, "decision": {decision}})
		}
		require.Equal(t, http.StatusBadRequest, decide("BBBB-BBBB", "continue").status)
		require.Equal(t, http.StatusOK, decide(d.str("user_code"), "continue").status)
		require.Equal(t, http.StatusBadRequest, decide(d.str("user_code"), "cancel").status, "decided")
		time.Sleep(5 * time.Second)
		require.Empty(t, a.poll(d).code())

		d = a.startDevice()
		require.Equal(t, http.StatusOK, decide(d.str("user_code"), "cancel").status)
		require.Equal(t, "access_denied", a.poll(d).code())
	})
}
