package provider

import (
	"net/url"

	"github.com/staysigned/staysigned/scopes"
)

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
	path  string   // of the issuer, where people would write the host alone
	Profile
}

var (
	all      = []string{scopes.OpenID, scopes.Profile, scopes.Email, scopes.OfflineAccess}
	identity = all[:3:3]
)

// A row is here because discovery would decide wrongly, or not at all. Its
// comment is the evidence: "recorded" from the service's traffic, "documented"
// by the provider, "reported" by users, "read in the source", or "not verified"
// for what is common knowledge and no more. docs/which-provider.md shows it, so
// a comment speaks of its own row alone. Nobody writes to the table.
var rows = [...]row{
	// Documented by Microsoft and recorded: all four, offline_access required. Its native registrations have
	// http://localhost, with any port.
	{kind: Entra, Profile: Profile{Name: "entra", Defaults: all, Loopback: localhost}},
	// Documented: v1.0 ignores scopes ("sending openid is best practice") and always gives a refresh token.
	{kind: Entra, v1: true, Profile: Profile{Name: "entra", Defaults: all[:1:1], Loopback: localhost}},
	// Documented, and recorded that the metadata lists openid alone. profile and email are not defined there.
	{kind: B2C, Profile: Profile{Name: "b2c", Defaults: []string{scopes.OpenID, scopes.OfflineAccess}, Loopback: localhost}},
	// Documented to be the v2.0 endpoint with another host.
	{kind: CIAM, Profile: Profile{Name: "ciam", Defaults: all, Loopback: localhost}},
	// Recorded: the metadata has no offline_access. 2019 and later tolerate it, older ones give refresh tokens by policy.
	{kind: ADFS, Profile: Profile{Name: "adfs", Defaults: all, Loopback: localhost}},
	// Recorded: refuses offline_access on a page of its own, so that no answer reaches the program. Reported: other names
	// in answers, and without prompt=consent no refresh token at a second sign-in. Desktop registrations have a "secret",
	// which Config.InstalledAppSecret sends.
	{hosts: []string{"accounts.google.com"}, Profile: Profile{Name: "google", Defaults: identity, Loopback: literal,
		Offline: url.Values{"access_type": {"offline"}, "prompt": {"consent"}},
		ScopeNames: map[string]string{
			"https://www.googleapis.com/auth/userinfo.profile": scopes.Profile,
			"https://www.googleapis.com/auth/userinfo.email":   scopes.Email,
		}}},
	// Reported: "The requested scope is invalid, unknown, or malformed." for offline_access. Refresh tokens come without.
	{hosts: []string{"gitlab.com"}, Profile: Profile{Name: "gitlab", Defaults: identity, Loopback: literal}},
	// Recorded scopes_supported, and invalid_scope for offline_access reported. That its http is for localhost only is
	// not verified.
	{hosts: []string{"cognito-idp.*.amazonaws.com"}, Profile: Profile{Name: "cognito", Defaults: identity, Loopback: localhost}},
	// Documented: offline_access asks for an offline token, which needs a role and outlives signing out. A refresh token
	// comes without.
	{Profile: Profile{Name: "keycloak", Defaults: identity, Loopback: literal}},
	// Not verified that all four are understood where the metadata is silent.
	{hosts: []string{"*.okta.com", "*.oktapreview.com", "*.okta-emea.com"}, Profile: Profile{Name: "okta", Defaults: all, Loopback: literal}},
	// Documented: silently no refresh token unless the API allows offline access. The rest is not verified.
	{hosts: []string{"*.auth0.com"}, Profile: Profile{Name: "auth0", Defaults: all, Loopback: literal}},
	// Read in the source of node-oidc-provider, on which Logto is built: without prompt=consent offline_access is dropped
	// (OpenID Connect Core section 11 has it so).
	{hosts: []string{"*.logto.app"}, Profile: Profile{Name: "logto", Defaults: all, Loopback: literal,
		Offline: url.Values{"prompt": {"consent"}}}},
	// Read in the source: without prompt=consent offline_access is dropped.
	{Profile: Profile{Name: "node-oidc-provider", Loopback: literal, Offline: url.Values{"prompt": {"consent"}}}},
	// Documented: openid, profile and email are all that signing in with Slack knows, a public client's redirect is to
	// localhost, and scopes of other answers are separated by commas. Not verified: invalid_refresh_token.
	{hosts: []string{"slack.com"}, Profile: Profile{Name: "slack", Defaults: identity, Loopback: localhost,
		ScopeSeparator: ",", InvalidGrant: []string{"invalid_refresh_token"}}},
	// Documented: offline_access, and no word of OpenID Connect; prompt=consent is required, at Jira the audience too, and
	// a "secret", which Config.InstalledAppSecret sends. Reported: metadata of RFC 8414.
	{hosts: []string{"auth.atlassian.com"}, Profile: Profile{Name: "atlassian", Defaults: all[3:], Loopback: literal,
		NoOpenID: true, Authorize: url.Values{"audience": {"api.atlassian.com"}, "prompt": {"consent"}}}},
	// Documented: token_access_type=offline in place of a scope; redirect URIs are compared exactly, so that
	// Browser.RedirectURI has to name the registered port. That openid, profile and email are all it knows is not verified.
	{hosts: []string{"www.dropbox.com"}, Profile: Profile{Name: "dropbox", Defaults: identity, Loopback: literal,
		Offline: url.Values{"token_access_type": {"offline"}}}},
	// Documented: the scope is called offline.access. Reported: metadata of RFC 8414, and no OpenID Connect.
	{hosts: []string{"api.x.com"}, Profile: Profile{Name: "x", Defaults: all[3:], OfflineScope: "offline.access",
		Loopback: literal, NoOpenID: true}},
	// Documented: no ID tokens, although a document of OpenID Connect is published; the issuer and the endpoints; commas
	// between the scopes of an answer; 127.0.0.1 with any port for OAuth apps, whose tokens do not expire; a refresh token
	// for GitHub Apps; a "secret" for the browser, though not for the device code, which Config.InstalledAppSecret sends.
	// Reported: bad_refresh_token, and iss in redirects.
	{hosts: []string{"github.com"}, path: "/login/oauth", Profile: Profile{Name: "github", Defaults: []string{},
		Loopback: literal, ScopeSeparator: ",", InvalidGrant: []string{"bad_refresh_token"}, NoOpenID: true,
		Endpoints: map[string]string{
			"authorization_endpoint":        "/login/oauth/authorize",
			"token_endpoint":                "/login/oauth/access_token",
			"device_authorization_endpoint": "/login/device/code",
		}}},
	// For a host that another row or kind would claim: the standards' rules.
	{Profile: Profile{Name: "oidc", Loopback: literal}},
}
