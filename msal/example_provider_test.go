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
