package msal_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	homeTenant   = "11111111-2222-4333-8444-555555555555"
	otherTenant  = "99999999-0000-4000-8000-00000000000f"
	averyObject  = "aaaaaaaa-0000-4000-8000-00000000a1a1"
	consumers    = "9188040d-6c67-4c5b-b112-36a304b66dad"
	microsoftURL = "https://login.microsoftonline.com"
)

// microsoft is a platform at Microsoft's address, of one tenant or of all, and a
// Client of it.
func microsoft(t testing.TB, tenant string, edit ...func(*msal.Config)) (*msaltest.Platform, *msal.Client) {
	p := msaltest.New(t)
	p.URL, p.Rotation = microsoftURL, msaltest.KeepOld
	p.Entra = &msaltest.Entra{Tenants: []msaltest.Tenant{{ID: homeTenant}, {ID: otherTenant}, {ID: consumers, Kind: msaltest.PersonalAccounts}}}
	nothing := func(map[string]any) {}
	p.EditClaims, p.EditMetadata = nothing, nothing
	p.Users = []msaltest.User{{Subject: "pairwise", Username: "avery@contoso.com", Name: "Avery", Email: "avery@contoso.com", TenantID: homeTenant, ObjectID: averyObject}}
	c := newClient(t, p, append([]func(*msal.Config){func(cfg *msal.Config) { cfg.Authority = microsoftURL + "/" + tenant }}, edit...)...)
	return p, c
}

func setClaim(name string, value any) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) {
		edit := p.EditClaims
		p.EditClaims = func(claims map[string]any) { edit(claims); claims[name] = value }
	}
}

func setIssuer(issuer string) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) { p.EditMetadata = func(m map[string]any) { m["issuer"] = issuer } }
}

func setKeyIssuer(issuer string) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) {
		p.EditKeys = func(m map[string]any) {
			for _, key := range m["keys"].([]any) {
				key.(map[string]any)["issuer"] = issuer
			}
		}
	}
}

func setAnswer(name string, value any) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) {
		p.EditToken = func(_ string, answer map[string]any) { answer[name] = value }
	}
}

// TestMicrosoftRules: who may have signed in, by the requirements R-MS, in whole
// sign-ins.
func TestMicrosoftRules(t *testing.T) {
	t.Parallel()
	allowed := func(tenant ...string) func(*msal.Config) {
		return func(cfg *msal.Config) { cfg.AllowedTenants = tenant }
	}
	info := func(text string) func(*msaltest.Platform) {
		return setAnswer("client_info", base64.RawURLEncoding.EncodeToString([]byte(text)))
	}
	for name, tt := range map[string]struct {
		tenant string
		config func(*msal.Config)
		edit   func(*msaltest.Platform)
		refuse string // part of the error; "": the sign-in succeeds
	}{
		"R-MS-1 common":                             {tenant: "common"},
		"R-MS-1 organizations":                      {tenant: "organizations"},
		"R-MS-1 one tenant":                         {tenant: homeTenant},
		"R-MS-1 template twice":                     {"common", nil, setIssuer(microsoftURL + "/{tenantid}/{tenantid}/v2.0"), "the metadata is of issuer"},
		"R-MS-1 another placeholder":                {"common", nil, setIssuer(microsoftURL + "/{tenant}/v2.0"), "the metadata is of issuer"},
		"R-MS-1 template for one tenant":            {homeTenant, nil, setIssuer(microsoftURL + "/{tenantid}/v2.0"), "the metadata is of issuer"},
		"R-MS-1 template of another host":           {"common", nil, setIssuer("https://evil.example/{tenantid}/v2.0"), "the metadata is of issuer"},
		"R-MS-1 another tenant's metadata":          {homeTenant, nil, setIssuer(microsoftURL + "/" + otherTenant + "/v2.0"), "the metadata is of issuer"},
		"R-MS-2 iss and tid of two tenants":         {"common", nil, setClaim("tid", otherTenant), "iss"},
		"R-MS-2 iss of another tenant":              {"common", nil, setClaim("iss", microsoftURL+"/"+otherTenant+"/v2.0"), "iss"},
		"R-MS-2 iss with the template":              {"common", nil, setClaim("iss", microsoftURL+"/{tenantid}/v2.0"), "iss"},
		"R-MS-2 tid is a path":                      {"common", nil, setClaim("tid", "../x"), "tid"},
		"R-MS-2 tid is the template":                {"common", nil, setClaim("tid", "{tenantid}"), "tid"},
		"R-MS-2 tid in capitals":                    {"common", nil, setClaim("tid", strings.ToUpper(averyObject)), "tid"},
		"R-MS-2 tid is empty":                       {"common", nil, setClaim("tid", ""), "tid"},
		"R-MS-2 tid is a number":                    {"common", nil, setClaim("tid", 7), "tid"},
		"R-MS-2 tid of another one, one asked":      {homeTenant, nil, setClaim("tid", otherTenant), "tenant"},
		"R-MS-3 a key for all":                      {"common", nil, setKeyIssuer(microsoftURL + "/{tenantid}/v2.0"), ""},
		"R-MS-3 the tenant's key":                   {"common", nil, setKeyIssuer(microsoftURL + "/" + homeTenant + "/v2.0"), ""},
		"R-MS-3 a key of personal accounts":         {"common", nil, setKeyIssuer(microsoftURL + "/" + consumers + "/v2.0"), "issuer"},
		"R-MS-3 the same, one tenant asked":         {homeTenant, nil, setKeyIssuer(microsoftURL + "/" + consumers + "/v2.0"), "issuer"},
		"R-MS-4 an allowed tenant":                  {"common", allowed(otherTenant, homeTenant), nil, ""},
		"R-MS-4 in capitals":                        {"common", allowed(strings.ToUpper(homeTenant)), nil, ""},
		"R-MS-4 MS-05 another":                      {"common", allowed(otherTenant), nil, "not among AllowedTenants"},
		"R-MS-5 MS-09 client_info is no base64":     {"common", nil, setAnswer("client_info", "!"), ""},
		"R-MS-5 MS-09 client_info is a number":      {"common", nil, setAnswer("client_info", 7), ""},
		"R-MS-5 MS-09 client_info without uid":      {"common", nil, info(`{"utid":"` + otherTenant + `"}`), ""},
		"R-MS-5 MS-09 client_info of a guest":       {"common", nil, info(`{"uid":"` + averyObject + `","utid":"` + otherTenant + `"}`), ""},
		"R-MS-5 MS-09 client_info of somebody else": {"common", nil, info(`{"uid":"` + otherTenant + `","utid":"` + otherTenant + `"}`), ""},
		"R-MS-5 MS-09 client_info of 1 MB":          {"common", nil, info(strings.Repeat("x", 750_000)), ""},
		"R-MS-6 no oid":                             {"common", nil, setClaim("oid", "avery@contoso.com"), ""},
		"R-MS-8 hosts in the answer":                {"common", nil, setAnswer("cloud_instance_host_name", "login.evil.example"), ""},
		"R-MS-10 an alias for an issuer":            {homeTenant, nil, setIssuer("https://login.windows.net/" + homeTenant + "/v2.0"), "the metadata is of issuer"},
		"R-MS-10 the end of the host":               {homeTenant, nil, setIssuer("https://com/" + homeTenant + "/v2.0"), "the metadata is of issuer"},
		"R-MS-10 the other version":                 {homeTenant, nil, setIssuer("https://sts.windows.net/" + homeTenant + "/"), "the metadata is of issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var edits []func(*msal.Config)
			if tt.config != nil {
				edits = append(edits, tt.config)
			}
			p, c := microsoft(t, tt.tenant, edits...)
			if tt.edit != nil {
				tt.edit(p)
			}
			token, err := trySignIn(t, p, c)
			if tt.refuse != "" {
				require.ErrorContains(t, err, tt.refuse)
				requireNobody(t, c)
				return
			}
			require.NoError(t, err)
			want := homeTenant + "." + averyObject
			if strings.Contains(name, "no oid") { // an address is no identity
				want = token.Account.Issuer + "#" + token.Account.Subject
			}
			require.Equal(t, want, token.Account.ID)
		})
	}
}

func trySignIn(t *testing.T, p *msaltest.Platform, c *msal.Client) (msal.Token, error) {
	z, err := c.Authorize(t.Context(), "http://localhost/callback", "User.Read")
	if err != nil {
		return msal.Token{}, err
	}
	return z.Redeem(t.Context(), visit(t, p, z.URL()))
}

// Who is not Microsoft may not speak for a Microsoft issuer, and
// has no template.
func TestMicrosoftRulesElsewhere_MS08_RMS_1(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		microsoftURL + "/{tenantid}/v2.0", microsoftURL + "/" + homeTenant + "/v2.0", "https://idp.example/{tenantid}/v2.0",
		"https://sts.windows.net/" + homeTenant + "/",
	} {
		p := msaltest.New(t)
		setIssuer(issuer)(p)
		c := newClient(t, p)
		_, err := trySignIn(t, p, c)
		require.ErrorContains(t, err, "the metadata is of issuer")
		require.ErrorContains(t, err, `want "https://idp.example"`)
		requireNobody(t, c)
	}
}

// B2C and ADFS send no tid. Their issuer is one, so that nothing depends on it.
func TestMicrosoftWithoutTenantClaim(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"b2c", "adfs"} {
		p, c := platformAt(t, at)
		p.Users = []msaltest.User{{Subject: "avery", Name: "Avery"}}
		token, err := trySignIn(t, p, c)
		require.NoError(t, err, at)
		require.True(t, strings.HasSuffix(token.Account.ID, "#avery"), token.Account.ID)
		p.EditClaims = func(claims map[string]any) { claims["iss"] = "https://evil.example/" }
		_, err = trySignIn(t, p, c)
		require.ErrorContains(t, err, "iss", at)
	}
}

// One address in two tenants is two accounts, and one person with
// a new address is one.
func TestMicrosoftAccounts_MS11_RMS_6(t *testing.T) {
	t.Parallel()
	p, c := microsoft(t, "common")
	here := p.Users[0]
	there := here
	there.Subject, there.TenantID, there.ObjectID = "other", otherTenant, "bbbbbbbb-0000-4000-8000-00000000b2b2"
	p.Users = []msaltest.User{here, there}
	p.SignInAs(here)
	first, err := trySignIn(t, p, c)
	require.NoError(t, err)
	p.SignInAs(there)
	second, err := trySignIn(t, p, c)
	require.NoError(t, err)
	require.Equal(t, first.Account.Email, second.Account.Email)
	require.NotEqual(t, first.Account.ID, second.Account.ID)
	setClaim("email", "married@contoso.com")(p)
	setClaim("preferred_username", "married@contoso.com")(p)
	third, err := trySignIn(t, p, c)
	require.NoError(t, err)
	require.Equal(t, second.Account.ID, third.Account.ID)
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, 2)
}

// What an answer or a redirect says of hosts steers nothing: the
// platform would report a request to any other one.
func TestMicrosoftHostsAreIgnored_RMS_8(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := microsoft(t, "common")
		evil := map[string]any{"cloud_instance_host_name": "login.evil.example", "cloud_graph_host_name": "graph.evil.example", "msgraph_host": "graph.evil.example"}
		edit := p.EditMetadata
		p.EditMetadata = func(m map[string]any) {
			edit(m)
			for name, host := range evil {
				m[name] = host
			}
		}
		p.EditToken = func(_ string, answer map[string]any) {
			for name, host := range evil {
				answer[name] = host
			}
		}
		z, err := c.Authorize(t.Context(), "http://localhost/callback", "User.Read")
		require.NoError(t, err)
		callback := visit(t, p, z.URL())
		for name, host := range evil {
			callback[name] = []string{host.(string)}
		}
		token, err := z.Redeem(t.Context(), callback)
		require.NoError(t, err)
		time.Sleep(time.Until(token.Expiry))
		_, err = c.Token(t.Context(), "User.Read")
		require.NoError(t, err)
		for _, r := range p.Requests() {
			u, err := url.Parse(r.URL)
			require.NoError(t, err)
			require.Empty(t, u.Host)
		}
		require.Equal(t, 2, p.Count("token"))
	})
}
