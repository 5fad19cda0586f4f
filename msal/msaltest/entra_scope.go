package msaltest

import (
	"slices"
	"strings"
)

// asked is a scope parameter, taken apart.
type asked struct {
	raw  string
	oidc []string // those of OpenID Connect, which are Microsoft Graph's, in one spelling and once each
	apis []*askedAPI
}

// askedAPI is what is asked of one resource.
type askedAPI struct {
	resource Resource
	spelled  string   // its name in the first scope that has it; empty: none of them has it
	all      bool     // /.default: what the app is registered with, or has been granted
	names    []string // permissions in their own spelling
	prefixes []string // of each, as asked: empty, or the resource's name and a slash
}

// What a scope can not be is said in words of AADSTS70011.
const (
	scopeFormat  = "The scope format is invalid. Scope must be in a valid URI form <https://example/scope> or a valid Guid <guid/scope>."
	defaultAlone = ".default scope can't be combined with resource-specific scopes."
	openIDFirst  = "openid scope is required."
	scopeTwice   = "The scope contains a duplicate."
	scopeRefused = "The scope is refused."
)

// piece is one of the words of a scope parameter.
type piece struct {
	prefix, name string
	resource     Resource
	known        bool
}

// readScope takes a scope parameter of the v2.0 endpoint apart. Words end at spaces alone: a comma or a line break makes
// one permission of two, which does not exist (reported). lenient drops permissions that do not exist.
func (m microsoft) readScope(c *call, raw string, lenient bool) (asked, *refusal) {
	a := asked{raw: raw}
	var pieces []piece
	for word := range strings.SplitSeq(raw, " ") {
		if word == "" {
			continue
		}
		p, ok := m.split(word)
		if !ok {
			return a, m.badScope(raw, scopeFormat)
		}
		if p.resource.AppID == MicrosoftGraph && isOIDC(p.name) {
			if name := strings.ToLower(p.name); !slices.Contains(a.oidc, name) {
				a.oidc = append(a.oidc, name)
			} else if m.Entra.RejectDuplicates {
				return a, m.badScope(raw, scopeTwice)
			}
			continue
		}
		pieces = append(pieces, p)
	}
	if r := m.combined(raw, pieces); r != nil {
		return a, r
	}
	if !slices.Contains(a.oidc, "openid") && (slices.Contains(a.oidc, "profile") || slices.Contains(a.oidc, "email")) {
		if !m.Entra.IgnoreWithoutOpenID {
			return a, m.badScope(raw, openIDFirst)
		}
		a.oidc = slices.DeleteFunc(a.oidc, func(s string) bool { return s != "offline_access" })
	}
	return a, m.resolve(c, &a, pieces, lenient || m.Entra.DropUnknownScopes)
}

// split cuts at the last slash: what is before it is the resource, which may end in a slash itself.
func (m microsoft) split(word string) (p piece, ok bool) {
	i := strings.LastIndexByte(word, '/')
	if i < 0 {
		return piece{name: word, resource: m.graph(), known: true}, true
	}
	p = piece{prefix: word[:i], name: word[i+1:]}
	p.resource, p.known = m.resource(p.prefix)
	return p, p.prefix != "" && p.name != ""
}

func (p piece) isDefault() bool { return strings.EqualFold(p.name, ".default") }

// combined refuses what can not stand together: /.default stands alone but for the scopes of OpenID Connect, even where
// the other scopes are of other resources (reported).
func (m microsoft) combined(raw string, pieces []piece) *refusal {
	seen, defaults, resources := map[string]bool{}, 0, map[string]bool{}
	for _, p := range pieces {
		key := strings.ToLower(p.prefix)
		if p.known {
			key = p.resource.AppID
		}
		if p.isDefault() {
			defaults++
			resources[key] = true
		}
		if key += "/" + strings.ToLower(p.name); seen[key] && m.Entra.RejectDuplicates {
			return m.badScope(raw, scopeTwice)
		}
		seen[key] = true
	}
	switch {
	case defaults > 0 && defaults < len(pieces):
		return m.badScope(raw, defaultAlone)
	case len(resources) > 1:
		return m.no(28000, raw)
	}
	return nil
}

// resolve sorts the pieces by resource. A permission that does not exist is complained about before a resource.
func (m microsoft) resolve(c *call, a *asked, pieces []piece, lenient bool) *refusal {
	for _, p := range pieces {
		if _, exists := p.resource.permission(p.name); p.known && !exists && !p.isDefault() && !lenient {
			return m.no(650053, c.entra.app.Name, p.name, p.resource.AppID)
		}
	}
	for _, p := range pieces {
		if !p.known {
			return m.no(500011, p.prefix, c.entra.authority.name)
		}
		permission, exists := p.resource.permission(p.name)
		if !exists && !p.isDefault() {
			continue
		}
		api := a.api(p.resource, p.prefix)
		if p.isDefault() {
			api.all = true
		} else if !slices.Contains(api.names, permission.Value) {
			api.names = append(api.names, permission.Value)
			prefix := p.prefix
			if prefix != "" {
				prefix += "/"
			}
			api.prefixes = append(api.prefixes, prefix)
		}
	}
	if len(a.apis) == 0 && len(a.oidc) == 0 {
		return m.badScope(a.raw, "")
	}
	return nil
}

// api finds what is asked of the resource already, or begins a list.
func (a *asked) api(r Resource, spelled string) *askedAPI {
	i := slices.IndexFunc(a.apis, func(b *askedAPI) bool { return b.resource.AppID == r.AppID })
	if i < 0 {
		a.apis = append(a.apis, &askedAPI{resource: r})
		i = len(a.apis) - 1
	}
	if a.apis[i].spelled == "" {
		a.apis[i].spelled = spelled
	}
	return a.apis[i]
}

// single returns the one resource that a token can be for. The scopes of OpenID Connect alone are Microsoft Graph's.
func (m microsoft) single(a asked) (*askedAPI, *refusal) {
	switch len(a.apis) {
	case 0:
		return &askedAPI{resource: m.graph()}, nil
	case 1:
		return a.apis[0], nil
	}
	return nil, m.no(28000, a.raw)
}

func (m microsoft) badScope(raw, why string) *refusal {
	r := m.no(70011, raw)
	if why != "" {
		r.description += " " + why
	}
	return r
}

// echo writes the scope member of a token answer: what has been granted of the resource, what was asked for first. The
// scopes of OpenID Connect go along with Microsoft Graph's alone, /.default with all others (recorded).
func (m microsoft) echo(a asked, api *askedAPI, granted []string) (list []string) {
	e, graph := m.Entra, api.resource.AppID == MicrosoftGraph
	rest := without(api.resource.own(granted), api.names)
	usual := ""
	if api.spelled != "" {
		usual = api.spelled + "/"
	}
	add := func(prefix, name string) {
		switch {
		case e.ScopeStyle == ShortNames:
			prefix = ""
		case e.ScopeStyle == QualifiedNames && prefix == "":
			prefix = api.resource.name() + "/"
		}
		list = append(list, prefix+name)
	}
	for i, name := range api.names {
		add(api.prefixes[i], name)
	}
	if api.all || !e.HideExtraGrants {
		for _, name := range rest {
			add(usual, name)
		}
	}
	if api.all && !graph {
		add(usual, ".default")
	}
	for _, name := range []string{"openid", "profile", "email"} {
		if graph && (slices.Contains(a.oidc, name) || slices.Contains(granted, name) && !e.HideExtraGrants) {
			list = append(list, name)
		}
	}
	if e.EchoOfflineAccess && slices.Contains(a.oidc, "offline_access") {
		list = append(list, "offline_access")
	}
	return list
}

// name is what qualifies a permission that was asked for without a resource.
func (r Resource) name() string {
	if len(r.IDURIs) > 0 {
		return r.IDURIs[0]
	}
	return r.AppID
}
