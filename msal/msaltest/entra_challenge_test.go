package msaltest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	things = "https://api.contoso.example"
	cp1    = `{"access_token":{"xms_cc":{"values":["cp1"]}}}`
)

// call asks an API, in process, and returns the claims of its challenge, if there is one.
func (a *app) call(token string) (reply, string) {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodGet, things+"/list?x=1", nil)
	require.NoError(a.t, err)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	r, err := a.do(req)
	require.NoError(a.t, err)
	found := regexp.MustCompile(`claims="([^"]*)"`).FindStringSubmatch(r.header.Get("WWW-Authenticate"))
	if found == nil {
		return r, ""
	}
	claims, err := base64.StdEncoding.DecodeString(found[1])
	require.NoError(a.t, err)
	return r, string(claims)
}

const readThings = "api://contoso/Things.Read "

func TestAPI(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		api := p.NewAPI(things, "api://contoso", "things.read", "Things.Manage")
		token := a.enter(readThings + mine).str("access_token")
		r, _ := a.call(token)
		require.Equal(t, map[string]any{"subject": "avery", "scp": "Things.Read"}, r.json)

		r, _ = a.call("")
		require.Equal(t, http.StatusUnauthorized, r.status)
		require.Equal(t, `Bearer realm="", authorization_uri="https://idp.example/common/oauth2/authorize", client_id="`+contosoAPI+`"`,
			r.header.Get("WWW-Authenticate"))
		for name, bad := range map[string]string{
			"forged": token[:len(token)-4] + "AAAA", "for Microsoft Graph": a.enter("User.Read").str("access_token"),
		} {
			r, _ = a.call(bad)
			require.Equal(t, http.StatusUnauthorized, r.status, name)
			require.Contains(t, r.header.Get("WWW-Authenticate"), `error="invalid_token"`, name)
		}
		writer := a.enter("api://contoso/Things.Write", "login_hint", "morgan").str("access_token")
		r, _ = a.call(writer)
		require.Equal(t, http.StatusForbidden, r.status)
		require.Contains(t, r.header.Get("WWW-Authenticate"), `error="insufficient_scope"`)

		api.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
		r, _ = a.call(token)
		require.Equal(t, http.StatusTeapot, r.status)
		time.Sleep(time.Hour)
		r, _ = a.call(token)
		require.Equal(t, http.StatusUnauthorized, r.status)
		log := api.Requests()
		require.Len(t, log, 7)
		require.Equal(t, "/list?x=1", log[0].URL)
		require.Equal(t, "Bearer "+token, log[0].Header.Get("Authorization"))
		require.Equal(t, []int{200, 401}, []int{log[0].Status, log[6].Status})
		require.Zero(t, p.Count("userinfo"))
	})
}

// A handler of the test's own may leave the status, and even the whole answer, to its server.
func TestAPIWithoutStatus(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		api := p.NewAPI(things, "api://contoso")
		token := a.enter(readThings + mine).str("access_token")
		for _, body := range []string{"chairs", ""} {
			api.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if body != "" {
					_, _ = w.Write([]byte(body))
				}
			})
			r, _ := a.call(token)
			require.Equal(t, http.StatusOK, r.status)
			require.Equal(t, body, r.body)
		}
	})
}

// Continuous access evaluation: who understands challenges loses access at once, and has to sign in again.
func TestEntraRevoked(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		p.NewAPI(things, "api://contoso")
		r := a.post("/token", entraForm(a.codeFor("scope", readThings+mine, "claims", cp1), "claims", cp1))
		capable, refresh := r.str("access_token"), r.str("refresh_token")
		require.Equal(t, []any{"cp1"}, payload(t, capable)["xms_cc"])
		plain := a.renew(refresh).str("access_token")
		time.Sleep(time.Minute)
		p.Revoke("avery")

		r, claims := a.call(capable)
		require.Equal(t, http.StatusUnauthorized, r.status)
		require.Contains(t, r.header.Get("WWW-Authenticate"), `error="insufficient_claims"`)
		require.JSONEq(t, `{"access_token":{"nbf":{"essential":true,"value":"946684860"}}}`, claims)
		require.Equal(t, 50173, a.renew(refresh, "claims", claims).number())
		r, _ = a.call(plain)
		require.Equal(t, http.StatusOK, r.status, "who does not understand is left alone until the token is over")

		r, _ = a.call(a.enter(readThings, "claims", claims).str("access_token"))
		require.Equal(t, http.StatusOK, r.status)
	})
}

// An API asks for more than a password: a refresh can not give it, a person can.
func TestEntraStepUp(t *testing.T) {
	bubble(t, func(t *testing.T, p *msaltest.Platform, a *app) {
		api := p.NewAPI(things, "api://contoso", "Things.Read")
		const want = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
		r := a.enter(readThings + mine)
		refresh := r.str("refresh_token")
		api.Challenge(want)
		r, claims := a.call(r.str("access_token"))
		require.Equal(t, http.StatusUnauthorized, r.status)
		require.Equal(t, want, claims)

		r = a.renew(refresh, "claims", claims)
		require.Equal(t, 50076, r.number())
		require.Equal(t, "invalid_grant", r.code())
		require.Equal(t, "basic_action", r.str("suberror"))
		require.Contains(t, r.str("error_description"), "to access '"+contosoAPI+"'")
		require.JSONEq(t, `{"access_token":{"acrs":{"essential":true,"values":["c1"]}}}`, r.str("claims"))

		r = a.enter(readThings+mine, "claims", r.str("claims"))
		require.Equal(t, []any{"c1"}, payload(t, r.str("access_token"))["acrs"])
		ok, _ := a.call(r.str("access_token"))
		require.Equal(t, http.StatusOK, ok.status)
		ok, _ = a.call(a.renew(r.str("refresh_token"), "claims", want).str("access_token"))
		require.Equal(t, http.StatusOK, ok.status, "the session has it from now on")
		require.Equal(t, 50076, a.renew(refresh, "claims", want).number(), "the older one does not")

		api.Challenge(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`)
		refused, _ := a.call(r.str("access_token"))
		require.Equal(t, http.StatusUnauthorized, refused.status)
		time.Sleep(time.Second)
		ok, _ = a.call(a.renew(refresh).str("access_token"))
		require.Equal(t, http.StatusOK, ok.status, "a newer token is enough")
		api.Challenge("")
		ok, _ = a.call(r.str("access_token"))
		require.Equal(t, http.StatusOK, ok.status)
	})
}

// Conditional access is about resources: whoever signed in to another one has to come back.
func TestEntraPolicies(t *testing.T) {
	t.Parallel()
	p, a := newEntra(t, func(p *msaltest.Platform) {
		p.Entra.Policies = []msaltest.Policy{{Resource: "api://contoso"}}
		p.Consent(msaltest.Grant{Client: client, Resource: "api://contoso", Permissions: []string{"Things.Read"}})
	})
	token := a.enter("User.Read " + mine).str("refresh_token")
	require.Equal(t, http.StatusOK, a.renew(token, "scope", "User.Read").status)
	r := a.renew(token, "scope", readThings)
	require.Equal(t, 50076, r.number())
	var claims struct {
		AccessToken map[string]struct {
			Essential bool
			Values    []string
		} `json:"access_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.str("claims")), &claims))
	require.True(t, claims.AccessToken["capolids"].Essential)
	require.Regexp(t, `^[0-9a-f-]{36}$`, claims.AccessToken["capolids"].Values[0])

	token = a.enter("User.Read "+mine, "claims", r.str("claims")).str("refresh_token")
	require.Equal(t, http.StatusOK, a.renew(token, "scope", readThings).status)
	require.Equal(t, http.StatusOK, a.renew(a.enter(readThings+mine).str("refresh_token")).status, "asked for by name")

	p.Entra.Policies = []msaltest.Policy{{Resource: "https://graph.microsoft.com", Block: true, ID: "p2"}}
	r = a.renew(token, "scope", "User.Read")
	require.Equal(t, 53003, r.number())
	require.Equal(t, "message_only", r.str("suberror"))
	require.JSONEq(t, `{"access_token":{"capolids":{"essential":true,"values":["p2"]}}}`, r.str("claims"))
	require.Equal(t, http.StatusOK, a.renew(token, "scope", readThings).status)
}

func TestAPIMisused(t *testing.T) {
	t.Parallel()
	for want, misuse := range map[string]func(*msaltest.Platform){
		`not "https://x.example/p"`:  func(p *msaltest.Platform) { p.NewAPI("https://x.example/p", "api://contoso") },
		`not "https://idp.example"`:  func(p *msaltest.Platform) { p.NewAPI(p.URL, "api://contoso") },
		`there is no resource "x"`:   func(p *msaltest.Platform) { p.NewAPI(things, "x") },
		"the claims are not JSON: {": func(p *msaltest.Platform) { p.NewAPI(things, "api://contoso").Challenge("{") },
		"takes a platform with Entra": func(p *msaltest.Platform) {
			p.Entra = nil
			p.NewAPI(things, "api://contoso")
		},
		"AADSTS1 is not known":                     func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{AADSTS: 1}) },
		`there is no endpoint "revocation"`:        func(p *msaltest.Platform) { p.Count("revocation") },
		`SignInAs: there is no tenant "x.example"`: func(p *msaltest.Platform) { p.SignInAs(msaltest.User{Subject: "x", TenantID: "x.example"}) },
	} {
		r := &recorder{TB: t}
		p := msaltest.New(r)
		p.Entra = &msaltest.Entra{}
		require.PanicsWithValue(t, ended{}, func() { misuse(p) })
		require.Contains(t, r.fatals[0], want)
	}
}

func TestEntraImpossibleKnobs(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(*msaltest.Entra, *msaltest.Platform){
		`the Algorithm is "ES256"`:       func(_ *msaltest.Entra, p *msaltest.Platform) { p.Algorithm = "ES256" },
		`the ID of the Tenant "contoso"`: func(e *msaltest.Entra, _ *msaltest.Platform) { e.Tenants = []msaltest.Tenant{{ID: "contoso"}} },
		`two of the Tenants are called "5`: func(e *msaltest.Entra, _ *msaltest.Platform) {
			e.Tenants = []msaltest.Tenant{{ID: stranger}, {ID: stranger}}
		},
		`two of the Resources are called "https://man`: func(e *msaltest.Entra, _ *msaltest.Platform) {
			e.Resources = []msaltest.Resource{{AppID: "x", IDURIs: []string{arm}}}
		},
		`one of the Resources is called ""`: func(e *msaltest.Entra, _ *msaltest.Platform) { e.Resources = []msaltest.Resource{{}} },
		"the Tenants have no organization":  func(e *msaltest.Entra, _ *msaltest.Platform) { e.Tenants = []msaltest.Tenant{} },
		`the App "" has no ClientID`:        func(e *msaltest.Entra, _ *msaltest.Platform) { e.Apps = []msaltest.App{{}} },
		"has the Audience 9":                func(e *msaltest.Entra, _ *msaltest.Platform) { e.Apps = []msaltest.App{{ClientID: "x", Audience: 9}} },
		`is for one tenant, and its Tenant`: func(e *msaltest.Entra, _ *msaltest.Platform) {
			e.Apps = []msaltest.App{{ClientID: "x", Audience: msaltest.OneTenant}}
		},
		`has Permissions of "y"`: func(e *msaltest.Entra, _ *msaltest.Platform) {
			e.Apps = []msaltest.App{{ClientID: "x", Permissions: map[string][]string{"y": nil}}}
		},
		`a Policy is about "y"`: func(e *msaltest.Entra, _ *msaltest.Platform) { e.Policies = []msaltest.Policy{{Resource: "y"}} },
		`of the tenant "y", which`: func(_ *msaltest.Entra, p *msaltest.Platform) {
			p.Users = []msaltest.User{{Subject: "x", TenantID: "y"}}
		},
		`the ResponseModes are ["frag"]`:  func(_ *msaltest.Entra, p *msaltest.Platform) { p.ResponseModes = []string{"frag"} },
		"the ScopeStyle 9 does not exist": func(e *msaltest.Entra, _ *msaltest.Platform) { e.ScopeStyle = 9 },
		"SignInFrequency is -1s, want":    func(e *msaltest.Entra, _ *msaltest.Platform) { e.SignInFrequency = -time.Second },
		"the Kind 9 of the Tenant":        func(e *msaltest.Entra, _ *msaltest.Platform) { e.Tenants = []msaltest.Tenant{{ID: stranger, Kind: 9}} },
	} {
		r := &recorder{TB: t}
		p := msaltest.New(r)
		p.Entra = &msaltest.Entra{}
		set(p.Entra, p)
		resp, err := p.Client().Get(p.URL + "/common/discovery/keys")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusInternalServerError, resp.StatusCode, want)
		require.Contains(t, strings.Join(r.errors, ""), want)
	}
}
