package msaltest

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/emulator.md and docs/providers.md")

// rule is something that the platform does as Microsoft's does, or is thought to.
type rule struct {
	about, does, evidence string
	knob                  string // of Entra or Platform, that changes it
	test                  string
}

var rules = []rule{
	{"Addresses and metadata", "the two documents have the members that were recorded and no others: neither code_challenge_methods_supported nor grant_types_supported", recorded, "EditMetadata", "TestEntraDiscovery"},
	{"", "common and organizations publish a template for the issuer, other addresses the tenant's id; a domain is published as the id", recorded, "", "TestEntraIssuers"},
	{"", "issuers of v1.0 are https://sts.windows.net/{id}/", recorded, "", "TestEntraIssuers"},
	{"", "in China they are https://sts.chinacloudapi.cn/{id}/, for the US Government as in the public cloud", unverified, "", "TestEntraIssuers"},
	{"", "issuers of an external tenant at its own ciamlogin.com are https://{id}.ciamlogin.com/{id}/v2.0", documented, "", "TestEntraIssuers"},
	{"", "instance discovery knows the aliases of three clouds, and refuses other hosts", recorded, "", "TestEntraInstance"},
	{"", "keys have certificates and no alg; metadata and keys may be kept for a day", recorded, "EditKeys", "TestEntraKeys"},
	{"", "keys of v2.0 name the issuer that they may sign for", unverified, "EditKeys", "TestEntraKeys"},
	{"", "answers have x-ms-request-id and x-ms-clitelem, and repeat client-request-id if that is asked for", recorded, "", "TestEntraErrorBody"},
	{"", "errors end in trace id, correlation id and time, with spaces between them", recorded, "LineBreaks", "TestEntraErrorBody"},

	{"The authorization endpoint", "what is wrong with the client or its redirect URI is shown on a page, everything else is told to the client", documented, "", "TestEntraAuthorizeRefusals"},
	{"", "the order in which requests are checked", unverified, "", "TestEntraAuthorizeRefusals"},
	{"", "the port of a loopback redirect URI does not matter, letter case does; IPv6 is refused; a slash is added where there is no path", documented, "", "TestEntraCodeFlow"},
	{"", "a code_challenge without a method is plain; a native application may do without PKCE, a single-page application may not", documented, "", "TestEntraPKCE"},
	{"", "there is no iss parameter (RFC 9207)", recorded, "SendIss", "TestEntraKnobs"},
	{"", "client_info=1 is answered with the ids of the account at home", source, "", "TestEntraCodeFlow"},
	{"", "somebody who is not of the tenant, or who needs an administrator, sees a page", documented, "", "TestEntraWho"},
	{"", "prompt=none: nobody is signed in, then several are, then consent, then conditional access", unverified, "", "TestEntraSilently"},

	{"Scopes", "a scope without a resource is Microsoft Graph's; what is before the last slash is the resource, also if that ends in a slash", documented, "", "TestEntraScopes"},
	{"", "only spaces separate: a comma or a line break makes one permission that does not exist", reported, "", "TestEntraScopesRefused"},
	{"", "letter case means nothing, and answers have the permission's own", documented, "", "TestEntraScopes"},
	{"", "/.default stands alone but for the scopes of OpenID Connect", reported, "", "TestEntraScopesRefused"},
	{"", "profile and email want openid", reported, "IgnoreWithoutOpenID", "TestEntraScopeSwitches"},
	{"", "a permission that does not exist is refused", reported, "DropUnknownScopes", "TestEntraScopeSwitches"},
	{"", "personal accounts: what does not exist for them is dropped", reported, "", "TestEntraPersonalScopes"},
	{"", "duplicates count once", source, "RejectDuplicates", "TestEntraScopeSwitches"},
	{"", "a sign-in may be for several resources, a token is for one", reported, "", "TestEntraResources"},
	{"", "a refresh for several resources is refused; it is documented to be for the first", reported, "FirstResource", "TestEntraResources"},
	{"", "answers spell scopes as the request did", recorded, "ScopeStyle", "TestEntraScopeSwitches"},
	{"", "answers also name what was granted before", recorded, "HideExtraGrants", "TestEntraExtraGrants"},
	{"", "answers repeat /.default, but Microsoft Graph's do not", recorded, "", "TestEntraScopes"},
	{"", "answers never name offline_access", documented, "EchoOfflineAccess", "TestEntraScopeSwitches"},
	{"", "openid, profile and email are named where the resource is Microsoft Graph", reported, "", "TestEntraScopes"},
	{"", "resource (RFC 8707) at v2.0 is refused unless it owns the scopes", reported, "", "TestEntraResources"},

	{"Consent", "people consent to what is asked for, to all of it or nothing; /.default asks for what is registered only as long as nothing was granted", documented, "", "TestEntraStaticConsent"},
	{"", "prompt=consent with /.default asks for everything that is registered, of all resources", documented, "", "TestEntraStaticConsent"},
	{"", "an administrator consents for themselves, or at /adminconsent for everybody", documented, "", "TestEntraAdministrators"},
	{"", "people of an external tenant can not consent", documented, "", "TestEntraExternal"},

	{"Tokens", "without openid there is no ID token, without offline_access no refresh token, without profile neither name, oid nor preferred_username", documented, "", "TestEntraScopesBuy"},
	{"", "sub is another for each application and tenant; tid is in every ID token", documented, "EditClaims", "TestEntraCodeFlow"},
	{"", "the version of an ID token is the endpoint's, that of an access token the resource's; those for personal accounts are opaque", documented, "", "TestEntraCodeFlow"},
	{"", "access tokens for Microsoft Graph can be verified like others; the real ones can not", documented, "", "TestEntraCodeFlow"},
	{"", "codes work for ten minutes", documented, "CodeLife", "TestEntraCodeLife"},
	{"", "a redemption that fails does not use up the code", unverified, "BurnCodes", "TestEntraCodeRefusals"},
	{"", "a code that comes twice is refused, and nothing is revoked", unverified, "", "TestEntraCodeRefusals"},
	{"", "refresh tokens are replaced and the old ones stay good, for 90 days after they were given; for those of a single-page application it is a day after the sign-in", documented, "Rotation", "TestEntraRefreshLives"},
	{"", "conditional access may want people to sign in again after some time", documented, "SignInFrequency", "TestEntraRefreshLives"},
	{"", "a refresh gives a new refresh token, whatever scopes it asks for", unverified, "RefreshTokenOnDemand", "TestEntraRotation"},
	{"", "refresh tokens are bound to the user and the client, not to a tenant or a resource", documented, "", "TestEntraRefreshElsewhere"},
	{"", "applications of a family share them, and answers say foci", recorded, "", "TestEntraFamily"},
	{"", "the same refresh for the 16th time in five minutes is a loop", documented, "LoopLimit", "TestEntraLoop"},

	{"v1.0", "resource=X is what X/.default is at v2.0; scopes are ignored; a refresh token always comes along and is good for every resource", documented, "", "TestEntraV1"},
	{"", "numbers are strings", documented, "NumbersInV1", "TestEntraV1"},
	{"", "ID tokens are signed; the samples in the documentation are not", documented, "UnsignedV1", "TestEntraV1"},
	{"", "the resource comes with the authorization request, the token request, or both", documented, "", "TestEntraV1Resource"},
	{"", "devices: verification_url, and a poll with code and resource", unverified, "", "TestEntraV1Device"},

	{"Devices", "there is a message, and no verification_uri_complete", documented, "", "TestEntraDevice"},
	{"", "there is no slow_down", documented, "", "TestEntraDevice"},
	{"", "somebody who can not consent sees why, and the device goes on waiting", unverified, "", "TestEntraDeviceStopped"},
	{"", "a device code for several resources is consented to, and wins no token", reported, "", "TestEntraDeviceStopped"},

	{"Claims challenges", "a refresh that needs a person is refused with the claims to sign in with", recorded, "Policies", "TestEntraPolicies"},
	{"", "an API's challenge is claims in base64 in WWW-Authenticate, with error insufficient_claims", recorded, "", "TestEntraStepUp"},
	{"", "who says cp1 loses access at once when sessions are revoked, others when their token is over", documented, "", "TestEntraRevoked"},

	{"Signing out", "a redirect URI that is not registered is not followed; the person is signed out all the same", unverified, "", "TestEntraLogout"},
}

const document = `# What the imitation of Microsoft's platform is worth

` + "`msaltest.Platform`" + ` with ` + "`Entra`" + ` imitates Microsoft's identity platform, for tests of applications. A test that passes against
it shows what the application does when a server behaves so. It does not show how Microsoft's behaves; that is what the
column *evidence* is about:

- **recorded**: somebody has published an exchange with the service that has it.
- **documented**: Microsoft says so.
- **read in source**: Microsoft's own libraries count on it.
- **reported**: people who use the service say so, in issues mostly.
- **not verified**: it stands to reason, or is common knowledge; a knob changes most of it.

The service changes, and Microsoft asks not to count on numbers and words of errors. This page is written by
` + "`go test ./msal/msaltest -run Docs -update`" + ` from the tables in the code and the tests.

## Rules

%RULES%
## Errors

Where *when* is empty, the platform says it only if a ` + "`Fault`" + ` has the number. An *error* that differs at another endpoint stands
in brackets. That an error has an error_uri (*uri*) was recorded of few; AADSTS700038, 70003 and 70043 have none.

%ERRORS%
## What is not imitated

B2C and AD FS, which are other servers; hybrid and implicit responses; client
credentials, certificates and the on-behalf-of flow; front-channel logout; what a browser adds to the requests of a single-page application; brokers, device identity and proof of possession; groups and
roles in tokens; more of Microsoft Graph than its userinfo endpoint.
`

func rulesTable() string {
	var b strings.Builder
	for _, r := range rules {
		if r.about != "" {
			fmt.Fprintf(&b, "\n### %s\n\n| rule | evidence | knob | test |\n|---|---|---|---|\n", r.about)
		}
		knob := r.knob
		if knob != "" {
			knob = "`" + knob + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | `%s` |\n", r.does, r.evidence, knob, r.test)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func errorsTable() string {
	var b strings.Builder
	b.WriteString("| AADSTS | when | error | status | suberror | uri | evidence |\n|---|---|---|---|---|---|---|\n")
	for _, number := range slices.Sorted(maps.Keys(aadsts)) {
		e, uri := aadsts[number], ""
		code := "`" + e.code + "`"
		for _, endpoint := range slices.Sorted(maps.Keys(e.at)) {
			code += fmt.Sprintf(" (%s: `%s`)", endpoint, e.at[endpoint])
		}
		if e.uri {
			uri = "yes"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %d | %s | %s | %s |\n", number, e.when, code, cmp.Or(e.status, 400), e.suberror, uri, e.evidence)
	}
	return b.String()
}

// Each rule and each error says how it is known, and which test shows that the platform does it.
func TestEvidence(t *testing.T) {
	t.Parallel()
	known := []string{recorded, documented, source, reported, unverified}
	tests, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	all := ""
	for _, name := range tests {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		all += string(text)
	}
	knobs := map[string]bool{}
	for _, r := range rules {
		require.Contains(t, known, r.evidence, r.does)
		require.Contains(t, all, "func "+r.test+"(t *testing.T)", r.does)
		if r.knob == "" {
			continue
		}
		_, ofEntra := reflect.TypeFor[Entra]().FieldByName(r.knob)
		_, ofPlatform := reflect.TypeFor[Platform]().FieldByName(r.knob)
		require.True(t, ofEntra || ofPlatform, r.knob)
		knobs[r.knob] = true
	}
	for f := range reflect.TypeFor[Entra]().NumField() {
		if field := reflect.TypeFor[Entra]().Field(f); !slices.Contains([]string{"Tenants", "Apps", "Resources"}, field.Name) {
			require.True(t, knobs[field.Name], "no rule has the knob %s", field.Name)
			require.Regexp(t, `Entra\.`+field.Name+`\b`, all, "nothing tests %s", field.Name)
		}
	}
	for number, e := range aadsts {
		require.Contains(t, known, e.evidence, "AADSTS%d", number)
		require.NotEmpty(t, e.code, "AADSTS%d", number)
		require.NotEmpty(t, e.text, "AADSTS%d", number)
		require.NotRegexp(t, regexp.MustCompile(`%[^s]`), e.text, "AADSTS%d: a Fault fills every verb in with a word", number)
	}
}

// docs/emulator.md says what the tables say.
func TestDocs(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("%RULES%", rulesTable(), "%ERRORS%", errorsTable()).Replace(document)
	path := filepath.Join("..", "..", "docs", "emulator.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "go test ./msal/msaltest -run Docs -update")
}
