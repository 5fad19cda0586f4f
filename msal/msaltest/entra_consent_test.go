package msaltest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const contosoAPI = "c0970507-0000-4000-8000-0000000000a1"

// A person consents to what is asked for, once, and for themselves.
func TestEntraConsent(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	require.Empty(t, p.Grants())
	a.enter("User.Read https://management.azure.com//user_impersonation openid")
	require.Equal(t, []msaltest.Grant{
		{Tenant: msaltest.DefaultTenant, User: "avery", Client: client, Resource: msaltest.MicrosoftGraph, Permissions: []string{"openid", "User.Read"}},
		{Tenant: msaltest.DefaultTenant, User: "avery", Client: client, Resource: "797f4846-ba00-4fd7-ba43-dac1f8f63013", Permissions: []string{"user_impersonation"}},
	}, p.Grants())
	token := a.enter("User.Read " + mine).str("refresh_token")
	require.Equal(t, 65001, a.renew(token, "scope", "Mail.Read").number())
	a.enter("Mail.Read")
	require.Equal(t, http.StatusOK, a.renew(token, "scope", "Mail.Read").status)
	p.Withdraw(msaltest.Grant{User: "avery", Client: client})
	r := a.renew(token)
	require.Equal(t, 65001, r.number())
	require.Equal(t, "consent_required", r.str("suberror"))
	require.Equal(t, http.StatusOK, a.renew(token, "scope", "https://management.azure.com//user_impersonation").status, "another resource's grant")
}

// .default asks for what the app is registered with, but only as long as nothing has been granted.
func TestEntraStaticConsent(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t, apps(msaltest.App{ClientID: client, Permissions: map[string][]string{
		"https://graph.microsoft.com": {"User.Read", "Mail.Read"},
		"api://contoso":               {"Things.Read"},
	}}))
	graph := func(pairs ...string) string {
		return a.enter("https://graph.microsoft.com/.default openid", pairs...).str("scope")
	}
	require.Equal(t, "https://graph.microsoft.com/User.Read https://graph.microsoft.com/Mail.Read openid", graph())
	require.Equal(t, 65001, a.post("/token", entraForm(a.codeFor("scope", arm+"/.default"))).number(), "it is registered for nothing there")

	a.enter("api://contoso/Things.Write")
	require.Equal(t, "api://contoso/Things.Write api://contoso/.default", a.enter("api://contoso/.default").str("scope"), "what was granted is all there is")
	graph("prompt", "consent")
	require.Equal(t, "api://contoso/Things.Write api://contoso/Things.Read api://contoso/.default", a.enter("api://contoso/.default").str("scope"),
		"prompt=consent asks for everything that is registered")

	_, a = newEntra(t, apps(msaltest.App{ClientID: client}))
	require.Equal(t, "https://graph.microsoft.com/User.Read openid", a.enter("https://graph.microsoft.com/.default openid").str("scope"),
		"the portal registers User.Read")
}

// What nobody can be asked for is refused.
func TestEntraSilently(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	silent := func(pairs ...string) (reply, string) {
		r := a.visit(append([]string{"prompt", "none"}, pairs...)...)
		return r, a.landed(r).Get("error")
	}
	_, code := silent()
	require.Equal(t, "login_required", code)
	a.enter("User.Read " + mine)
	_, code = silent()
	require.Empty(t, code)
	r, code := silent("scope", "Mail.Read")
	require.Equal(t, "consent_required", code)
	require.Equal(t, 65001, r.number())

	p.Entra.Policies = []msaltest.Policy{{Resource: "https://graph.microsoft.com", ID: "p1"}}
	r, code = silent()
	require.Equal(t, "interaction_required", code)
	require.Equal(t, 50076, r.number())
	require.JSONEq(t, `{"access_token":{"capolids":{"essential":true,"values":["p1"]}}}`, a.landed(r).Get("claims"))
	a.enter("User.Read " + mine)
	_, code = silent()
	require.Empty(t, code, "the browser remembers what the person has done")

	a.enter("User.Read "+mine, "login_hint", "morgan")
	r, code = silent()
	require.Equal(t, "interaction_required", code)
	require.Equal(t, 16000, r.number())
	_, code = silent("login_hint", "morgan")
	require.Empty(t, code)
}

// An administrator consents for themselves, or with the endpoint for it for everybody.
func TestEntraAdministrators(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	require.Equal(t, 90094, a.visit("scope", "Directory.Read.All").number())
	require.Equal(t, "Directory.Read.All", a.enter("Directory.Read.All", "login_hint", "morgan").str("scope"))
	require.Equal(t, 90094, a.visit("scope", "Directory.Read.All").number(), "for themselves alone")

	at := func(tenant string, pairs ...string) reply {
		return a.root().get("/" + tenant + "/v2.0/adminconsent?" + with(url.Values{
			"client_id": {client}, "redirect_uri": {localapp}, "scope": {"Directory.Read.All"}, "state": {"s"},
		}, pairs...).Encode())
	}
	require.Equal(t, 90002, at("organizations").number())
	require.Equal(t, 900144, at("contoso.example", "scope", "").number())
	require.Equal(t, 650053, at("contoso.example", "scope", "Nonsense").number())
	require.Equal(t, 900971, at("contoso.example", "redirect_uri", "").number())
	answer := a.landed(at("contoso.example"))
	require.Equal(t, url.Values{
		"admin_consent": {"True"}, "tenant": {msaltest.DefaultTenant}, "scope": {"Directory.Read.All"}, "state": {"s"},
	}, answer)
	require.Contains(t, p.Grants(), msaltest.Grant{
		Tenant: msaltest.DefaultTenant, Client: client, Resource: msaltest.MicrosoftGraph, Permissions: []string{"Directory.Read.All"},
	})
	require.Equal(t, "Directory.Read.All", a.enter("Directory.Read.All").str("scope"))

	a.landed(at("contoso.example", "scope", "api://contoso/.default"))
	require.Equal(t, "api://contoso/Things.Read api://contoso/Things.Write api://contoso/.default", a.enter("api://contoso/.default").str("scope"))

	p.SignInAs(msaltest.User{Subject: "avery"})
	require.Equal(t, "permission_denied", a.landed(at("contoso.example")).Get("error"))
	p.Deny()
	answer = a.landed(at("contoso.example"))
	require.Equal(t, "consent_required", answer.Get("error"))
	require.Contains(t, answer.Get("error_description"), "AADSTS65004")
	require.Equal(t, "True", answer.Get("admin_consent"))
}

// In an external tenant nobody but an administrator can consent.
func TestEntraExternal(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, func(p *msaltest.Platform) {
		p.Entra.Tenants = []msaltest.Tenant{{ID: msaltest.DefaultTenant, Kind: msaltest.External, Domains: []string{"customers.example"}}}
		p.Users = []msaltest.User{{Subject: "cleo"}, {Subject: "boss", Admin: true}}
	})
	a = a.of("customers.example")
	require.Equal(t, 90094, a.visit().number())
	p.Consent(msaltest.Grant{Tenant: "customers.example", Client: client, Permissions: strings.Fields("user.read " + mine)})
	require.Equal(t, "User.Read openid profile", a.enter("User.Read "+mine).str("scope"))
}

func TestEntraGrantsMisused(t *testing.T) {
	t.Parallel()
	for want, g := range map[string]msaltest.Grant{
		"and a Client":                          {},
		`there is no tenant "fabrikam.example"`: {Client: client, Tenant: "fabrikam.example"},
		`or no resource "x"`:                    {Client: client, Resource: "x"},
		`the resource "api://contoso" has no permission "User.R"`: {Client: client, Resource: "api://contoso", Permissions: []string{"User.R"}},
	} {
		r := &recorder{TB: t}
		p := msaltest.New(r)
		p.Entra = &msaltest.Entra{}
		require.PanicsWithValue(t, ended{}, func() { p.Consent(g) })
		require.Contains(t, r.fatals[0], want)
		require.Panics(t, func() { (&msaltest.Platform{Entra: &msaltest.Entra{}}).Withdraw(g) })
	}
	require.Panics(t, func() { (&msaltest.Platform{}).Consent(msaltest.Grant{Client: client}) })
}
