package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const tenantB = "11111111-2222-3333-4444-555555555555"

func TestAcceptsIssuer(t *testing.T) {
	t.Parallel()
	const ms = "https://login.microsoftonline.com/"
	emulator := Options{Profile: "entra", LoopbackHTTP: true}
	for _, c := range []struct {
		name, authority string
		o               Options
		document        string
		ok              bool
	}{
		{"DD-01 exact", "https://idp.example", Options{}, "https://idp.example", true},
		{"AU-10 slash", "https://idp.example", Options{}, "https://idp.example/", false},
		{"AU-10 no slash", "https://idp.example/", Options{}, "https://idp.example", false},
		{"DD-01 host", "https://idp.example", Options{}, "https://evil.example", false},
		{"DD-01 case", "https://idp.example/a", Options{}, "https://idp.example/A", false},
		{"DD-01 port", "https://idp.example", Options{}, "https://idp.example:443", false},
		{"DD-01 none", "https://idp.example", Options{}, "", false},
		{"MS-08 claims to be Microsoft", "https://evil.example", Options{}, ms + tenantA + "/v2.0", false},
		{"MS-06 template elsewhere", "https://evil.example", Options{}, "https://evil.example/{tenantid}/v2.0", false},
		{"MS-08 host in front", "https://login.microsoftonline.com.evil.example/common", Options{}, ms + "{tenantid}/v2.0", false},

		{"R-MS-1 common", ms + "common", Options{}, ms + "{tenantid}/v2.0", true},
		{"R-MS-1 organizations", ms + "organizations", Options{}, ms + "{tenantid}/v2.0", true},
		{"R-MS-1 alias", "https://login.windows.net/common", Options{}, ms + "{tenantid}/v2.0", true},
		{"MS-06 template twice", ms + "common", Options{}, ms + "{tenantid}/{tenantid}/v2.0", false},
		{"MS-06 template in the host", ms + "common", Options{}, "https://{tenantid}/v2.0", false},
		{"other placeholder", ms + "common", Options{}, ms + "{tenant}/v2.0", false},
		{"capitals in the placeholder", ms + "common", Options{}, ms + "{TenantID}/v2.0", false},
		{"MS-06 template of another host", ms + "common", Options{}, "https://evil.example/{tenantid}/v2.0", false},
		{"another cloud", ms + "common", Options{}, "https://login.microsoftonline.us/{tenantid}/v2.0", false},
		{"one tenant for all", ms + "common", Options{}, ms + tenantA + "/v2.0", false},
		{"slash at the end", ms + "common", Options{}, ms + "{tenantid}/v2.0/", false},
		{"v1.0 for v2.0", ms + "common", Options{}, "https://sts.windows.net/{tenantid}/", false},
		{"v1.0", ms + "common", Options{V1: true}, "https://sts.windows.net/{tenantid}/", true},
		{"v2.0 for v1.0", ms + "common", Options{V1: true}, ms + "{tenantid}/v2.0", false},
		{"consumers", ms + "consumers", Options{}, ms + consumersID + "/v2.0", true},
		{"consumers of another tenant", ms + "consumers", Options{}, ms + tenantA + "/v2.0", false},
		{"consumers with a template", ms + "consumers", Options{}, ms + "{tenantid}/v2.0", false},
		{"tenant", ms + tenantA, Options{}, ms + tenantA + "/v2.0", true},
		{"another tenant", ms + tenantA, Options{}, ms + tenantB + "/v2.0", false},
		{"tenant with a template", ms + tenantA, Options{}, ms + "{tenantid}/v2.0", false},
		{"MS-07 domain", ms + "contoso.com", Options{}, ms + tenantA + "/v2.0", true},
		{"MS-07 domain in the issuer", ms + "contoso.com", Options{}, ms + "contoso.com/v2.0", false},
		{"MS-07 domain with a template", ms + "contoso.com", Options{}, ms + "{tenantid}/v2.0", false},
		{"MS-07 capitals", ms + "contoso.com", Options{}, ms + strings.ToUpper(tenantA) + "/v2.0", false},
		{"MS-07 longer", ms + "contoso.com", Options{}, ms + tenantA + "x/v2.0", false},
		{"MS-07 shorter", ms + "contoso.com", Options{}, ms + tenantA[1:] + "/v2.0", false},
		{"China", "https://login.chinacloudapi.cn/common", Options{}, "https://login.partner.microsoftonline.cn/{tenantid}/v2.0", true},
		{"China v1.0", "https://login.chinacloudapi.cn/common", Options{V1: true}, "https://sts.chinacloudapi.cn/{tenantid}/", true},
		{"emulator", "http://127.0.0.1:1/common", emulator, "http://127.0.0.1:1/{tenantid}/v2.0", true},
		{"emulator v1.0", "http://127.0.0.1:1/common", Options{Profile: "entra", LoopbackHTTP: true, V1: true}, "http://127.0.0.1:1/{tenantid}/", true},
		{"emulator claims to be Microsoft", "http://127.0.0.1:1/common", emulator, ms + "{tenantid}/v2.0", false},

		{"CIAM", "https://contoso.ciamlogin.com", Options{}, "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0", true},
		{"CIAM by name", "https://contoso.ciamlogin.com", Options{}, "https://contoso.ciamlogin.com/" + tenantA + "/v2.0", true},
		{"CIAM two tenants", "https://contoso.ciamlogin.com", Options{}, "https://" + tenantA + ".ciamlogin.com/" + tenantB + "/v2.0", false},
		{"CIAM another tenant", "https://contoso.ciamlogin.com/" + tenantA, Options{}, "https://" + tenantB + ".ciamlogin.com/" + tenantB + "/v2.0", false},
		{"CIAM another name", "https://contoso.ciamlogin.com", Options{}, "https://fabrikam.ciamlogin.com/" + tenantA + "/v2.0", false},
		{"CIAM template", "https://contoso.ciamlogin.com", Options{}, "https://contoso.ciamlogin.com/{tenantid}/v2.0", false},
		{"CIAM own domain", "https://login.contoso.com/" + tenantA, Options{Profile: "ciam"}, "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0", true},

		{"B2C", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_x", Options{}, "https://contoso.b2clogin.com/" + tenantA + "/v2.0/", true},
		{"B2C with the policy", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", Options{}, "https://contoso.b2clogin.com/tfp/" + tenantA + "/B2C_1_x/v2.0/", true},
		{"B2C another policy", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", Options{}, "https://contoso.b2clogin.com/tfp/" + tenantA + "/b2c_1_y/v2.0/", false},
		{"B2C another host", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", Options{}, "https://fabrikam.b2clogin.com/" + tenantA + "/v2.0/", false},
		{"B2C another tenant", "https://contoso.b2clogin.com/" + tenantA + "/b2c_1_x", Options{}, "https://contoso.b2clogin.com/" + tenantB + "/v2.0/", false},
		{"B2C template", "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x", Options{}, "https://contoso.b2clogin.com/{tenantid}/v2.0/", false},

		{"ADFS", "https://fs.contoso.com/adfs/", Options{}, "https://fs.contoso.com/adfs", true},
		{"ADFS with capitals", "https://fs.contoso.com/adfs", Options{}, "https://FS.contoso.com/adfs", true},
		{"ADFS access tokens'", "https://fs.contoso.com/adfs", Options{}, "http://fs.contoso.com/adfs/services/trust", false},
		{"ADFS Kelvin sign", "https://k.contoso.com/adfs", Options{}, "https://\u212a.contoso.com/adfs", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := parse(t, c.authority, c.o)
			err := a.AcceptsIssuer(c.document)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `issuer "`+c.document+`", want "http`)
			_, err = a.TokenIssuer(c.document, tenantA)
			require.Error(t, err, "nor are tokens accepted under such metadata")
		})
	}
}

func TestAcceptsIssuerError(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ authority, document, want string }{
		{"https://idp.example", "https://idp.example/", `the metadata is of issuer "https://idp.example/", want "https://idp.example"`},
		{"https://idp.example", "https://x\x1b]0;pwn", `the metadata is of issuer "https://x\u{1b}]0;pwn", want "https://idp.example"`},
		{"https://login.microsoftonline.com/contoso.com", "x", `the metadata is of issuer "x", want "https://login.microsoftonline.com/<tenant id>/v2.0"`},
		{"https://login.microsoftonline.com/consumers", "x", `the metadata is of issuer "x", want "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0"`},
		{"https://login.microsoftonline.com/common", "x", `the metadata is of issuer "x", want "https://login.microsoftonline.com/{tenantid}/v2.0"`},
		{"https://contoso.ciamlogin.com", "x", `the metadata is of issuer "x", want "https://<tenant id>.ciamlogin.com/<tenant id>/v2.0" or "https://contoso.ciamlogin.com/<tenant id>/v2.0"`},
		{"https://fs.contoso.com/adfs", "x", `the metadata is of issuer "x", want "https://fs.contoso.com/adfs"`},
	} {
		require.EqualError(t, parse(t, c.authority, Options{}).AcceptsIssuer(c.document), c.want)
	}
	require.Less(t, len(parse(t, "https://idp.example", Options{}).AcceptsIssuer(strings.Repeat("x", 1<<20)).Error()), 400)
	for _, document := range []string{"https://avery:hunter2@idp.example", "https://avery:hunter2@[idp"} {
		err := parse(t, "https://idp.example", Options{}).AcceptsIssuer(document)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestTokenIssuer(t *testing.T) {
	t.Parallel()
	const ms = "https://login.microsoftonline.com/"
	for _, c := range []struct{ name, authority, document, tid, want string }{
		{"MS-01", ms + "common", ms + "{tenantid}/v2.0", tenantA, ms + tenantA + "/v2.0"},
		{"MS-01 personal account", ms + "common", ms + "{tenantid}/v2.0", consumersID, ms + consumersID + "/v2.0"},
		{"MS-01 v1.0", "https://sts.windows.net/common", "https://sts.windows.net/{tenantid}/", tenantA, "https://sts.windows.net/" + tenantA + "/"},
		{"MS-03 path", ms + "common", ms + "{tenantid}/v2.0", "../x", ""},
		{"MS-03 placeholder", ms + "common", ms + "{tenantid}/v2.0", "{tenantid}", ""},
		{"MS-03 capitals", ms + "common", ms + "{tenantid}/v2.0", strings.ToUpper(tenantA), ""},
		{"MS-03 empty", ms + "common", ms + "{tenantid}/v2.0", "", ""},
		{"MS-03 nil GUID", ms + "common", ms + "{tenantid}/v2.0", "00000000-0000-0000-0000-000000000000", ""},
		{"MS-03 36 other characters", ms + "common", ms + "{tenantid}/v2.0", strings.Repeat("/", 36), ""},
		{"MS-03 dashes misplaced", ms + "common", ms + "{tenantid}/v2.0", strings.Replace(tenantA, "-", "0", 1), ""},
		{"tenant", ms + tenantA, ms + tenantA + "/v2.0", tenantA, ms + tenantA + "/v2.0"},
		{"MS-02 another tenant", ms + tenantA, ms + tenantA + "/v2.0", tenantB, ""},
		{"MS-03 empty, one tenant", ms + tenantA, ms + tenantA + "/v2.0", "", ""},
		{"MS-07 domain", ms + "contoso.com", ms + tenantA + "/v2.0", tenantA, ms + tenantA + "/v2.0"},
		{"MS-07 domain, another tenant", ms + "contoso.com", ms + tenantA + "/v2.0", tenantB, ""},
		{"CIAM", "https://c.ciamlogin.com", "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0", tenantA, "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0"},
		{"CIAM another tenant", "https://c.ciamlogin.com", "https://" + tenantA + ".ciamlogin.com/" + tenantA + "/v2.0", tenantB, ""},
		{"B2C sends no tid", "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x", "https://c.b2clogin.com/" + tenantA + "/v2.0/", "", "https://c.b2clogin.com/" + tenantA + "/v2.0/"},
		{"ADFS, as written", "https://fs.contoso.com/adfs", "https://FS.contoso.com/adfs", "", "https://FS.contoso.com/adfs"},
		{"other providers have no tid", "https://idp.example", "https://idp.example", "../x", "https://idp.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, c.authority, Options{}).TokenIssuer(c.document, c.tid)
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == "", err != nil)
		})
	}
}

func TestTokenIssuerError(t *testing.T) {
	t.Parallel()
	a := parse(t, "https://login.microsoftonline.com/"+tenantA, Options{})
	for tid, want := range map[string]string{
		"":              "the id token has no tid claim, want the id of its tenant",
		"x\x1b]0;pwn\a": `the id token's tid is "x\u{1b}]0;pwn\u{7}", want a tenant id: a GUID in lower case`,
		tenantB:         "the id token is of tenant " + tenantB + ", want " + tenantA,
	} {
		_, err := a.TokenIssuer("https://login.microsoftonline.com/"+tenantA+"/v2.0", tid)
		require.EqualError(t, err, want)
	}
}

// TestAccountIDsAreFrozen, because sessions are stored under them.
func TestAccountIDsAreFrozen(t *testing.T) {
	t.Parallel()
	const oid = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	entra, idp := "https://login.microsoftonline.com/common", "https://idp.example"
	for _, c := range []struct{ name, authority, iss, sub, tid, oid, want string }{
		{"Entra", entra, "https://i", "s", tenantA, oid, tenantA + "." + oid},
		{"Entra capitals", entra, "https://i", "s", strings.ToUpper(tenantA), strings.ToUpper(oid), tenantA + "." + oid},
		{"Entra without profile", entra, "https://i", "s", tenantA, "", "https://i#s"},
		{"Entra odd oid", entra, "https://i", "s", tenantA, "me", "https://i#s"},
		{"Entra nil oid names nobody", entra, "https://i", "s", tenantA, "00000000-0000-0000-0000-000000000000", "https://i#s"},
		{"External ID", "https://c.ciamlogin.com", "https://i", "s", tenantA, oid, tenantA + "." + oid},
		{"B2C", "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x", "https://i", "s", "", oid, "https://i#s"},
		{"ADFS", "https://fs.contoso.com/adfs", "https://fs.contoso.com/adfs", "s", tenantA, oid, "https://fs.contoso.com/adfs#s"},
		{"others' claims of that name mean something else", idp, idp, "s", tenantA, oid, idp + "#s"},
		{"AC-01 case", idp, idp, "S", "", "", idp + "#S"},
		{"AC-03", idp, "https://idp.example/a", "b#c", "", "", "https://idp.example/a#b#c"},
	} {
		require.Equal(t, c.want, parse(t, c.authority, Options{}).AccountID(c.iss, c.sub, c.tid, c.oid), c.name)
	}
}

// TestAnonymousIDIsFrozen: sessions without OpenID Connect are stored under it,
// and no person's account can have it.
func TestAnonymousIDIsFrozen(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"https://idp.example", "https://idp.example/", "https://github.com/login/oauth"} {
		a := parse(t, raw, Options{})
		require.Equal(t, raw, a.AnonymousID())
		require.NotContains(t, a.AnonymousID(), "#")
		for _, sub := range []string{"s", "#", raw} {
			require.NotEqual(t, a.AnonymousID(), a.AccountID(raw, sub, "", ""))
			require.Contains(t, a.AccountID(raw, sub, "", ""), "#")
		}
	}
}

// FuzzTokenIssuer: a token's own claim decides nothing but the tenant.
func FuzzTokenIssuer(f *testing.F) {
	f.Add("https://login.microsoftonline.com/{tenantid}/v2.0", tenantA)
	f.Add("https://login.microsoftonline.com/"+tenantA+"/v2.0", tenantA)
	f.Add("https://"+tenantA+".ciamlogin.com/"+tenantA+"/v2.0", tenantA)
	f.Add("https://c.b2clogin.com/tfp/"+tenantA+"/B2C_1_x/v2.0/", "")
	f.Add("https://login.microsoftonline.com/{tenantid}/v2.0", "{tenantid}")
	f.Fuzz(func(t *testing.T, document, tid string) {
		for _, raw := range []string{
			"https://login.microsoftonline.com/common", "https://login.microsoftonline.com/contoso.com",
			"https://c.ciamlogin.com", "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x",
		} {
			a := parse(t, raw, Options{})
			iss, err := a.TokenIssuer(document, tid)
			require.Equal(t, err == nil, iss != "")
			if err != nil {
				continue
			}
			require.NoError(t, a.AcceptsIssuer(document))
			require.NotContains(t, iss, "{")
			if a.Kind == B2C {
				require.Equal(t, document, iss)
				continue
			}
			require.True(t, isGUID(tid))
			require.Contains(t, a.issuers(), strings.ReplaceAll(iss, tid, tenantID),
				"iss is one of the documented forms with tid in the tenant's place")
		}
	})
}

// MSAL names an account by its home, and a token by any name of its cloud.
func TestNamesOfMSAL(t *testing.T) {
	t.Parallel()
	a, err := Parse("https://login.microsoftonline.com/common", Options{})
	require.NoError(t, err)
	for host, want := range map[string]bool{
		"login.microsoftonline.com": true, "LOGIN.WINDOWS.NET": true, "sts.windows.net:443": true,
		"login.microsoftonline.us": false, "evil-login.microsoftonline.com": false, "com": false, "": false,
	} {
		require.Equal(t, want, a.InCloud(host), host)
	}
	const template = "https://login.microsoftonline.com/{tenantid}/v2.0"
	id, ok := a.HomeAccountID(template, "AAAAAAAA-0000-4000-8000-00000000A1A1.11111111-2222-4333-8444-555555555555")
	require.True(t, ok)
	require.Equal(t, a.AccountID("", "", "11111111-2222-4333-8444-555555555555", "aaaaaaaa-0000-4000-8000-00000000a1a1"), id)
	for _, home := range []string{"", ".", "avery", "a.b", "aaaaaaaa-0000-4000-8000-00000000a1a1.", "aaaaaaaa-0000-4000-8000-00000000a1a1.contoso.example"} {
		_, ok := a.HomeAccountID(template, home)
		require.False(t, ok, home)
	}
	const personal = "aaaaaaaa-0000-4000-8000-00000000a1a1." + consumersID
	_, ok = a.HomeAccountID(template, personal)
	require.True(t, ok)
	_, ok = parse(t, "https://login.microsoftonline.com/organizations", Options{}).HomeAccountID(template, personal)
	require.False(t, ok, "a personal account is none of an organization")
	_, ok = a.HomeAccountID(template, "avery.11111111-2222-4333-8444-555555555555")
	require.False(t, ok, "no object")
	b2c := parse(t, "https://contoso.b2clogin.com/tfp/contoso.onmicrosoft.com/b2c_1_signin", Options{})
	_, ok = b2c.HomeAccountID("https://contoso.b2clogin.com/11111111-2222-4333-8444-555555555555/v2.0/", "avery-b2c_1_signin.11111111-2222-4333-8444-555555555555")
	require.False(t, ok, "MSAL's name of an account says nothing at B2C")
	other, err := Parse("https://idp.example:8443/a", Options{})
	require.NoError(t, err)
	require.True(t, other.InCloud("idp.example:8443"))
	require.False(t, other.InCloud("idp.example"))
	id, ok = other.HomeAccountID("https://idp.example:8443/a", "Avery")
	require.True(t, ok)
	require.Equal(t, "https://idp.example:8443/a#Avery", id)
}
