package msaltest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	tenantA = "aaaaaaaa-0000-4000-8000-000000000001"
	tenantB = "bbbbbbbb-0000-4000-8000-000000000002"
)

func TestDiscovery(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	document := a.get("/.well-known/openid-configuration").json
	require.Equal(t, document, a.get("/.well-known/oauth-authorization-server").json)
	require.Equal(t, p.URL, document["issuer"])
	for _, member := range []string{
		"authorization_endpoint", "token_endpoint", "jwks_uri", "device_authorization_endpoint", "revocation_endpoint",
		"end_session_endpoint", "userinfo_endpoint",
	} {
		require.Contains(t, document[member], p.URL+"/", member)
	}
	require.Equal(t, []any{"openid", "profile", "email", "offline_access"}, document["scopes_supported"])
	p.ScopesSupported = []string{"openid"}
	require.Equal(t, []any{"openid"}, a.get("/.well-known/openid-configuration").json["scopes_supported"])
	p.ScopesSupported = []string{}
	require.NotContains(t, a.get("/.well-known/openid-configuration").json, "scopes_supported")
	require.Equal(t, everything, a.signIn().str("scope"), "what is published restricts nothing")
}

func TestTenants(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Tenants = []string{tenantA, tenantB}
	p.Users = []msaltest.User{{Subject: "ann", ObjectID: "o-1"}, {Subject: "bob", TenantID: tenantB}}
	a := newApp(t, p)

	// The common authority publishes a template, which its tokens fill in.
	a.base = p.URL + "/common/v2.0"
	document := a.get("/.well-known/openid-configuration").json
	require.Equal(t, p.URL+"/{tenantid}/v2.0", document["issuer"])
	require.Equal(t, a.base+"/token", document["token_endpoint"])
	require.Equal(t, false, document["authorization_response_iss_parameter_supported"])
	key := a.get("/keys").json["keys"].([]any)[0].(map[string]any)
	require.Equal(t, p.URL+"/{tenantid}/v2.0", key["issuer"])
	require.NotContains(t, a.authorize(), "iss")
	ann, bob := a.signIn(), a.signIn("login_hint", "bob")

	a.base = p.URL + "/" + tenantA + "/v2.0"
	claims := a.claims(ann.str("id_token"))
	require.Equal(t, a.base, claims["iss"])
	require.Equal(t, tenantA, claims["tid"], "the first tenant is home to those who name none")
	require.Equal(t, "o-1", claims["oid"])
	require.Equal(t, tenantA, a.claims(a.signIn("login_hint", "bob").str("id_token"))["tid"], "a guest")

	a.base = p.URL + "/" + tenantB + "/v2.0"
	require.Equal(t, tenantB, a.claims(bob.str("id_token"))["tid"])
	require.Equal(t, a.base, a.claims(a.refresh(bob.str("refresh_token")).str("id_token"))["iss"])

	a.base = p.URL + "/cccccccc-0000-4000-8000-000000000003/v2.0"
	r := a.get("/.well-known/openid-configuration")
	require.Equal(t, http.StatusBadRequest, r.status)
	require.Equal(t, "invalid_tenant", r.code())

	p.AllowUnknown = true
	a.base = p.URL
	require.Equal(t, http.StatusNotFound, a.get("/.well-known/openid-configuration").status)
}

func TestDeviceOfATenant(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Tenants, p.AutoApproveAfter = []string{tenantA}, 1
	a := newApp(t, p)
	a.base = p.URL + "/" + tenantA + "/v2.0"
	require.Equal(t, a.base, a.claims(a.poll(a.startDevice()).str("id_token"))["iss"])
}
