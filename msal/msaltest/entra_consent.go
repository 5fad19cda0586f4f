package msaltest

import (
	"fmt"
	"maps"

	"net/url"
	"slices"
	"strings"
	"time"
)

// Grant is what somebody, or an administrator for everybody, has allowed an application in a tenant.
type Grant struct {
	Tenant      string // id or domain. Empty: the first one
	User        string // Subject. Empty: everybody in the tenant
	Client      string // client_id
	Resource    string // any of its names. Empty: Microsoft Graph
	Permissions []string
}

// grantKey is whose grant it is, and for what.
type grantKey struct{ Tenant, User, Client, Resource string }

// entraState is what Microsoft's platform remembers beside sessions.
type entraState struct {
	grants    map[grantKey][]string
	validFrom map[string]time.Time // subject: what was given before is worth nothing any more
	met       map[string][]string  // subject: what conditional access got of the person in this browser
	traces    int                  // requests so far
}

func newEntraState() entraState {
	return entraState{
		grants:    map[grantKey][]string{},
		validFrom: map[string]time.Time{},
		met:       map[string][]string{},
	}
}

// Consent records a grant as if somebody had consented before, such as an administrator for everybody.
func (p *Platform) Consent(g Grant) {
	key, permissions := p.grantOf("Consent", g)
	s := p.lock()
	defer p.mu.Unlock()
	s.grants[key] = union(s.grants[key], permissions)
}

// Withdraw takes all permissions of a grant back, whichever g has. Access tokens that were given stay good.
func (p *Platform) Withdraw(g Grant) {
	key, _ := p.grantOf("Withdraw", g)
	s := p.lock()
	defer p.mu.Unlock()
	delete(s.grants, key)
}

// Grants returns what has been consented to, with tenants and resources by their ids, in an order that stays.
func (p *Platform) Grants() []Grant {
	s := p.lock()
	defer p.mu.Unlock()
	return s.listGrants()
}

func (s *state) listGrants() (all []Grant) {
	for key, permissions := range s.grants {
		all = append(all, Grant{key.Tenant, key.User, key.Client, key.Resource, slices.Clone(permissions)})
	}
	slices.SortFunc(all, func(a, b Grant) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

func (p *Platform) grantOf(caller string, g Grant) (grantKey, []string) {
	if p.t != nil {
		p.t.Helper()
	}
	if p.Entra == nil || g.Client == "" {
		p.fatalf("%s: it takes a platform with Entra, and a Client", caller)
	}
	m := p.microsoft()
	if g.Resource == "" {
		g.Resource = MicrosoftGraph
	}
	if g.Tenant == "" {
		g.Tenant = m.tenants[0].ID
	}
	tenant, ok := m.tenant(g.Tenant)
	resource, exists := m.resource(g.Resource)
	if !ok || !exists {
		p.fatalf("%s: there is no tenant %q, or no resource %q", caller, g.Tenant, g.Resource)
	}
	var permissions []string
	for _, value := range g.Permissions {
		permission, exists := resource.permission(value)
		if !exists {
			p.fatalf("%s: the resource %q has no permission %q", caller, g.Resource, value)
		}
		permissions = append(permissions, permission.Value)
	}
	return grantKey{tenant.ID, g.User, g.Client, resource.AppID}, permissions
}

// grantedTo are the permissions that the client has, by the user or by an administrator.
func (s *state) grantedTo(tenant, user, client, resource string) []string {
	return union(s.grants[grantKey{tenant, user, client, resource}], s.grants[grantKey{tenant, "", client, resource}])
}

// consent writes down what was missing.
func (s *state) consent(want map[grantKey][]string) {
	for key, permissions := range want {
		s.grants[key] = union(s.grants[key], permissions)
	}
}

// wants returns what somebody has to consent to before the app gets what it asks for. All of what the app is registered
// with is asked for by /.default if nothing was granted yet, by the v1.0 endpoint, and by prompt=consent with /.default.
func (m microsoft) wants(s *state, c *call, a asked, tenant Tenant, user User, again bool) map[grantKey][]string {
	app, want := c.entra.app, map[grantKey][]string{}
	need := func(resource Resource, permissions []string) {
		key := grantKey{tenant.ID, user.Subject, app.ClientID, resource.AppID}
		have := s.grantedTo(key.Tenant, key.User, key.Client, key.Resource)
		for _, value := range permissions {
			permission, exists := resource.permission(value)
			if exists && !slices.Contains(have, permission.Value) && (permission.Personal || tenant.Kind != PersonalAccounts) {
				want[key] = union(want[key], []string{permission.Value})
			}
		}
	}
	need(m.graph(), a.oidc)
	for _, api := range a.apis {
		have := s.grantedTo(tenant.ID, user.Subject, app.ClientID, api.resource.AppID)
		if !api.all {
			need(api.resource, api.names)
		} else if len(api.resource.own(have)) == 0 {
			need(api.resource, m.registered(app, api.resource))
		}
	}
	if everything := len(a.apis) == 1 && a.apis[0].all && again; everything || c.entra.v1 {
		for _, name := range slices.Sorted(maps.Keys(app.Permissions)) {
			resource, _ := m.resource(name)
			need(resource, app.Permissions[name])
		}
	}
	return want
}

// needAdmin tells whether any of it is beyond the people of the tenant.
func (m microsoft) needAdmin(want map[grantKey][]string, tenant Tenant) bool {
	for key, permissions := range want {
		resource, _ := m.resource(key.Resource)
		for _, value := range permissions {
			if permission, _ := resource.permission(value); permission.Admin || tenant.Kind == External {
				return true
			}
		}
	}
	return false
}

// adminConsent lets an administrator consent for everybody (documented). Whoever can not is refused.
func (m microsoft) adminConsent(c *call) answer {
	req, r := m.readClient(c, c.form)
	switch {
	case r == nil && c.entra.authority.tenant.ID == "":
		r = m.no(90002, c.entra.authority.name)
	case r == nil && c.form.Get("scope") == "":
		r = m.no(900144, "scope")
	}
	if r != nil {
		return m.page(c, r)
	}
	a, r := m.readScopes(c, c.form)
	if r != nil {
		return m.page(c, r)
	}
	s := m.lock()
	defer m.mu.Unlock()
	people := m.people(s, c, "")
	admin := people[0]
	if i := slices.IndexFunc(people, func(u User) bool { return u.Admin }); i >= 0 && s.person == (User{}) {
		admin = people[i]
	}
	params := url.Values{"admin_consent": {"True"}}
	switch {
	case s.denied:
		r = m.no(65004)
		r.code = "consent_required"
	case !admin.Admin:
		r = m.no(90094, c.entra.app.Name)
		r.code = "permission_denied"
	}
	if r != nil {
		body := m.body(c, r)
		params.Set("error", body["error"].(string))
		params.Set("error_description", body["error_description"].(string))
		return m.reply(c, req, params)
	}
	everybody := admin
	everybody.Subject = ""
	s.consent(m.wants(s, c, a, c.entra.authority.tenant, everybody, true))
	params.Set("tenant", c.entra.authority.tenant.ID)
	params.Set("scope", a.raw)
	return m.reply(c, req, params)
}

func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
