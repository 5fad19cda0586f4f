package msaltest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
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
