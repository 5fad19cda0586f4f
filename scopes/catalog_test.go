package scopes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

func TestBuiltinCatalog(t *testing.T) {
	t.Parallel()
	c := scopes.BuiltinCatalog()
	for name, id := range map[string]string{
		"openid":         "37f7f235-527c-4136-accd-4a02d197296e",
		"profile":        "14dad69e-099b-42c9-810b-d002981feec1",
		"email":          "64a6cdd6-aab1-4aaf-94b8-3cc8405e90d0",
		"offline_access": "7427e0e9-2fba-42fe-b0c0-848c9e6a8182",
		"User.Read":      "e1fe6dd8-ba31-4d61-89e7-88639da4683d",
	} {
		p, ok := c.Lookup(name)
		require.True(t, ok, name)
		require.Equal(t, name, p.Value)
		require.Equal(t, id, p.ID)
		require.False(t, p.AdminConsentRequired)
		require.True(t, p.Enabled)
		for _, text := range []string{p.DisplayText, p.Description, p.UserDisplayText, p.UserDescription} {
			require.NotEmpty(t, text, name)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	c := scopes.BuiltinCatalog()
	for scope, want := range map[string]string{
		"user.read":                             "User.Read",
		"USER.READ":                             "User.Read",
		"https://graph.microsoft.com/openid":    "openid",
		"HTTPS://GRAPH.MICROSOFT.US//User.read": "User.Read",
		"00000003-0000-0000-C000-000000000000/Offline_Access": "offline_access",

		"api://an-api/User.Read":               "",
		"https://graph.windows.net/User.Read":  "",
		"User.Read ":                           "",
		"User.ReadWrite":                       "",
		"offline_acce\u017f\u017f":             "", // long s
		"https://graph.microsoft.com/":         "",
		"https://graph.microsoft.com/.default": "",
		"":                                     "",
		"e1fe6dd8-ba31-4d61-89e7-88639da4683d": "", // an id is no scope
	} {
		p, ok := c.Lookup(scope)
		require.Equal(t, want != "", ok, "%q", scope)
		require.Equal(t, want, p.Value, "%q", scope)
	}
	_, ok := new(scopes.Catalog).Lookup("openid")
	require.False(t, ok, "the zero Catalog is empty")
}
