package msaltest

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The v1.0 endpoint asks for resources, with what an app is registered for, and ignores scopes: resource=X is what
// scope=X/.default is at v2.0 (documented). A refresh token always comes along, and is good for every resource.

const v1Scopes = "openid profile email offline_access"

// joined writes scopes as a parameter.
func joined(scopes []string) string { return strings.Join(scopes, " ") }

// readResource reads the resource of a sign-in, as scopes. There may be none: the token request then has one.
func (m microsoft) readResource(c *call, name string) ([]string, *refusal) {
	if !slices.ContainsFunc(m.registered(c.entra.app, m.graph()), func(s string) bool { return strings.EqualFold(s, "User.Read") }) {
		return nil, m.no(90008, c.entra.app.ClientID)
	}
	scopes := strings.Fields(v1Scopes)
	if name == "" {
		return scopes, nil
	}
	r, known := m.resource(name)
	switch {
	case !known:
		return nil, m.no(500011, name, c.entra.authority.name)
	case m.registered(c.entra.app, r) == nil:
		return nil, m.no(650057, c.entra.app.ClientID, c.entra.app.Name, name, r.AppID)
	}
	return append(scopes, name+"/.default"), nil
}

// v1Asked returns what a token request at v1.0 is for: its resource, or that of the sign-in. With a code they must be the
// same.
func (m microsoft) v1Asked(c *call, x *session) (asked, *refusal) {
	before, r := m.readScope(c, joined(x.scopes), true)
	if r != nil {
		return before, r
	}
	name := c.form.Get("resource")
	switch {
	case name == "" && len(before.apis) == 0:
		return before, m.no(90014, "resource")
	case name == "":
		return before, nil
	}
	scopes, r := m.readResource(c, name)
	if r != nil {
		return before, r
	}
	after, r := m.readScope(c, joined(scopes), true)
	if r == nil && c.entra.grant == grantCode && len(before.apis) > 0 && before.apis[0].resource.AppID != after.apis[0].resource.AppID {
		r = m.no(70000)
	}
	return after, r
}

// v1Members adds what v1.0 answers have.
func (m microsoft) v1Members(members map[string]any, got given) {
	members["resource"] = got.api.spelled
	if !m.OmitScope {
		members["scope"] = m.Platform.echo(without(got.permissions, []string{"offline_access"}))
	}
	if life, ok := members["expires_in"].(int64); ok {
		now := time.Now().Unix()
		members["not_before"], members["expires_on"] = now, now+life
	}
	m.stringify(members)
}

// stringify writes numbers as strings, as v1.0 does (documented).
func (m microsoft) stringify(members map[string]any) {
	if m.Entra.NumbersInV1 {
		return
	}
	for name, value := range members {
		if n, ok := value.(int64); ok {
			members[name] = fmt.Sprint(n)
		}
	}
}
