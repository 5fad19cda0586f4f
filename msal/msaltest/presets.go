package msaltest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// preset is what sets one provider apart: the knobs, and what is known of the provider that they stand for.
type preset struct {
	name  string
	knobs *Platform
	facts []fact
}

// fact is something that the platform does under a preset, and how it is known that the provider does it.
type fact struct{ does, evidence string }

// Imitate makes the platform behave as a provider does as far as scopes and refresh tokens go: "google", "gitlab",
// "cognito", "keycloak", "okta", "auth0", "logto", "node-oidc-provider", "dex", "hydra", "github", "github-app", "slack",
// "salesforce", "atlassian", "duende", "entra", "b2c" or "adfs". Call it before anything else is set: it sets the knobs that any
// preset needs, also those to zero that this one does not, and leaves all others alone. The URL stays too.
//
// docs/providers.md of this module lists what each preset does, and on what evidence.
func (p *Platform) Imitate(provider string) {
	i := slices.IndexFunc(presets, func(x preset) bool { return x.name == provider })
	if i < 0 {
		if p.t != nil {
			p.t.Helper()
		}
		p.fatalf("Imitate: there is no provider %q; known are %s", provider, strings.Join(presetNames(), ", "))
	}
	k := presets[i].knobs
	p.Layout, p.NoOpenID, p.NoDevice, p.ExactPorts = k.Layout, k.NoOpenID, k.NoDevice, k.ExactPorts
	p.Layout.Paths = maps.Clone(k.Layout.Paths)
	p.NoExpiry, p.Rotation, p.GracePeriod, p.Renewal = k.NoExpiry, k.Rotation, k.GracePeriod, k.Renewal
	p.OfflineScopes = slices.Clone(k.OfflineScopes)
	p.ScopesSupported, p.KnownScopes = slices.Clone(k.ScopesSupported), slices.Clone(k.KnownScopes)
	p.OneResource, p.ScopePage = k.OneResource, k.ScopePage
	p.GrantScopes, p.ScopeEcho = k.GrantScopes, k.ScopeEcho
	p.EditError, p.ErrorStatus, p.FormAnswers = k.EditError, k.ErrorStatus, k.FormAnswers
	p.Entra = nil
	if k.Entra != nil {
		p.Entra = &Entra{}
	}
}

func presetNames() (names []string) {
	for _, x := range presets {
		names = append(names, x.name)
	}
	return names
}

// Nobody writes to it.
var presets = []preset{
	{"google", &Platform{
		KnownScopes:     append([]string{"openid", "profile", "email"}, slices.Sorted(maps.Values(googleNames))...),
		ScopesSupported: []string{"openid", "email", "profile"},
		ScopePage:       true,
		Renewal:         RenewByParameter,
		Rotation:        NoRotation,
		ScopeEcho:       googleEcho,
		EditError: aboutScopes(func(e *Refusal) {
			e.Description = "Some requested scopes were invalid. {valid=[" + strings.Join(e.Others, ", ") +
				"], invalid=[" + strings.Join(e.Scopes, ", ") + "]}"
		}),
	}, []fact{
		{"refuses offline_access, and every scope that is not in KnownScopes, on a page: Error 400: invalid_scope", recorded},
		{"gives a refresh token for access_type=offline", documented},
		{"gives it when the person consents: the first time, and later with prompt=consent alone", reported},
		{"always gives a device one; answers a refresh without another", unverified},
		{"answers profile and email as https://www.googleapis.com/auth/userinfo.profile and .email", reported},
	}},
	{"gitlab", &Platform{
		KnownScopes:     []string{"openid", "profile", "email", "api", "read_api", "read_user", "read_repository", "write_repository"},
		ScopesSupported: []string{"api", "read_api", "read_user", "read_repository", "write_repository", "openid", "profile", "email"},
		ScopePage:       true,
		Renewal:         RenewAlways,
		EditError:       aboutScopes(func(e *Refusal) { e.Description = doorkeeper }),
	}, []fact{
		{"refuses offline_access with words that name no scope", reported},
		{"shows that on a page", source},
		{"always gives a refresh token", reported},
		{"takes each once", unverified},
	}},
	{"cognito", &Platform{
		KnownScopes:     []string{"openid", "email", "phone", "profile", "aws.cognito.signin.user.admin"},
		ScopesSupported: []string{"openid", "email", "phone", "profile"},
		Renewal:         RenewAlways,
		Rotation:        NoRotation,
		NoDevice:        true,
		ExactPorts:      true,
		EditError:       aboutScopes(func(e *Refusal) { e.Description = "" }),
	}, []fact{
		{"lists openid, email, phone and profile as its scopes", recorded},
		{"refuses others with invalid_scope and no description", documented},
		{"always gives a refresh token", unverified},
		{"answers a refresh without another one, as where rotation is off", documented},
		{"has no device endpoint; compares ports", unverified},
	}},
	{"keycloak", &Platform{
		Renewal:  RenewAlways,
		Rotation: KeepOld,
		EditError: aboutScopes(func(e *Refusal) {
			e.Description = "Invalid scopes: " + strings.Join(append(e.Others, e.Scopes...), " ")
		}),
	}, []fact{
		{"always gives a refresh token; offline_access asks for one that outlives the session, which is not imitated", documented},
		{"answers not_allowed to the code of a person with NoOffline, if offline_access was asked for", reported},
		{"refuses scopes (set KnownScopes) with words that repeat all of the request", reported},
		{"takes a refresh token again, as where Revoke Refresh Token is off", unverified},
	}},
	{"okta", &Platform{
		KnownScopes:     []string{"openid", "profile", "email", "address", "phone", "offline_access"},
		ScopesSupported: []string{"openid", "profile", "email", "address", "phone", "offline_access"},
		Rotation:        Grace,
		GracePeriod:     30 * time.Second,
		ExactPorts:      true,
		EditError: aboutScopes(func(e *Refusal) {
			e.Description = "One or more scopes are not configured for the authorization server resource."
		}),
	}, []fact{
		{"gives a refresh token for offline_access", unverified},
		{"takes each once, and again for 30 seconds", documented},
		{"refuses scopes that are not in KnownScopes with words that name none", reported},
		{"compares ports", unverified},
	}},
	{"auth0", &Platform{ExactPorts: true}, []fact{
		{"gives a refresh token for offline_access", documented},
		{"gives none, and says nothing, where an API does not allow offline access: drop the scope with GrantScopes", documented},
		{"takes each once; a second use ends the session", documented},
		{"compares ports", unverified},
	}},
	{"logto", &Platform{Renewal: RenewByConsent}, oidcProviderFacts},
	{"node-oidc-provider", &Platform{Renewal: RenewByConsent}, oidcProviderFacts},
	{"dex", &Platform{
		KnownScopes:     []string{"openid", "email", "profile", "groups", "federated:id", "offline_access"},
		ScopesSupported: []string{"openid", "email", "groups", "profile", "offline_access"},
		Rotation:        Grace,
		GracePeriod:     3 * time.Second,
		EditError: aboutScopes(func(e *Refusal) {
			e.Description = fmt.Sprintf("Unrecognized scope(s) %q", e.Scopes)
		}),
	}, []fact{
		{"gives a refresh token for offline_access", documented},
		{"knows no scopes of an API", documented},
		{"refuses others by name", source},
		{"takes a refresh token once, and again for 3 seconds", unverified},
	}},
	{"hydra", &Platform{
		OfflineScopes:   []string{"offline", "offline_access"},
		ScopesSupported: []string{"offline_access", "offline", "openid"},
		EditError: aboutScopes(func(e *Refusal) {
			e.Description = doorkeeper + " The OAuth 2.0 Client is not allowed to request scope '" + e.Scopes[0] + "'."
		}),
	}, []fact{
		{"gives a refresh token for offline_access and for offline", source},
		{"lists these two and openid as its scopes", recorded},
		{"refuses scopes that the client is not registered for (set RejectScopes or KnownScopes) by name", source},
		{"takes each refresh token once; a second use ends the session", unverified},
	}},
	{"github", &Platform{
		Layout:          githubLayout,
		NoOpenID:        true,
		ScopesSupported: []string{},
		NoExpiry:        true,
		Renewal:         RenewNever,
		GrantScopes:     githubScopes,
		ScopeEcho:       func(granted []string) string { return strings.Join(granted, ",") },
		FormAnswers:     true,
		ErrorStatus:     200,
		EditError:       githubError,
	}, append([]fact{
		{"gives access tokens that last, and no refresh token", unverified},
		{"writes scopes in answers with commas, and leaves out those that others imply", documented},
		{"ignores the scopes of OpenID Connect", unverified},
	}, githubFacts...)},
	{"github-app", &Platform{
		Layout:          githubLayout,
		NoOpenID:        true,
		ScopesSupported: []string{},
		Renewal:         RenewAlways,
		GrantScopes:     func([]string) []string { return nil },
		FormAnswers:     true,
		ErrorStatus:     200,
		EditError:       githubError,
	}, append([]fact{
		{"always gives a refresh token, as where user tokens expire, and takes it once", documented},
		{"ignores scopes, and answers an empty scope", documented},
	}, githubFacts...)},
	{"slack", &Platform{
		KnownScopes:     []string{"openid", "profile", "email"},
		ScopesSupported: []string{"openid", "profile", "email"},
		NoExpiry:        true,
		Renewal:         RenewNever,
		Rotation:        Grace,
		NoDevice:        true,
		ErrorStatus:     200,
		EditError: func(e *Refusal) {
			if e.Grant == grantRefresh && e.Code == "invalid_grant" {
				e.Code = "invalid_refresh_token"
			}
		},
	}, []fact{
		{"lists openid, profile and email as its scopes", documented},
		{"refuses others; has no device endpoint", unverified},
		{"gives access tokens that last, and no refresh token, as where token rotation is off; where it is on, NoExpiry is false and Renewal RenewAlways", documented},
		{"then takes each once, and again for 30 seconds", unverified},
		{"answers errors with status 200, a bad refresh token with invalid_refresh_token", unverified},
	}},
	{"salesforce", &Platform{
		OfflineScopes:   []string{"refresh_token", "offline_access"},
		ScopesSupported: []string{"openid", "profile", "email", "address", "phone", "id", "api", "web", "full", "refresh_token", "offline_access"},
		Rotation:        NoRotation,
		NoDevice:        true,
		ExactPorts:      true,
	}, []fact{
		{"gives a refresh token for refresh_token and for offline_access", unverified},
		{"answers a refresh without another one, as where rotation is off", documented},
		{"has no device endpoint (its device flow is not RFC 8628's); compares ports", unverified},
	}},
	{"atlassian", &Platform{
		NoOpenID:    true,
		NoDevice:    true,
		ExactPorts:  true,
		Rotation:    Grace,
		GracePeriod: 10 * time.Minute,
	}, []fact{
		{"gives a refresh token for offline_access", documented},
		{"takes each once, and again for ten minutes; a later use ends the session", documented},
		{"is no OpenID Provider; has no device endpoint; compares ports", unverified},
	}},
	{"duende", &Platform{ScopePage: true}, []fact{
		{"gives a refresh token for offline_access", unverified},
		{"refuses scopes that the client may not have (set RejectScopes or KnownScopes) on a page", source},
		{"takes each refresh token once, as where its usage is OneTimeOnly", unverified},
	}},
	{"entra", &Platform{Entra: &Entra{}, Rotation: KeepOld}, []fact{
		{"does all that [the emulator](emulator.md) lists", "as listed there"},
		{"gives a new refresh token with each refresh, and lets the old one work on", documented},
	}},
	{"b2c", &Platform{
		Layout: Layout{Mount: "/*/*", Issuer: "/" + b2cTenant + "/v2.0/", Paths: map[string]string{
			"discovery": "/v2.0/.well-known/openid-configuration",
			"keys":      "/discovery/v2.0/keys",
			"authorize": "/oauth2/v2.0/authorize",
			"token":     "/oauth2/v2.0/token",
			"logout":    "/oauth2/v2.0/logout",
		}},
		ScopesSupported: []string{"openid"},
		OneResource:     true,
		GrantScopes:     b2cScopes,
		NoDevice:        true,
		Rotation:        KeepOld,
		EditError:       b2cError,
	}, []fact{
		{"has endpoints below /{tenant}/{policy}/ of the URL, and the issuer /{tenant id}/v2.0/ there, with the id " + b2cTenant, documented},
		{"lists openid as its only scope, and gives a refresh token for offline_access all the same", recorded},
		{"ignores profile and email", documented},
		{"takes a client id for a scope; gives no access token without a scope of some resource", documented},
		{"refuses scopes of several resources: AADB2C90146", documented},
		{"words some errors as AADB2C, number, text, correlation id and time", documented},
		{"has no device endpoint; takes a refresh token again", unverified},
	}},
	{"adfs", &Platform{
		Layout: Layout{Mount: "/adfs", Paths: map[string]string{
			"keys":      "/discovery/keys",
			"authorize": "/oauth2/authorize",
			"token":     "/oauth2/token",
			"device":    "/oauth2/devicecode",
			"logout":    "/oauth2/logout",
		}},
		ScopesSupported: []string{
			"allatclaims", "email", "user_impersonation", "logon_cert", "aza", "profile", "vpn_cert", "winhello_cert", "openid",
		},
		Renewal:  RenewAlways,
		Rotation: KeepOld,
	}, []fact{
		{"has issuer and endpoints below /adfs of the URL", recorded},
		{"lists nine scopes, offline_access not among them, and tolerates it", recorded},
		{"always gives a refresh token, as where the policy is so, and takes it again", unverified},
	}},
}

// Two that share a source.
var oidcProviderFacts = []fact{
	{"gives a refresh token for offline_access with prompt=consent, and drops the scope without", source},
	{"takes each once; a second use ends the session", unverified},
}

const (
	b2cTenant  = "b2c00000-0000-4000-8000-000000000001"
	doorkeeper = "The requested scope is invalid, unknown, or malformed."
)

// aboutScopes is an EditError that changes nothing else.
func aboutScopes(edit func(*Refusal)) func(*Refusal) {
	return func(e *Refusal) {
		if e.Scopes != nil {
			edit(e)
		}
	}
}

// googleNames are what Google calls two scopes of OpenID Connect.
var googleNames = map[string]string{
	"profile": "https://www.googleapis.com/auth/userinfo.profile",
	"email":   "https://www.googleapis.com/auth/userinfo.email",
}

func googleEcho(granted []string) string {
	for i, scope := range granted {
		granted[i] = cmp.Or(googleNames[scope], scope)
	}
	return strings.Join(granted, " ")
}

var githubLayout = Layout{Mount: "/login", Issuer: "/login/oauth", Paths: map[string]string{
	"discovery":    "/oauth/.well-known/openid-configuration",
	"authorize":    "/oauth/authorize",
	"token":        "/oauth/access_token",
	"device":       "/device/code",
	"verification": "/device",
}}

var githubFacts = []fact{
	{"is no OpenID Provider: its metadata is that of RFC 8414, at the place that section 3.1 says and without keys", reported},
	{"has the issuer /login/oauth of the URL, and the endpoints below /login", documented},
	{"answers with a form unless JSON is accepted", documented},
	{"answers errors with status 200", reported},
	{"says bad_verification_code, bad_refresh_token and incorrect_device_code for invalid_grant", reported},
}

// githubScopes leaves out what is no scope there, and what another scope includes.
func githubScopes(requested []string) (granted []string) {
	implied := map[string]string{
		"read:user": "user", "user:email": "user", "user:follow": "user",
		"public_repo": "repo", "repo:status": "repo", "repo_deployment": "repo", "repo:invite": "repo",
	}
	for _, scope := range requested {
		if !slices.Contains(oidcScopes, scope) && !slices.Contains(requested, implied[scope]) {
			granted = append(granted, scope)
		}
	}
	return granted
}

func githubError(e *Refusal) {
	switch {
	case e.Code != "invalid_grant":
	case e.Grant == grantCode:
		e.Code, e.Description = "bad_verification_code", "The code passed is incorrect or expired."
	case e.Grant == grantRefresh:
		e.Code, e.Description = "bad_refresh_token", "The refresh token passed is incorrect or expired."
	case e.Grant == grantDevice:
		e.Code, e.Description = "incorrect_device_code", "The device_code provided is not valid."
	}
}

// b2cScopes leaves out what is not defined there.
func b2cScopes(requested []string) []string {
	return slices.DeleteFunc(requested, func(scope string) bool { return scope == "profile" || scope == "email" })
}

func b2cError(e *Refusal) {
	switch {
	case e.Scopes != nil:
		e.Code = "invalid_request"
		e.Description = "AADB2C90146: The scope '" + strings.Join(e.Scopes, " ") +
			"' provided in request specifies more than one resource for an access token, which is not supported."
	case e.Code == "access_denied":
		e.Description = "AADB2C90091: The user has cancelled entering self-asserted information."
	case e.Code == "invalid_grant" && e.Grant == grantRefresh:
		e.Description = "AADB2C90080: The provided grant has expired. Please re-authenticate and try again."
	default:
		return
	}
	e.Description += "\r\nCorrelation ID: c0000000-0000-4000-8000-000000000001\r\nTimestamp: " +
		time.Now().UTC().Format("2006-01-02 15:04:05Z") + "\r\n"
}
