package msaltest

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// startDevice serves the device endpoints. Microsoft sends no verification_uri_complete, and a message for the person.
func (m microsoft) startDevice(c *call) answer {
	if r := m.admitClient(c); r != nil {
		return m.tell(c, r)
	}
	var scopes []string
	var r *refusal
	if c.entra.v1 {
		scopes, r = m.readResource(c, c.form.Get("resource"))
	} else if c.form.Get("scope") == "" {
		r = m.no(900144, "scope")
	} else {
		_, r = m.readScopes(c, c.form)
		scopes = strings.Fields(c.form.Get("scope"))
	}
	if r != nil {
		return m.tell(c, r)
	}
	life := or(m.DeviceLife, 15*time.Minute)
	k, _ := m.cloud()
	d := &device{
		call: c, userCode: newUserCode(), client: c.entra.app.ClientID, scopes: m.granted(scopes),
		expires: time.Now().Add(life), interval: m.deviceInterval(),
	}
	deviceCode := secret("dc")
	s := m.lock()
	defer m.mu.Unlock()
	s.devices[deviceCode] = d
	members := map[string]any{
		"device_code":      deviceCode,
		"user_code":        d.userCode,
		"verification_uri": k.deviceLogin,
		"expires_in":       int64(life / time.Second),
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.",
			k.deviceLogin, d.userCode),
	}
	if m.DeviceInterval >= 0 {
		members["interval"] = int64(d.interval / time.Second)
	}
	if c.entra.v1 {
		members["verification_url"] = k.deviceLogin
		delete(members, "verification_uri")
		m.stringify(members)
	}
	return jsonAnswer(http.StatusOK, members)
}

// redeemDevice answers a poll, also one that comes early: there is no slow_down (documented).
func (m microsoft) redeemDevice(s *state, c *call) (given, *refusal) {
	value := c.form.Get("device_code")
	if c.entra.v1 {
		value = cmp.Or(value, c.form.Get("code"))
	}
	d := s.devices[value]
	switch {
	case value == "":
		return given{}, m.no(900144, "device_code")
	case d == nil || d.client != c.entra.app.ClientID:
		return given{}, m.no(70018)
	case over(d.expires):
		return given{}, m.no(70020)
	}
	m.poll(s, d)
	switch d.decision {
	case undecided:
		return given{}, m.no(70016)
	case denied:
		return given{}, m.no(65004)
	}
	x := m.begin(s, c, d.user, d.client, slices.Clone(d.scopes), m.tenantOf(d.call, d.user))
	e, r := m.entitle(s, c, x)
	if r != nil {
		return given{}, r
	}
	delete(s.devices, value)
	return m.issue(s, x, e), nil
}
