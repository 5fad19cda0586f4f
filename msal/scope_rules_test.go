package msal_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// endpointOf is where the rules of a dialect hold.
var endpointOf = map[string]msal.Config{
	"v2":   {Authority: "https://login.microsoftonline.com/" + wireTenant},
	"v1":   {Authority: "https://login.microsoftonline.com/" + wireTenant, Endpoint: msal.V1},
	"ciam": {Authority: "https://contoso.ciamlogin.com/" + wireTenant},
	"b2c":  {Authority: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/b2c_1_x"},
	"adfs": {Authority: "https://fs.contoso.com/adfs"},
	"oidc": {Authority: "https://idp.example"},
}

const (
	graphURL = "https://graph.microsoft.com"
	graphApp = "00000003-0000-0000-c000-000000000000"
	azure    = "https://management.azure.com"
	apiID    = "6731de76-14a6-49ae-97bc-6eba6914391e"
)

// refusedRules are requests that the server would refuse, after a person has
// signed in or a refresh token has been sent.
var refusedRules = map[string]struct {
	at     string   // endpoints
	asked  []string // by the caller
	index  int      // of the scope that is named
	reason string   // part of the error; "": a default
	tokens bool     // in requests for a token; a sign-in may have it
}{
	"X/.default before a scope":               {"v2 v1 ciam", []string{graphURL + "/.default", "Mail.Read"}, 0, "a call of its own", false},
	"X/.default behind a scope":               {"v2 v1 ciam", []string{"Mail.Read", graphURL + "/.default"}, 1, "a call of its own", false},
	"X/.default in capitals":                  {"v2 v1 ciam", []string{"Mail.Read", graphURL + "/.DEFAULT"}, 1, "a call of its own", false},
	"X/.default beside another resource":      {"v2 v1 ciam", []string{azure + "//.default", "Mail.Read"}, 0, "a call of its own", false},
	".default of Graph, bare, beside a scope": {"v2 v1 ciam", []string{".default", "Mail.Read"}, 0, "a call of its own", false},
	"two .defaults":                           {"v2 v1 ciam", []string{azure + "/.default", "https://vault.azure.net/.default"}, 0, "a call of its own", false},
	"two spellings of one .default":           {"v2 v1 ciam", []string{".default", graphApp + "/.default"}, 0, "a call of its own", false},
	"X/.default of B2C beside a scope":        {"b2c", []string{"https://contoso.onmicrosoft.com/api/.default", "https://contoso.onmicrosoft.com/api/read"}, 0, "a call of its own", false},

	"scopes with a comma between them":              {"v2 v1 ciam", []string{"User.Read,Mail.Read"}, 0, "an argument of its own", false},
	"qualified ones with a comma between them":      {"v2 v1 ciam", []string{"Mail.Read", graphURL + "/User.Read," + graphURL + "/Files.Read"}, 1, "an argument of its own", false},
	"ones of an API with a comma between them":      {"v2 v1 ciam", []string{"api://my-app/a,api://my-app/b"}, 0, "an argument of its own", false},
	"a comma at the end":                            {"v2 v1 ciam", []string{"User.Read,"}, 0, "an argument of its own", false},
	"a space between them":                          {"v2 v1 ciam b2c adfs oidc", []string{"User.Read Mail.Read"}, 0, "U+0020", false},
	"a line break between them":                     {"v2 v1 ciam b2c adfs oidc", []string{"User.Read\nMail.Read"}, 0, "U+000A", false},
	"a resource alone":                              {"v2 v1 ciam", []string{azure}, 0, "append /.default", false},
	"a resource alone, with a slash":                {"v2 v1 ciam", []string{azure + "/"}, 0, "append /.default", false},
	"a resource alone that ends in a slash":         {"v2 v1 ciam", []string{azure + "//"}, 0, "append /.default", false},
	"an application alone":                          {"v2 v1 ciam", []string{"User.Read", "api://" + apiID}, 1, "append /.default", false},
	"an application's id alone":                     {"v2 v1 ciam", []string{apiID}, 0, "append /.default", false},
	"a URN alone":                                   {"v2 v1 ciam", []string{"urn:contoso:api"}, 0, "append /.default", false},
	"a token for two resources":                     {"v2 ciam adfs", []string{"https://a.example/read", "https://b.example/read"}, 1, "another resource (https://b.example)", true},
	"a token for Graph and another":                 {"v2 ciam", []string{"User.Read", azure + "/user_impersonation"}, 1, "another resource (" + azure + ")", true},
	"resources that differ in a slash":              {"v2 ciam", []string{azure + "/a", azure + "//b"}, 1, "another resource (" + azure + "/)", true},
	"Graph and Xbox Live":                           {"v2 ciam", []string{"XboxLive.signin", "User.Read"}, 1, "another resource", true},
	"v1.0: two resources, at a sign-in as well":     {"v1", []string{azure + "/user_impersonation", "https://vault.azure.net/x"}, 1, "another resource (https://vault.azure.net)", false},
	"v1.0: Graph and another, at a sign-in as well": {"v1", []string{"User.Read", azure + "/user_impersonation"}, 1, "another resource", false},
	"B2C: two resources, at a sign-in as well":      {"b2c", []string{"https://contoso.onmicrosoft.com/a/read", "https://contoso.onmicrosoft.com/b/read"}, 1, "another resource", false},
	"B2C: two client ids, at a sign-in as well":     {"b2c", []string{apiID, graphApp}, 1, "another resource", false},

	"openid":                         {"v2 v1 ciam b2c adfs oidc", []string{"openid"}, 0, "", false},
	"offline_access, behind":         {"v2 v1 ciam b2c adfs oidc", []string{"read", "offline_access"}, 1, "", false},
	"in capitals":                    {"v2 v1 ciam b2c adfs oidc", []string{"PROFILE"}, 0, "", false},
	"of Graph":                       {"v2 v1 ciam", []string{graphURL + "/email"}, 0, "", false},
	"of Graph, with two slashes":     {"v2 v1 ciam", []string{graphURL + "//openid"}, 0, "", false},
	"of Graph by its id":             {"v2 v1 ciam", []string{strings.ToUpper(graphApp) + "/OpenID"}, 0, "", false},
	"of Graph in another cloud":      {"v2 v1 ciam", []string{"https://graph.microsoft.us/profile"}, 0, "", false},
	"beside .default":                {"v2 v1 ciam", []string{graphURL + "/.default", "openid"}, 1, "", false},
	"beside a mistake of its own":    {"v2 v1 ciam", []string{"a,b", "openid"}, 1, "", false},
	"of B2C, though it knows it not": {"b2c", []string{"https://contoso.onmicrosoft.com/api/read", "email"}, 1, "", false},
}

// TestRefusedRules: each is refused by every method that takes scopes, without
// any I/O.
func TestRefusedRules(t *testing.T) {
	t.Parallel()
	for name, tt := range refusedRules {
		for at := range strings.FieldsSeq(tt.at) {
			t.Run(at+"/"+name, func(t *testing.T) {
				t.Parallel()
				cfg := offline(t) // which fails the test at any I/O
				cfg.Authority, cfg.Endpoint = endpointOf[at].Authority, endpointOf[at].Endpoint
				c, err := msal.New(cfg)
				require.NoError(t, err)
				check := refusedAs(t, tt.asked, tt.index, tt.reason)
				if tt.reason == "" {
					check = func(err error) {
						var refused *scopes.DuplicateDefaultError
						require.ErrorAs(t, err, &refused)
						require.Equal(t, []string{tt.asked[tt.index]}, refused.Scopes)
					}
				}
				for method, call := range scopeMethods {
					if tt.tokens && (method == "SignIn with Browser" || method == "Authorize") { // DeviceCode is for one API
						continue
					}
					err := call(t.Context(), c, tt.asked)
					require.Error(t, err, method)
					check(err)
				}
			})
		}
	}
}

// TestRefusedResources: what v1.0 is told beside the scopes has to agree with
// them.
func TestRefusedResources(t *testing.T) {
	t.Parallel()
	cfg := offline(t)
	cfg.Authority, cfg.Endpoint = endpointOf["v1"].Authority, msal.V1
	c, err := msal.New(cfg)
	require.NoError(t, err)
	for name, tt := range map[string]struct{ asked, resources []string }{
		"another":         {[]string{azure + "/user_impersonation"}, []string{"https://vault.azure.net"}},
		"two":             {[]string{azure + "/user_impersonation"}, []string{azure, azure}},
		"two, no scope":   {nil, []string{azure, "https://vault.azure.net"}},
		"one but a slash": {[]string{azure + "/user_impersonation"}, []string{azure + "/"}},
	} {
		for method, call := range scopeMethods {
			err := call(t.Context(), c.With(msal.Params{Resources: tt.resources}), tt.asked)
			require.ErrorContains(t, err, "Params.Resources ", "%s, %s", name, method)
			require.ErrorContains(t, err, "one resource")
		}
	}
}

const (
	andFour = " openid profile email offline_access"
	andTwo  = " openid offline_access" // B2C's
)

// acceptedRules are what is sent instead.
var acceptedRules = map[string]struct {
	at        string
	asked     []string
	resources []string // Params.Resources
	authorize string   // scope of the authorization request
	token     string   // scope of the redemption; "": the same
	resource  string   // of both
	later     []string // what is asked for afterwards,
	request   string   // and with which scope; "": no request is made
	answered  string   // the scope member of answers; "": what is granted
}{
	"a bare name is Graph's":                  {at: "v2 ciam", asked: []string{"User.Read"}, authorize: "User.Read" + andFour, later: []string{graphURL + "/user.read"}},
	"a qualified one":                         {at: "v2 ciam", asked: []string{graphURL + "/User.Read"}, authorize: graphURL + "/User.Read" + andFour, later: []string{"User.Read"}},
	"by Graph's id":                           {at: "v2 ciam", asked: []string{graphApp + "/User.Read"}, authorize: graphApp + "/User.Read" + andFour, later: []string{"User.Read"}},
	"three spellings of Graph in one token":   {at: "v2 ciam", asked: []string{"User.Read", graphURL + "/Mail.Read", graphApp + "/Files.Read"}, authorize: "User.Read " + graphURL + "/Mail.Read " + graphApp + "/Files.Read" + andFour},
	"the caller's case is sent":               {at: "v2 ciam", asked: []string{"uSER.rEAD"}, authorize: "uSER.rEAD" + andFour, later: []string{"User.Read"}},
	"no scope":                                {at: "v2 ciam", authorize: strings.TrimSpace(andFour), later: nil},
	"api://":                                  {at: "v2 ciam", asked: []string{"api://My-App/Do.It"}, authorize: "api://My-App/Do.It" + andFour, later: []string{"api://my-app/do.it"}},
	"an application's id":                     {at: "v2 ciam", asked: []string{apiID + "/Do.It"}, authorize: apiID + "/Do.It" + andFour},
	"an application's id, .default":           {at: "v2 ciam", asked: []string{apiID + "/.default"}, authorize: apiID + "/.default" + andFour},
	"a URN":                                   {at: "v2 ciam", asked: []string{"urn:contoso:api/read"}, authorize: "urn:contoso:api/read" + andFour},
	"a comma in a permission of one's own":    {at: "v2 ciam", asked: []string{"api://my-app/a,b"}, authorize: "api://my-app/a,b" + andFour},
	".default alone, bare":                    {at: "v2 ciam", asked: []string{".default"}, authorize: ".default" + andFour, later: []string{graphURL + "/.default"}},
	".default alone":                          {at: "v2 ciam", asked: []string{azure + "/.default"}, authorize: azure + "/.default" + andFour},
	".default of a resource with a slash":     {at: "v2 ciam", asked: []string{azure + "//.default"}, authorize: azure + "//.default" + andFour},
	"the same .default twice":                 {at: "v2 ciam", asked: []string{azure + "/.default", azure + "/.default"}, authorize: azure + "/.default" + andFour},
	".default answers no named scope":         {at: "v2", asked: []string{azure + "/.default"}, authorize: azure + "/.default" + andFour, later: []string{azure + "/user_impersonation"}, request: azure + "/user_impersonation" + andFour},
	"a sign-in over resources, redeemed once": {at: "v2 ciam", asked: []string{"User.Read", azure + "/user_impersonation", "Mail.Read"}, authorize: "User.Read " + azure + "/user_impersonation Mail.Read" + andFour, token: "User.Read Mail.Read" + andFour, later: []string{azure + "/user_impersonation"}, request: azure + "/user_impersonation" + andFour},
	"the first resource is the token's":       {at: "v2 ciam", asked: []string{"api://my-app/a", "User.Read", "api://my-app/b"}, authorize: "api://my-app/a User.Read api://my-app/b" + andFour, token: "api://my-app/a api://my-app/b" + andFour, later: []string{"User.Read"}, request: "User.Read" + andFour},
	"Xbox Live is not Graph":                  {at: "v2", asked: []string{"XboxLive.signin", "User.Read"}, authorize: "XboxLive.signin User.Read" + andFour, token: "XboxLive.signin" + andFour, later: []string{"xboxlive.signin"}},
	"a superset is answered":                  {at: "v2", asked: []string{graphURL + "/.default"}, authorize: graphURL + "/.default" + andFour, answered: "email openid profile " + graphURL + "/User.Read " + graphURL + "/Mail.Read", later: []string{"Mail.Read"}},

	"B2C: the client's own id":   {at: "b2c", asked: []string{apiID}, authorize: apiID + andTwo, later: []string{strings.ToUpper(apiID)}},
	"B2C: no scope":              {at: "b2c", authorize: clientID + andTwo},
	"B2C: a scope of an API":     {at: "b2c", asked: []string{"https://contoso.onmicrosoft.com/api/read"}, authorize: "https://contoso.onmicrosoft.com/api/read" + andTwo},
	"B2C: two scopes of an API":  {at: "b2c", asked: []string{"https://contoso.onmicrosoft.com/api/read", "https://contoso.onmicrosoft.com/API/write"}, authorize: "https://contoso.onmicrosoft.com/api/read https://contoso.onmicrosoft.com/API/write" + andTwo},
	"ADFS: openid of a resource": {at: "adfs", asked: []string{"https://api.contoso.com/openid", "allatclaims"}, authorize: "https://api.contoso.com/openid allatclaims" + andFour},

	"v1.0: openid alone, and the resource":      {at: "v1", asked: []string{azure + "/user_impersonation"}, authorize: "openid", resource: azure},
	"v1.0: what scopes have in common":          {at: "v1", asked: []string{azure + "/a", azure + "/b"}, authorize: "openid", resource: azure},
	"v1.0: the resource as it was spelled":      {at: "v1", asked: []string{"api://My-App/Do.It"}, authorize: "openid", resource: "api://My-App"},
	"v1.0: .default":                            {at: "v1", asked: []string{azure + "/.default"}, authorize: "openid", resource: azure},
	"v1.0: .default of a resource with a slash": {at: "v1", asked: []string{azure + "//.default"}, authorize: "openid", resource: azure + "/"},
	"v1.0: an application's id":                 {at: "v1", asked: []string{apiID + "/.default"}, authorize: "openid", resource: apiID},
	"v1.0: a bare name is Graph's":              {at: "v1", asked: []string{"User.Read"}, authorize: "openid", resource: graphURL, later: []string{graphURL + "/User.Read"}},
	"v1.0: no scope":                            {at: "v1", authorize: "openid", resource: graphURL},
	"v1.0: no scope, a resource":                {at: "v1", resources: []string{azure}, authorize: "openid", resource: azure},
	"v1.0: the resource said twice":             {at: "v1", asked: []string{azure + "/user_impersonation"}, resources: []string{azure}, authorize: "openid", resource: azure},
	"v1.0: short names are of the resource":     {at: "v1", asked: []string{azure + "/user_impersonation"}, authorize: "openid", resource: azure, answered: "user_impersonation other", later: []string{azure + "/other"}},
	"v1.0: another resource, with one refresh":  {at: "v1", asked: []string{azure + "/user_impersonation"}, authorize: "openid", resource: azure, later: []string{"https://vault.azure.net/x"}, request: "openid"},

	"elsewhere a name is what it is": {at: "oidc", asked: []string{"x/.default", "User.Read,Mail.Read", "https://a.example", apiID, "https://b.example/read"}, authorize: "x/.default User.Read,Mail.Read https://a.example " + apiID + " https://b.example/read" + andFour},
}

func TestAcceptedRules(t *testing.T) {
	t.Parallel()
	for name, tt := range acceptedRules {
		for at := range strings.FieldsSeq(tt.at) {
			t.Run(at+"/"+name, func(t *testing.T) {
				t.Parallel()
				p, c := platformAt(t, at)
				if tt.answered != "" {
					p.OmitScope = false
					p.ScopeEcho = func([]string) string { return tt.answered }
				}
				c = c.With(msal.Params{Resources: tt.resources})
				token := signIn(t, p, c, tt.asked...)
				for _, r := range p.Requests() {
					if r.Endpoint != "authorize" && r.Endpoint != "token" {
						continue
					}
					want := tt.authorize
					if r.Endpoint == "token" && tt.token != "" {
						want = tt.token
					}
					require.Equal(t, want, r.Form.Get("scope"), r.Endpoint)
					require.Equal(t, tt.resource, strings.Join(r.Form["resource"], " "), r.Endpoint)
				}
				require.Zero(t, token.Missing.Len(), "%s", token.Missing)

				p.ResetLog()
				later := tt.later
				if later == nil {
					later = tt.asked
				}
				if tt.token == "" || tt.request != "" {
					again, err := c.Token(t.Context(), later...)
					require.NoError(t, err)
					require.Equal(t, tt.request != "", again.AccessToken() != token.AccessToken())
				}
				if tt.request == "" {
					require.Zero(t, p.Count())
					return
				}
				require.Len(t, p.Requests(), 1)
				require.Equal(t, tt.request, p.TokenRequests("refresh_token")[0].Form.Get("scope"))
				_, err := c.Token(t.Context(), later...)
				require.NoError(t, err)
				require.Len(t, p.Requests(), 1, "and no second time")
			})
		}
	}
}

// platformAt makes a platform with the addresses and issuers of an endpoint,
// whose refresh tokens serve every resource, as Microsoft's do.
func platformAt(t *testing.T, at string) (*msaltest.Platform, *msal.Client) {
	t.Helper()
	cfg := endpointOf[at]
	p := msaltest.New(t)
	p.URL, p.Rotation, p.OmitScope, p.OmitIss = cfg.Authority, msaltest.KeepOld, true, true
	p.Users = []msaltest.User{{Subject: "avery", Name: "Avery Example", Email: "avery@contoso.com", TenantID: wireTenant}}
	issuer := map[string]string{
		"v2": "https://login.microsoftonline.com/" + wireTenant + "/v2.0", "v1": "https://sts.windows.net/" + wireTenant + "/",
		"ciam": "https://" + wireTenant + ".ciamlogin.com/" + wireTenant + "/v2.0",
		"b2c":  "https://contoso.b2clogin.com/" + wireTenant + "/v2.0/", "adfs": cfg.Authority, "oidc": cfg.Authority,
	}[at]
	if at == "v2" || at == "ciam" || at == "b2c" {
		p.URL += "/v2.0"
	}
	p.EditMetadata = func(document map[string]any) { document["issuer"] = issuer }
	p.EditClaims = func(claims map[string]any) { claims["iss"] = issuer }
	p.GrantScopes = func(requested []string) []string { // what is asked for later was consented to before
		return append(requested, "offline_access", azure+"/user_impersonation", "https://vault.azure.net/user_impersonation",
			"https://storage.azure.com/user_impersonation")
	}
	c := newClient(t, p, func(edit *msal.Config) { edit.Authority, edit.Endpoint = cfg.Authority, cfg.Endpoint })
	return p, c
}

// A refresh asks for the resource that its caller asks for, and each resource has
// a token of its own.
func TestResourcesHaveTokens(t *testing.T) {
	for at, resource := range map[string]func(r msaltest.Request) string{
		"v2": func(r msaltest.Request) string { s, _, _ := strings.Cut(r.Form.Get("scope"), "/user"); return s },
		"v1": func(r msaltest.Request) string { return r.Form.Get("resource") },
	} {
		synctest.Test(t, func(t *testing.T) {
			p, c := platformAt(t, at)
			first := signIn(t, p, c, azure+"/user_impersonation")
			p.ResetLog()
			var err error
			tokens := map[string]bool{first.AccessToken(): true}
			for _, r := range []string{"https://vault.azure.net", "https://storage.azure.com"} {
				token, e := c.Token(t.Context(), r+"/user_impersonation")
				require.NoError(t, e)
				tokens[token.AccessToken()] = true
				require.Equal(t, r, resource(p.Requests()[len(p.Requests())-1]))
			}
			require.Len(t, tokens, 3)
			for range 3 {
				_, err = c.Token(t.Context(), azure+"/user_impersonation")
				require.NoError(t, err)
			}
			require.Len(t, p.Requests(), 2)
			time.Sleep(time.Until(first.Expiry))
			_, err = c.Token(t.Context(), azure+"/user_impersonation")
			require.NoError(t, err)
			require.Equal(t, azure, resource(p.Requests()[2]))
		})
	}
}

// Who names a default that this provider is not asked for wants it, and is told how to have it; Explain says the same.
func TestDefaultThatIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		cfg  msal.Config
		ask  string
		want string // at the end of the error
	}{
		"Keycloak": {msal.Config{Authority: "https://sso.example.com/realms/main", Provider: msal.Provider{Name: "keycloak"}}, "offline_access",
			"; offline_access is not sent here: the provider is not asked for it (profile keycloak); Config.Provider.Defaults sends it all the same"},
		"Google": {msal.Config{Authority: "https://accounts.google.com"}, "Offline_Access",
			"; offline_access is not sent here: the provider is not asked for it (profile google); access_type and prompt stand in for it"},
		"a profile of one's own": {msal.Config{Authority: "https://accounts.google.com", Provider: msal.Provider{Defaults: []string{"openid"}}}, "email",
			"; email is not sent here: Config.Provider.Defaults does not name it"},
		"one that is sent":        {msal.Config{Authority: "https://accounts.google.com"}, "email", "accepts them)"},
		"the metadata's decision": {msal.Config{Authority: "https://idp.example"}, "offline_access", "accepts them)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			row.cfg.ClientID = clientID
			c, err := msal.New(row.cfg)
			require.NoError(t, err)
			_, err = c.Token(t.Context(), row.ask)
			require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
			require.True(t, strings.HasSuffix(err.Error(), row.want), err.Error())
			reason := c.Explain(nil, row.ask).Scopes[0].Reason
			if _, why, isLeftOut := strings.Cut(row.want, " is not sent here: "); isLeftOut {
				require.Equal(t, "naming it does not have it sent; "+why, reason)
			} else {
				require.Equal(t, "every request carries it anyway: remove it", reason)
			}
		})
	}
}
