package msal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// explained is a kind of server, and the scopes that it knows; nil: it takes any.
type explained struct {
	dialect
	words []string
}

// explainable are the kinds of server at which scopes are explained: those of
// the wire tests, and some that know no scope from another, at the addresses of
// all kinds of authority.
func explainable() map[string]explained {
	all := map[string]explained{}
	for name, d := range dialects {
		all[name] = explained{dialect: d}
		if strings.HasPrefix(name, "entra") {
			all[name] = explained{d, []string{
				"User.Read", "user.read", "Mail.Read", "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com//Mail.Send",
				"00000003-0000-0000-c000-000000000000/Files.Read", "https://management.azure.com/user_impersonation",
				"https://management.azure.com//user_impersonation", "api://contoso/Things.Read", "api://Contoso/things.write",
			}}
		}
	}
	for name, d := range map[string]dialect{
		"gitlab": {config: func(cfg *msal.Config) { cfg.Provider.Name = "gitlab" }, platform: grantOffline},
		"logto":  {config: func(cfg *msal.Config) { cfg.Provider.Name = "logto" }},
		"configured": {
			config: func(cfg *msal.Config) {
				cfg.Provider = msal.Provider{Defaults: []string{"openid", "email"}, Authorize: url.Values{"audience": {"https://api.example"}}}
				cfg.MergeDefaults, cfg.OmitScopes = true, []string{"email"}
			},
			platform: grantOffline,
			params:   msal.Params{Prompt: "consent", Extra: url.Values{"audience": {"https://other.example"}, "acr": {"x y"}}},
		},
		"renamed": {
			config: func(cfg *msal.Config) { cfg.Provider.OfflineScope, cfg.MergeDefaults = "offline.access", true },
			platform: func(p *msaltest.Platform) {
				p.ScopesSupported = []string{"openid", "email", "offline.access"}
				grantOffline(p)
			},
		},
		"renamed-unlisted": {
			config:   func(cfg *msal.Config) { cfg.Provider.OfflineScope = "offline.access" },
			platform: grantOffline,
		},
		"anonymous": {config: func(cfg *msal.Config) { cfg.Provider.NoOpenID = true }, platform: oauthOnly},
		"any-entra": {
			config:   func(cfg *msal.Config) { cfg.Provider.Name, cfg.Capabilities = "entra", []string{"cp1"} },
			platform: issues("/"+wireTenant+"/v2.0", "/"+wireTenant+"/v2.0"),
		},
		"any-entra-merge": {
			config: func(cfg *msal.Config) {
				cfg.Provider.Name, cfg.MergeDefaults, cfg.OmitScopes = "entra", true, []string{"profile"}
			},
			platform: issues("/"+wireTenant+"/v2.0", "/"+wireTenant+"/v2.0"),
		},
		"any-entra-v1": {
			config:   func(cfg *msal.Config) { cfg.Provider.Name, cfg.Endpoint = "entra", msal.V1 },
			platform: issues("/"+wireTenant, "/"+wireTenant+"/"),
		},
		"any-b2c": {
			config:   func(cfg *msal.Config) { cfg.Provider.Name = "b2c" },
			platform: issues("/contoso.onmicrosoft.com/b2c_1_x/v2.0", "/"+wireTenant+"/v2.0/"),
		},
		"any-ciam": {
			config:   func(cfg *msal.Config) { cfg.Provider.Name = "ciam" },
			platform: issues("/"+wireTenant+"/v2.0", "/"+wireTenant+"/v2.0"),
		},
		"any-adfs": {config: func(cfg *msal.Config) { cfg.Provider.Name = "adfs" }, platform: issues("/adfs", "/adfs")},
	} {
		all[name] = explained{dialect: d}
	}
	one := all["any-entra-v1"].dialect
	one.params = msal.Params{Resources: []string{"https://management.azure.com/"}}
	all["any-entra-v1-resource"] = explained{one, []string{
		"https://management.azure.com//user_impersonation", "https://Management.azure.com//User_Impersonation", "https://management.azure.com//x",
	}}
	return all
}

// issues gives p a path, and an issuer that is not its address.
func issues(path, issuer string) func(p *msaltest.Platform) {
	return func(p *msaltest.Platform) {
		issuer := p.URL + issuer
		p.URL += path
		p.Users = []msaltest.User{{Subject: "avery", TenantID: wireTenant, ObjectID: "99999999-2222-4333-8444-555555555555"}}
		p.OmitIss = true
		p.EditMetadata = func(document map[string]any) { document["issuer"] = issuer }
		p.EditClaims = func(claims map[string]any) { claims["iss"] = issuer }
		grantOffline(p)
	}
}

// fine are scopes that no server of ours refuses for what they are, and faulty
// those that some do.
var (
	fine = []string{
		"User.Read", "user.read", "Mail.Read", "read", "Read", "https://graph.microsoft.com/User.Read", "https://graph.microsoft.com//Mail.Send",
		"00000003-0000-0000-c000-000000000000/Files.Read", "https://graph.microsoft.us/User.Read", "/User.Read", "/openid", "XboxLive.signin",
		"api://my-api/Read", "api://my-api/Write", "api://my-api/openid", "https://management.azure.com/user_impersonation",
		"https://management.azure.com//user_impersonation", "urn:x:Y/read", "6731de76-14a6-49ae-97bc-6eba6914391e",
		"https://www.googleapis.com/auth/drive.file", strings.Repeat("y", 1024),
	}
	faulty = []string{
		".default", "https://graph.microsoft.com/.default", "api://my-api/.Default", "https://management.azure.com//.default",
		"openid", "OpenID", "profile", "EMAIL", "offline_access", "Offline_Access", "https://graph.microsoft.com/openid",
		"00000003-0000-0000-c000-000000000000/EMAIL", "https://graph.microsoft.us/profile",
		"", "a b", "User.Read Mail.Read", `re"ad`, `re\ad`, "r\x1b]0;x\a", "l\u00e4sen", "\u202eread", "\xff", strings.Repeat("x", 1025),
	}
)

// TestExplainAgrees: what is explained is what is done, at every kind of server.
func TestExplainAgrees(t *testing.T) {
	t.Parallel()
	for name, d := range explainable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			words := d.words
			if words == nil {
				words = fine
			}
			random, done := rand.New(rand.NewPCG(1, 2)), 0
			for range 25 {
				list := make([]string, random.IntN(6))
				for i := range list {
					list[i] = words[random.IntN(len(words))]
					if random.IntN(8) == 0 {
						list[i] = faulty[random.IntN(len(faulty))]
					}
				}
				p, c := d.fresh(t)
				if agree(t, d.dialect, p, c, list) {
					done++
				}
				agree(t, d.dialect, p, c, list) // with the metadata known
			}
			require.Greater(t, done, 6, "most lists are redeemed")
			require.Less(t, done, 25, "some are refused")
		})
	}
}

// FuzzExplain looks for a list about which the two differ.
func FuzzExplain(f *testing.F) {
	all := explainable()
	names := slices.Sorted(maps.Keys(all))
	for i := range names {
		f.Add(uint8(i), "User.Read\nhttps://management.azure.com//.default")
		f.Add(uint8(i), strings.Join(fine, "\n"))
		f.Add(uint8(i), strings.Join(faulty, "\n"))
		f.Add(uint8(i), "read\nOpenID\nread\nemail\napi://x/openid\n6731de76-14a6-49ae-97bc-6eba6914391e\nRead")
	}
	f.Fuzz(func(t *testing.T, server uint8, lines string) {
		d := all[names[int(server)%len(names)]]
		p, c := d.fresh(t)
		agree(t, d.dialect, p, c, strings.Split(lines, "\n"))
	})
}

// fresh makes a platform and a Client that has never asked it anything.
func (d dialect) fresh(t testing.TB) (*msaltest.Platform, *msal.Client) {
	p := msaltest.New(t)
	if d.platform != nil {
		d.platform(p)
	}
	c := newClient(t, p, func(cfg *msal.Config) {
		if d.config != nil {
			d.config(cfg)
		}
	})
	return p, c.With(d.params)
}

// agree compares what is explained of a list with what is done with it, as far
// as the server agrees to the list, and tells whether that is to its end.
func agree(t *testing.T, d dialect, p *msaltest.Platform, c *msal.Client, list []string) bool {
	t.Helper()
	e := c.Explain(nil, list...)
	requireSound(t, e, list)
	z, err := c.Authorize(t.Context(), d.redirectURI(), list...)
	if e.Err != nil {
		require.EqualError(t, err, "msal: authorize: "+e.Err.Error())
		require.Equal(t, e.Err, errors.Unwrap(err), "%q", list)
		_, err = c.Token(t.Context(), list...)
		require.EqualError(t, err, "msal: token: "+e.TokenErr.Error())
		require.Equal(t, e.Err, e.TokenErr)
		return false
	}
	require.NoError(t, err, "%q", list)
	asked, err := url.Parse(z.URL())
	require.NoError(t, err)
	sent, err := scopes.Parse(asked.Query().Get("scope"))
	require.NoError(t, err)
	if e.Undecided.Len() > 0 { // now it is decided
		require.True(t, sent.Covers(e.Sent), "%q: %s, but %s", list, e.Sent, sent)
		require.True(t, e.Sent.Union(e.Undecided).Covers(sent), "%q: %s, but %s", list, e.Sent, sent)
		e = c.Explain(nil, list...)
		requireSound(t, e, list)
		require.Zero(t, e.Undecided)
	}
	require.Equal(t, sent, e.Sent, "%q", list)
	requireSent(t, e.Requests[0], asked.Query())

	p.ResetLog()
	back, refused := answered(t, p, z.URL())
	if refused {
		return false
	}
	_, err = z.Redeem(t.Context(), back)
	require.True(t, err == nil || p.Entra != nil, "%q: %v", list, err)
	requireSent(t, e.Requests[1], p.TokenRequests("authorization_code")[0].Form)
	if err != nil {
		return false
	}
	_, err = c.Token(t.Context(), list...)
	if e.TokenErr != nil {
		require.EqualError(t, err, "msal: token: "+e.TokenErr.Error())
		require.Equal(t, e.TokenErr, errors.Unwrap(err), "%q", list)
	} else {
		require.NoError(t, err, "%q", list)
	}
	for _, s := range e.Scopes {
		require.True(t, !s.Explicit || s.Resource == "" || slices.ContainsFunc(e.Requests[1:], func(r scopes.Request) bool {
			return r.Resource == s.Resource
		}), "%q: no token for %s", list, s.Resource)
	}
	for i, r := range e.Requests[2:] {
		require.Equal(t, "refresh", r.Step)
		_, err := c.ForceRefresh().Token(t.Context(), own(e, r)...)
		require.True(t, err == nil || p.Entra != nil, "%q: %v", list, err)
		refreshes := p.TokenRequests("refresh_token")
		require.Len(t, refreshes, i+1, "%q: one for each further resource", list)
		requireSent(t, r, refreshes[i].Form)
	}
	return true
}

// answered is visit at a server that does not know all scopes.
func answered(t *testing.T, p *msaltest.Platform, address string) (back url.Values, refused bool) {
	t.Helper()
	if p.Entra == nil {
		return visit(t, p, address), false
	}
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil { // a page for the person
		return nil, true
	}
	return to.Query(), to.Query().Has("error")
}

// requireSent compares a request with what was on the wire, but for what belongs
// to the protocol.
func requireSent(t *testing.T, r scopes.Request, form url.Values) {
	t.Helper()
	form = maps.Clone(form)
	require.Equal(t, r.Scope.String(), form.Get("scope"))
	for _, name := range []string{"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"claims", "code", "code_verifier", "grant_type", "refresh_token", "client_secret"} {
		form.Del(name)
	}
	require.Equal(t, fmt.Sprint(form), fmt.Sprint(url.Values(r.Parameters)))
}

// requireSound holds an explanation against itself.
func requireSound(t *testing.T, e scopes.Explanation, list []string) {
	t.Helper()
	var asked []string
	said := map[string]bool{} // on the wire, by what is said of each scope
	for _, s := range e.Scopes {
		if s.Explicit {
			asked = append(asked, s.Scope)
		}
		switch s.Verdict {
		case scopes.Sent, scopes.Added:
			require.False(t, said[s.Scope], "%q: twice", s.Scope)
			said[s.Scope] = true
		case scopes.Merged:
			require.True(t, e.Sent.Has(s.Scope) || e.Sent.Has(s.Canonical), "%q", s.Scope)
			if !e.Sent.Has(s.Scope) || scopes.Defaults().Has(s.Scope) {
				said[s.Canonical] = true
			}
		case scopes.Undecided:
			require.True(t, e.Undecided.Has(s.Scope) || e.Undecided.Has(s.Canonical), "%q", s.Scope)
			require.NotEmpty(t, s.Reason)
		case scopes.LeftOut:
			require.NotEmpty(t, s.Reason)
		case scopes.Refused:
			require.Error(t, e.Err)
			require.NotEmpty(t, s.Reason)
		default:
			require.Equal(t, scopes.Withheld, s.Verdict)
			require.Error(t, e.Err)
		}
	}
	require.True(t, slices.Equal(list, asked), "%q, but %q", list, asked)
	require.ElementsMatch(t, e.Sent.Slice(), slices.Collect(maps.Keys(said)))
	require.Equal(t, e.Err != nil, len(e.Requests) == 0)
	requireReadable(t, e)
}

// requireReadable: whoever chose the scopes, the text does nothing to a terminal
// and fits, and the JSON is some.
func requireReadable(t *testing.T, e scopes.Explanation) {
	t.Helper()
	text := e.String()
	require.Equal(t, text, e.String())
	first, _, _ := strings.Cut(text, "\n")
	require.LessOrEqual(t, len(first), 80)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		require.LessOrEqual(t, len(line), 100)
		require.Equal(t, strings.TrimRight(line, " "), line)
		require.Equal(t, -1, strings.IndexFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }), "%q", line)
	}
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	require.True(t, json.Valid(raw))
}

// own returns the caller's scopes of a request. On v1.0 they are not in it.
func own(e scopes.Explanation, r scopes.Request) []string {
	var list []string
	for _, s := range e.Scopes {
		if s.Explicit && s.Resource == r.Resource {
			list = append(list, s.Scope)
		}
	}
	return list
}

// TestExplainReasons: why each default, and each scope of the caller's, goes
// where it goes.
func TestExplainReasons(t *testing.T) {
	t.Parallel()
	const organizations = "https://login.microsoftonline.com/organizations"
	undecided := scopes.Undecided
	for name, tt := range map[string]struct {
		config  msal.Config
		ask     []string
		scope   string
		verdict scopes.Verdict
		reason  string
	}{
		"v2.0 is sent all":        {msal.Config{Authority: organizations}, nil, "email", scopes.Added, ""},
		"v1.0 knows openid alone": {msal.Config{Authority: organizations, Endpoint: msal.V1}, nil, "email", scopes.LeftOut, "sent openid alone"},
		"v1.0 gives a refresh token": {msal.Config{Authority: organizations, Endpoint: msal.V1}, nil, "offline_access", scopes.LeftOut,
			"gives a refresh token without being asked"},
		"v1.0 has resources": {msal.Config{Authority: organizations, Endpoint: msal.V1}, []string{"api://x/y"}, "api://x/y", scopes.LeftOut,
			"is asked for a resource"},
		"omitted": {msal.Config{Authority: organizations, OmitScopes: []string{"Offline_Access"}}, nil, "offline_access", scopes.LeftOut,
			"Config.OmitScopes names it; without it most servers give no refresh token"},
		"omitted and asked for": {msal.Config{Authority: organizations, OmitScopes: []string{"email"}}, []string{"Email"}, "Email", scopes.Sent, ""},
		"named again":           {msal.Config{Authority: organizations}, []string{"EMAIL"}, "EMAIL", scopes.Refused, "remove it"},
		"merged":                {msal.Config{Authority: organizations, MergeDefaults: true}, []string{"EMAIL"}, "EMAIL", scopes.Merged, "sent once"},
		"merged and not taken": {msal.Config{Authority: "https://accounts.google.com", MergeDefaults: true}, []string{"offline_access"},
			"offline_access", scopes.LeftOut, "profile google); access_type and prompt stand in for it"},
		"merged and undecided": {msal.Config{Authority: "https://idp.example", MergeDefaults: true}, []string{"email"}, "email", undecided, "at sign-in"},
		"not taken":            {msal.Config{Authority: "https://gitlab.com"}, nil, "offline_access", scopes.LeftOut, "is not asked for it (profile gitlab); Config.Provider.Defaults sends it"},
		"not configured": {msal.Config{Authority: "https://idp.example", Provider: msal.Provider{Defaults: []string{"openid"}}}, nil,
			"email", scopes.LeftOut, "Config.Provider.Defaults does not name it"},
		"openid, with OpenID Connect": {msal.Config{Metadata: document()}, nil, "openid", scopes.Added, ""},
		"openid, or none":             {msal.Config{Authority: "https://idp.example"}, nil, "openid", undecided, "the server's metadata decides"},
		"by another name":             {msal.Config{Authority: "https://x.example", Provider: msal.Provider{Name: "x"}}, nil, "offline_access", scopes.LeftOut, "its name at this server is offline.access"},
		"another name":                {msal.Config{Authority: "https://x.example", Provider: msal.Provider{Name: "x"}}, nil, "offline.access", scopes.Added, "this server's name for offline_access"},
		"another name, in doubt":      {msal.Config{Authority: "https://idp.example", Provider: msal.Provider{OfflineScope: "o"}}, nil, "o", undecided, "the server's metadata decides"},
		"no OpenID Connect":           {msal.Config{Authority: "https://idp.example", Provider: msal.Provider{NoOpenID: true}}, nil, "openid", scopes.LeftOut, "does not do OpenID Connect"},
		"metadata without it":         {msal.Config{Metadata: []byte(`{"issuer": "https://idp.example", "token_endpoint": "https://idp.example/token"}`)}, nil, "email", scopes.LeftOut, "does not do OpenID Connect"},
		"B2C's own token":             {msal.Config{Authority: "https://c.b2clogin.com/c.onmicrosoft.com/b2c_1_x"}, nil, clientID, scopes.Added, "B2C gives none"},
		"metadata to come":            {msal.Config{Authority: "https://idp.example"}, nil, "offline_access", undecided, "the server's metadata decides"},
		"metadata that lists it":      {msal.Config{Metadata: document("openid", "email")}, nil, "email", scopes.Added, ""},
		"metadata that does not":      {msal.Config{Metadata: document("openid", "email")}, nil, "profile", scopes.LeftOut, "does not say that it takes it"},
		"metadata without a list":     {msal.Config{Metadata: document()}, nil, "profile", scopes.Added, ""},
		"repeated":                    {msal.Config{Authority: organizations}, []string{"a", "b", "a"}, "a", scopes.Merged, "named before"},
		"of a further resource": {msal.Config{Authority: organizations}, []string{"User.Read", "api://x/y"}, "api://x/y", scopes.Sent,
			"a token is for one resource"},
		".default beside others":       {msal.Config{Authority: organizations}, []string{"a", "x/.default"}, "x/.default", scopes.Refused, "cannot be combined"},
		"each .default":                {msal.Config{Authority: organizations}, []string{"a/.default", "b/.default"}, "b/.default", scopes.Refused, "cannot be combined"},
		"beside .default":              {msal.Config{Authority: organizations}, []string{"a", "x/.default"}, "a", scopes.Withheld, ""},
		".default means something":     {msal.Config{Authority: organizations}, []string{"x/.Default"}, "x/.Default", scopes.Sent, ""},
		".default of another server":   {msal.Config{Authority: "https://idp.example"}, []string{"x/.default", "a"}, "x/.default", scopes.Sent, ""},
		"found behind another fault":   {msal.Config{Authority: organizations}, []string{"", "a", "x/.default", "openid"}, "x/.default", scopes.Refused, "cannot be combined"},
		"not a scope":                  {msal.Config{Authority: organizations}, []string{"a b"}, "a b", scopes.Refused, "pass two strings instead of one"},
		"sent to an external tenant":   {msal.Config{Authority: "https://contoso.ciamlogin.com"}, []string{"User.Read"}, "User.Read", scopes.Sent, ""},
		"too many":                     {msal.Config{Authority: organizations}, filled(17), "x16", scopes.Refused, "more than 16384 bytes"},
		"not the ones before too many": {msal.Config{Authority: organizations}, filled(17), "x3", scopes.Withheld, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tt.config.ClientID = clientID
			if tt.config.Authority == "" {
				tt.config.Authority = msaltest.DefaultURL
			}
			c, err := msal.New(tt.config)
			require.NoError(t, err)
			e := c.Explain(nil, tt.ask...)
			requireSound(t, e, tt.ask)
			var last scopes.Explained
			for _, s := range e.Scopes {
				if s.Scope == tt.scope || strings.TrimLeft(s.Scope, "_") == tt.scope {
					last = s
				}
			}
			require.Equal(t, tt.verdict, last.Verdict)
			require.Contains(t, last.Reason, tt.reason)
			require.Equal(t, tt.reason == "", last.Reason == "", last.Reason)
		})
	}
}

// document is metadata that lists scopes, or has no list.
func document(supported ...string) []byte {
	metadata := map[string]any{"issuer": msaltest.DefaultURL, "token_endpoint": msaltest.DefaultURL + "/token", "jwks_uri": msaltest.DefaultURL + "/keys"}
	if supported != nil {
		metadata["scopes_supported"] = supported
	}
	raw, _ := json.Marshal(metadata)
	return raw
}

// filled are n scopes of 1 KiB, x0 and so on behind underscores.
func filled(n int) []string {
	var list []string
	for i := range n {
		name := fmt.Sprint("x", i)
		list = append(list, strings.Repeat("_", 1000-len(name))+name)
	}
	return list
}

// TestExplainOtherMistakes: what is wrong beside the scopes is the error, and
// no scope is to blame.
func TestExplainOtherMistakes(t *testing.T) {
	t.Parallel()
	d := dialects["entra"]
	for name, derive := range map[string]func(*msal.Client) *msal.Client{
		"parameters": func(c *msal.Client) *msal.Client { return c.With(msal.Params{Resources: []string{"/api\u202e"}}) },
		"tenant":     func(c *msal.Client) *msal.Client { return c.With(msal.Params{Tenant: "../x"}) },
		"challenge":  func(c *msal.Client) *msal.Client { return c.WithClaims("?!") },
		"claims":     func(c *msal.Client) *msal.Client { return c.WithClaims(`{"access_token":1}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := d.fresh(t)
			c = derive(c)
			e := c.Explain(nil, "User.Read", "a b")
			_, err := c.Authorize(t.Context(), d.redirectURI(), "User.Read")
			require.EqualError(t, err, "msal: authorize: "+c.Explain(nil, "User.Read").Err.Error())
			require.Equal(t, errors.Unwrap(err), c.Explain(nil, "User.Read").Err)
			require.Equal(t, scopes.Withheld, e.Scopes[0].Verdict)
			require.Equal(t, scopes.Refused, e.Scopes[1].Verdict, "whatever else is wrong")
			require.True(t, strings.HasPrefix(c.Explain(nil).String(), "Refused, and nothing is sent.\n"))
			requireReadable(t, e)
		})
	}
}

// TestExplainTouchesNothing: no request, no store, no log, whatever Client.
func TestExplainTouchesNothing(t *testing.T) {
	t.Parallel()
	for where, q := range quietClients(t) {
		var log strings.Builder
		merging := newClient(t, q.platform, func(cfg *msal.Config) {
			cfg.Cache, cfg.MergeDefaults = q.store, true
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		q.platform.ResetLog()
		q.store.calls.Store(0)
		for by, derive := range derivations {
			require.NoError(t, derive(q.client, q.account).Explain(nil, "read").Err, "%v, Client of %s", where, by)
			require.NoError(t, derive(merging, q.account).Explain(nil, "read", "openid").Err, "%v, Client of %s", where, by)
		}
		require.Zero(t, q.platform.Count(), where)
		require.Zero(t, q.store.calls.Load(), where)
		require.Empty(t, log.String(), where)
	}
}

// TestExplainConsent: an administrator is needed where the catalog, or the kind
// of tenant, says so.
func TestExplainConsent(t *testing.T) {
	t.Parallel()
	catalog, err := scopes.LoadCatalog(strings.NewReader(`{"permissions": [
		{"value": "AuditLog.Read.All", "id": "e4c9e354-4dc5-45b8-9e7c-e1393b0b1a20", "adminConsentRequired": true},
		{"value": "Mail.Read", "id": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "adminConsentRequired": false}]}`))
	require.NoError(t, err)
	for _, tt := range []struct{ authority, ask, admin, first string }{
		{"https://login.microsoftonline.com/common", "Mail.Read", "", "."},
		{"https://login.microsoftonline.com/common", "auditlog.read.all", "auditlog.read.all", "; admin consent needed for auditlog.read.all."},
		{"https://login.microsoftonline.us/common", "https://graph.microsoft.us/AuditLog.Read.All", "https://graph.microsoft.us/AuditLog.Read.All", "; admin consent needed for 1 of the scopes."},
		{"https://login.microsoftonline.com/common", "api://x/AuditLog.Read.All", "", "."},
		{"https://login.microsoftonline.com/common", ".default", "", "."},
		{"https://idp.example", "AuditLog.Read.All", "", "; up to 4 more are decided at sign-in."},
		{"https://contoso.ciamlogin.com", "Mail.Read", "Mail.Read openid profile email offline_access", "; admin consent needed for Mail.Read and 4 more."},
	} {
		c, err := msal.New(msal.Config{ClientID: clientID, Authority: tt.authority})
		require.NoError(t, err)
		e := c.Explain(catalog, tt.ask)
		require.Equal(t, tt.admin, e.AdminConsent.String(), tt.ask)
		first, _, _ := strings.Cut(e.String(), "\n")
		_, rest, _ := strings.Cut(first, "yours")
		require.Equal(t, tt.first, rest, tt.ask)
	}
	c, err := msal.New(msal.Config{ClientID: clientID, Authority: "https://login.microsoftonline.com/common"})
	require.NoError(t, err)
	require.Contains(t, c.Explain(nil, "User.Read").String(), "Sends 5 scopes, 1 of them yours; none needs admin consent.\n")
}

// graphs are Microsoft's clouds, and their Graph.
var graphs = map[string]string{
	"https://login.microsoftonline.com/common":        "https://graph.microsoft.com",
	"https://login.microsoftonline.us/common":         "https://graph.microsoft.us",
	"https://login.partner.microsoftonline.cn/common": "https://microsoftgraph.chinacloudapi.cn",
	"https://login.microsoftonline.de/common":         "https://graph.microsoft.de",
	"https://login.windows-ppe.net/common":            "00000003-0000-0000-c000-000000000000",
	"https://login.sovcloud-identity.fr/common":       "https://graph.svc.sovcloud.fr",
	"https://login.sovcloud-identity.de/common":       "https://graph.svc.sovcloud.de",
	"https://login.sovcloud-identity.sg/common":       "https://graph.svc.sovcloud.sg",
	"https://contoso.ciamlogin.com":                   "https://graph.microsoft.com",
}

// TestExplainAllPermissions: every permission that Graph has is known in every
// spelling, in every cloud. The file is too large to carry; STAYSIGNED_TESTDATA
// names the folder that has it as data/graph-delegated-permissions.json.
func TestExplainAllPermissions(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no catalog of all permissions to read")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "data", "graph-delegated-permissions.json"))
	require.NoError(t, err)
	var file struct {
		Permissions []struct {
			Value, ID, AdminDisplayName string
			AdminConsentRequired        bool
		}
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Permissions, 807)
	catalog, err := scopes.LoadCatalog(strings.NewReader(string(raw)))
	require.NoError(t, err)
	for authority, graph := range graphs {
		t.Run(authority, func(t *testing.T) {
			t.Parallel()
			c, err := msal.New(msal.Config{ClientID: clientID, Authority: authority, MergeDefaults: true})
			require.NoError(t, err)
			prefixes := map[string]bool{"": true, graph + "/": true, graph + "//": true, "00000003-0000-0000-c000-000000000000/": true}
			if graph == "https://graph.microsoft.com" {
				for _, g := range graphs {
					prefixes[g+"/"] = true // those of other clouds as well
				}
			}
			admin := 0
			for some := range slices.Chunk(file.Permissions, 50) {
				for prefix := range prefixes {
					for _, spell := range []func(string) string{strings.Clone, strings.ToUpper} {
						var ask []string
						for _, p := range some {
							ask = append(ask, spell(prefix+p.Value))
						}
						e := c.Explain(catalog, ask...)
						require.NoError(t, e.Err)
						for i, p := range some {
							got := e.Scopes[i]
							require.NotNil(t, got.Permission, ask[i])
							require.Equal(t, p.ID, got.Permission.ID, ask[i])
							require.Equal(t, p.AdminConsentRequired, got.Permission.AdminConsentRequired, ask[i])
							require.Equal(t, p.AdminConsentRequired || strings.Contains(authority, "ciam"), got.AdminConsent, ask[i])
							if got.Kind != scopes.KindDefault {
								require.Equal(t, scopes.KindGraph, got.Kind)
								require.Equal(t, p.AdminDisplayName, got.Meaning)
								require.Equal(t, scopes.Sent, got.Verdict)
							}
							if got.Permission.AdminConsentRequired {
								admin++
							}
						}
						if prefix == "" {
							requireReadable(t, e)
						}
					}
				}
			}
			require.Equal(t, 654*2*len(prefixes), admin)
		})
	}
}
