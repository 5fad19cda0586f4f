package msaltest_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// refused is a request that Microsoft's platform says no to.
type refused struct {
	name  string
	pairs []string // what is changed of a request that works
	set   func(*msaltest.Platform)
	of    string // the tenant in the address; empty: common
	v1    bool
	want  int
	where string // page, redirect or json
	code  string // error
}

func apps(list ...msaltest.App) func(*msaltest.Platform) {
	return func(p *msaltest.Platform) { p.Entra.Apps = list }
}

const stranger = "50000000-0000-4000-8000-000000000009"

// A request that is wrong in every way is told of the first thing, so each of these requests is wrong from there on.
var authorizeRefusals = []refused{
	{"no tenant", []string{"client_id", ""}, nil, "fabrikam.example", false, 90002, "page", ""},
	{"no client", []string{"client_id", "", "redirect_uri", ""}, nil, "", false, 900144, "page", ""},
	{"no GUID", []string{"client_id", "x", "redirect_uri", ""}, apps(msaltest.App{ClientID: other}), "", false, 700038, "page", ""},
	{"no app", []string{"client_id", stranger, "redirect_uri", ""}, apps(msaltest.App{ClientID: other}), "", false, 700016, "page", ""},
	{"no redirect", []string{"redirect_uri", "", "response_type", ""}, nil, "", false, 900971, "page", ""},
	{"another redirect", []string{"redirect_uri", "https://evil.example", "response_type", ""},
		apps(msaltest.App{ClientID: client, RedirectURIs: []string{localapp}}), "", false, 50011, "page", ""},
	{"another case", []string{"redirect_uri", "http://localhost/A"},
		apps(msaltest.App{ClientID: client, RedirectURIs: []string{"http://localhost/a"}}), "", false, 50011, "page", ""},
	{"IPv6", []string{"redirect_uri", "http://[::1]:5123"}, nil, "", false, 50011, "page", ""},
	{"one tenant at common", nil, apps(msaltest.App{ClientID: client, Audience: msaltest.OneTenant, Tenant: "contoso.example"}),
		"", false, 50194, "page", ""},
	{"one tenant at another", nil, apps(msaltest.App{ClientID: client, Audience: msaltest.OneTenant, Tenant: "contoso.example"}),
		"consumers", false, 700016, "page", ""},
	{"organizations at consumers", nil, apps(msaltest.App{ClientID: client, Audience: msaltest.AnyOrganization}),
		"consumers", false, 9002332, "page", ""},
	{"personal elsewhere", nil, apps(msaltest.App{ClientID: client, Audience: msaltest.PersonalAccountsOnly}),
		"organizations", false, 9002331, "page", ""},
	{"personal at v1.0", nil, nil, "consumers", true, 90027, "page", ""},

	{"no response_type", []string{"response_type", "", "response_mode", "x", "scope", ""}, nil, "", false, 900144, "redirect", "invalid_request"},
	{"hybrid", []string{"response_type", "code id_token"}, nil, "", false, 700054, "redirect", "unsupported_response_type"},
	{"implicit", []string{"response_type", "token"}, nil, "", false, 70005, "redirect", "unsupported_response_type"},
	{"another mode", []string{"response_mode", "x", "scope", ""}, nil, "", false, 70007, "redirect", "unsupported_response_mode"},
	{"no scope", []string{"scope", "", "code_challenge", "x"}, nil, "", false, 900144, "redirect", "invalid_request"},
	{"spaces", []string{"scope", "  "}, nil, "", false, 70011, "redirect", "invalid_scope"},
	{"default and named", []string{"scope", "User.Read .default nonsense"}, nil, "", false, 70011, "redirect", "invalid_scope"},
	{"no openid", []string{"scope", "User.Read profile nonsense"}, nil, "", false, 70011, "redirect", "invalid_scope"},
	{"unknown permission", []string{"scope", "nonsense https://x.example/y"}, nil, "", false, 650053, "redirect", "invalid_client"},
	{"unknown resource", []string{"scope", "https://x.example/y", "resource", "z"}, nil, "", false, 500011, "redirect", "invalid_resource"},
	{"two defaults", []string{"scope", ".default https://management.azure.com//.default"}, nil, "", false, 28000, "redirect", "invalid_request"},
	{"a refused scope", nil, func(p *msaltest.Platform) { p.RejectScopes = []string{"User.Read"} }, "", false, 70011, "redirect", "invalid_scope"},
	{"another resource", []string{"resource", arm}, nil, "", false, 9010010, "redirect", "invalid_target"},
	{"a work resource", []string{"scope", "https://management.azure.com//.default"}, nil, "consumers", false, 90124, "redirect", "invalid_request"},
	{"another method", []string{"code_challenge_method", "s256", "code_challenge", "x"}, nil, "", false, 9002313, "redirect", "invalid_request"},
	{"a short challenge", []string{"code_challenge", "x", "prompt", "x"}, nil, "", false, 501491, "redirect", "invalid_request"},
	{"a single-page application without PKCE", []string{"code_challenge", "", "code_challenge_method", ""},
		apps(msaltest.App{ClientID: client, SPA: []string{localapp}}), "", false, 501491, "redirect", "invalid_request"},
	{"a single-page application with plain", []string{"code_challenge_method", ""},
		apps(msaltest.App{ClientID: client, SPA: []string{localapp}}), "", false, 501491, "redirect", "invalid_request"},
	{"another prompt", []string{"prompt", "x", "max_age", "x"}, nil, "", false, 90023, "redirect", "invalid_request"},
	{"v1.0's prompt", []string{"prompt", "admin_consent"}, nil, "", false, 90023, "redirect", "invalid_request"},
	{"max_age", []string{"max_age", "x"}, nil, "", false, 9002313, "redirect", "invalid_request"},
	{"claims", []string{"claims", "{"}, nil, "", false, 9002313, "redirect", "invalid_request"},
	{"nobody there", []string{"prompt", "none"}, nil, "", false, 50058, "redirect", "login_required"},
	{"not of the tenant", []string{"login_hint", "robin"}, nil, "organizations", false, 50020, "page", ""},
	{"for an administrator", []string{"scope", "Directory.Read.All " + mine}, nil, "", false, 90094, "page", ""},
	{"no to the app", nil, func(p *msaltest.Platform) { p.Deny() }, "", false, 65004, "redirect", "access_denied"},
	{"blocked", nil, func(p *msaltest.Platform) { p.Entra.Policies = []msaltest.Policy{{Block: true}} }, "", false, 53003, "redirect", "access_denied"},
	{"nothing is left", nil, func(p *msaltest.Platform) { p.GrantScopes = func([]string) []string { return nil } }, "", false, 70011, "redirect", "invalid_scope"},

	{"v1.0 without User.Read", nil, apps(msaltest.App{ClientID: client, Permissions: map[string][]string{}}), "", true, 90008, "redirect", "invalid_grant"},
	{"v1.0, an unknown resource", []string{"resource", "https://x.example"}, nil, "", true, 500011, "redirect", "invalid_resource"},
	{"v1.0, an unlisted resource", []string{"resource", arm}, apps(msaltest.App{ClientID: client}), "", true, 650057, "redirect", "invalid_resource"},
	{"v1.0, a personal account", []string{"login_hint", "robin"}, nil, "", true, 50020, "page", ""},
}

func (x refused) app(t *testing.T) *app {
	_, a := newEntra(t)
	if x.set != nil {
		x.set(a.p)
	}
	tenant := x.of
	if tenant == "" {
		tenant = "common"
	}
	if x.v1 {
		return a.v1(tenant)
	}
	return a.of(tenant)
}

func (x refused) check(t *testing.T, r reply) {
	t.Helper()
	require.Equal(t, x.want, r.number(), r.body+r.header.Get("Location"))
	require.Equal(t, x.where, r.where())
	if x.where == "page" {
		require.Equal(t, http.StatusBadRequest, r.status)
		return
	}
	require.Equal(t, x.code, r.error())
	require.NotContains(t, r.json, "access_token")
}

func TestEntraAuthorizeRefusals(t *testing.T) {
	t.Parallel()
	for _, x := range authorizeRefusals {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			a := x.app(t)
			x.check(t, a.visit(x.pairs...))
			require.Empty(t, a.p.TokenRequests(""))
		})
	}
	_, a := newEntra(t)
	twice := func(name string) reply { return a.get("/authorize?" + entraQuery().Encode() + "&" + name + "=a") }
	require.Equal(t, 9000411, twice("client_id").number())
	require.Equal(t, "page", twice("redirect_uri").where())
	require.Equal(t, 9000411, twice("scope").number())
	require.Equal(t, "redirect", twice("scope").where())
}

var (
	confidential = msaltest.App{ClientID: client, Secret: "s"}
	website      = msaltest.App{ClientID: client, Web: []string{localapp}}
)

// What comes before the grant is looked at.
var clientRefusals = []refused{
	{"no tenant", []string{"grant_type", ""}, nil, "fabrikam.example", false, 90002, "json", "invalid_request"},
	{"no grant", []string{"grant_type", "", "client_id", ""}, nil, "", false, 900144, "json", "invalid_request"},
	{"another grant", []string{"grant_type", "password", "client_id", ""}, nil, "", false, 70003, "json", "unsupported_grant_type"},
	{"no client", []string{"client_id", ""}, nil, "", false, 900144, "json", "invalid_request"},
	{"no GUID", []string{"client_id", "x"}, apps(msaltest.App{ClientID: other}), "", false, 700038, "json", "unauthorized_client"},
	{"no app", []string{"client_id", stranger}, apps(msaltest.App{ClientID: other}), "", false, 700016, "json", "unauthorized_client"},
	{"a public client's secret", []string{"client_secret", "s"}, nil, "", false, 700025, "json", "invalid_client"},
	{"no secret", nil, apps(confidential), "", false, 7000218, "json", "invalid_client"},
	{"a website", nil, apps(website), "", false, 7000218, "json", "invalid_client"},
	{"another secret", []string{"client_secret", "t"}, apps(confidential), "", false, 7000215, "json", "invalid_client"},
	{"claims", []string{"claims", "["}, nil, "", false, 9002313, "json", "invalid_request"},
	{"audience", nil, apps(msaltest.App{ClientID: client, Audience: msaltest.PersonalAccountsOnly}), "", false, 9002331, "json", "invalid_request"},
	{"v1.0", nil, nil, "consumers", true, 90027, "json", "invalid_request"},
}

func TestEntraClientRefusals(t *testing.T) {
	t.Parallel()
	for _, x := range clientRefusals {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			r := x.app(t).post("/token", entraForm("none", x.pairs...))
			x.check(t, r)
			want := http.StatusBadRequest
			if x.code == "invalid_client" {
				want = http.StatusUnauthorized
			}
			require.Equal(t, want, r.status)
		})
	}
	_, a := newEntra(t)
	require.Equal(t, 900561, a.get("/token").number())
	require.Equal(t, 900561, a.get("/devicecode").number())
	twice := entraForm("x")
	twice.Add("code", "y")
	require.Equal(t, 9000411, a.post("/token", twice).number())
	req, err := http.NewRequest(http.MethodPost, a.base+"/token", strings.NewReader(`{"grant_type":"refresh_token"}`))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	r, err := a.do(req)
	require.NoError(t, err)
	require.Contains(t, r.str("error_description"), "'grant_type'", "a body that is no form is as good as empty")
	req, err = http.NewRequest(http.MethodPut, a.p.URL+"/common/v2.0/.well-known/openid-configuration", nil)
	require.NoError(t, err)
	r, err = a.do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusMethodNotAllowed, r.status)
}

// other is a second application, of which a code or a token may be.
const other = "c11e0000-0000-4000-8000-000000000002"

var codeRefusals = []refused{
	{"no code", []string{"code", ""}, nil, "", false, 900144, "json", "invalid_request"},
	{"unknown", []string{"code", "x"}, nil, "", false, 70000, "json", "invalid_grant"},
	{"another client", []string{"client_id", other}, nil, "", false, 70000, "json", "invalid_grant"},
	{"another tenant", []string{"redirect_uri", ""}, nil, "consumers", false, 700005, "json", "invalid_grant"},
	{"another redirect", []string{"redirect_uri", localapp + "/x", "code_verifier", ""}, nil, "", false, 50011, "json", "invalid_grant"},
	{"another verifier", []string{"code_verifier", strings.Repeat("w", 43), "scope", "x"}, nil, "", false, 501481, "json", "invalid_grant"},
	{"no verifier", []string{"code_verifier", ""}, nil, "", false, 501481, "json", "invalid_grant"},
	{"two resources", []string{"scope", "User.Read https://management.azure.com//user_impersonation"}, nil, "", false, 28000, "json", "invalid_request"},
	{"no openid", []string{"scope", "User.Read email"}, nil, "", false, 70011, "json", "invalid_scope"},
	{"unknown permission", []string{"scope", "nonsense"}, nil, "", false, 650053, "json", "invalid_client"},
	{"not consented to", []string{"scope", "Mail.Read"}, nil, "", false, 65001, "json", "invalid_grant"},
	{"another scope of OpenID", []string{"scope", "openid email"}, nil, "", false, 65001, "json", "invalid_grant"},
	{"default of nothing", []string{"scope", "api://contoso/.default"}, nil, "", false, 65001, "json", "invalid_grant"},
	{"another resource", []string{"scope", "User.Read", "resource", arm}, nil, "", false, 9010010, "json", "invalid_target"},
}

func TestEntraCodeRefusals(t *testing.T) {
	t.Parallel()
	for _, x := range codeRefusals {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			a := x.app(t)
			code := a.of("common").codeFor()
			x.check(t, a.post("/token", entraForm(code, x.pairs...)))
			require.Equal(t, http.StatusOK, a.of("common").post("/token", entraForm(code)).status, "a failure does not use it up")
			require.Equal(t, 54005, a.of("common").post("/token", entraForm(code)).number())
			require.True(t, a.p.SessionAlive("avery"), "nor does a second time end the session")
		})
	}
	_, a := newEntra(t)
	form := entraForm(a.codeFor())
	form.Set("scope", "")
	r := a.post("/token", form)
	require.Equal(t, 28003, r.number())
	require.Equal(t, "invalid_scope", r.code())

	code := a.codeFor()
	a.p.Revoke("avery")
	require.Equal(t, 50173, a.post("/token", entraForm(code)).number())

	_, a = newEntra(t, func(p *msaltest.Platform) { p.Entra.BurnCodes = true })
	code = a.codeFor()
	require.Equal(t, 501481, a.post("/token", entraForm(code, "code_verifier", "")).number())
	require.Equal(t, 54005, a.post("/token", entraForm(code)).number())
}

func TestEntraCodeLife(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		young, old := a.codeFor(), a.codeFor()
		time.Sleep(10*time.Minute - time.Nanosecond)
		require.Equal(t, http.StatusOK, a.post("/token", entraForm(young)).status)
		time.Sleep(time.Nanosecond)
		require.Equal(t, 70008, a.post("/token", entraForm(old)).number())
	})
}

var refreshRefusals = []refused{
	{"no token", []string{"refresh_token", ""}, nil, "", false, 900144, "json", "invalid_request"},
	{"unknown", []string{"refresh_token", "rt"}, nil, "", false, 70000, "json", "invalid_grant"},
	{"another client", []string{"client_id", other}, nil, "", false, 70000, "json", "invalid_grant"},
	{"two resources", []string{"scope", "User.Read https://management.azure.com//user_impersonation"}, nil, "", false, 28000, "json", "invalid_request"},
	{"not consented to", []string{"scope", "https://management.azure.com//user_impersonation"}, nil, "", false, 65001, "json", "invalid_grant"},
	{"unknown resource", []string{"scope", "https://x.example/.default"}, nil, "", false, 500011, "json", "invalid_resource"},
	{"a challenge", []string{"claims", `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`}, nil, "", false, 50076, "json", "invalid_grant"},
	{"v1.0, nothing consented to", []string{"resource", "api://contoso"}, nil, "", true, 65001, "json", "invalid_grant"},
}

func TestEntraRefreshRefusals(t *testing.T) {
	t.Parallel()
	for _, x := range refreshRefusals {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			a := x.app(t)
			token := a.of("common").enter("User.Read " + mine).str("refresh_token")
			x.check(t, a.renew(token, x.pairs...))
			require.Equal(t, http.StatusOK, a.of("common").renew(token).status, "a refusal costs nothing")
		})
	}
	_, a := newEntra(t)
	r := a.renew("rt")
	require.Equal(t, "bad_token", r.str("suberror"))
	r = a.of("consumers").renew("rt")
	require.Contains(t, r.str("error_description"), "scopes requested are unauthorized or expired")
	require.NotContains(t, r.json, "suberror")
}

func TestEntraRefreshLives(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		const day = 24 * time.Hour
		used, unused := a.enter("User.Read "+mine).str("refresh_token"), a.enter("User.Read "+mine).str("refresh_token")
		time.Sleep(89 * day)
		used = a.renew(used).str("refresh_token")
		time.Sleep(day)
		require.Equal(t, http.StatusOK, a.renew(used).status)
		r := a.renew(unused)
		require.Equal(t, 700082, r.number())
		require.Contains(t, r.str("error_description"), "issued on 2000-01-01T00:00:00.0000000Z and was inactive for 90.00:00:00")

		p.Entra.SignInFrequency = time.Hour
		fresh := a.enter("User.Read "+mine, "prompt", "login").str("refresh_token")
		time.Sleep(time.Hour - time.Nanosecond)
		next := a.renew(fresh).str("refresh_token")
		require.NotEmpty(t, next)
		time.Sleep(time.Nanosecond)
		r = a.renew(next)
		require.Equal(t, 70043, r.number())
		require.Equal(t, "token_expired", r.str("suberror"))
		p.Entra.SignInFrequency = 0

		p.Entra.Apps = []msaltest.App{{ClientID: client, SPA: []string{localapp}}}
		spa := a.enter("User.Read "+mine, "prompt", "login").str("refresh_token")
		time.Sleep(day - time.Nanosecond)
		spa = a.renew(spa).str("refresh_token")
		require.NotEmpty(t, spa)
		time.Sleep(time.Nanosecond)
		require.Equal(t, 700084, a.renew(spa).number(), "its life is carried over")
	})
}

func TestEntraRotation(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, func(p *msaltest.Platform) { p.Rotation = msaltest.RotateStrict })
	first := a.enter("User.Read " + mine).str("refresh_token")
	second := a.renew(first).str("refresh_token")
	require.Equal(t, 70008, a.renew(first).number())
	require.Equal(t, 50173, a.renew(second).number())
	p.Rotation = msaltest.NoRotation
	r := a.renew(a.enter("User.Read " + mine).str("refresh_token"))
	require.Equal(t, http.StatusOK, r.status)
	require.NotContains(t, r.json, "refresh_token")

	p.Rotation, p.Entra.RefreshTokenOnDemand = msaltest.KeepOld, true
	token := a.enter("User.Read " + mine).str("refresh_token")
	require.NotContains(t, a.renew(token, "scope", "User.Read openid profile").json, "refresh_token")
	require.NotEmpty(t, a.renew(token, "scope", "User.Read "+mine).str("refresh_token"))
	p.Entra.RefreshTokenOnDemand = false
	require.NotEmpty(t, a.renew(token, "scope", "User.Read").str("refresh_token"))
}

// The same request again and again is a loop.
func TestEntraLoop(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		token := a.enter("User.Read " + mine).str("refresh_token")
		for range 15 {
			require.Equal(t, http.StatusOK, a.renew(token).status)
			time.Sleep(time.Second)
		}
		r := a.renew(token)
		require.Equal(t, 50196, r.number())
		require.Equal(t, "invalid_grant", r.code())
		require.Equal(t, http.StatusOK, a.renew(token, "scope", "User.Read "+mine).status, "another request")
		time.Sleep(5 * time.Minute)
		require.Equal(t, http.StatusOK, a.renew(token).status)
		p.Entra.LoopLimit = -1
		for range 40 {
			require.Equal(t, http.StatusOK, a.renew(token).status)
		}
	})
}

// Applications of a family share refresh tokens.
func TestEntraFamily(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, apps(msaltest.App{ClientID: client, Family: true}, msaltest.App{ClientID: other, Family: true}, msaltest.App{ClientID: stranger}))
	r := a.enter("User.Read " + mine)
	require.Equal(t, "1", r.str("foci"))
	token := r.str("refresh_token")
	require.Equal(t, 65001, a.renew(token, "client_id", other).number())
	p.Consent(msaltest.Grant{Client: other, Permissions: strings.Fields("User.Read " + mine)})
	r = a.renew(token, "client_id", other)
	require.Equal(t, other, payload(t, r.str("id_token"))["aud"])
	require.Equal(t, other, payload(t, r.str("access_token"))["appid"])
	r = a.renew(token, "client_id", stranger)
	require.Equal(t, 70000, r.number())
	require.Equal(t, "client_mismatch", r.str("suberror"))
}

// The numbers that the platform says by itself, and the tests of those that are in no table.
func TestEveryNumber(t *testing.T) {
	t.Parallel()
	shown := map[int]bool{
		9000411: true, 900561: true, 28003: true, 54005: true, // above
		50173: true, 70008: true, 700082: true, 700084: true, 70043: true, 50196: true, // above
		16000: true,              // TestEntraSilently
		50049: true, 50050: true, // TestEntraInstance
		70016: true, 70018: true, 70020: true, // TestEntraDevice
		90014: true, // TestEntraV1Resource
	}
	for _, table := range [][]refused{authorizeRefusals, clientRefusals, codeRefusals, refreshRefusals} {
		for _, x := range table {
			shown[x.want] = true
		}
	}
	for number, byItself := range msaltest.AADSTS() {
		require.Equal(t, byItself, shown[number], "AADSTS%d", number)
	}
}

// An error has all that a recorded one has.
func TestEntraErrorBody(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		const guid = "11111111-aaaa-4aaa-8aaa-111111111111"
		send := func(echo string) reply {
			req, err := http.NewRequest(http.MethodPost, a.base+"/token", strings.NewReader(entraForm("x", "grant_type", "x").Encode()))
			require.NoError(t, err)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("client-request-id", guid)
			req.Header.Set("return-client-request-id", echo)
			r, err := a.do(req)
			require.NoError(t, err)
			return r
		}
		r := send("true")
		trace := r.header.Get("x-ms-request-id")
		require.Regexp(t, `^[0-9a-f-]{36}$`, trace)
		require.Equal(t, map[string]any{
			"error": "unsupported_grant_type",
			"error_description": "AADSTS70003: The app requested an unsupported grant type 'x'. Trace ID: " + trace +
				" Correlation ID: " + guid + " Timestamp: 2000-01-01 00:00:00Z",
			"error_codes":    []any{70003.0},
			"timestamp":      "2000-01-01 00:00:00Z",
			"trace_id":       trace,
			"correlation_id": guid,
		}, r.json)
		require.Equal(t, guid, r.header.Get("client-request-id"))
		for name, value := range map[string]string{
			"Cache-Control": "no-store, no-cache", "Pragma": "no-cache", "Expires": "-1", "X-Ms-Clitelem": "1,70003,0,,",
			"Content-Type": "application/json; charset=utf-8",
		} {
			require.Equal(t, value, r.header.Get(name), name)
		}
		r = send("")
		require.Empty(t, r.header.Get("client-request-id"))
		require.NotEqual(t, trace, r.str("trace_id"))
		require.Equal(t, "1,0,0,,", a.post("/token", entraForm(a.codeFor())).header.Get("x-ms-clitelem"))

		r = a.of("nowhere.example").post("/token", url.Values{})
		require.Equal(t, p.URL+"/error?code=90002", r.str("error_uri"))
		require.NotContains(t, send("").json, "error_uri", "not every number is documented there")
		p.Entra.LineBreaks = true
		require.Contains(t, send("").str("error_description"), "'x'.\r\nTrace ID: ")
	})
}

// Every number can be had where it is wanted, and has the words of the table.
func TestEntraFaults(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	token := a.enter("User.Read " + mine).str("refresh_token")
	p.Entra.LoopLimit = -1
	for number := range msaltest.AADSTS() {
		p.Fail("token", msaltest.Fault{AADSTS: number})
		r := a.renew(token)
		require.Equal(t, number, r.number(), r.body)
		require.Equal(t, []any{float64(number)}, r.json["error_codes"])
		require.NotContains(t, r.body, "%!")
		require.Equal(t, http.StatusOK, a.renew(token).status, "it has no effect")
	}
	p.Fail("token", msaltest.Fault{AADSTS: 90055, RetryAfter: "60", Header: http.Header{"x-ms-ests-server": {"x"}}})
	r := a.renew(token)
	require.Equal(t, http.StatusTooManyRequests, r.status)
	require.Equal(t, "60", r.header.Get("Retry-After"))
	require.Equal(t, "x", r.header.Get("x-ms-ests-server"))
	require.Equal(t, "temporarily_unavailable", r.code())

	p.Fail("token", msaltest.Fault{AADSTS: 53003, Status: 403, Code: "x", Suberror: "y", Claims: `{"access_token":{}}`, Description: "z"})
	r = a.renew(token)
	require.Equal(t, http.StatusForbidden, r.status)
	require.Equal(t, []string{"x", "y", `{"access_token":{}}`}, []string{r.code(), r.str("suberror"), r.str("claims")})
	require.True(t, strings.HasPrefix(r.str("error_description"), "z Trace ID: "))

	p.Fail("authorize", msaltest.Fault{AADSTS: 53000, Times: 2})
	require.Equal(t, "access_denied", a.landed(a.visit()).Get("error"))
	require.Equal(t, 900971, a.visit("redirect_uri", "").number())
	p.Fail("logout", msaltest.Fault{AADSTS: 90033})
	require.Equal(t, "page", a.get("/logout").where())
}
