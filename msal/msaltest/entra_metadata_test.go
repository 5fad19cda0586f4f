package msaltest_test

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// The two documents as they were recorded of login.microsoftonline.com, with common in their addresses.
const (
	recordedV2 = `{
		"token_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
		"jwks_uri": "https://login.microsoftonline.com/common/discovery/v2.0/keys",
		"response_modes_supported": ["query", "fragment", "form_post"],
		"subject_types_supported": ["pairwise"],
		"id_token_signing_alg_values_supported": ["RS256"],
		"response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
		"scopes_supported": ["openid", "profile", "email", "offline_access"],
		"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
		"request_uri_parameter_supported": false,
		"userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
		"authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
		"device_authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
		"http_logout_supported": true,
		"frontchannel_logout_supported": true,
		"end_session_endpoint": "https://login.microsoftonline.com/common/oauth2/v2.0/logout",
		"claims_supported": ["sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"],
		"kerberos_endpoint": "https://login.microsoftonline.com/common/kerberos",
		"tenant_region_scope": null,
		"cloud_instance_name": "microsoftonline.com",
		"cloud_graph_host_name": "graph.windows.net",
		"msgraph_host": "graph.microsoft.com",
		"rbac_url": "https://pas.windows.net"
	}`
	recordedV1 = `{
		"token_endpoint": "https://login.microsoftonline.com/common/oauth2/token",
		"token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
		"jwks_uri": "https://login.microsoftonline.com/common/discovery/keys",
		"response_modes_supported": ["query", "fragment", "form_post"],
		"subject_types_supported": ["pairwise"],
		"id_token_signing_alg_values_supported": ["RS256"],
		"response_types_supported": ["code", "id_token", "code id_token", "token id_token", "token"],
		"scopes_supported": ["openid"],
		"issuer": "https://sts.windows.net/{tenantid}/",
		"microsoft_multi_refresh_token": true,
		"authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/authorize",
		"device_authorization_endpoint": "https://login.microsoftonline.com/common/oauth2/devicecode",
		"http_logout_supported": true,
		"frontchannel_logout_supported": true,
		"end_session_endpoint": "https://login.microsoftonline.com/common/oauth2/logout",
		"claims_supported": ["sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host",
			"aud", "exp", "iat", "auth_time", "acr", "amr", "nonce", "email", "given_name", "family_name", "nickname"],
		"check_session_iframe": "https://login.microsoftonline.com/common/oauth2/checksession",
		"userinfo_endpoint": "https://login.microsoftonline.com/common/openid/userinfo",
		"kerberos_endpoint": "https://login.microsoftonline.com/common/kerberos",
		"tenant_region_scope": null,
		"cloud_instance_name": "microsoftonline.com",
		"cloud_graph_host_name": "graph.windows.net",
		"msgraph_host": "graph.microsoft.com",
		"rbac_url": "https://pas.windows.net"
	}`
	publicCloud = "https://login.microsoftonline.com"
	metadata    = "/.well-known/openid-configuration"
)

// root is the application below the platform's own URL.
func (a *app) root() *app {
	b := *a
	b.base = a.p.URL
	return &b
}

func at(url string) func(*msaltest.Platform) { return func(p *msaltest.Platform) { p.URL = url } }

func TestEntraDiscovery(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, at(publicCloud))
	r := a.root().get("/common/v2.0" + metadata)
	require.JSONEq(t, recordedV2, r.body)
	require.Equal(t, "max-age=86400, private", r.header.Get("Cache-Control"))
	require.Equal(t, "*", r.header.Get("Access-Control-Allow-Origin"))
	require.JSONEq(t, recordedV1, a.root().get("/common"+metadata).body)

	p.ScopesSupported = []string{"openid"}
	p.EditMetadata = func(document map[string]any) { delete(document, "rbac_url") }
	document := a.root().get("/common/v2.0" + metadata).json
	require.Equal(t, []any{"openid"}, document["scopes_supported"])
	require.NotContains(t, document, "rbac_url")
	p.ResponseModes = []string{"query"}
	require.Equal(t, []any{"query"}, a.root().get("/common" + metadata).json["response_modes_supported"])
}

func TestEntraIssuers(t *testing.T) {
	t.Parallel()
	const tid = msaltest.DefaultTenant
	for _, c := range []struct{ url, tenant, published, v2, v1, endpoint string }{
		{publicCloud, "organizations", "organizations", publicCloud + "/{tenantid}/v2.0", "https://sts.windows.net/{tenantid}/", ""},
		{publicCloud, "Contoso.Example", tid, publicCloud + "/" + tid + "/v2.0", "https://sts.windows.net/" + tid + "/", ""},
		{publicCloud, "consumers", "consumers", publicCloud + "/" + msaltest.PersonalTenant + "/v2.0", "https://sts.windows.net/" + msaltest.PersonalTenant + "/", ""},
		{publicCloud, msaltest.PersonalTenant, msaltest.PersonalTenant, publicCloud + "/" + msaltest.PersonalTenant + "/v2.0", "https://sts.windows.net/" + msaltest.PersonalTenant + "/", ""},
		{"https://login.partner.microsoftonline.cn", tid, tid, "https://login.partner.microsoftonline.cn/" + tid + "/v2.0", "https://sts.chinacloudapi.cn/" + tid + "/", ""},
		{"https://login.microsoftonline.us", tid, tid, "https://login.microsoftonline.us/" + tid + "/v2.0", "https://sts.windows.net/" + tid + "/", ""},
		{"https://idp.example/entra", "common", "common", "https://idp.example/entra/{tenantid}/v2.0", "https://idp.example/entra/{tenantid}/", ""},
		{"http://127.0.0.1:8080", tid, tid, "http://127.0.0.1:8080/" + tid + "/v2.0", "http://127.0.0.1:8080/" + tid + "/", ""},
	} {
		_, a := newEntra(t, at(c.url))
		v2, v1 := a.root().get("/"+c.tenant+"/v2.0"+metadata).json, a.root().get("/"+c.tenant+metadata).json
		require.Equal(t, c.v2, v2["issuer"])
		require.Equal(t, c.v1, v1["issuer"])
		require.Equal(t, c.url+"/"+c.published+"/oauth2/v2.0/token", v2["token_endpoint"], "a domain is published as the id")
		require.Equal(t, c.url+"/"+c.published+"/oauth2/token", v1["token_endpoint"])
		key := a.root().get("/" + c.tenant + "/discovery/v2.0/keys").json["keys"].([]any)[0].(map[string]any)
		require.Equal(t, c.v2, key["issuer"])
		require.Equal(t, c.published != "common" && c.published != "organizations", v2["tenant_region_scope"] != nil)
	}
	_, a := newEntra(t, at("https://contoso.ciamlogin.com"), func(p *msaltest.Platform) {
		p.Entra.Tenants = []msaltest.Tenant{{ID: tid, Kind: msaltest.External}}
	})
	require.Equal(t, "https://"+tid+".ciamlogin.com/"+tid+"/v2.0", a.root().get("/" + tid + "/v2.0" + metadata).json["issuer"])
	r := a.root().get("/fabrikam.example/v2.0" + metadata)
	require.Equal(t, 90002, r.number())
	require.Equal(t, "invalid_tenant", r.code())
	require.Equal(t, 90002, a.root().get("/consumers/v2.0"+metadata).number(), "this directory has no personal accounts")
}

func TestEntraKeys(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	get := func(path string) map[string]any {
		return a.root().get(path).json["keys"].([]any)[0].(map[string]any)
	}
	key := get("/common/discovery/v2.0/keys")
	require.Equal(t, p.URL+"/{tenantid}/v2.0", key["issuer"])
	require.NotContains(t, key, "alg")
	der, err := base64.StdEncoding.DecodeString(key["x5c"].([]any)[0].(string))
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	_, signer := p.SigningKey()
	require.True(t, signer.Public().(*rsa.PublicKey).Equal(certificate.PublicKey))
	thumb := sha1.Sum(der)
	require.Equal(t, base64.RawURLEncoding.EncodeToString(thumb[:]), key["x5t"])
	require.Equal(t, key, get("/common/discovery/v2.0/keys"), "always the same certificate")
	require.NotContains(t, get("/common/discovery/keys"), "issuer")

	p.RotateKeys()
	p.RetireKeys()
	require.Equal(t, "test-key-2", get("/common/discovery/v2.0/keys")["kid"])
	p.EditKeys = func(document map[string]any) { document["keys"] = []any{map[string]any{"kid": "x"}} }
	require.Equal(t, "x", get("/common/discovery/keys")["kid"])
}

func TestEntraInstance(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	ask := func(host, path string) reply {
		return a.root().get("/common/discovery/instance?" + url.Values{
			"api-version": {"1.1"}, "authorization_endpoint": {"https://" + host + path},
		}.Encode())
	}
	r := ask("login.windows.net", "/common/oauth2/v2.0/authorize")
	require.Equal(t, "https://login.windows.net/common/v2.0"+metadata, r.str("tenant_discovery_endpoint"))
	require.Equal(t, "1.1", r.str("api-version"))
	first := r.json["metadata"].([]any)[0].(map[string]any)
	require.Equal(t, "login.microsoftonline.com", first["preferred_network"])
	require.Equal(t, "login.windows.net", first["preferred_cache"])
	require.Equal(t, []any{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}, first["aliases"])
	require.Equal(t, "https://login.microsoftonline.us/x"+metadata, ask("login.microsoftonline.us", "/x/oauth2/authorize").str("tenant_discovery_endpoint"))

	r = ask("idp.example", "/common/oauth2/v2.0/authorize")
	require.Equal(t, http.StatusOK, r.status, "the platform vouches for itself")
	require.Len(t, r.json["metadata"], 4)
	r = ask("evil.example", "/common/oauth2/v2.0/authorize")
	require.Equal(t, 50049, r.number())
	require.Equal(t, "invalid_instance", r.code())
	require.Equal(t, 50050, a.root().get("/common/discovery/instance").number())
	require.Equal(t, 5, a.p.Count("instance"))
}

// At the address of a cloud the in-process client reaches Microsoft Graph's userinfo and the page for devices too.
func TestEntraOfACloud(t *testing.T) {
	t.Parallel()
	for cloud, graph := range map[string]string{
		publicCloud: "https://graph.microsoft.com", "https://login.microsoftonline.us": "https://graph.microsoft.us",
	} {
		p, a := newEntra(t, at(cloud))
		without := a.enter("User.Read").str("access_token")
		token := a.enter("openid profile email").str("access_token")
		ask := func(address, token string) reply {
			req, err := http.NewRequest(http.MethodGet, address, nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", "Bearer "+token)
			r, err := a.do(req)
			require.NoError(t, err)
			return r
		}
		r := ask(graph+"/oidc/userinfo", token)
		require.Equal(t, "Avery Example", r.str("name"))
		require.Equal(t, "avery@contoso.example", r.str("email"))
		require.NotEmpty(t, r.str("sub"))
		require.Equal(t, http.StatusUnauthorized, ask(graph+"/oidc/userinfo", "x").status)
		require.Equal(t, r.json, ask(cloud+"/common/openid/userinfo", token).json)
		require.Equal(t, http.StatusForbidden, ask(graph+"/oidc/userinfo", without).status, "without openid")

		start := a.post("/devicecode", with(entraForm(""), "scope", "openid", "grant_type", "", "code", ""))
		page := start.str("verification_uri")
		require.True(t, strings.HasPrefix(page, "https://microsoft.com/devicelogin"), page)
		require.NoError(t, p.Browse(t.Context(), page+"?user_code="+start.str("user_code")))
		require.Equal(t, http.StatusOK, a.post("/token", with(entraForm(""), "grant_type", grantDevice, "code", "", "device_code", start.str("device_code"))).status)
	}
}

func TestEntraLogout(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	token := a.enter("openid").str("id_token")
	silent := func(hint string) string {
		return a.landed(a.visit("prompt", "none", "login_hint", hint, "scope", "openid")).Get("error")
	}
	out := func(pairs ...string) reply { return a.get("/logout?" + with(url.Values{}, pairs...).Encode()) }
	a.enter("openid", "login_hint", "morgan")
	require.Empty(t, silent("morgan"))
	r := out("id_token_hint", token, "post_logout_redirect_uri", localapp, "state", "s")
	require.Equal(t, localapp+"?state=s", r.header.Get("Location"))
	require.Equal(t, "login_required", silent("avery"))
	require.Empty(t, silent("morgan"), "another person")
	require.Equal(t, http.StatusOK, out().status)
	require.Equal(t, "login_required", silent("morgan"))

	p.Entra.Apps = []msaltest.App{{ClientID: client, RedirectURIs: []string{localapp}}}
	a.enter("openid")
	r = out("client_id", client, "post_logout_redirect_uri", "https://evil.example")
	require.Equal(t, http.StatusOK, r.status, "who asks is signed out, and stays on the page")
	require.Equal(t, "login_required", silent("avery"))
	require.Equal(t, localapp, out("client_id", client, "post_logout_redirect_uri", localapp).header.Get("Location"))
	require.Empty(t, out("post_logout_redirect_uri", localapp).header.Get("Location"), "whose redirect URI is this?")
	forged := p.SignIDToken(map[string]any{"sub": "nobody", "aud": client})
	require.Equal(t, localapp, out("id_token_hint", forged, "post_logout_redirect_uri", localapp).header.Get("Location"))
	require.Equal(t, 9000411, a.get("/logout?state=a&state=b").number())
}
