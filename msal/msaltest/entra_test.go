package msaltest_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	client   = "c11e0000-0000-4000-8000-000000000001"
	localapp = "http://localhost:5123"
	arm      = "https://management.azure.com/"
	mine     = "openid profile offline_access"
)

// newEntra is an application of a platform that is Microsoft's, at the v2.0 endpoints of common.
func newEntra(t *testing.T, set ...func(*msaltest.Platform)) (*msaltest.Platform, *app) {
	p := msaltest.New(t)
	p.Entra, p.Rotation = &msaltest.Entra{}, msaltest.KeepOld
	for _, f := range set {
		f(p)
	}
	a := newApp(t, p)
	return p, a.of("common")
}

// of is the same application at the v2.0 endpoints of another tenant, v1 at the v1.0 ones.
func (a *app) of(tenant string) *app {
	b := *a
	b.base = a.p.URL + "/" + tenant + "/oauth2/v2.0"
	return &b
}

func (a *app) v1(tenant string) *app {
	b := *a
	b.base = a.p.URL + "/" + tenant + "/oauth2"
	return &b
}

func entraQuery(pairs ...string) url.Values {
	return with(authorization("client_id", client, "redirect_uri", localapp, "scope", "User.Read "+mine), pairs...)
}

// visit opens an authorization request and returns what is at its end: a page, or what the client gets.
func (a *app) visit(pairs ...string) reply {
	a.t.Helper()
	return a.get("/authorize?" + entraQuery(pairs...).Encode())
}

// landed is what the client gets.
func (a *app) landed(r reply) url.Values {
	a.t.Helper()
	require.Equal(a.t, http.StatusFound, r.status, r.body)
	u, err := url.Parse(r.header.Get("Location"))
	require.NoError(a.t, err)
	return u.Query()
}

func (a *app) codeFor(pairs ...string) string {
	a.t.Helper()
	answer := a.landed(a.visit(pairs...))
	require.NotEmpty(a.t, answer.Get("code"), answer)
	return answer.Get("code")
}

func entraForm(code string, pairs ...string) url.Values {
	return with(redemption(code, "client_id", client, "redirect_uri", localapp), pairs...)
}

// enter signs in with the scope and returns the token answer.
func (a *app) enter(scope string, pairs ...string) reply {
	a.t.Helper()
	r := a.post("/token", entraForm(a.codeFor(append([]string{"scope", scope}, pairs...)...)))
	require.Equal(a.t, http.StatusOK, r.status, r.body)
	return r
}

func (a *app) renew(token string, pairs ...string) reply {
	a.t.Helper()
	return a.post("/token", refreshment(token, append([]string{"client_id", client}, pairs...)...))
}

// payload reads a JWT without a look at its signature.
func payload(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	require.Len(t, parts, 3, token)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &claims))
	return claims
}

// number is the AADSTS number of an answer, wherever it is.
func (r reply) number() int {
	text := r.body
	if location := r.header.Get("Location"); location != "" {
		text, _ = url.QueryUnescape(location)
	}
	found := regexp.MustCompile(`AADSTS(\d+)`).FindStringSubmatch(text)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// where tells whether an answer is for a person, for a client through its redirect URI, or for a client that reads JSON.
func (r reply) where() string {
	switch {
	case r.header.Get("Location") != "":
		return "redirect"
	case strings.HasPrefix(r.header.Get("Content-Type"), "text/html"):
		return "page"
	default:
		return "json"
	}
}

// error is the OAuth error code of an answer.
func (r reply) error() string {
	if r.where() == "redirect" {
		u, _ := url.Parse(r.header.Get("Location"))
		return u.Query().Get("error")
	}
	return r.code()
}

// bubble runs a test in which time passes at once.
func bubble(t *testing.T, f func(t *testing.T, p *msaltest.Platform, a *app)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, a := newEntra(t)
		f(t, p, a)
	})
}

func TestEntraCodeFlow(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	r := a.visit("client_info", "1")
	require.Equal(t, http.StatusFound, r.status)
	require.True(t, strings.HasPrefix(r.header.Get("Location"), localapp+"/?"), "a slash where there is no path")
	answer := a.landed(r)
	require.Equal(t, "state-1", answer.Get("state"))
	require.NotEmpty(t, answer.Get("session_state"))
	require.NotContains(t, answer, "iss")
	uid, err := base64.RawURLEncoding.DecodeString(answer.Get("client_info"))
	require.NoError(t, err)

	r = a.post("/token", entraForm(answer.Get("code"), "client_info", "1"))
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, answer.Get("client_info"), r.str("client_info"))
	require.Equal(t, "no-store, no-cache", r.header.Get("Cache-Control"))
	require.Equal(t, "User.Read openid profile", r.str("scope"), "offline_access never is in it")
	require.EqualValues(t, 3600, r.json["expires_in"])
	require.EqualValues(t, 3600, r.json["ext_expires_in"])
	require.NotContains(t, r.json, "foci")

	id := payload(t, r.str("id_token"))
	require.Equal(t, p.URL+"/"+msaltest.DefaultTenant+"/v2.0", id["iss"])
	require.Equal(t, msaltest.DefaultTenant, id["tid"])
	require.Equal(t, "2.0", id["ver"])
	require.Equal(t, client, id["aud"])
	require.Equal(t, "nonce-1", id["nonce"])
	require.Equal(t, "avery@contoso.example", id["preferred_username"])
	require.JSONEq(t, `{"uid":"`+id["oid"].(string)+`","utid":"`+msaltest.DefaultTenant+`"}`, string(uid))
	for _, absent := range []string{"email", "at_hash", "email_verified", "upn", "idp"} {
		require.NotContains(t, id, absent)
	}

	access := payload(t, r.str("access_token"))
	require.Equal(t, "1.0", access["ver"], "its version is that of the resource")
	require.Equal(t, "https://graph.microsoft.com", access["aud"])
	require.Equal(t, "openid profile User.Read", access["scp"])
	require.NotEqual(t, id["sub"], access["sub"], "names are pairwise")
	require.True(t, p.SessionAlive("avery"))

	again := a.renew(r.str("refresh_token"))
	require.Equal(t, http.StatusOK, again.status, again.body)
	require.NotContains(t, payload(t, again.str("id_token")), "nonce")
	require.NotContains(t, again.json, "client_info")
	require.Equal(t, http.StatusOK, a.renew(r.str("refresh_token")).status, "the old one is not revoked")
}

// go-oidc knows nothing of this package, and verifies with the keys as they are published.
func TestEntraVerified(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	a = a.of("contoso.example")
	token := a.enter("openid").str("id_token")
	a.base = p.URL + "/" + msaltest.DefaultTenant + "/v2.0"
	require.Contains(t, a.verifiedFor(client, token), "tid")
	p.RotateKeys()
	next := a.of("organizations").enter("openid").str("id_token")
	a.base = p.URL + "/" + msaltest.DefaultTenant + "/v2.0"
	require.Contains(t, a.verifiedFor(client, next), "tid")
	require.Contains(t, a.verifiedFor(client, token), "tid")
}

// What each scope of OpenID Connect buys.
func TestEntraScopesBuy(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	r := a.enter("User.Read")
	require.NotContains(t, r.json, "id_token")
	require.NotContains(t, r.json, "refresh_token")
	r = a.enter("openid")
	id := payload(t, r.str("id_token"))
	for _, claim := range []string{"name", "oid", "preferred_username", "email"} {
		require.NotContains(t, id, claim)
	}
	require.Equal(t, msaltest.DefaultTenant, id["tid"])
	require.Equal(t, "avery@contoso.example", payload(t, a.enter("openid email").str("id_token"))["email"])
	require.Equal(t, "Avery Example", payload(t, a.enter("openid profile").str("id_token"))["name"])
	require.NotEmpty(t, a.enter("User.Read OFFLINE_ACCESS").str("refresh_token"))
	require.NotEmpty(t, a.enter("https://graph.microsoft.com/offline_access").str("refresh_token"))
}

// Everybody at their own address: members, guests and personal accounts.
func TestEntraWho(t *testing.T) {
	t.Parallel()
	const other = "0b0b0b0b-0000-4000-8000-000000000002"
	p, a := newEntra(t, func(p *msaltest.Platform) {
		p.Entra.Tenants = []msaltest.Tenant{
			{ID: msaltest.DefaultTenant, Domains: []string{"contoso.example"}},
			{ID: other, Guests: []string{"avery"}},
			{ID: msaltest.PersonalTenant, Kind: msaltest.PersonalAccounts},
		}
	})
	whoIs := func(a *app, pairs ...string) map[string]any {
		return payload(t, a.enter("openid profile", pairs...).str("id_token"))
	}
	home := whoIs(a)
	require.Equal(t, "Avery Example", home["name"])
	require.Equal(t, home["oid"], whoIs(a.of("contoso.example"))["oid"])

	guest := whoIs(a.of(other))
	require.Equal(t, other, guest["tid"])
	require.Equal(t, p.URL+"/"+msaltest.DefaultTenant+"/", guest["idp"])
	require.NotEqual(t, home["oid"], guest["oid"], "a guest is another object")
	require.NotEqual(t, home["sub"], guest["sub"])

	robin := a.of("consumers").enter("openid profile")
	require.Equal(t, msaltest.PersonalTenant, payload(t, robin.str("id_token"))["tid"])
	require.NotContains(t, robin.str("access_token"), ".", "access tokens of personal accounts are opaque")
	require.Equal(t, "Robin Example", whoIs(a, "login_hint", "robin@mail.example")["name"])
	require.Equal(t, 50020, a.of("organizations").visit("login_hint", "robin").number())
	require.Equal(t, 50020, a.of(other).visit("login_hint", "morgan").number())

	p.Users = []msaltest.User{{Subject: "ann", ObjectID: "0a0a0a0a-0000-4000-8000-0000000000aa"}}
	require.Equal(t, "0a0a0a0a-0000-4000-8000-0000000000aa", whoIs(a)["oid"])
	require.Equal(t, 50020, a.of("consumers").visit().number(), "nobody has a personal account")
	p.SignInAs(msaltest.User{Subject: "zoe", TenantID: other})
	require.Equal(t, other, whoIs(a)["tid"])
	p.SignInAs(msaltest.User{})
}

// A refresh token is bound to user and client, not to a tenant or a resource.
func TestEntraRefreshElsewhere(t *testing.T) {
	t.Parallel()
	const other = "0b0b0b0b-0000-4000-8000-000000000002"
	p, a := newEntra(t, func(p *msaltest.Platform) {
		p.Entra.Tenants = []msaltest.Tenant{{ID: msaltest.DefaultTenant}, {ID: other, Guests: []string{"avery"}}}
	})
	token := a.enter("User.Read https://management.azure.com//user_impersonation " + mine).str("refresh_token")
	r := a.renew(token, "scope", "https://management.azure.com//user_impersonation "+mine)
	require.Equal(t, "https://management.azure.com//user_impersonation", r.str("scope"))
	require.Equal(t, arm, payload(t, r.str("access_token"))["aud"])
	require.Equal(t, "User.Read openid profile", a.renew(token).str("scope"), "the first of the sign-in")

	require.Equal(t, 65001, a.of(other).renew(token).number(), "nothing has been consented to there")
	p.Consent(msaltest.Grant{Tenant: other, Client: client, Permissions: []string{"User.Read", "openid", "profile", "offline_access"}})
	r = a.of(other).renew(token)
	require.Equal(t, other, payload(t, r.str("id_token"))["tid"])
	p.SignInAs(msaltest.User{Subject: "morgan"})
	require.Equal(t, 50020, a.of(other).renew(a.enter("User.Read "+mine).str("refresh_token")).number())
}

func TestEntraPKCE(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	plain := a.codeFor("code_challenge", verifier, "code_challenge_method", "")
	require.Equal(t, 501481, a.post("/token", entraForm(plain, "code_verifier", strings.Repeat("w", 43))).number())
	require.Equal(t, http.StatusOK, a.post("/token", entraForm(plain)).status, "a wrong verifier does not use it up")
	none := a.codeFor("code_challenge", "", "code_challenge_method", "")
	require.Equal(t, http.StatusOK, a.post("/token", entraForm(none, "code_verifier", "")).status, "a native app may do without")
}

func TestEntraResponseModes(t *testing.T) {
	t.Parallel()
	_, a := newEntra(t)
	r := a.visit("response_mode", "fragment")
	require.Contains(t, r.header.Get("Location"), localapp+"/#code=")
	r = a.visit("response_mode", "form_post")
	require.Contains(t, r.body, `action="`+localapp+`/"`)
	require.Contains(t, r.body, `name="session_state"`)
	require.Contains(t, a.visit().header.Get("Location"), localapp+"/?code=")
}

// The pages are the platform's own ones, with the people who fit the address.
func TestEntraInteractive(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, func(p *msaltest.Platform) { p.Interactive = true })
	r := a.of("organizations").visit()
	require.Contains(t, r.body, "Continue as Avery Example")
	require.Contains(t, r.body, "Continue as Morgan Example")
	require.NotContains(t, r.body, "Robin")
	page := a.of("organizations")
	decide := func(subject string) reply {
		return page.post("/signin", url.Values{"request": {entraQuery("client_info", "1").Encode()}, "subject": {subject}})
	}
	answer := a.landed(decide("morgan"))
	require.NotEmpty(t, answer.Get("code"))
	require.NotEmpty(t, answer.Get("client_info"))
	require.Equal(t, 65004, decide("").number())
	require.Equal(t, http.StatusBadRequest, decide("robin").status)
	require.Equal(t, 900144, page.post("/signin", url.Values{"subject": {"morgan"}}).number())
	require.Equal(t, 1, p.Count("authorize"))
}

func TestEntraAliveAfterRevoke(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		token := a.enter("User.Read " + mine).str("refresh_token")
		time.Sleep(time.Hour)
		p.Revoke("avery")
		require.False(t, p.SessionAlive("avery"))
		r := a.renew(token)
		require.Equal(t, 50173, r.number())
		require.Equal(t, "bad_token", r.str("suberror"))
		require.Contains(t, r.str("error_description"), "issued on '2000-01-01T00:00:00.0000000Z'")
		require.Contains(t, r.str("error_description"), "for this user is '2000-01-01T01:00:00.0000000Z'")
		require.Equal(t, "1,50173,0,3600000.0000,", r.header.Get("x-ms-clitelem"))
		require.NotEmpty(t, a.enter("User.Read "+mine).str("refresh_token"))
		require.True(t, p.SessionAlive("avery"))
	})
}

// The directory is the test's own, but for what it leaves out.
func TestEntraOwnModel(t *testing.T) {
	t.Parallel()
	const own = "0d0d0d0d-0000-4000-8000-0000000000dd"
	p, a := newEntra(t, func(p *msaltest.Platform) {
		p.Entra.ScopeStyle = msaltest.QualifiedNames
		p.Entra.Resources = []msaltest.Resource{
			{AppID: own, Permissions: []msaltest.Permission{{Value: "Do"}, {Value: "profile"}}},
			{AppID: msaltest.MicrosoftGraph, Permissions: []msaltest.Permission{{Value: "openid"}, {Value: "Me.Read"}}},
		}
	})
	require.Equal(t, own+"/Do", a.enter(own+"/do").str("scope"))
	require.Equal(t, own+"/profile "+own+"/Do", a.enter(own+"/profile").str("scope"), "another API's permission of that name")
	require.Equal(t, own+"/Do "+own+"/profile "+own+"/.default", a.enter(own+"/.default").str("scope"))
	require.Equal(t, msaltest.MicrosoftGraph+"/Me.Read openid", a.enter("me.read openid").str("scope"))
	require.Equal(t, 650053, a.visit("scope", "User.Read").number())
	require.Equal(t, arm+"user_impersonation", a.enter(arm+"user_impersonation").str("scope"), "what is not replaced stays")

	p.ClientID, p.ClientSecret = client, "s"
	require.Equal(t, 700016, a.visit("client_id", other).number())
	require.Equal(t, 7000218, a.post("/token", entraForm("x")).number())
	require.Equal(t, http.StatusOK, a.post("/token", entraForm(a.codeFor("scope", "Me.Read"), "client_secret", "s")).status)

	p.Entra.Apps = []msaltest.App{{ClientID: client, Name: "Notes"}}
	upper := strings.ToUpper(client)
	r := a.post("/token", entraForm(a.codeFor("scope", "openid", "client_id", upper)))
	require.Equal(t, client, payload(t, r.str("id_token"))["aud"], "whatever the letter case")
	require.Contains(t, a.landed(a.visit("scope", "x")).Get("error_description"), "The application 'Notes' asked for")
}

// The knobs of every platform keep their meaning.
func TestEntraKnobs(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		var grants []string
		p.EditToken = func(grant string, answer map[string]any) {
			grants = append(grants, grant)
			answer["extra"] = "1"
		}
		p.EditClaims = func(claims map[string]any) { claims["name"] = "Mallory" }
		p.AccessTokenLife, p.RefreshIn, p.CodeLife = time.Minute, 30*time.Second, time.Second
		r := a.enter("User.Read " + mine)
		require.EqualValues(t, 60, r.json["expires_in"])
		require.EqualValues(t, 30, r.json["refresh_in"])
		require.Equal(t, "1", r.str("extra"))
		require.Equal(t, "Mallory", payload(t, r.str("id_token"))["name"])
		require.NotContains(t, payload(t, r.str("id_token")), "auth_time")
		a.renew(r.str("refresh_token"))
		require.Equal(t, []string{"authorization_code", "refresh_token"}, grants)
		old := a.codeFor()
		time.Sleep(time.Second)
		require.Equal(t, 70008, a.post("/token", entraForm(old)).number())
		id := payload(t, a.enter("openid", "max_age", "10").str("id_token"))
		require.EqualValues(t, 946684800, id["auth_time"])

		require.NotContains(t, a.landed(a.visit()), "iss")
		p.Entra.SendIss = true
		require.Equal(t, p.URL+"/"+msaltest.DefaultTenant+"/v2.0", a.landed(a.visit()).Get("iss"))
		require.Equal(t, p.URL+"/{tenantid}/v2.0", a.landed(a.visit("scope", "x")).Get("iss"))

		p.Fail("token", msaltest.Fault{Cut: true})
		_, err := a.try("/token", entraForm(a.codeFor()))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

// The log has what was sent, as it was sent.
func TestEntraLog(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t)
	a.get("/authorize?scope=User.Read%20%20openid&client_id=" + client)
	req, err := http.NewRequest(http.MethodPost, a.base+"/token", strings.NewReader("scope=b%20%20a+a&grant_type=x"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = a.do(req)
	require.NoError(t, err)
	log := p.Requests()
	require.Equal(t, "/common/oauth2/v2.0/authorize?scope=User.Read%20%20openid&client_id="+client, log[0].URL)
	require.Equal(t, "authorize", log[0].Endpoint)
	require.Equal(t, "scope=b%20%20a+a&grant_type=x", log[1].Body)
	require.Equal(t, "b  a a", log[1].Form.Get("scope"))
	require.Equal(t, 400, log[1].Status)
	p.AllowUnknown = true
	require.Equal(t, http.StatusNotFound, a.get("/revoke").status)
	require.Empty(t, p.Requests()[2].Endpoint)
}

// On a real socket, with pages, as a program would have it.
func TestEntraStart(t *testing.T) {
	t.Parallel()
	p := &msaltest.Platform{Entra: &msaltest.Entra{}, Interactive: true}
	p.Start()
	defer p.Close()
	document := getAny(p.URL + "/organizations/v2.0/.well-known/openid-configuration")
	require.Equal(t, p.URL+"/{tenantid}/v2.0", document["issuer"])
	require.Equal(t, p.URL+"/oidc/userinfo", document["userinfo_endpoint"])
	got := make(chan url.Values, 1)
	listener := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Query() }))
	defer listener.Close()
	address := document["authorization_endpoint"].(string) + "?" + entraQuery("redirect_uri", listener.URL).Encode()
	require.NoError(t, p.Browse(t.Context(), address))
	require.NotEmpty(t, (<-got).Get("code"))
	require.Equal(t, 1, p.Count("signin"))
}
