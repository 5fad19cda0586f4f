package msaltest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// entitlement is what one token is for.
type entitlement struct {
	asked
	api         *askedAPI
	client      string
	tenant      Tenant
	permissions []string // all that have been granted of the resource
	claims      string
	quiet       bool // no new refresh token
}

// given is what a grant has won.
type given struct {
	entitlement
	session *session
	nonce   string
	access  string
	refresh string // empty: none is given
}

// token serves the token endpoints, and checks in the order in which Microsoft does.
func (m microsoft) token(c *call) answer {
	if r := m.admitClient(c); r != nil {
		return m.tell(c, r)
	}
	got, r := m.redeem(c)
	if r != nil {
		return m.tell(c, r)
	}
	members := m.members(c, got)
	if m.EditToken != nil {
		m.EditToken(c.form.Get("grant_type"), members)
	}
	return jsonAnswer(http.StatusOK, members)
}

// admitClient checks everything that does not depend on the grant. A body that is no form counts as an empty one
// (reported).
func (m microsoft) admitClient(c *call) *refusal {
	if name := repeated(c.form); name != "" {
		return m.no(9000411, name)
	}
	if c.endpoint.name == "token" {
		c.entra.grant = c.form.Get("grant_type")
		if c.entra.grant == "device_code" { // what MSAL for JavaScript and for Go say (read in source)
			c.entra.grant = grantDevice
		}
		switch {
		case c.entra.grant == "":
			return m.no(900144, "grant_type")
		case !slices.Contains([]string{grantCode, grantRefresh, grantDevice}, c.entra.grant):
			return m.no(70003, c.entra.grant)
		}
	}
	if r := m.identify(c, c.form.Get("client_id")); r != nil {
		return r
	}
	if r := m.checkSecret(c); r != nil {
		return r
	}
	if _, ok := readDemands(c.form.Get("claims")); !ok {
		return m.no(9002313)
	}
	return m.audience(c)
}

func (m microsoft) checkSecret(c *call) *refusal {
	app, secret := c.entra.app, c.form.Get("client_secret")
	website := c.entra.grant == grantCode && m.redirects(app, c.form.Get("redirect_uri"), webPlatform)
	switch {
	case app.Secret == "" && secret != "":
		return m.no(700025)
	case (app.Secret != "" || website) && secret == "":
		return m.no(7000218)
	case secret != app.Secret:
		return m.no(7000215, app.ClientID)
	}
	return nil
}

// redeem does what the grant asks for, under the lock: of two clients that present the same token, one is first.
func (m microsoft) redeem(c *call) (given, *refusal) {
	s := m.lock()
	defer m.mu.Unlock()
	switch c.entra.grant {
	case grantCode:
		return m.redeemCode(s, c)
	case grantRefresh:
		return m.redeemRefresh(s, c)
	default:
		return m.redeemDevice(s, c)
	}
}

// redeemCode is not what uses up a code, unless it succeeds or BurnCodes says so.
func (m microsoft) redeemCode(s *state, c *call) (given, *refusal) {
	value := c.form.Get("code")
	k := s.codes[value]
	switch {
	case value == "":
		return given{}, m.no(900144, "code")
	case k == nil:
		return given{}, m.no(70000)
	case k.used:
		return given{}, m.no(54005)
	}
	k.used = m.Entra.BurnCodes
	tenant := c.entra.authority.tenant.ID
	switch {
	case k.session.revoked:
		return given{}, m.revoked(s, k.session)
	case over(k.expires):
		return given{}, m.no(70008)
	case k.session.client != c.entra.app.ClientID:
		return given{}, m.no(70000)
	case tenant != "" && tenant != k.session.tenant:
		return given{}, m.no(700005)
	case k.redirectURI != c.form.Get("redirect_uri"):
		return given{}, m.no(50011, c.form.Get("redirect_uri"), k.session.client)
	case k.challenge != "" && !verifies(c.form.Get("code_verifier"), k.challenge):
		return given{}, m.no(501481)
	case !c.entra.v1 && c.form.Has("scope") && c.form.Get("scope") == "":
		return given{}, m.no(28003)
	}
	e, r := m.entitle(s, c, k.session)
	if r != nil {
		return given{}, r
	}
	k.used = true
	got := m.issue(s, k.session, e)
	got.nonce = k.nonce
	return got, nil
}

// redeemRefresh leaves the refresh token as good as it was, unless Rotation says otherwise.
func (m microsoft) redeemRefresh(s *state, c *call) (given, *refusal) {
	value := c.form.Get("refresh_token")
	t := s.refresh[digestOf(value)]
	switch {
	case value == "":
		return given{}, m.no(900144, "refresh_token")
	case t == nil:
		return given{}, m.unknownToken(c)
	}
	if r := m.mayRefresh(s, c, t); r != nil {
		return given{}, r
	}
	e, r := m.entitle(s, c, t.session)
	if r != nil {
		return given{}, r
	}
	if t.spent.IsZero() && (m.Rotation == RotateStrict || m.Rotation == Grace) {
		t.spent = time.Now()
	}
	return m.issue(s, t.session, e), nil
}

// The lives of refresh tokens (documented; the first recorded too).
const (
	inactivity = 90 * 24 * time.Hour
	spaLife    = 24 * time.Hour
)

// ticks is how Microsoft writes a time inside of a sentence.
const ticks = "2006-01-02T15:04:05.0000000Z"

func (m microsoft) mayRefresh(s *state, c *call, t *refreshToken) *refusal {
	x, age := t.session, time.Since(t.issued)
	c.entra.tokenAge = strconv.FormatFloat(float64(age)/float64(time.Millisecond), 'f', 4, 64)
	theirs, _ := m.app(x.client)
	switch {
	case x.client == c.entra.app.ClientID || theirs.Family && c.entra.app.Family:
	case theirs.Family:
		r := m.no(70000)
		r.suberror = "client_mismatch"
		return r
	default:
		return m.no(70000)
	}
	issued := t.issued.UTC().Format(ticks)
	switch {
	case x.revoked:
		return m.revoked(s, x)
	case x.spa && time.Since(x.authTime) >= spaLife:
		return m.no(700084, issued)
	case age >= inactivity:
		return m.no(700082, issued)
	case m.Entra.SignInFrequency > 0 && time.Since(x.authTime) >= m.Entra.SignInFrequency:
		return m.no(70043, issued, strconv.FormatInt(int64(m.Entra.SignInFrequency/time.Second), 10))
	case m.loops(t, c):
		return m.no(50196)
	case !m.usable(t):
		x.revoked = true
		return m.no(70008)
	}
	return nil
}

// unknownToken is told in other words where personal accounts are (reported): those that Microsoft's other platform has
// for a consent that is gone.
func (m microsoft) unknownToken(c *call) *refusal {
	r := m.no(70000)
	if c.entra.authority.personal() {
		r.description = "AADSTS70000: The request was denied because one or more scopes requested are unauthorized or expired. " +
			"The user must first sign in and grant the client application access to the requested scope."
	} else {
		r.suberror = "bad_token"
	}
	return r
}

func (m microsoft) revoked(s *state, x *session) *refusal {
	return m.no(50173, x.authTime.UTC().Format(ticks), s.validFrom[x.user.Subject].UTC().Format(ticks))
}

// loops tells whether a client asks for the same again and again (documented: 15 times in five minutes).
func (m microsoft) loops(t *refreshToken, c *call) bool {
	limit := cmp.Or(m.Entra.LoopLimit, 15)
	if limit < 0 {
		return false
	}
	if t.asked == nil {
		t.asked = map[string][]time.Time{}
	}
	key := c.URL.Path + " " + c.body
	recent := slices.DeleteFunc(t.asked[key], func(t time.Time) bool { return time.Since(t) >= 5*time.Minute })
	t.asked[key] = append(recent, time.Now())
	return len(recent) >= limit
}

// entitle finds out what a token is for: the resource of the request, or the first one of the sign-in.
func (m microsoft) entitle(s *state, c *call, x *session) (entitlement, *refusal) {
	e := entitlement{client: c.entra.app.ClientID, tenant: m.tenantOf(c, x.user), claims: c.form.Get("claims")}
	if c.entra.authority.tenant.ID == "" {
		e.tenant, _ = m.tenant(x.tenant)
	}
	if !m.belongs(c, x.user) {
		return e, m.stranger(c, e.tenant, x.user)
	}
	var r *refusal
	if e.asked, e.api, r = m.target(c, x); r != nil {
		return e, r
	}
	if e.tenant.Kind == PersonalAccounts && !e.api.onlyPersonal() {
		return e, m.no(90124, e.api.audience())
	}
	e.permissions = s.grantedTo(e.tenant.ID, x.user.Subject, e.client, e.api.resource.AppID)
	if !m.consented(s, c, x, e) {
		return e, m.no(65001, e.client, c.entra.app.Name)
	}
	if p, blocked := m.blocks(e.api.resource); blocked {
		return e, m.blocked(p)
	}
	demands, _ := readDemands(e.claims)
	if unmet := without(append(demands, m.policyDemands(e.api.resource)...), x.met); len(unmet) > 0 {
		return e, m.stepUp(unmet, e.asked)
	}
	e.quiet = m.Entra.RefreshTokenOnDemand && c.entra.grant == grantRefresh && !slices.Contains(e.oidc, "offline_access")
	return e, nil
}

// consented tells whether everything has been that is asked for. The scopes of OpenID Connect are Microsoft Graph's.
func (m microsoft) consented(s *state, c *call, x *session, e entitlement) bool {
	graph := s.grantedTo(e.tenant.ID, x.user.Subject, e.client, MicrosoftGraph)
	switch {
	case len(without(e.api.names, e.permissions)) > 0, e.api.all && len(e.api.resource.own(e.permissions)) == 0:
		return false
	default:
		return c.entra.v1 || len(without(e.oidc, graph)) == 0
	}
}

// onlyPersonal drops what personal accounts do not have (reported). It is false if the resource has nothing for them.
func (a *askedAPI) onlyPersonal() bool {
	var names, prefixes []string
	for i, name := range a.names {
		if permission, _ := a.resource.permission(name); permission.Personal {
			names, prefixes = append(names, name), append(prefixes, a.prefixes[i])
		}
	}
	a.names, a.prefixes = names, prefixes
	return a.resource.personal()
}

// target returns what is asked for, and the one resource that the token is for.
func (m microsoft) target(c *call, x *session) (a asked, api *askedAPI, r *refusal) {
	first := false
	switch {
	case c.entra.v1:
		if a, r = m.v1Asked(c, x); r != nil {
			return a, nil, r
		}
		first = true
	case c.form.Get("scope") == "":
		a, r = m.readScope(c, joined(x.scopes), true)
		first = c.entra.grant != grantDevice // a device code for several wins no token (reported)
	default:
		a, r = m.readScopes(c, c.form)
		first = m.Entra.FirstResource && c.entra.grant == grantRefresh
	}
	if r != nil {
		return a, nil, r
	}
	if first && len(a.apis) > 1 {
		a.apis = a.apis[:1]
	}
	api, r = m.single(a)
	return a, api, r
}

// issue makes the tokens. The caller holds the lock.
func (m microsoft) issue(s *state, x *session, e entitlement) given {
	now := time.Now()
	got := given{entitlement: e, session: x}
	got.access = m.accessToken(s, x, e, now)
	s.access[digestOf(got.access)] = &accessToken{
		session: x, scopes: e.permissions, expires: now.Add(or(m.AccessTokenLife, time.Hour)),
		api: e.api.resource.AppID, capable: capable(e.claims),
	}
	if slices.Contains(x.scopes, "offline_access") && !e.quiet && (x.newest == nil || m.Rotation != NoRotation) {
		got.refresh = s.newRefreshToken(x)
	}
	return got
}

// members writes the answer.
func (m microsoft) members(c *call, got given) map[string]any {
	life := int64(or(m.AccessTokenLife, time.Hour) / time.Second)
	members := map[string]any{
		"token_type":     "Bearer",
		"access_token":   got.access,
		"expires_in":     life,
		"ext_expires_in": life,
	}
	if !m.OmitScope {
		members["scope"] = m.Platform.echo(m.echo(got.asked, got.api, got.permissions))
	}
	if m.RefreshIn > 0 {
		members["refresh_in"] = int64(m.RefreshIn / time.Second)
	}
	if got.refresh != "" {
		members["refresh_token"] = got.refresh
	}
	if slices.Contains(got.oidc, "openid") {
		members["id_token"] = m.idToken(c, got)
	}
	if c.form.Get("client_info") == "1" {
		members["client_info"] = m.clientInfo(got.session.user)
	}
	if c.entra.app.Family {
		members["foci"] = "1"
	}
	if c.entra.v1 {
		m.v1Members(members, got)
	}
	return members
}
