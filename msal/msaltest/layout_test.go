package msaltest_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// signInBy finds the endpoints in the metadata and signs in.
func (a *app) signInBy(metadata reply) reply {
	a.t.Helper()
	at := func(member string) string {
		u, err := url.Parse(metadata.str(member))
		require.NoError(a.t, err)
		return u.Path
	}
	a.base = msaltest.DefaultURL
	r := a.get(at("authorization_endpoint") + "?" + authorization().Encode())
	require.Equal(a.t, http.StatusSeeOther, r.status, r.body)
	u, err := url.Parse(r.header.Get("Location"))
	require.NoError(a.t, err)
	return a.post(at("token_endpoint"), redemption(u.Query().Get("code")))
}

func TestLayout(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.AutoApproveAfter = 1
	p.Layout = msaltest.Layout{
		Mount: "/*/x/*", Issuer: "/elsewhere/",
		Paths: map[string]string{"discovery": "/v2/meta", "token": "/v2/t", "verification": "/v2/a", "signin": "/v2/s", "keys": "/v2/k"},
	}
	a := newApp(t, p)
	const base = msaltest.DefaultURL + "/one/x/two"
	metadata := a.get("/one/x/two/v2/meta")
	require.Equal(t, msaltest.DefaultURL+"/elsewhere/", metadata.str("issuer"))
	require.Equal(t, base+"/authorize", metadata.str("authorization_endpoint"))
	require.Equal(t, base+"/v2/t", metadata.str("token_endpoint"))
	require.Equal(t, base+"/v2/k", metadata.str("jwks_uri"))
	require.NotEmpty(t, a.get("/one/x/two/v2/k").json["keys"])
	require.Equal(t, metadata.json, a.get("/.well-known/oauth-authorization-server/one/x/two").json, "this one stays")
	require.NotEmpty(t, a.signInBy(metadata).str("access_token"))

	a.base = base
	require.Equal(t, base+"/v2/a", a.startDevice().str("verification_uri"))
	p.Interactive = true
	require.Contains(t, a.get("/authorize?"+authorization().Encode()).body, `action="`+base+`/v2/s"`)

	p.AllowUnknown = true
	for _, path := range []string{"", "/meta", "/one/y/two/v2/meta", "/one/x/two", "/one/x/two/token", "/one/x//v2/meta"} {
		a.base = msaltest.DefaultURL
		require.Equal(t, http.StatusNotFound, a.get(path).status, path)
	}
}

func TestLayoutOfTheIssuer(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	p.URL += "/"
	require.Equal(t, msaltest.DefaultURL+"/", a.get("/.well-known/openid-configuration").str("issuer"), "as it was set")
	p.Layout.Mount = "/adfs"
	require.Equal(t, msaltest.DefaultURL+"/adfs", a.get("/adfs/.well-known/openid-configuration").str("issuer"))
	a.base += "/adfs"
	require.Equal(t, "avery", a.claims(a.signIn().str("id_token"))["sub"], "go-oidc compares the two")

	// RFC 8414 section 3.1 puts its name before the path of the issuer.
	p.URL, p.Layout = msaltest.DefaultURL+"/a/b", msaltest.Layout{Mount: "/c"}
	a.base = msaltest.DefaultURL
	for _, path := range []string{"/.well-known/oauth-authorization-server/a/b/c", "/a/b/c/.well-known/oauth-authorization-server"} {
		require.Equal(t, p.URL+"/c", a.get(path).str("issuer"), path)
	}
	p.Layout.Issuer = "/c/d/"
	metadata := a.get("/.well-known/oauth-authorization-server/a/b/c/d")
	require.Equal(t, p.URL+"/c/d/", metadata.str("issuer"))
	require.Equal(t, p.URL+"/c/token", metadata.str("token_endpoint"))
	p.AllowUnknown, p.Layout.Mount = true, "/*"
	require.Equal(t, http.StatusNotFound, a.get("/.well-known/oauth-authorization-server/a/b/c/d").status, "of nobody in particular")
}

func TestNoOpenID(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.NoOpenID, p.URL = true, msaltest.DefaultURL+"/login/oauth"
	a := newApp(t, p)
	require.Equal(t, http.StatusNotFound, a.get("/.well-known/openid-configuration").status, "which is no misuse")
	require.Equal(t, http.StatusNotFound, a.get("/.well-known/oauth-authorization-server").status, "nor is this")
	a.base = msaltest.DefaultURL
	metadata := a.get("/.well-known/oauth-authorization-server/login/oauth")
	require.Equal(t, p.URL, metadata.str("issuer"))
	require.Equal(t, p.URL+"/token", metadata.str("token_endpoint"))
	require.Equal(t, p.URL+"/revoke", metadata.str("revocation_endpoint"))
	require.Equal(t, p.URL+"/device", metadata.str("device_authorization_endpoint"))
	for _, member := range []string{
		"jwks_uri", "userinfo_endpoint", "end_session_endpoint", "id_token_signing_alg_values_supported",
		"subject_types_supported", "claims_supported", "scopes_supported",
	} {
		require.NotContains(t, metadata.json, member)
	}
	r := a.signInBy(metadata)
	require.NotEmpty(t, r.str("access_token"))
	require.NotContains(t, r.json, "id_token")
	p.AllowUnknown = true
	for _, path := range []string{"/keys", "/userinfo", "/logout"} {
		require.Equal(t, http.StatusNotFound, a.get("/login/oauth"+path).status, path)
	}
	p.ScopesSupported = []string{"repo"}
	require.Equal(t, []any{"repo"}, a.get("/.well-known/oauth-authorization-server/login/oauth").json["scopes_supported"])
}

func TestNoDevice(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	p := msaltest.New(r)
	p.NoDevice = true
	a := newApp(t, p)
	metadata := a.get("/.well-known/openid-configuration")
	require.NotContains(t, metadata.json, "device_authorization_endpoint")
	require.Equal(t, []any{"authorization_code", "refresh_token"}, metadata.json["grant_types_supported"])
	require.Equal(t, http.StatusNotFound, a.post("/device", url.Values{"client_id": {"app"}}).status)
	require.Equal(t, http.StatusNotFound, a.get("/activate").status)
	require.Len(t, r.errors, 2, "the client has built the addresses")
}
