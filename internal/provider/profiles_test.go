package provider

import (
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		authority string
		o         Options
		want      string
		offline   url.Values
		loopback  string
	}{
		{"https://login.microsoftonline.com/common", Options{}, "entra", nil, localhost},
		{"https://contoso.b2clogin.com/c.onmicrosoft.com/b2c_1_x", Options{}, "b2c", nil, localhost},
		{"https://contoso.ciamlogin.com", Options{}, "ciam", nil, localhost},
		{"https://fs.contoso.com/adfs", Options{}, "adfs", nil, localhost},
		{"https://accounts.google.com", Options{}, "google", url.Values{"access_type": {"offline"}, "prompt": {"consent"}}, literal},
		{"https://gitlab.com", Options{}, "gitlab", nil, literal},
		{"https://gitlab.contoso.com", Options{}, "", nil, literal},
		{"https://gitlab.contoso.com", Options{Profile: "gitlab"}, "gitlab", nil, literal},
		{"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x", Options{}, "cognito", nil, localhost},
		{"https://cognito-idp.amazonaws.com/x", Options{}, "", nil, literal},
		{"https://sso.contoso.com/realms/a", Options{}, "", nil, literal},
		{"https://sso.contoso.com/realms/a", Options{Profile: "keycloak"}, "keycloak", nil, literal},
		{"https://contoso.okta.com/oauth2/default", Options{}, "okta", nil, literal},
		{"https://okta.com", Options{}, "", nil, literal},
		{"https://contoso.okta.com.evil.example", Options{}, "", nil, literal},
		{"https://contoso.eu.auth0.com/", Options{}, "auth0", nil, literal},
		{"https://contoso.logto.app/oidc", Options{}, "logto", url.Values{"prompt": {"consent"}}, literal},
		{"https://idp.example", Options{Profile: "node-oidc-provider"}, "node-oidc-provider", url.Values{"prompt": {"consent"}}, literal},
		{"https://contoso.okta.com", Options{Profile: "oidc"}, "oidc", nil, literal},
		{"https://idp.example", Options{}, "", nil, literal},
	} {
		p := parse(t, c.authority, c.o).Profile(c.o.Profile)
		require.Equal(t, c.want, p.Name, c.authority)
		require.Equal(t, c.offline, p.Offline, c.authority)
		require.Equal(t, c.loopback, p.Loopback, c.authority)
	}
}

func TestSends(t *testing.T) {
	t.Parallel()
	four := scopes.Defaults().Slice()
	three := four[:3]
	for _, c := range []struct {
		name, authority string
		o               Options
		defaults        []string
		supported       []string
		published       bool
		want            []string
	}{
		{"Entra", "https://login.microsoftonline.com/common", Options{}, four, four, true, four},
		{"Entra, whatever is published", "https://login.microsoftonline.com/common", Options{}, four, nil, false, four},
		{"Entra without email", "https://login.microsoftonline.com/common", Options{}, []string{"openid", "profile", "offline_access"}, four, true, []string{"openid", "profile", "offline_access"}},
		{"Entra v1.0", "https://login.microsoftonline.com/common", Options{V1: true}, four, nil, false, []string{"openid"}},
		{"B2C under-reports", "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x", Options{}, four, []string{"openid"}, true, []string{"openid", "offline_access"}},
		{"ADFS under-reports", "https://fs.contoso.com/adfs", Options{}, four, []string{"openid", "profile", "email", "allatclaims"}, true, four},
		{"Google", "https://accounts.google.com", Options{}, four, three, true, three},
		{"Keycloak by name", "https://sso.contoso.com/realms/a", Options{Profile: "keycloak"}, four, four, true, three},
		{"GitLab", "https://gitlab.com", Options{}, four, []string{"api", "openid", "profile", "email"}, true, three},
		{"Cognito", "https://cognito-idp.eu-west-1.amazonaws.com/x", Options{}, four, []string{"openid", "email", "phone", "profile"}, true, three},
		{"Okta", "https://c.okta.com", Options{}, four, nil, false, four},
		{"discovery has all", "https://idp.example", Options{}, four, []string{"offline_access", "email", "profile", "openid", "x"}, true, four},
		{"discovery without offline_access", "https://idp.example", Options{}, four, three, true, three},
		{"discovery has openid alone", "https://idp.example", Options{}, four, []string{"openid"}, true, []string{"openid"}},
		{"discovery forgets openid", "https://idp.example", Options{}, four, []string{"email"}, true, []string{"openid", "email"}},
		{"discovery empty", "https://idp.example", Options{}, four, []string{}, true, []string{"openid"}},
		{"not published", "https://idp.example", Options{}, four, nil, false, three},
		{"not published, omitted", "https://idp.example", Options{}, []string{"openid", "email"}, nil, false, []string{"openid", "email"}},
		{"published in capitals is something else", "https://idp.example", Options{}, four, []string{"openid", "EMAIL"}, true, []string{"openid"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			defaults, supported := slices.Clone(c.defaults), slices.Clone(c.supported)
			got := parse(t, c.authority, c.o).Profile(c.o.Profile).Sends(c.defaults, c.supported, c.published)
			require.Equal(t, c.want, got)
			require.Equal(t, defaults, c.defaults, "arguments stay as they are")
			require.Equal(t, supported, c.supported)
		})
	}
	require.Empty(t, Profile{Defaults: []string{}}.Sends(four, four, true), "an application may say: none")
}

func TestParameters(t *testing.T) {
	t.Parallel()
	google := parse(t, "https://accounts.google.com", Options{}).Profile("")
	require.Equal(t, url.Values{"access_type": {"offline"}, "prompt": {"consent"}}, google.Parameters([]string{"openid", "offline_access"}))
	require.Empty(t, google.Parameters([]string{"openid"}), "an application that omits offline_access gets no refresh token")
	google.Authorize = url.Values{"hd": {"contoso.com"}}
	require.Equal(t, url.Values{"hd": {"contoso.com"}}, google.Parameters(nil))
	require.Equal(t, url.Values{"hd": {"contoso.com"}, "access_type": {"offline"}, "prompt": {"consent"}}, google.Parameters([]string{"offline_access"}))
	require.Len(t, google.Authorize, 1, "the profile stays as it is")
}

// TestTableIsNotShared: what a caller does to its profile changes no other's.
func TestTableIsNotShared(t *testing.T) {
	t.Parallel()
	a := parse(t, "https://accounts.google.com", Options{})
	p := a.Profile("")
	p.Offline["access_type"][0], p.Defaults[0] = "x", "x"
	p.Offline.Set("y", "z")
	p.Defaults = append(p.Defaults, "x")
	require.Equal(t, "offline", a.Profile("").Offline.Get("access_type"))
	require.False(t, a.Profile("").Offline.Has("y"))
	require.Equal(t, scopes.Defaults().Slice()[:3], a.Profile("").Defaults)
	require.Equal(t, scopes.Defaults().Slice(), parse(t, "https://login.microsoftonline.com/common", Options{}).Profile("").Defaults)
}

// TestTable: a row can be found by its name, and only rows of OIDC match hosts.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, r := range rows {
		found, ok := named(r.Name)
		require.True(t, ok)
		require.Equal(t, r.kind, found.kind)
		require.Subset(t, scopes.Defaults().Slice(), r.Defaults)
		require.Contains(t, []string{localhost, literal}, r.Loopback)
		require.True(t, r.kind == OIDC || r.hosts == nil, r.Name)
		require.Contains(t, names(), r.Name)
	}
}
