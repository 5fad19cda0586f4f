package msaltest

import (
	"crypto/rand"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// device is a device authorization (RFC 8628 §3.1) and what the person has said to it.
type device struct {
	call     *call // of its start: the tokens are this tenant's
	userCode string
	client   string
	scopes   []string
	expires  time.Time
	interval time.Duration
	polled   time.Time // zero: not yet
	polls    int
	decision decision
	user     User
}

type decision int

const (
	undecided decision = iota
	approved
	denied
)

const defaultInterval = 5 * time.Second // RFC 8628 §3.2

// Approve lets the person who signs in (see [Platform.SignInAs]) enter the user code and say yes.
func (p *Platform) Approve(userCode string) { p.decide("Approve", userCode, approved) }

// DenyDevice lets the person enter the user code and say no.
func (p *Platform) DenyDevice(userCode string) { p.decide("DenyDevice", userCode, denied) }

func (p *Platform) decide(caller, userCode string, said decision) {
	if p.t != nil {
		p.t.Helper()
	}
	s := p.lock()
	defer p.mu.Unlock()
	d := s.waiting(userCode)
	if d == nil {
		p.fatalf("%s: no device waits with the user code %q", caller, userCode)
	}
	if said == denied {
		d.decision = denied
	} else {
		p.approve(s, d)
	}
}

// approve lets the person who signs in say yes. If that is not enough the device goes on waiting, and they see a page.
func (p *Platform) approve(s *state, d *device) *answer {
	m := p.manners()
	user := m.people(s, d.call, "")[0]
	if stop := m.consents(s, d, user); stop != nil {
		return stop
	}
	d.decision, d.user = approved, user
	return nil
}

// waiting finds the device with the user code, which people type in any letter case, with or without the dash
// (RFC 8628 §6.1). A device that has its answer, or has been left too long, is not waiting.
func (s *state) waiting(userCode string) *device {
	for _, d := range s.devices {
		if plain(d.userCode) == plain(userCode) && d.decision == undecided && !over(d.expires) {
			return d
		}
	}
	return nil
}

func plain(userCode string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(userCode))
}

// startDevice serves the device authorization endpoint (RFC 8628 §3.1, §3.2).
func (p *Platform) startDevice(c *call) answer {
	if err := c.single(); err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request", err.Error())
	}
	if a := p.checkClient(c); a != nil {
		return *a
	}
	scopes := strings.Fields(c.form.Get("scope"))
	if err := p.rejected(scopes); err != nil {
		return oauthError(http.StatusBadRequest, err.code, err.description)
	}
	life := or(p.DeviceLife, 15*time.Minute)
	d := &device{
		call:     c,
		userCode: newUserCode(),
		client:   c.form.Get("client_id"),
		scopes:   p.granted(scopes),
		expires:  time.Now().Add(life),
		interval: p.deviceInterval(),
	}
	deviceCode := secret("dc")
	s := p.lock()
	defer p.mu.Unlock()
	s.devices[deviceCode] = d
	page := c.at("verification", verifyPath)
	members := map[string]any{
		"device_code":               deviceCode,
		"user_code":                 d.userCode,
		"verification_uri":          page,
		"verification_uri_complete": page + "?" + url.Values{"user_code": {d.userCode}}.Encode(),
		"expires_in":                int64(life / time.Second),
	}
	if p.DeviceInterval >= 0 {
		members["interval"] = int64(d.interval / time.Second)
	}
	return jsonAnswer(http.StatusOK, members)
}

func (p *Platform) deviceInterval() time.Duration {
	if p.DeviceInterval > 0 {
		return p.DeviceInterval
	}
	return defaultInterval
}

// redeemDevice answers a poll (RFC 8628 §3.4, §3.5).
func (p *Platform) redeemDevice(s *state, c *call) (issued, *protocolError) {
	value := c.form.Get("device_code")
	d := s.devices[value]
	switch {
	case d == nil || d.client != c.form.Get("client_id"):
		return issued{}, &protocolError{"invalid_grant", "this device code was not issued to this client, or is used up"}
	case over(d.expires):
		return issued{}, &protocolError{"expired_token", "the device code has expired"}
	case d.early() && !p.NoSlowDown:
		d.interval += 5 * time.Second // RFC 8628 §3.5: "for this and all subsequent requests"
		return issued{}, &protocolError{"slow_down", "wait " + d.interval.String() + " between two polls"}
	}
	p.poll(s, d)
	switch d.decision {
	case undecided:
		return issued{}, &protocolError{"authorization_pending", "the person has not decided yet"}
	case denied:
		return issued{}, &protocolError{"access_denied", "the person said no"}
	}
	delete(s.devices, value)
	x := p.newSession(s, d.call, d.user, d.client, d.scopes)
	if err := p.offlineDenied(x); err != nil {
		return issued{}, err
	}
	p.renewal(s, x, true, true) // the person was asked
	return p.issue(s, x, within(x.scopes, c.form.Get("scope"))), nil
}

// poll counts one, after which somebody may have decided.
func (p *Platform) poll(s *state, d *device) {
	d.polls++
	switch {
	case d.decision != undecided || p.AutoApproveAfter <= 0 || d.polls < p.AutoApproveAfter:
	case s.denied:
		d.decision = denied
	default:
		p.approve(s, d)
	}
}

// early tells whether a poll comes too soon after the one before. The first may come at once: the RFC speaks of the
// time "between polling requests".
func (d *device) early() bool {
	last := d.polled
	d.polled = time.Now()
	return !last.IsZero() && d.polled.Sub(last) < d.interval
}

// newUserCode has 8 of the 20 consonants: easy to type, no words by accident (RFC 8628 §6.1).
func newUserCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ"
	var code strings.Builder
	for i := range 8 {
		if i == 4 {
			code.WriteByte('-')
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic("msaltest: " + err.Error()) // crypto/rand never fails
		}
		code.WriteByte(letters[n.Int64()])
	}
	return code.String()
}
