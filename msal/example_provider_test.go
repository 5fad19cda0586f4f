package msal_test

import (
	"fmt"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

// Keycloak gives a refresh token without being asked. An offline token, which
// outlives signing out there, takes offline_access: the profile is a value, so
// change it.
func ExampleLookupProvider() {
	provider, ok := msal.LookupProvider("keycloak")
	fmt.Println(provider.Defaults, ok)
	provider.Defaults = append(provider.Defaults, scopes.OfflineAccess)
	_, err := msal.New(msal.Config{
		ClientID:  "my-app",
		Authority: "https://sso.example.com/realms/main",
		Provider:  provider,
	})
	fmt.Println(err)
	// Output:
	// [openid profile email] true
	// <nil>
}

// A server that does OAuth 2.0 alone, without metadata, at which nobody learns
// who has signed in. GitHub's own profile needs no more than its issuer.
func ExampleProvider_noOpenID() {
	_, err := msal.New(msal.Config{
		ClientID:  "my-app",
		Authority: "https://forge.example.com",
		Provider: msal.Provider{
			NoOpenID:       true,
			ScopeSeparator: ",",
			Endpoints: map[string]string{
				"authorization_endpoint": "/oauth/authorize",
				"token_endpoint":         "/oauth/token",
			},
		},
	})
	fmt.Println(err)
	_, err = msal.New(msal.Config{ClientID: "my-app", Authority: "https://github.com/login/oauth"})
	fmt.Println(err)
	// Output:
	// <nil>
	// <nil>
}

// Which scopes does my provider get? Those that it understands: by its address, by a name where the address says
// nothing, or else by its metadata.
func Example_providers() {
	for _, cfg := range []msal.Config{
		{ClientID: "123456789012-abc.apps.googleusercontent.com", InstalledAppSecret: "GOCSPX-not-a-secret", Authority: "https://accounts.google.com"},
		{ClientID: "my-app", Authority: "https://example.okta.com"},
		{ClientID: "Iv1.0123456789abcdef", Authority: "https://github.com/login/oauth"},
		{ClientID: "my-app", Authority: "https://sso.example.com/realms/main", Provider: msal.Provider{Name: "keycloak"}},
		{ClientID: "my-app", Authority: "https://id.example.com"}, // its metadata decides
	} {
		client, err := msal.New(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		e := client.Explain(nil)
		fmt.Printf("%s: %q, perhaps %q\n", cfg.Authority, e.Sent, e.Undecided)
	}
	// Output:
	// https://accounts.google.com: "openid profile email", perhaps ""
	// https://example.okta.com: "openid profile email offline_access", perhaps ""
	// https://github.com/login/oauth: "", perhaps ""
	// https://sso.example.com/realms/main: "openid profile email", perhaps ""
	// https://id.example.com: "", perhaps "openid profile email offline_access"
}
