package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSpellings: each usual spelling of a Microsoft authority is the authority,
// all of it and not only its key.
func TestSpellings(t *testing.T) {
	t.Parallel()
	spellings := map[string]func(base string) string{
		"as it is":             func(base string) string { return base },
		"slash":                func(base string) string { return base + "/" },
		"version":              func(base string) string { return base + "/v2.0" },
		"version, slash":       func(base string) string { return base + "/v2.0/" },
		"version in capitals":  func(base string) string { return base + "/V2.0" },
		"port":                 func(base string) string { return onHost(base, func(h string) string { return h + ":443" }) },
		"port, slash":          func(base string) string { return onHost(base, func(h string) string { return h + ":443" }) + "/" },
		"capitals":             strings.ToUpper,
		"capitals, all of it":  func(base string) string { return strings.ToUpper(base + "/v2.0/") },
		"capitals in the host": func(base string) string { return onHost(base, strings.ToUpper) },
		"tfp":                  func(base string) string { return onHost(base, func(h string) string { return h + "/tfp" }) },
		"tfp, all of it": func(base string) string {
			return strings.ToUpper(onHost(base, func(h string) string { return h + ":443/tfp" }) + "/v2.0/")
		},
	}
	bases := map[string]Options{
		"https://contoso.ciamlogin.com":                                          {},
		"https://contoso.ciamlogin.com/contoso.onmicrosoft.com":                  {},
		"https://" + tenantA + ".ciamlogin.com/" + tenantA:                       {},
		"https://login.contoso.com/" + tenantA:                                   {Profile: "ciam"},
		"https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x":           {},
		"https://contoso.b2clogin.cn/" + tenantA + "/b2c_1a_x":                   {},
		"https://login.contoso.com/contoso.onmicrosoft.com/b2c_1_x":              {Profile: "b2c"},
		"https://fs.contoso.com/adfs":                                            {},
		"https://sign-in.contoso.com/adfs":                                       {Profile: "adfs"},
		"https://emulator.contoso.com/" + tenantA:                                {Profile: "entra"},
		"https://emulator.contoso.com/organizations":                             {Profile: "entra"},
		"https://login.microsoftonline.com/contoso.onmicrosoft.com":              {Profile: "entra"},
		"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad": {},
	}
	for _, c := range clouds {
		for _, tenant := range []string{"common", "organizations", "consumers", "contoso.com", tenantA} {
			bases["https://"+c.hosts[0]+"/"+tenant] = Options{}
		}
	}
	for base, o := range bases {
		want := parse(t, base, o)
		for name, spell := range spellings {
			if strings.HasPrefix(name, "tfp") && want.Kind != B2C {
				continue
			}
			got, err := Parse(spell(base), o)
			require.NoError(t, err, "%s: %s", name, base)
			require.True(t, got == want, "%s: %s: %+v", name, spell(base), got)
		}
		c, known := cloudOf(want.Host)
		if !known || want.Kind != Entra {
			continue
		}
		for _, alias := range c.hosts {
			v1 := alias == c.sts && want.Tenant != consumers // a v1.0 issuer is an authority as well
			if alias == c.sts && !v1 {
				continue
			}
			got, err := Parse("https://"+alias+"/"+want.Tenant+"/", o)
			require.NoError(t, err, alias)
			require.True(t, got.Key == want.Key && got.V1 == v1 && got.Host == want.Host, "%s: %+v", alias, got)
		}
	}
}

// onHost changes the host of a URL.
func onHost(raw string, change func(string) string) string {
	host, path, _ := strings.Cut(strings.TrimPrefix(raw, "https://"), "/")
	if path != "" {
		path = "/" + path
	}
	return "https://" + change(host) + path
}

// FuzzAuthorities: who is trusted does not depend on the spelling, and an
// authority for one tenant shares its issuer with no other one.
func FuzzAuthorities(f *testing.F) {
	const ms = "https://login.microsoftonline.com/"
	f.Add(ms+tenantA, ms+tenantB, ms+tenantA+"/v2.0", tenantA)
	f.Add(ms+"common", ms+tenantB, ms+"{tenantid}/v2.0", tenantA)
	f.Add("https://login.windows.net/Contoso.com", "https://sts.windows.net/"+tenantA, ms+tenantA+"/v2.0", tenantA)
	f.Add("https://"+tenantA+".ciamlogin.com", "https://contoso.ciamlogin.com", "https://"+tenantA+".ciamlogin.com/"+tenantA+"/v2.0", tenantA)
	f.Add("https://c.b2clogin.com/"+tenantA+"/b2c_1_x", "https://c.b2clogin.com/tfp/"+tenantA+"/b2c_1_y", "https://c.b2clogin.com/tfp/"+tenantA+"/b2c_1_x/v2.0/", "")
	f.Add("https://fs.contoso.com/adfs", "https://idp.example", "https://fs.contoso.com/adfs", "")
	f.Add("https://idp.example", "https://idp.example/", "https://idp.example", "")
	f.Fuzz(func(t *testing.T, one, other, document, tid string) {
		a, err := Parse(one, Options{})
		if err != nil {
			return
		}
		if a.Kind != OIDC {
			for _, spelling := range []string{strings.TrimSuffix(one, "/") + "/", onHost(lowerHost(one), strings.ToUpper)} {
				same, err := Parse(spelling, Options{})
				require.NoError(t, err)
				require.True(t, a == same, spelling)
			}
		}
		b, err := Parse(other, Options{})
		if err != nil || a.Key == b.Key || a.V1 != b.V1 || a.AcceptsIssuer(document) != nil || b.AcceptsIssuer(document) != nil {
			return
		}
		require.NotEqual(t, OIDC, a.Kind, "an issuer of any kind is one authority's")
		require.Equal(t, a.Kind, b.Kind)
		if a.Kind != CIAM { // whose issuer has the tenant's id for a host, whatever host is asked
			require.Equal(t, a.Host, b.Host)
		}
		forOne := func(a Authority) bool { return isGUID(a.Tenant) || a.Tenant == consumers }
		if a.Kind == Entra || a.Kind == CIAM {
			require.False(t, forOne(a) && forOne(b) && a.Tenant != b.Tenant, "%s and %s take %s", a.Issuer, b.Issuer, document)
		}
		// Nor does a token get past the one that is for a single tenant.
		issA, errA := a.TokenIssuer(document, tid)
		issB, errB := b.TokenIssuer(document, tid)
		if errA == nil && errB == nil {
			require.Equal(t, issA, issB)
			for _, x := range []Authority{a, b} {
				if isGUID(x.Tenant) && a.Kind != B2C {
					require.Equal(t, x.Tenant, tid)
				}
			}
		}
	})
}
