package provider

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/scopes"
)

// Profile is how a provider differs from the standards. The zero value of a
// field: as the standards and its metadata say.
type Profile struct {
	Name string

	// Defaults are those of openid, profile, email and offline_access that the
	// provider understands. If nil, discovery decides.
	Defaults []string

	// Authorize holds further parameters of every authorization request.
	Authorize url.Values

	// Offline holds those that go with offline_access, or stand in for it.
	Offline url.Values

	// OfflineScope is what offline_access is called there.
	OfflineScope string

	// Loopback is the redirect URI without the port that registrations for
	// programs on a person's machine have: "http://localhost" or
	// "http://127.0.0.1".
	Loopback string

	// ScopeSeparator stands between the scopes of an answer where RFC 6749
	// section 3.3 has a space.
	ScopeSeparator string

	// ScopeNames are the default scopes by the names that answers have for them.
	ScopeNames map[string]string

	// InvalidGrant are error codes that mean what RFC 6749 section 5.2 calls
	// invalid_grant.
	InvalidGrant []string

	// NoOpenID says that the server does OAuth 2.0 alone, whatever it publishes.
	NoOpenID bool

	// Endpoints stand in for metadata: its members, relative to the issuer.
	Endpoints map[string]string
}

// Profile returns how to ask this authority: for Microsoft's by kind, for others
// by name if the application gave one, else by host. The caller owns it.
func (a Authority) Profile(name string) Profile { return a.row(name).clone() }

func (a Authority) row(name string) row {
	for _, r := range rows {
		switch {
		case r.kind != a.Kind || r.v1 != a.V1:
		case a.Kind == OIDC && name != "" && r.Name != name:
		case a.Kind == OIDC && name == "" && !matches(a.Host, r.hosts...):
		default:
			return r
		}
	}
	return row{Profile: Profile{Loopback: literal}}
}

// Named returns a profile of the table, which the caller owns.
func Named(name string) (Profile, bool) {
	r, ok := named(name)
	return r.clone(), ok
}

// Or returns p with those of its fields that are zero as base has them.
func (p Profile) Or(base Profile) Profile {
	p.Name = cmp.Or(p.Name, base.Name)
	if p.Defaults == nil {
		p.Defaults = base.Defaults
	}
	if p.Authorize == nil {
		p.Authorize = base.Authorize
	}
	if p.Offline == nil {
		p.Offline = base.Offline
	}
	p.OfflineScope = cmp.Or(p.OfflineScope, base.OfflineScope)
	p.Loopback = cmp.Or(p.Loopback, base.Loopback)
	p.ScopeSeparator = cmp.Or(p.ScopeSeparator, base.ScopeSeparator)
	if p.ScopeNames == nil {
		p.ScopeNames = base.ScopeNames
	}
	if p.InvalidGrant == nil {
		p.InvalidGrant = base.InvalidGrant
	}
	p.NoOpenID = p.NoOpenID || base.NoOpenID
	if p.Endpoints == nil {
		p.Endpoints = base.Endpoints
	}
	return p.clone()
}

// Sends returns which of defaults, in their order and as the provider calls
// them, go into a request. The profile decides if it knows; else
// scopes_supported, if it was published; else the three that OpenID Connect Core
// defines in section 5.4, without offline_access, which some providers refuse
// the whole request for.
//
// openid always stays: "The server MUST support the openid scope value"
// (Discovery section 3), listed or not, and without it nobody has signed in.
// A server that is no OpenID Provider gets none of the three.
func (p Profile) Sends(defaults, scopesSupported []string, published, openID bool) []string {
	var send []string
	for _, s := range defaults {
		name, understood := s, slices.Contains(identity, s)
		if s == scopes.OfflineAccess {
			name = cmp.Or(p.OfflineScope, s)
		}
		switch {
		case p.Defaults != nil:
			understood = slices.Contains(p.Defaults, s)
		case published:
			understood = s == scopes.OpenID || slices.Contains(scopesSupported, name)
		}
		if understood && (openID || s == scopes.OfflineAccess) {
			send = append(send, name)
		}
	}
	return send
}

// Parameters returns what else goes into an authorization request whose
// configured defaults are these.
func (p Profile) Parameters(defaults []string) url.Values {
	v := CloneValues(p.Authorize)
	if v == nil {
		v = url.Values{}
	}
	if slices.Contains(defaults, scopes.OfflineAccess) {
		for name, values := range CloneValues(p.Offline) {
			v[name] = values
		}
	}
	return v
}

// Answered returns the scope of an answer as RFC 6749 section 3.3 has it, with
// the default scopes under their own names too.
func (p Profile) Answered(scope string) string {
	if p.ScopeSeparator != "" {
		scope = strings.ReplaceAll(scope, p.ScopeSeparator, " ")
	}
	words := strings.Split(scope, " ")
	for _, word := range words {
		if name := p.ScopeNames[word]; name != "" && !slices.Contains(words, name) {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}

// Metadata makes a metadata document of the endpoints.
func (a Authority) Metadata(endpoints map[string]string) ([]byte, error) {
	base, err := url.Parse(a.Issuer)
	if err != nil {
		return nil, err
	}
	document := map[string]string{"issuer": a.Issuer}
	for name, endpoint := range endpoints {
		u, err := base.Parse(endpoint)
		if err != nil || endpoint == "" {
			return nil, fmt.Errorf("%s: not a URL, nor one relative to %s", name, a.Issuer)
		}
		document[name] = u.String()
	}
	return json.Marshal(document)
}

// clone shares no memory with p.
func (p Profile) clone() Profile {
	p.Defaults, p.InvalidGrant = slices.Clone(p.Defaults), slices.Clone(p.InvalidGrant)
	p.Authorize, p.Offline = CloneValues(p.Authorize), CloneValues(p.Offline)
	p.ScopeNames, p.Endpoints = maps.Clone(p.ScopeNames), maps.Clone(p.Endpoints)
	return p
}

func named(name string) (row, bool) {
	i := slices.IndexFunc(rows[:], func(r row) bool { return r.Name == name })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}

// names lists the table for an error.
func names() string {
	var list []string
	for _, r := range rows {
		list = append(list, r.Name)
	}
	return strings.Join(slices.Compact(list), ", ")
}

// CloneValues copies parameters, so that nobody changes them later.
func CloneValues(v url.Values) url.Values {
	if v == nil {
		return nil
	}
	c := make(url.Values, len(v))
	for name, values := range v {
		c[name] = slices.Clone(values)
	}
	return c
}
