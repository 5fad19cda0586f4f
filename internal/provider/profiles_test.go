package provider

import (
	"net/url"
	"slices"
	"strings"
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
		{"https://slack.com", Options{}, "slack", nil, localhost},
		{"https://auth.atlassian.com", Options{}, "atlassian", nil, literal},
		{"https://www.dropbox.com", Options{}, "dropbox", url.Values{"token_access_type": {"offline"}}, literal},
		{"https://api.x.com", Options{}, "x", nil, literal},
		{"https://github.com/login/oauth", Options{}, "github", nil, literal},
		{"https://git.contoso.com/login/oauth", Options{Profile: "github"}, "github", nil, literal},
		{"https://gist.github.com/login/oauth", Options{}, "", nil, literal},
		{"https://idp.example", Options{}, "", nil, literal},
	} {
		p := parse(t, c.authority, c.o).Profile(c.o.Profile)
		require.Equal(t, c.want, p.Name, c.authority)
		require.Equal(t, c.offline, p.Offline, c.authority)
		require.Equal(t, c.loopback, p.Loopback, c.authority)
	}
}

// TestSends is the decision: the profile's word, chosen by name before host, and
// then the metadata's.
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
		{"a name stands over the host", "https://accounts.google.com", Options{Profile: "okta"}, four, three, true, four},
		{"the host over the metadata", "https://accounts.google.com", Options{}, four, four, true, three},
		{"no profile, by name", "https://accounts.google.com", Options{Profile: "oidc"}, four, four, true, four},
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
			p := parse(t, c.authority, c.o).Profile(c.o.Profile)
			got := p.Sends(c.defaults, c.supported, c.published, true)
			require.Equal(t, c.want, got)
			require.Equal(t, defaults, c.defaults, "arguments stay as they are")
			require.Equal(t, supported, c.supported)
		})
	}
	require.Empty(t, Profile{Defaults: []string{}}.Sends(four, four, true, true), "an application may say: none")
}

// TestSendsWithoutOpenID: a server that is no OpenID Provider never gets one of
// its scopes, and offline_access under its name there.
func TestSendsWithoutOpenID(t *testing.T) {
	t.Parallel()
	four := scopes.Defaults().Slice()
	for name, c := range map[string]struct {
		profile   Profile
		supported []string
		published bool
		want      []string
	}{
		"nothing published":                {Profile{}, nil, false, nil},
		"published without":                {Profile{}, []string{"read"}, true, nil},
		"published":                        {Profile{}, []string{"read", "offline_access"}, true, four[3:]},
		"published with scopes of OpenID":  {Profile{}, four, true, four[3:]},
		"the profile says none":            {Profile{Defaults: []string{}}, four, true, nil},
		"the profile says all":             {Profile{Defaults: four}, nil, false, four[3:]},
		"another name, published":          {Profile{OfflineScope: "offline"}, []string{"offline"}, true, []string{"offline"}},
		"another name, not published":      {Profile{OfflineScope: "offline"}, []string{"offline_access"}, true, nil},
		"another name, by the profile":     {Profile{Defaults: four[3:], OfflineScope: "offline.access"}, nil, false, []string{"offline.access"}},
		"another name, all by the profile": {Profile{Defaults: four, OfflineScope: "offline.access"}, four, true, []string{"offline.access"}},
		"an empty list published":          {Profile{}, []string{}, true, nil},
	} {
		require.Equal(t, c.want, c.profile.Sends(four, c.supported, c.published, false), name)
	}
	renamed := Profile{OfflineScope: "offline.access", Defaults: four}
	require.Equal(t, []string{"openid", "profile", "email", "offline.access"}, renamed.Sends(four, nil, false, true))
	require.Equal(t, four[:3], renamed.Sends(four[:3], nil, false, true), "an application that omits offline_access")
}

// TestOr: what an application says stands over the profile, field by field, and
// what is empty but not nil is said.
func TestOr(t *testing.T) {
	t.Parallel()
	base := Profile{
		Name: "base", Defaults: []string{"openid"}, Authorize: url.Values{"a": {"1"}}, Offline: url.Values{"b": {"2"}},
		OfflineScope: "offline", Loopback: localhost, ScopeSeparator: ",", InvalidGrant: []string{"over"}, NoOpenID: true,
		ScopeNames: map[string]string{"mail": "email"}, Endpoints: map[string]string{"token_endpoint": "/token"},
	}
	require.Equal(t, base, Profile{}.Or(base))
	require.Equal(t, base, base.Or(Profile{Name: "other", Loopback: literal}))
	mine := Profile{
		Name: "mine", Defaults: []string{}, Authorize: url.Values{}, Offline: url.Values{}, OfflineScope: "x", Loopback: literal,
		ScopeSeparator: " ", InvalidGrant: []string{}, NoOpenID: true, ScopeNames: map[string]string{}, Endpoints: map[string]string{},
	}
	require.Equal(t, mine, mine.Or(base))
	require.False(t, Profile{}.Or(Profile{}).NoOpenID)
	got := Profile{}.Or(base)
	got.Defaults[0], got.InvalidGrant[0] = "x", "x"
	got.Authorize.Set("a", "x")
	got.Offline["b"][0] = "x"
	got.Endpoints["token_endpoint"], got.ScopeNames["mail"] = "x", "x"
	require.Equal(t, "openid over 1 2 /token email", strings.Join([]string{base.Defaults[0], base.InvalidGrant[0],
		base.Authorize.Get("a"), base.Offline.Get("b"), base.Endpoints["token_endpoint"], base.ScopeNames["mail"]}, " "))
}

func TestAnswered(t *testing.T) {
	t.Parallel()
	const long = "https://www.googleapis.com/auth/userinfo."
	google, _ := Named("google")
	for scope, want := range map[string]string{
		"openid " + long + "profile":              "openid " + long + "profile profile",
		"profile " + long + "profile":             "profile " + long + "profile",
		long + "email " + long + "profile openid": long + "email " + long + "profile openid email profile",
		"a,b  c": "a,b  c",
		"":       "",
	} {
		require.Equal(t, want, google.Answered(scope))
		require.Equal(t, scope, Profile{}.Answered(scope))
	}
	require.Equal(t, "repo gist", Profile{ScopeSeparator: ","}.Answered("repo,gist"))
	require.Equal(t, "repo  gist", Profile{ScopeSeparator: ","}.Answered("repo, gist"))
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	a := parse(t, "https://git.contoso.com/login/oauth", Options{Profile: "github"})
	document, err := a.Metadata(a.Profile("github").Endpoints)
	require.NoError(t, err)
	require.JSONEq(t, `{"issuer":"https://git.contoso.com/login/oauth",
		"authorization_endpoint":"https://git.contoso.com/login/oauth/authorize",
		"token_endpoint":"https://git.contoso.com/login/oauth/access_token",
		"device_authorization_endpoint":"https://git.contoso.com/login/device/code"}`, string(document))
	document, err = a.Metadata(map[string]string{"token_endpoint": "https://elsewhere.example/token", "issuer_endpoint": "relative"})
	require.NoError(t, err)
	require.JSONEq(t, `{"issuer":"https://git.contoso.com/login/oauth","token_endpoint":"https://elsewhere.example/token",
		"issuer_endpoint":"https://git.contoso.com/login/relative"}`, string(document))
	for _, endpoint := range []string{"", "%zz", "http://[::1"} {
		_, err := a.Metadata(map[string]string{"token_endpoint": endpoint})
		require.ErrorContains(t, err, "token_endpoint: not a URL")
	}
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
		require.NotEmpty(t, r.Name)
		require.False(t, r.NoOpenID && (r.kind != OIDC || slices.Contains(r.Defaults, scopes.OpenID)), r.Name)
		require.True(t, r.path == "" || r.kind == OIDC, r.Name)
		p, ok := Named(r.Name)
		require.True(t, ok)
		require.Equal(t, found.Profile, p)
		require.Contains(t, []string{localhost, literal}, r.Loopback)
		require.True(t, r.kind == OIDC || r.hosts == nil, r.Name)
		require.Contains(t, names(), r.Name)
	}
}
