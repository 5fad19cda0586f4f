package provider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/scopes"
)

// TestScopesAreFrozen: tokens are stored under what Canonical and Resource
// return. Add rows, never edit one.
func TestScopesAreFrozen(t *testing.T) {
	t.Parallel()
	const (
		entra = "https://login.microsoftonline.com/common"
		china = "https://login.chinacloudapi.cn/common"
		gov   = "https://login.microsoftonline.us/common"
		b2c   = "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x"
		adfs  = "https://fs.contoso.com/adfs"
		idp   = "https://idp.example"
	)
	for _, c := range []struct{ authority, scope, canonical, resource string }{
		{entra, "User.Read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},
		{entra, "https://Graph.microsoft.com/User.Read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},
		{entra, "https://graph.microsoft.com//User.Read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},
		{entra, "00000003-0000-0000-C000-000000000000/user.read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},
		{entra, ".default", "https://graph.microsoft.com/.default", "https://graph.microsoft.com"},
		{entra, "https://graph.microsoft.com/.Default", "https://graph.microsoft.com/.default", "https://graph.microsoft.com"},
		{entra, "OpenID", "openid", ""},
		{entra, "profile", "profile", ""},
		{entra, "EMAIL", "email", ""},
		{entra, "offline_access", "offline_access", ""},
		{entra, "https://graph.microsoft.com/Offline_Access", "offline_access", ""},
		{entra, "https://graph.microsoft.com//openid", "openid", ""},
		{entra, "00000003-0000-0000-c000-000000000000/openid", "openid", ""},
		{entra, "https://graph.microsoft.us/openid", "openid", ""},
		{entra, "https://graph.microsoft.us/User.Read", "https://graph.microsoft.us/user.read", "https://graph.microsoft.us"},
		{entra, "api://My-App/Read", "api://my-app/read", "api://my-app"},
		{entra, "api://my-app/openid", "api://my-app/openid", "api://my-app"},
		{entra, tenantA + "/Do.It", tenantA + "/do.it", tenantA},
		{entra, "urn:x:Y/read", "urn:x:y/read", "urn:x:y"},
		{entra, "https://management.azure.com//.default", "https://management.azure.com//.default", "https://management.azure.com/"},
		{entra, "https://management.azure.com/.default", "https://management.azure.com/.default", "https://management.azure.com"},
		{entra, "XboxLive.signin", "xboxlive.signin", "xboxlive"},
		{entra, "openid.x", "https://graph.microsoft.com/openid.x", "https://graph.microsoft.com"},
		{entra, "/openid", "openid", ""},
		{china, "User.Read", "https://microsoftgraph.chinacloudapi.cn/user.read", "https://microsoftgraph.chinacloudapi.cn"},
		{china, "00000003-0000-0000-c000-000000000000/User.Read", "https://microsoftgraph.chinacloudapi.cn/user.read", "https://microsoftgraph.chinacloudapi.cn"},
		{china, "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},
		{gov, "User.Read", "https://graph.microsoft.us/user.read", "https://graph.microsoft.us"},
		{gov, "https://dod-graph.microsoft.us/User.Read", "https://dod-graph.microsoft.us/user.read", "https://dod-graph.microsoft.us"},
		{"https://login-us.microsoftonline.com/common", "User.Read", graphID + "/user.read", graphID},
		{"https://login.microsoftonline.de/common", "User.Read", "https://graph.microsoft.de/user.read", "https://graph.microsoft.de"},
		{"https://login.windows-ppe.net/common", "User.Read", graphID + "/user.read", graphID},
		{"https://login.sovcloud-identity.fr/common", "User.Read", "https://graph.svc.sovcloud.fr/user.read", "https://graph.svc.sovcloud.fr"},
		{"https://login.sovcloud-identity.de/common", "User.Read", "https://graph.svc.sovcloud.de/user.read", "https://graph.svc.sovcloud.de"},
		{"https://login.sovcloud-identity.sg/common", "User.Read", "https://graph.svc.sovcloud.sg/user.read", "https://graph.svc.sovcloud.sg"},
		{"https://c.ciamlogin.com", "User.Read", "https://graph.microsoft.com/user.read", "https://graph.microsoft.com"},

		{b2c, "https://c.onmicrosoft.com/API/Read", "https://c.onmicrosoft.com/api/read", "https://c.onmicrosoft.com/api"},
		{b2c, "6731DE76-14A6-49AE-97BC-6EBA6914391E", "6731de76-14a6-49ae-97bc-6eba6914391e", "6731de76-14a6-49ae-97bc-6eba6914391e"},
		{b2c, "OpenID", "openid", ""},
		{b2c, "offline_access", "offline_access", ""},
		{adfs, "https://api.contoso.com/OpenID", "https://api.contoso.com/openid", "https://api.contoso.com"},
		{adfs, "AllAtClaims", "allatclaims", ""},
		{adfs, "openid", "openid", ""},

		{idp, "User.Read", "User.Read", ""},
		{idp, "OpenID", "OpenID", ""},
		{idp, "https://graph.microsoft.com/openid", "https://graph.microsoft.com/openid", ""},
	} {
		a := parse(t, c.authority, Options{})
		require.Equal(t, c.canonical, a.Canonical(c.scope), "%s %s", c.authority, c.scope)
		require.Equal(t, c.resource, a.Resource(a.Canonical(c.scope)), "%s %s", c.authority, c.scope)
	}
}

// TestResourceKeepsSpelling, because it becomes the audience of v1.0 tokens.
func TestResourceKeepsSpelling(t *testing.T) {
	t.Parallel()
	a := parse(t, "https://login.microsoftonline.com/common", Options{V1: true})
	for scope, want := range map[string]string{
		"api://My-App/Read":                        "api://My-App",
		"https://Management.azure.com//.default":   "https://Management.azure.com/",
		"User.Read":                                "https://graph.microsoft.com",
		"XboxLive.signin":                          "xboxlive",
		"https://graph.microsoft.com/OpenID":       "",
		"https://canary.graph.microsoft.com/email": "",
	} {
		require.Equal(t, want, a.Resource(scope), scope)
	}
}

// TestMisspelt: what names no permission is found before anything is sent, and
// nothing that names one is.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	const comma, bare = "has a comma in it", "names a resource and no permission"
	entra := parse(t, "https://login.microsoftonline.com/common", Options{})
	for scope, want := range map[string]string{
		"User.Read": "", "https://graph.microsoft.com/User.Read": "", "https://graph.microsoft.com//User.Read": "", ".default": "",
		"api://my-app/Read": "", "api://my-app/a,b": "", "api://" + tenantA + "/.default": "", tenantA + "/.default": "",
		tenantA + "/Do.It": "", "urn:x:y/read": "", "https://management.azure.com//.default": "", "XboxLive.signin": "",
		"https://c.onmicrosoft.com/api/read": "", "service::user.auth.xboxlive.com::MBI_SSL": "", "/openid": "",

		"User.Read,Mail.Read": comma, "https://graph.microsoft.com/User.Read,Mail.Read": comma,
		"api://my-app/a,api://my-app/b": comma, "User.Read,": comma, graphID + "/User.Read,Mail.Read": comma,

		"https://management.azure.com": bare, "https://management.azure.com/": bare, "https://management.azure.com//": bare,
		"api://my-app": bare, "api://my-app/": bare, tenantA: bare, strings.ToUpper(tenantA): bare, "urn:x:y": bare, "URN:x": bare,
		"https://": bare, "https:///x": bare,
	} {
		got := entra.Misspelt(scope)
		require.True(t, strings.HasPrefix(got, want) && (got == "") == (want == ""), "%s: %q", scope, got)
	}
	for _, raw := range []string{"https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x", "https://fs.contoso.com/adfs", "https://idp.example"} {
		for _, scope := range []string{tenantA, "a,b", "https://idp.example", "x/"} {
			require.Empty(t, parse(t, raw, Options{}).Misspelt(scope), raw)
		}
	}
}

// TestGranted: v1.0 answers with names that have no resource.
func TestGranted(t *testing.T) {
	t.Parallel()
	v1 := parse(t, "https://login.microsoftonline.com/common", Options{V1: true})
	v2 := parse(t, "https://login.microsoftonline.com/common", Options{})
	for scope, want := range map[string]string{
		"user_impersonation": "https://management.azure.com/user_impersonation", "openid": "openid", "EMAIL": "EMAIL", "a/b": "a/b",
	} {
		require.Equal(t, want, v1.Granted("https://management.azure.com", scope))
		require.Equal(t, scope, v2.Granted("https://management.azure.com", scope))
	}
}

// TestGraphOfEachCloud: package scopes has a list of its own, and a default
// qualified by a cloud's Graph has to be one to both.
func TestGraphOfEachCloud(t *testing.T) {
	t.Parallel()
	for _, c := range clouds {
		require.True(t, scopes.IsDefault(c.graph+"/openid"), c.hosts[0])
		require.Equal(t, "openid", parse(t, "https://"+c.hosts[0]+"/common", Options{}).Canonical(c.graph+"/OPENID"))
	}
}

func FuzzCanonical(f *testing.F) {
	f.Add("User.Read")
	f.Add("https://graph.microsoft.com//openid")
	f.Add("00000003-0000-0000-c000-000000000000/XboxLive.signin")
	f.Add("//.default")
	f.Fuzz(func(t *testing.T, scope string) {
		for _, raw := range []string{
			"https://login.microsoftonline.com/common", "https://login.windows-ppe.net/common",
			"https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x", "https://fs.contoso.com/adfs", "https://idp.example",
		} {
			a := parse(t, raw, Options{})
			c := a.Canonical(scope)
			require.Equal(t, c, a.Canonical(c), "%s: a stored scope is found again", raw)
			if a.Kind != OIDC {
				require.Equal(t, c, a.Canonical(secureurl.Lower(scope)), raw)
			}
			require.Equal(t, secureurl.Lower(a.Resource(c)), a.Resource(c), raw)
		}
	})
}
