package msaltest_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// The v1.0 endpoint asks for a resource, ignores scopes, and always gives a refresh token.
func TestEntraV1(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		a = a.v1("common")
		r := a.enter("openid nonsense", "resource", arm)
		require.Equal(t, "user_impersonation", r.str("scope"))
		require.Equal(t, arm, r.str("resource"))
		for name, value := range map[string]string{
			"expires_in": "3600", "ext_expires_in": "3600", "not_before": "946684800", "expires_on": "946688400",
		} {
			require.Equal(t, value, r.json[name], name)
		}
		id := payload(t, r.str("id_token"))
		require.Equal(t, "1.0", id["ver"])
		require.Equal(t, p.URL+"/"+msaltest.DefaultTenant+"/", id["iss"])
		require.Equal(t, "avery@contoso.example", id["upn"])
		require.Equal(t, "avery@contoso.example", id["unique_name"])
		require.NotContains(t, id, "preferred_username")
		require.Equal(t, arm, payload(t, r.str("access_token"))["aud"])

		// The refresh token is good for every resource, at both endpoints.
		token := r.str("refresh_token")
		r = a.renew(token, "resource", "https://graph.microsoft.com")
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.Contains(t, strings.Fields(r.str("scope")), "User.Read")
		require.NotContains(t, r.str("scope"), "offline_access")
		require.Equal(t, "https://graph.microsoft.com", r.str("resource"))
		require.Equal(t, arm, a.renew(token).str("resource"), "that of the sign-in")
		require.Equal(t, http.StatusOK, a.of("common").renew(token, "scope", "User.Read openid").status)
		v2 := a.of("common").enter("User.Read offline_access").str("refresh_token")
		require.Equal(t, http.StatusOK, a.renew(v2, "resource", "https://graph.microsoft.com").status)

		p.Entra.NumbersInV1, p.Entra.UnsignedV1, p.OmitScope = true, true, true
		r = a.enter("", "resource", arm)
		require.EqualValues(t, 3600, r.json["expires_in"])
		require.NotContains(t, r.json, "scope")
		header, _, _ := strings.Cut(r.str("id_token"), ".")
		raw, err := base64.RawURLEncoding.DecodeString(header)
		require.NoError(t, err)
		require.JSONEq(t, `{"typ":"JWT","alg":"none"}`, string(raw))
		require.True(t, strings.HasSuffix(r.str("id_token"), "."), "no signature")
		require.Equal(t, "1.0", payload(t, r.str("id_token"))["ver"])
		p.EditClaims = func(claims map[string]any) { claims["f"] = func() {} }
		require.Panics(t, func() { a.renew(token) })
	})
}

// The resource comes with the authorization request, with the token request, or with both, and is the same then.
func TestEntraV1Resource(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	a = a.v1("contoso.example")
	redeem := func(first string, pairs ...string) reply {
		return a.post("/token", entraForm(a.codeFor("scope", "", "resource", first), pairs...))
	}
	require.Equal(t, arm, redeem("", "resource", arm).str("resource"))
	require.Equal(t, arm, redeem(arm, "resource", arm).str("resource"))
	require.Equal(t, 90014, redeem("").number())
	require.Equal(t, 70000, redeem(arm, "resource", "api://contoso").number())
	require.Equal(t, 500011, redeem("", "resource", "https://x.example").number())
	require.Equal(t, "https://management.azure.com", redeem("https://management.azure.com").str("resource"), "as it was asked for")
	require.Equal(t, http.StatusFound, a.visit("scope", "", "prompt", "admin_consent").status)
}

func TestEntraV1Device(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		a = a.v1("common")
		start := func(pairs ...string) reply {
			return a.post("/devicecode", with(map[string][]string{"client_id": {client}}, pairs...))
		}
		d := start("resource", arm)
		require.Equal(t, p.URL+"/devicelogin", d.str("verification_url"))
		require.NotContains(t, d.json, "verification_uri")
		require.Equal(t, "900", d.json["expires_in"])
		require.Equal(t, "5", d.json["interval"])
		p.Approve(d.str("user_code"))
		poll := with(map[string][]string{"client_id": {client}}, "grant_type", "device_code", "code", d.str("device_code"), "resource", arm)
		require.Equal(t, arm, a.post("/token", poll).str("resource"))
		require.Equal(t, 650057, func() int {
			p.Entra.Apps = []msaltest.App{{ClientID: client}}
			return start("resource", arm).number()
		}())
	})
}
