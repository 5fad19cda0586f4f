package msaltest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entraSession is what Microsoft's platform remembers of a sign-in.
type entraSession struct {
	tenant string   // where it was
	met    []string // what conditional access wanted of the person, and got
	spa    bool     // by a single-page application
}

// readAuthorization reads a request in the order in which Microsoft checks one. What is wrong with the client itself is
// told to the person, all else to the client.
func (m microsoft) readAuthorization(c *call, form url.Values) (authorization, *answer) {
	req, r := m.readClient(c, form)
	if r != nil {
		a := m.page(c, r)
		return req, &a
	}
	for _, check := range []func(*call, *authorization, url.Values) *refusal{m.readResponse, m.readAsked, m.readProof, m.readPrompt} {
		if r := check(c, &req, form); r != nil {
			a := m.refuse(c, req, r)
			return req, &a
		}
	}
	return req, nil
}

func (m microsoft) readClient(c *call, form url.Values) (authorization, *refusal) {
	req := authorization{
		client:      form.Get("client_id"),
		redirectURI: form.Get("redirect_uri"),
		state:       form.Get("state"),
		mode:        "query",
		maxAge:      -1,
	}
	if mode := form.Get("response_mode"); slices.Contains(m.responseModes(), mode) {
		req.mode = mode
	}
	for _, name := range []string{"client_id", "redirect_uri", "state", "response_mode"} {
		if len(form[name]) > 1 {
			return req, m.no(9000411, name)
		}
	}
	if r := m.identify(c, req.client); r != nil {
		return req, r
	}
	req.client = c.entra.app.ClientID
	switch {
	case req.redirectURI == "":
		return req, m.no(900971)
	case !m.redirects(c.entra.app, req.redirectURI, anyPlatform):
		return req, m.no(50011, req.redirectURI, req.client)
	}
	return req, m.audience(c)
}

// identify finds the app.
func (m microsoft) identify(c *call, id string) *refusal {
	app, known := m.app(id)
	switch {
	case id == "":
		return m.no(900144, "client_id")
	case !known && !guidForm.MatchString(strings.ToLower(id)):
		return m.no(700038, id)
	case !known:
		return m.no(700016, id, c.entra.authority.name)
	}
	c.entra.app = app
	return nil
}

// audience refuses an app at an address that has none of its accounts.
func (m microsoft) audience(c *call) *refusal {
	app, a := c.entra.app, c.entra.authority
	switch {
	case c.entra.v1 && a.personal():
		return m.no(90027)
	case app.Audience == OneTenant && a.tenant.ID == "":
		return m.no(50194, app.ClientID, app.Name)
	case app.Audience == OneTenant && !m.registeredIn(app, a.tenant):
		return m.no(700016, app.ClientID, a.name)
	case app.Audience == PersonalAccountsOnly && !a.personal():
		return m.no(9002331, app.ClientID, app.Name)
	case app.Audience != AnyAccount && app.Audience != PersonalAccountsOnly && a.personal():
		return m.no(9002332, app.ClientID, app.Name)
	}
	return nil
}

func (m microsoft) registeredIn(app App, t Tenant) bool {
	home, _ := m.tenant(app.Tenant)
	return home.ID == t.ID
}

// The platforms that a redirect URI can be registered under.
const (
	anyPlatform = ""
	spaPlatform = "spa"
	webPlatform = "web"
)

// redirects tells whether the URI is registered under a platform. The port of http://localhost and of a loopback address
// does not matter; IPv6 is not supported (documented).
func (m microsoft) redirects(app App, uri, platform string) bool {
	if u, err := url.Parse(uri); err != nil || u.Hostname() == "::1" {
		return false
	}
	switch {
	case platform == spaPlatform:
		return m.isRegistered(app.SPA, uri)
	case platform == webPlatform:
		return m.isRegistered(app.Web, uri)
	case app.RedirectURIs == nil && app.SPA == nil && app.Web == nil:
		return m.redirectAllowed(uri)
	default:
		return m.isRegistered(slices.Concat(app.RedirectURIs, app.SPA, app.Web), uri)
	}
}

func (m microsoft) readResponse(_ *call, req *authorization, form url.Values) *refusal {
	if name := repeated(form); name != "" {
		return m.no(9000411, name)
	}
	kind, mode := form.Get("response_type"), form.Get("response_mode")
	switch {
	case kind == "":
		return m.no(900144, "response_type")
	case slices.Contains(strings.Fields(kind), "id_token"):
		return m.no(700054, kind)
	case kind != "code":
		return m.no(70005, kind)
	case mode != "" && mode != req.mode:
		return m.no(70007, mode)
	}
	return nil
}

// repeated names a parameter that comes twice.
func repeated(form url.Values) string {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if len(form[name]) > 1 {
			return name
		}
	}
	return ""
}

// readAsked reads scopes, or for v1.0 the resource, which may also come later.
func (m microsoft) readAsked(c *call, req *authorization, form url.Values) *refusal {
	if c.entra.v1 {
		var r *refusal
		req.scopes, r = m.readResource(c, form.Get("resource"))
		return r
	}
	if form.Get("scope") == "" {
		return m.no(900144, "scope")
	}
	a, r := m.readScopes(c, form)
	if r != nil {
		return r
	}
	req.scopes = strings.Fields(a.raw)
	return nil
}

// readScopes reads the scope parameter of the v2.0 endpoints, together with what else bears on it.
func (m microsoft) readScopes(c *call, form url.Values) (asked, *refusal) {
	raw := form.Get("scope")
	if err := m.rejected(strings.Fields(raw)); err != nil {
		return asked{}, m.badScope(raw, scopeRefused)
	}
	a, r := m.readScope(c, raw, c.entra.authority.personal())
	if r != nil {
		return a, r
	}
	if named := form.Get("resource"); named != "" {
		if resource, ok := m.resource(named); !ok || len(a.apis) != 1 || a.apis[0].resource.AppID != resource.AppID {
			return a, m.no(9010010)
		}
	}
	for _, api := range a.apis {
		if c.entra.authority.personal() && !api.resource.personal() {
			return a, m.no(90124, api.audience())
		}
	}
	return a, nil
}

// readProof reads PKCE. A public client may do without, a single-page application may not.
func (m microsoft) readProof(c *call, req *authorization, form url.Values) *refusal {
	req.challenge = form.Get("code_challenge")
	method := cmp.Or(form.Get("code_challenge_method"), "plain")
	switch {
	case req.challenge == "" && !m.redirects(c.entra.app, req.redirectURI, spaPlatform):
		return nil
	case method != "plain" && method != "S256":
		return m.no(9002313)
	case !isVerifier(req.challenge), method == "plain" && m.redirects(c.entra.app, req.redirectURI, spaPlatform):
		return m.no(501491)
	case method == "plain":
		req.challenge = challengeOf(req.challenge) // so that there is one kind from here on
	}
	return nil
}

func (m microsoft) readPrompt(c *call, req *authorization, form url.Values) *refusal {
	req.nonce, req.hint = form.Get("nonce"), form.Get("login_hint")
	req.prompt = strings.Fields(form.Get("prompt"))
	known := []string{"none", "login", "consent", "select_account", "create"}
	if c.entra.v1 {
		known = append(known, "admin_consent")
	}
	if prompt := form.Get("prompt"); prompt != "" && !slices.Contains(known, prompt) {
		return m.no(90023)
	}
	var err *protocolError
	if req.maxAge, err = readMaxAge(form.Get("max_age")); err != nil {
		return m.no(9002313)
	}
	if _, ok := readDemands(form.Get("claims")); !ok {
		return m.no(9002313)
	}
	req.claims, req.clientInfo = form.Get("claims"), form.Get("client_info") == "1"
	return nil
}

func (m microsoft) declined(c *call, req authorization) answer { return m.refuse(c, req, m.no(65004)) }

// grant signs the user in, asks for consent and whatever conditional access wants, and sends the client a code.
func (m microsoft) grant(c *call, req authorization, user User) answer {
	req.scopes = slices.Clone(m.granted(req.scopes))
	silent := slices.Contains(req.prompt, "none")
	s := m.lock()
	defer m.mu.Unlock()
	since, ok := s.authenticate(user.Subject, slices.Contains(req.prompt, "login"), silent, req.maxAge)
	if !ok {
		return m.refuse(c, req, m.no(50058))
	}
	if silent && len(s.browser) > 1 && req.hint == "" {
		return m.refuse(c, req, m.no(16000))
	}
	tenant, r, seen := m.enter(s, c, req, user)
	switch {
	case seen:
		return m.page(c, r)
	case r != nil:
		return m.refuse(c, req, r)
	}
	x := m.begin(s, c, user, req.client, req.scopes, tenant)
	x.authTime, x.tellTime = since, req.maxAge >= 0
	x.spa = m.redirects(c.entra.app, req.redirectURI, spaPlatform)
	value := secret("code")
	s.codes[value] = &code{
		session:     x,
		redirectURI: req.redirectURI,
		challenge:   req.challenge,
		nonce:       req.nonce,
		expires:     time.Now().Add(or(m.CodeLife, 10*time.Minute)),
	}
	params := url.Values{"code": {value}, "session_state": {guidOf("session", user.Subject, since.UTC().Format(time.RFC3339Nano))}}
	if req.clientInfo {
		params.Set("client_info", m.clientInfo(user))
	}
	if m.Entra.SendIss {
		params.Set("iss", m.issuer(tenant.ID, c.entra.v1))
	}
	return m.reply(c, req, params)
}

// enter lets the user into a tenant with all that the request asks for. What stops them is told to the client, or shown
// to the person alone.
func (m microsoft) enter(s *state, c *call, req authorization, user User) (tenant Tenant, r *refusal, shown bool) {
	tenant = m.tenantOf(c, user)
	silent := slices.Contains(req.prompt, "none")
	if !m.belongs(c, user) {
		return tenant, m.stranger(c, tenant, user), true
	}
	a, r := m.readScope(c, strings.Join(req.scopes, " "), true)
	if r != nil {
		return tenant, r, false // GrantScopes has left nothing that makes sense
	}
	want := m.wants(s, c, a, tenant, user, slices.Contains(req.prompt, "consent"))
	switch {
	case silent && len(want) > 0:
		return tenant, m.no(65001, c.entra.app.ClientID, c.entra.app.Name), false
	case m.needAdmin(want, tenant) && !user.Admin:
		return tenant, m.no(90094, c.entra.app.Name), true
	}
	demands, _ := readDemands(req.claims)
	for _, api := range a.apis {
		if p, blocked := m.blocks(api.resource); blocked {
			return tenant, m.blocked(p), false
		}
		demands = append(demands, m.policyDemands(api.resource)...)
	}
	if unmet := without(demands, s.met[user.Subject]); silent && len(unmet) > 0 {
		return tenant, m.stepUp(unmet, a), false
	}
	s.consent(want)
	s.met[user.Subject] = union(s.met[user.Subject], demands)
	return tenant, nil, false
}

// consents is enter for a device. The person sees what stops them; the device goes on waiting.
func (m microsoft) consents(s *state, d *device, user User) *answer {
	req := authorization{client: d.client, scopes: d.scopes, claims: d.call.form.Get("claims")}
	if _, r, _ := m.enter(s, d.call, req, user); r != nil {
		a := m.page(d.call, r)
		return &a
	}
	return nil
}

// begin begins a family of tokens.
func (m microsoft) begin(s *state, c *call, user User, client string, scopes []string, tenant Tenant) *session {
	for i, word := range scopes {
		if p, ok := m.split(word); ok && p.resource.AppID == MicrosoftGraph && isOIDC(p.name) {
			scopes[i] = strings.ToLower(p.name) // one spelling, by which sessions are looked at
		}
	}
	x := m.newSession(s, c, user, client, scopes)
	x.tenant, x.met = tenant.ID, slices.Clone(s.met[user.Subject])
	return x
}

// clientInfo tells MSAL who the account is at home (read in the sources of MSAL).
func (m microsoft) clientInfo(user User) string {
	info, _ := json.Marshal(map[string]string{"uid": m.objectID(user, user.TenantID), "utid": user.TenantID})
	return base64.RawURLEncoding.EncodeToString(info)
}

// reply sends the parameters to the client in the way that it asked for.
func (m microsoft) reply(c *call, req authorization, params url.Values) answer {
	if req.state != "" {
		params.Set("state", req.state)
	}
	if m.Entra.SendIss && !params.Has("iss") {
		params.Set("iss", c.issuer)
	}
	to := req.redirectURI // where it has no path, Microsoft adds a slash (documented)
	if u, err := url.Parse(to); err == nil && u.Path == "" && u.Host != "" {
		u.Path = "/"
		to = u.String()
	}
	switch req.mode {
	case "form_post":
		return formPostPage(to, params)
	case "fragment":
		to += "#" + params.Encode()
	default:
		to = withQuery(to, params)
	}
	a := redirect(to)
	a.status = http.StatusFound
	return a
}

// stranger says that somebody is not of the tenant.
func (m microsoft) stranger(c *call, tenant Tenant, user User) *refusal {
	app := c.entra.app
	return m.no(50020, user.account(), m.issuer(user.TenantID, true), cmp.Or(tenant.ID, strconv.Quote(c.entra.authority.name)), app.ClientID, app.Name)
}
