package msaltest_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// In a test, the application under test gets the platform's address as its authority and its client to reach it with.
func ExampleEntra() {
	test := func(t *testing.T) {
		idp := msaltest.New(t)
		idp.URL = "https://login.microsoftonline.com"
		idp.Imitate("entra")
		authority, client := idp.URL+"/organizations", idp.Client()
		_, _ = authority, client // … hand them to the code under test, let it ask for Mail.Read, then see what it asked for:
		for _, r := range idp.TokenRequests("authorization_code") {
			if got := r.Form.Get("scope"); got != "Mail.Read openid profile offline_access" {
				t.Errorf("the scope is %q", got)
			}
		}
	}
	_ = test
}

// An application asks for more than was consented to, and learns that somebody has to be asked.
func ExamplePlatform_Consent() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL, Entra: &msaltest.Entra{}, Rotation: msaltest.KeepOld}
	idp.Consent(msaltest.Grant{User: "avery", Client: "my-app", Permissions: []string{"User.Read", "offline_access"}})

	token := signInTo(idp, "User.Read offline_access")["refresh_token"].(string)
	refresh := url.Values{
		"client_id": {"my-app"}, "grant_type": {"refresh_token"}, "refresh_token": {token}, "scope": {"Mail.Read"},
	}
	answer := exchangeAny(idp.Client(), idp.URL+"/common/oauth2/v2.0/token", refresh)
	fmt.Println(answer["error"], answer["suberror"], answer["error_codes"])

	idp.Consent(msaltest.Grant{Client: "my-app", Permissions: []string{"Mail.Read"}}) // by an administrator, for everybody
	fmt.Println(exchangeAny(idp.Client(), idp.URL+"/common/oauth2/v2.0/token", refresh)["scope"])
	// Output:
	// invalid_grant consent_required [65001]
	// Mail.Read User.Read
}

// An API wants more than a password. The application's refresh is refused; the claims say what to sign in with.
func ExamplePlatform_NewAPI() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL, Entra: &msaltest.Entra{}, Rotation: msaltest.KeepOld}
	api := idp.NewAPI("https://api.contoso.example", "api://contoso", "Things.Read")
	api.Challenge(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`)
	call := func(token any) *http.Response {
		req, _ := http.NewRequest(http.MethodGet, "https://api.contoso.example/things", nil)
		req.Header.Set("Authorization", "Bearer "+token.(string))
		resp, err := idp.Client().Do(req)
		if err != nil {
			panic(err)
		}
		return resp
	}

	tokens := signInTo(idp, "api://contoso/Things.Read offline_access")
	fmt.Println(call(tokens["access_token"]).Status)
	answer := exchangeAny(idp.Client(), idp.URL+"/common/oauth2/v2.0/token", url.Values{
		"client_id": {"my-app"}, "grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"].(string)},
		"claims": {`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`}, // from the API's WWW-Authenticate
	})
	fmt.Println(answer["error"], answer["suberror"])
	claims := answer["claims"].(string)
	fmt.Println(claims)
	fmt.Println(call(signInTo(idp, "api://contoso/Things.Read", claims)["access_token"]).Status)
	// Output:
	// 401 Unauthorized
	// invalid_grant basic_action
	// {"access_token":{"acrs":{"essential":true,"values":["c1"]}}}
	// 200 OK
}

// Too many requests, and then a policy: what the platform says is queued by number.
func ExampleFault() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL, Entra: &msaltest.Entra{}, Rotation: msaltest.KeepOld}
	idp.Fail("token", msaltest.Fault{AADSTS: 90055, RetryAfter: "60"})
	idp.Fail("token", msaltest.Fault{AADSTS: 53003})
	for range 2 {
		resp, err := idp.Client().PostForm(idp.URL+"/organizations/oauth2/v2.0/token", url.Values{"client_id": {"my-app"}})
		if err != nil {
			panic(err)
		}
		status, wait := resp.StatusCode, resp.Header.Get("Retry-After")
		fmt.Printf("%d %v, Retry-After %q\n", status, members(resp, nil)["error"], wait)
	}
	// Output:
	// 429 temporarily_unavailable, Retry-After "60"
	// 400 invalid_grant, Retry-After ""
}

// signInTo is a client in a few lines: a code for the scope, and its tokens.
func signInTo(idp *msaltest.Platform, scope string, claims ...string) map[string]any {
	client := idp.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	query := url.Values{
		"client_id": {"my-app"}, "response_type": {"code"}, "redirect_uri": {"http://localhost"}, "scope": {scope}, "claims": claims,
	}
	resp, err := client.Get(idp.URL + "/common/oauth2/v2.0/authorize?" + query.Encode())
	if err != nil {
		panic(err)
	}
	back, err := resp.Location()
	if err != nil {
		panic(err)
	}
	return exchangeAny(client, idp.URL+"/common/oauth2/v2.0/token", url.Values{
		"client_id": {"my-app"}, "grant_type": {"authorization_code"}, "redirect_uri": {"http://localhost"},
		"code": {back.Query().Get("code")},
	})
}
