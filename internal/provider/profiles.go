package provider

import (
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/scopes"
)

// Profile is how a provider wants to be asked for the default scopes. The zero
// Profile: as its metadata says.
type Profile struct {
	Name string

	// Defaults are those of openid, profile, email and offline_access that the
	// provider understands. If nil, discovery decides.
	Defaults []string

	// Authorize holds further parameters of every authorization request.
	Authorize url.Values

	// Offline holds those that go with offline_access, or stand in for it.
	Offline url.Values

	// Loopback is the redirect URI without the port that registrations for
	// programs on a person's machine have: "http://localhost" or
	// "http://127.0.0.1".
	Loopback string
}

const (
	// RFC 8252 section 8.3: "the use of localhost is NOT RECOMMENDED". It stands
	// where registrations have it and do not take a literal for the same.
	localhost = "http://localhost"
	literal   = "http://127.0.0.1"
)

// row is a profile and the authorities that it is for.
type row struct {
	kind  Kind
	v1    bool
	hosts []string // OIDC only; a star stands for what varies
	Profile
}

var (
	all      = []string{scopes.OpenID, scopes.Profile, scopes.Email, scopes.OfflineAccess}
	identity = all[:3:3]
)

// A row is here because discovery would decide wrongly, or not at all. Nobody
// writes to it.
var rows = [...]row{
	// Documented by Microsoft and recorded: all four, offline_access required.
	{kind: Entra, Profile: Profile{Name: "entra", Defaults: all, Loopback: localhost}},
	// Documented: v1.0 ignores scopes, "sending openid is best practice", and always gives a refresh token.
	{kind: Entra, v1: true, Profile: Profile{Name: "entra", Defaults: all[:1:1], Loopback: localhost}},
	// Documented, and recorded that metadata lists openid alone; profile and email are not defined there.
	{kind: B2C, Profile: Profile{Name: "b2c", Defaults: []string{scopes.OpenID, scopes.OfflineAccess}, Loopback: localhost}},
	// Documented to be the v2.0 endpoint with another host.
	{kind: CIAM, Profile: Profile{Name: "ciam", Defaults: all, Loopback: localhost}},
	// Recorded: metadata has no offline_access; 2019 and later tolerate it, older ones give refresh tokens by policy.
	{kind: ADFS, Profile: Profile{Name: "adfs", Defaults: all, Loopback: localhost}},
	// Recorded: refuses offline_access on a page of its own, so that no answer reaches us. Without prompt=consent a
	// second sign-in gets no refresh token.
	{hosts: []string{"accounts.google.com"}, Profile: Profile{Name: "google", Defaults: identity, Loopback: literal,
		Offline: url.Values{"access_type": {"offline"}, "prompt": {"consent"}}}},
	// Reported by users: "The requested scope is invalid, unknown, or malformed." Refresh tokens come without.
	{hosts: []string{"gitlab.com"}, Profile: Profile{Name: "gitlab", Defaults: identity, Loopback: literal}},
	// Recorded scopes_supported, and invalid_scope for offline_access reported. Its http is for localhost only
	// (documented default, not verified).
	{hosts: []string{"cognito-idp.*.amazonaws.com"}, Profile: Profile{Name: "cognito", Defaults: identity, Loopback: localhost}},
	// Documented: offline_access asks for an offline token, which needs a role and outlives signing out. A refresh token
	// comes without. On hosts of its own: by name.
	{Profile: Profile{Name: "keycloak", Defaults: identity, Loopback: literal}},
	// Documented default, not verified.
	{hosts: []string{"*.okta.com", "*.oktapreview.com", "*.okta-emea.com"}, Profile: Profile{Name: "okta", Defaults: all, Loopback: literal}},
	// Documented: silently no refresh token unless the API allows offline access. The rest is not verified.
	{hosts: []string{"*.auth0.com"}, Profile: Profile{Name: "auth0", Defaults: all, Loopback: literal}},
	// Read in the source of node-oidc-provider, on which Logto is built: without prompt=consent offline_access is dropped
	// (OpenID Connect Core section 11 has it so).
	{hosts: []string{"*.logto.app"}, Profile: Profile{Name: "logto", Defaults: all, Loopback: literal,
		Offline: url.Values{"prompt": {"consent"}}}},
	{Profile: Profile{Name: "node-oidc-provider", Loopback: literal, Offline: url.Values{"prompt": {"consent"}}}},
	// By name only: the standard's rules also on a host that another row or kind would claim.
	{Profile: Profile{Name: "oidc", Loopback: literal}},
}

// Profile returns how to ask this authority: for Microsoft's by kind, for others
// by name if the application gave one, else by host. The caller owns it.
func (a Authority) Profile(name string) Profile {
	for _, r := range rows {
		switch {
		case r.kind != a.Kind || r.v1 != a.V1:
		case a.Kind == OIDC && name != "" && r.Name != name:
		case a.Kind == OIDC && name == "" && !matches(a.Host, r.hosts...):
		default:
			p := r.Profile
			p.Defaults, p.Offline = slices.Clone(p.Defaults), cloneValues(p.Offline)
			return p
		}
	}
	return Profile{Loopback: literal}
}

// Sends returns which of defaults, in their order, go into a request. The
// profile decides if it knows; else scopes_supported, if it was published; else
// the three that OpenID Connect Core defines in section 5.4, without
// offline_access, which some providers refuse the whole request for.
//
// openid always stays: "The server MUST support the openid scope value"
// (Discovery section 3), listed or not, and without it nobody has signed in.
func (p Profile) Sends(defaults, scopesSupported []string, published bool) []string {
	understood := identity
	switch {
	case p.Defaults != nil:
		understood = p.Defaults
	case published:
		understood = append([]string{scopes.OpenID}, scopesSupported...)
	}
	return slices.DeleteFunc(slices.Clone(defaults), func(s string) bool { return !slices.Contains(understood, s) })
}

// Parameters returns what else goes into an authorization request whose
// configured defaults are these.
func (p Profile) Parameters(defaults []string) url.Values {
	v := cloneValues(p.Authorize)
	if v == nil {
		v = url.Values{}
	}
	if slices.Contains(defaults, scopes.OfflineAccess) {
		for name, values := range cloneValues(p.Offline) {
			v[name] = values
		}
	}
	return v
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

func cloneValues(v url.Values) url.Values {
	if v == nil {
		return nil
	}
	c := make(url.Values, len(v))
	for name, values := range v {
		c[name] = slices.Clone(values)
	}
	return c
}
