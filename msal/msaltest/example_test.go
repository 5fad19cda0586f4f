package msaltest_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/url"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// A whole public client with nothing but net/http: authorization code with PKCE, then a refresh.
func Example() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL} // in a test: msaltest.New(t)
	client := idp.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	// The application sends the person to the platform, and the platform sends them back with a code.
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	resp, err := client.Get(idp.URL + "/authorize?" + url.Values{
		"client_id":             {"my-app"},
		"response_type":         {"code"},
		"redirect_uri":          {"http://127.0.0.1/callback"},
		"scope":                 {"openid profile email offline_access"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(challenge[:])},
		"code_challenge_method": {"S256"},
	}.Encode())
	if err != nil {
		log.Fatal(err)
	}
	callback, err := resp.Location()
	if err != nil {
		log.Fatal(err)
	}

	tokens := exchange(client, idp.URL+"/token", url.Values{
		"client_id":     {"my-app"},
		"grant_type":    {"authorization_code"},
		"code":          {callback.Query().Get("code")},
		"redirect_uri":  {"http://127.0.0.1/callback"},
		"code_verifier": {verifier},
	})
	fmt.Println(tokens.Type, tokens.ExpiresIn, tokens.Scope)

	refresh := url.Values{"client_id": {"my-app"}, "grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}
	fmt.Println("refreshed:", exchange(client, idp.URL+"/token", refresh).Error == "")
	fmt.Println("again with the spent token:", exchange(client, idp.URL+"/token", refresh).Error)
	fmt.Println("alive:", idp.SessionAlive("avery"), "after", idp.Count("token"), "token requests")
	// Output:
	// Bearer 3600 openid profile email offline_access
	// refreshed: true
	// again with the spent token: invalid_grant
	// alive: false after 3 token requests
}

type answer struct {
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Scope     string `json:"scope"`
	Refresh   string `json:"refresh_token"`
	Error     string `json:"error"`
}

func exchange(client *http.Client, endpoint string, form url.Values) (a answer) {
	resp, err := client.PostForm(endpoint, form)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		log.Fatal(err)
	}
	return a
}
