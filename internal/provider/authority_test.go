package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secureurl"
)

const tenantA = "72f988bf-86f1-41af-91ab-2d7cd011db47"

func parse(t *testing.T, raw string, o Options) Authority {
	t.Helper()
	a, err := Parse(raw, o)
	require.NoError(t, err)
	return a
}

// TestKeysAreFrozen holds still what store keys are made of. A change here
// signs everybody out: add rows, never edit one.
func TestKeysAreFrozen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		o        Options
		key      string
		kind     Kind
		spelling []string
	}{
		{Options{}, "oidc:https://idp.example", OIDC, []string{"https://idp.example"}},
		{Options{}, "oidc:https://idp.example/", OIDC, []string{"https://idp.example/"}},
		{Options{}, "oidc:https://idp.example:443/Realm//x", OIDC, []string{"https://idp.example:443/Realm//x"}},
		{Options{LoopbackHTTP: true}, "oidc:http://127.0.0.1:8080", OIDC, []string{"http://127.0.0.1:8080"}},
		{Options{}, "oidc:https://accounts.google.com", OIDC, []string{"https://accounts.google.com"}},
		{Options{}, "oidc:https://github.com/login/oauth", OIDC, []string{"https://github.com/login/oauth"}},
		{Options{Profile: "keycloak"}, "oidc:https://sso.example/realms/Main", OIDC, []string{"https://sso.example/realms/Main"}},
		{Options{Profile: "oidc"}, "oidc:https://a.b2clogin.com/" + tenantA + "/v2.0/", OIDC, []string{"https://a.b2clogin.com/" + tenantA + "/v2.0/"}},

		{Options{}, "entra:login.microsoftonline.com/organizations", Entra, []string{
			"https://login.microsoftonline.com/organizations",
			"https://login.microsoftonline.com/organizations/",
			"https://login.microsoftonline.com/organizations/v2.0",
			"https://login.microsoftonline.com/organizations/v2.0/",
			"https://login.microsoftonline.com:443/organizations",
			"HTTPS://Login.MicrosoftOnline.COM/Organizations/V2.0",
			"https://login.windows.net/organizations",
			"https://login.microsoft.com/organizations/v2.0",
			"https://sts.windows.net/organizations/",
		}},
		{Options{V1: true}, "entra:login.microsoftonline.com/organizations", Entra, []string{"https://login.microsoftonline.com/organizations"}},
		{Options{Profile: "entra"}, "entra:login.microsoftonline.com/organizations", Entra, []string{"https://login.windows.net/organizations"}},
		{Options{}, "entra:login.microsoftonline.com/common", Entra, []string{"https://login.microsoftonline.com/common"}},
		{Options{}, "entra:login.microsoftonline.com/consumers", Entra, []string{
			"https://login.microsoftonline.com/consumers",
			"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
		}},
		{Options{}, "entra:login.microsoftonline.com/" + tenantA, Entra, []string{
			"https://login.microsoftonline.com/" + tenantA,
			"https://login.microsoftonline.com/" + strings.ToUpper(tenantA),
			"https://sts.windows.net/" + tenantA + "/",
		}},
		{Options{}, "entra:login.microsoftonline.com/contoso.onmicrosoft.com", Entra, []string{"https://login.microsoftonline.com/Contoso.onmicrosoft.com"}},
		{Options{}, "entra:login.partner.microsoftonline.cn/common", Entra, []string{
			"https://login.partner.microsoftonline.cn/common", "https://login.chinacloudapi.cn/common", "https://sts.chinacloudapi.cn/common",
		}},
		{Options{}, "entra:login.microsoftonline.us/common", Entra, []string{
			"https://login.microsoftonline.us/common", "https://login.usgovcloudapi.net/common",
		}},
		{Options{}, "entra:login-us.microsoftonline.com/common", Entra, []string{"https://login-us.microsoftonline.com/common"}},
		{Options{}, "entra:login.microsoftonline.de/common", Entra, []string{"https://login.microsoftonline.de/common"}},
		{Options{}, "entra:login.windows-ppe.net/common", Entra, []string{
			"https://login.windows-ppe.net/common", "https://sts.windows-ppe.net/common", "https://login.microsoft-ppe.com/common",
		}},
		{Options{}, "entra:login.sovcloud-identity.fr/common", Entra, []string{"https://login.sovcloud-identity.fr/common"}},
		{Options{}, "entra:login.sovcloud-identity.de/common", Entra, []string{"https://login.sovcloud-identity.de/common"}},
		{Options{}, "entra:login.sovcloud-identity.sg/common", Entra, []string{"https://login.sovcloud-identity.sg/common"}},
		{Options{Profile: "entra", LoopbackHTTP: true}, "entra:http://127.0.0.1:8080/" + tenantA, Entra, []string{
			"http://127.0.0.1:8080/" + tenantA, "http://127.0.0.1:8080/" + tenantA + "/v2.0/",
		}},
		{Options{Profile: "entra", LoopbackHTTP: true}, "entra:[::1]:8443/common", Entra, []string{"https://[::1]:8443/common"}},

		{Options{}, "b2c:contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_signin", B2C, []string{
			"https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_SignIn",
			"https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/B2C_1_SignIn/",
			"https://Contoso.b2clogin.com/TFP/Contoso.OnMicrosoft.com/b2c_1_signin/v2.0/",
		}},
		{Options{}, "b2c:contoso.b2clogin.us/" + tenantA + "/b2c_1a_x", B2C, []string{"https://contoso.b2clogin.us/" + tenantA + "/B2C_1A_x"}},
		{Options{Profile: "b2c"}, "b2c:login.contoso.com/contoso.onmicrosoft.com/b2c_1_x", B2C, []string{"https://login.contoso.com/contoso.onmicrosoft.com/B2C_1_x"}},

		{Options{}, "ciam:contoso.ciamlogin.com/contoso.onmicrosoft.com", CIAM, []string{
			"https://contoso.ciamlogin.com",
			"https://contoso.ciamlogin.com/",
			"https://contoso.ciamlogin.com/v2.0",
			"https://Contoso.ciamlogin.com/Contoso.onmicrosoft.com/v2.0/",
		}},
		{Options{}, "ciam:" + tenantA + ".ciamlogin.com/" + tenantA, CIAM, []string{
			"https://" + tenantA + ".ciamlogin.com", "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0",
		}},
		{Options{Profile: "ciam"}, "ciam:login.contoso.com/" + tenantA, CIAM, []string{"https://login.contoso.com/" + tenantA}},

		{Options{}, "adfs:fs.contoso.com/adfs", ADFS, []string{"https://fs.contoso.com/adfs", "https://FS.contoso.com/ADFS/"}},
		{Options{Profile: "adfs"}, "adfs:fs.contoso.com:8443/adfs", ADFS, []string{"https://fs.contoso.com:8443", "https://fs.contoso.com:8443/adfs"}},
	} {
		for _, raw := range c.spelling {
			a, err := Parse(raw, c.o)
			require.NoError(t, err, raw)
			require.Equal(t, c.key, a.Key, raw)
			require.Equal(t, c.kind, a.Kind, raw)
		}
	}
}

func TestParseFields(t *testing.T) {
	t.Parallel()
	a := parse(t, "https://login.windows.net/Organizations/v2.0/", Options{})
	require.Equal(t, "https://login.microsoftonline.com/organizations", a.Issuer)
	require.Equal(t, "login.microsoftonline.com", a.Host, "an alias is not asked: its documents name the first host")
	require.Equal(t, "organizations", a.Tenant)
	require.False(t, a.V1)
	require.True(t, a == parse(t, "https://login.microsoftonline.com/organizations", Options{}), "authorities compare")

	require.True(t, parse(t, "https://sts.windows.net/"+tenantA+"/", Options{}).V1)
	require.True(t, parse(t, "https://sts.chinacloudapi.cn/"+tenantA+"/", Options{}).V1)
	require.True(t, parse(t, "https://login.microsoftonline.com/common", Options{V1: true}).V1)

	b := parse(t, "https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/B2C_1_x", Options{})
	require.Equal(t, "contoso.onmicrosoft.com", b.Tenant)
	require.Equal(t, "b2c_1_x", b.Policy)
}

// TestParseIssuer: the rows that any URL has to pass are secureurl's; here are
// those that matter for who is trusted, so that the gate is not left out.
func TestParseIssuer(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{ // AU-01, AU-10, AU-11, AU-12, AU-14, AU-20
		"https://idp.example", "https://idp.example/", "https://idp.example/a//b", "https://idp.example:443",
		"https://idp.example/Tenant", "https://xn--e1awd7f.com", "https://login.microsoftonline.com.evil.example",
		"https://evil-login.microsoftonline.com", "https://b2clogin.com/x", "https://login.microsoftonline.com:8443/common",
	} {
		a := parse(t, raw, Options{})
		require.Equal(t, OIDC, a.Kind, raw)
		require.Equal(t, raw, a.Issuer)
	}
	for name, c := range map[string]struct{ raw, want string }{
		"AU-02 http":                {"http://idp.example", "https is needed"},
		"AU-03 loopback":            {"http://127.0.0.1:8080", "https is needed"},
		"AU-04 password":            {"https://user:hunter2@idp.example", "user name"},
		"AU-05 fragment":            {"https://idp.example#f", "fragment"},
		"AU-05 empty fragment":      {"https://idp.example/#", "fragment"},
		"AU-05 query":               {"https://idp.example?q=1", "query"},
		"AU-05 empty query":         {"https://idp.example?", "query"},
		"AU-06 backslash":           {`https://idp.example\@evil`, "backslash"},
		"AU-07 space":               {" https://idp.example", ""},
		"AU-08 no scheme":           {"idp.example", "https://"},
		"AU-08 empty":               {"", "empty"},
		"AU-09 capitals":            {"HTTPS://IDP.EXAMPLE/Realm", `write "https://idp.example/Realm"`},
		"AU-09 capitals in host":    {"https://IDP.example", `write "https://idp.example"`},
		"AU-11 dot segments":        {"https://idp.example/a/../b", "segment"},
		"AU-14 Cyrillic":            {"https://еxample.com", "non-ASCII"},
		"AU-14 Kelvin sign":         {"https://\u212aeycloak.example", "non-ASCII"},
		"AU-16 control":             {"https://idp.example/%0d%0a", "control"},
		"AU-18 endless":             {"https://idp.example/" + strings.Repeat("a", 1<<20), "2048"},
		"AU-19 javascript":          {"javascript:alert(1)", "https://"},
		"MS-06 template":            {"https://idp.example/{tenantid}/v2.0", ""},
		"document":                  {"https://idp.example/.well-known/openid-configuration", "write the issuer"},
		"document, RFC 8414":        {"https://idp.example/.well-known/oauth-authorization-server/x", "write the issuer"},
		"v1.0 of something else":    {"https://idp.example", "only Microsoft Entra ID has"},
		"unknown profile":           {"https://idp.example", "adfs"},
		"where people go":           {"https://github.com", `write the issuer, "https://github.com/login/oauth"`},
		"where people go, a slash":  {"https://github.com/", `write the issuer, "https://github.com/login/oauth"`},
		"where people go, by name":  {"https://git.contoso.com", `write the issuer, "https://git.contoso.com/login/oauth"`},
		"capitals, a Microsoft row": {"https://LOGIN.microsoftonline.com.evil.example/common", "write"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{V1: strings.HasPrefix(name, "v1.0")}
			switch name {
			case "unknown profile":
				o.Profile = "entraid"
			case "where people go, by name":
				o.Profile = "github"
			}
			_, err := Parse(c.raw, o)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

func TestParseRefusesMicrosoft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw  string
		o    Options
		want string
	}{
		{"https://login.microsoftonline.com", Options{}, "append /organizations (work and school accounts), /common"},
		{"https://login.microsoftonline.com/v2.0", Options{}, "names no tenant"},
		{"https://login.microsoftonline.com/contoso", Options{}, `"contoso" is not a tenant`},
		{"https://login.microsoftonline.com/{tenantid}", Options{}, ""},
		{"https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com/a_b.com", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com/-a.com", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com/a..com", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com/" + strings.Repeat("a.", 130) + "com", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com//organizations", Options{}, "not a tenant"},
		{"https://login.microsoftonline.com/organizations//", Options{}, "write https://login.microsoftonline.com/organizations"},
		{"https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize", Options{}, `goes on with "oauth2/v2.0/authorize" where an authority ends; write https://login.microsoftonline.com/organizations`},
		{"https://login.windows.net/common/oauth2/token", Options{}, "write https://login.microsoftonline.com/common"},
		{"https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration", Options{}, "write https://login.microsoftonline.com/common"},
		{"https://login.microsoftonline.com/tfp/contoso.onmicrosoft.com/B2C_1_x", Options{}, "b2clogin.com"},
		{"https://login.microsoftonline.com/common?x=1", Options{}, "query"},
		{"https://login.microsoftonline.com/common/v2.0", Options{V1: true}, "drop one of them"},
		{"https://sts.windows.net/" + tenantA + "/v2.0", Options{}, "drop one of them"},
		{"https://login.microsoftonline.com/consumers", Options{V1: true}, "personal accounts"},
		{"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad", Options{V1: true}, "personal accounts"},
		{"https://login.sovcloud-identity.fr/common", Options{V1: true}, "no known v1.0 endpoint"},
		{"http://login.microsoftonline.com/common", Options{LoopbackHTTP: true}, "https is needed"},

		{"https://contoso.b2clogin.com", Options{}, "tenant and a policy"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com", Options{}, "tenant and a policy"},
		{"https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/v2.0", Options{}, "tenant and a policy"},
		{"https://contoso.b2clogin.com/common/b2c_1_x", Options{}, "tenant and a policy"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c;1", Options{}, "tenant and a policy"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration?p=B2C_1_x", Options{}, "the policy goes into the path: write https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x"},
		{"https://Contoso.b2clogin.com:443/" + tenantA + "/oauth2/v2.0/authorize?client_id=x&p=b2c_1_x", Options{}, "write https://contoso.b2clogin.com/" + tenantA + "/b2c_1_x"},
		{"https://login.contoso.com/contoso.onmicrosoft.com?p=b2c_1_x", Options{Profile: "b2c"}, "write https://login.contoso.com/contoso.onmicrosoft.com/b2c_1_x"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com?p=b2c%3b1", Options{}, "(a B2C policy goes into the path)"},
		{"https://contoso.b2clogin.com/?p=b2c_1_x", Options{}, "(a B2C policy goes into the path)"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x?q=1", Options{}, "(a B2C policy goes into the path)"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x/oauth2/v2.0/authorize", Options{}, "write https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x"},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", Options{V1: true}, "only Microsoft Entra ID has"},

		{"https://login.contoso.com", Options{Profile: "ciam"}, "the id or the domain"},
		{"https://contoso.ciamlogin.com/common", Options{}, `"common" is not a tenant`},
		{"https://contoso.ciamlogin.com/contoso.onmicrosoft.com/oauth2/v2.0/token", Options{}, "write https://contoso.ciamlogin.com/contoso.onmicrosoft.com"},

		{"https://fs.contoso.com/adfs/oauth2/authorize", Options{}, "write https://fs.contoso.com/adfs"},
		{"https://fs.contoso.com/other", Options{Profile: "adfs"}, "write https://fs.contoso.com/adfs"},
	} {
		_, err := Parse(c.raw, c.o)
		require.ErrorContains(t, err, c.want, c.raw)
	}
}

func TestWithTenant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, tenant, want string // want: the authority or part of the error
		v1                 bool
	}{
		{"https://login.microsoftonline.com/common", strings.ToUpper(tenantA), "https://login.microsoftonline.com/" + tenantA, false},
		{"https://login.chinacloudapi.cn/common", "contoso.cn", "https://login.partner.microsoftonline.cn/contoso.cn", false},
		{"https://sts.windows.net/" + tenantA, "organizations", "https://login.microsoftonline.com/organizations", true},
		{"https://contoso.ciamlogin.com", tenantA, "https://contoso.ciamlogin.com/" + tenantA, false},
		{"https://sts.windows.net/" + tenantA, "consumers", "personal accounts", true},
		{"https://login.microsoftonline.com/common", "", "not a tenant", false},
		{"https://login.microsoftonline.com/common", "../evil", "not a tenant", false},
		{"https://login.microsoftonline.com/common", "x\x1b]0;pwn", "not a tenant", false},
		{"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", tenantA, "only Microsoft Entra ID and External ID", false},
		{"https://fs.contoso.com/adfs", tenantA, "only Microsoft Entra ID and External ID", false},
		{"https://idp.example", tenantA, "only Microsoft Entra ID and External ID", false},
	} {
		got, err := parse(t, c.from, Options{}).WithTenant(c.tenant)
		if err != nil {
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\x1b")
			continue
		}
		require.True(t, got == parse(t, c.want, Options{V1: c.v1}), "%s: %+v", c.want, got)
	}
}

func TestMetadataURLs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		raw  string
		o    Options
		want []string
	}{
		{"https://idp.example", Options{}, []string{
			"https://idp.example/.well-known/openid-configuration", "https://idp.example/.well-known/oauth-authorization-server",
		}},
		{"https://idp.example/", Options{}, []string{
			"https://idp.example/.well-known/openid-configuration", "https://idp.example/.well-known/oauth-authorization-server",
		}},
		{"https://idp.example:8443/realms/a/", Options{}, []string{
			"https://idp.example:8443/realms/a/.well-known/openid-configuration", "https://idp.example:8443/.well-known/oauth-authorization-server/realms/a",
		}},
		{"https://sts.windows.net/" + tenantA, Options{}, []string{"https://login.microsoftonline.com/" + tenantA + "/.well-known/openid-configuration"}},
		{"https://login.windows.net/common", Options{}, []string{"https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"}},
		{"https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/B2C_1_x", Options{}, []string{
			"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x/v2.0/.well-known/openid-configuration",
		}},
		{"https://contoso.ciamlogin.com", Options{}, []string{"https://contoso.ciamlogin.com/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration"}},
		{"https://fs.contoso.com/adfs", Options{}, []string{"https://fs.contoso.com/adfs/.well-known/openid-configuration"}},
		{"http://127.0.0.1:1/common", Options{Profile: "entra", LoopbackHTTP: true}, []string{"http://127.0.0.1:1/common/v2.0/.well-known/openid-configuration"}},
	} {
		require.Equal(t, c.want, parse(t, c.raw, c.o).MetadataURLs(), c.raw)
	}
}

// FuzzParse: what is accepted is a fixed point, so that all spellings that ever
// lead to an authority lead to one key, and every URL made of it is sound.
func FuzzParse(f *testing.F) {
	f.Add("https://login.windows.net/Organizations/v2.0/", false, "")
	f.Add("https://sts.windows.net/"+tenantA+"/", true, "")
	f.Add("https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/B2C_1_x", false, "b2c")
	f.Add("https://contoso.ciamlogin.com", false, "")
	f.Add("https://fs.contoso.com/adfs/", false, "adfs")
	f.Add("https://idp.example:443//a/%7e", false, "okta")
	f.Add("http://[::1]:80/common", false, "entra")
	f.Fuzz(func(t *testing.T, raw string, v1 bool, profile string) {
		a, err := Parse(raw, Options{V1: v1, Profile: profile, LoopbackHTTP: true})
		if err != nil {
			return
		}
		if profile == "" && a.Kind != OIDC {
			profile = a.Kind.String()
		}
		again, err := Parse(a.Issuer, Options{V1: a.V1, Profile: profile, LoopbackHTTP: true})
		require.NoError(t, err)
		require.True(t, a == again, "%+v %+v", a, again)
		for _, u := range a.MetadataURLs() {
			_, err := secureurl.Parse(u, true)
			require.NoError(t, err)
		}
		if a.Kind == OIDC {
			require.Equal(t, raw, a.Issuer)
			require.NoError(t, a.AcceptsIssuer(raw))
		}
	})
}
