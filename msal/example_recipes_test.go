package msal_test

import (
	"context"
	"fmt"
	"net"
	"net/url"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// imitation takes a provider's place. The application is registered with a redirect URI of its own.
func imitation(provider, issuer string, scope ...string) *msaltest.Platform {
	p := &msaltest.Platform{URL: issuer}
	p.Imitate(provider)
	if p.KnownScopes != nil {
		p.KnownScopes = append(p.KnownScopes, scope...)
	}
	if provider == "google" {
		p.ClientSecret = "GOCSPX-not-a-secret"
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer free.Close()
	p.RedirectURIs = []string{fmt.Sprintf("http://%s/callback", free.Addr())}
	return p
}

// Google: what do I register, and what goes where?
func Example_google() {
	google := imitation("google", "https://accounts.google.com", "https://www.googleapis.com/auth/drive.readonly")
	google.RedirectURIs = []string{"http://127.0.0.1"} // "Desktop app" registers none, and any port will do
	client, err := msal.New(msal.Config{
		ClientID:           "123456789012-abc.apps.googleusercontent.com",
		InstalledAppSecret: "GOCSPX-not-a-secret", // comes with the client ID
		Authority:          "https://accounts.google.com",
		HTTPClient:         google.Client(), // leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	browser := msal.Browser{Open: google.Browse} // msal.Browser{}
	token, err := client.SignIn(context.Background(), browser, "https://www.googleapis.com/auth/drive.readonly")
	fmt.Println("stays signed in:", token.Renewable, err)
	// Output: stays signed in: true <nil>
}

// Okta: what do I register, and what goes where?
func Example_okta() {
	okta := imitation("okta", "https://example.okta.com/oauth2/default", "orders.read")
	client, err := msal.New(msal.Config{
		ClientID:   "0oa1b2c3d4e5f6g7h8i9",
		Authority:  "https://example.okta.com/oauth2/default", // the authorization server of the API
		HTTPClient: okta.Client(),                             // leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	browser := msal.Browser{
		RedirectURI: okta.RedirectURIs[0], // "http://127.0.0.1:8400/callback", as it is registered
		Open:        okta.Browse,          // leave it out
	}
	token, err := client.SignIn(context.Background(), browser, "orders.read")
	fmt.Println("stays signed in:", token.Renewable, err)
	// Output: stays signed in: true <nil>
}

// Auth0: what do I register, and what goes where?
func Example_auth0() {
	auth0 := imitation("auth0", "https://example.eu.auth0.com/")
	client, err := msal.New(msal.Config{
		ClientID:   "AbCdEf0123456789",
		Authority:  "https://example.eu.auth0.com/", // with the slash
		Provider:   msal.Provider{Authorize: url.Values{"audience": {"https://orders.example.com"}}},
		HTTPClient: auth0.Client(), // leave it out
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	browser := msal.Browser{
		RedirectURI: auth0.RedirectURIs[0], // "http://127.0.0.1:8400/callback", as it is registered
		Open:        auth0.Browse,          // leave it out
	}
	token, err := client.SignIn(context.Background(), browser, "read:orders")
	fmt.Println("stays signed in:", token.Renewable, err)
	for _, r := range auth0.Requests() {
		if r.Endpoint == "authorize" {
			fmt.Println("for", r.Form.Get("audience"))
		}
	}
	// Output:
	// stays signed in: true <nil>
	// for https://orders.example.com
}

// Keycloak: what do I register, and what goes where?
func Example_keycloak() {
	keycloak := imitation("keycloak", "https://sso.example.com/realms/main")
	profile, _ := msal.LookupProvider("keycloak") // no host tells that it is one
	offline := profile
	offline.Defaults = append(offline.Defaults, scopes.OfflineAccess) // goes on when the person has signed out there
	for _, provider := range []msal.Provider{profile, offline} {
		client, err := msal.New(msal.Config{
			ClientID:   "my-app",
			Authority:  "https://sso.example.com/realms/main",
			Provider:   provider,          // or {Name: "keycloak"}
			HTTPClient: keycloak.Client(), // leave it out
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		browser := msal.Browser{RedirectURI: keycloak.RedirectURIs[0], Open: keycloak.Browse}
		token, err := client.SignIn(context.Background(), browser, "orders")
		fmt.Println(client.Explain(nil, "orders").Sent, token.Renewable, err)
	}
	// Output:
	// orders openid profile email true <nil>
	// orders openid profile email offline_access true <nil>
}
