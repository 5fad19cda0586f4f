package msal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// My consent page frightens people: how do I leave a default out? Without offline_access the session ends with its token.
func ExampleConfig_omitScopes() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	client, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  idp.URL,
		HTTPClient: idp.Client(),
		OmitScopes: []string{"offline_access", "email"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	fmt.Println(token.Scopes, token.Renewable, err)
	// Output: read openid profile false <nil>
}

// Callers of my library pass openid themselves: how do I accept that?
func ExampleConfig_mergeDefaults() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	client, err := msal.New(msal.Config{
		ClientID:      "my-app",
		Authority:     idp.URL,
		HTTPClient:    idp.Client(),
		MergeDefaults: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "openid", "read")
	fmt.Println(token.Scopes, err)
	// Output: read openid profile email offline_access <nil>
}

// What does it log? The events of the package documentation, to a Logger of mine.
func ExampleConfig_logger() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	quiet := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "session" {
			return slog.Attr{}
		}
		return a
	}
	client, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  idp.URL,
		HTTPClient: idp.Client(),
		Logger:     slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: quiet})),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.ForceRefresh().Token(ctx, "read")
	fmt.Println(errors.Join(err, client.SignOut(ctx)))
	// Output:
	// level=INFO msg="signed in"
	// level=INFO msg=refreshed
	// level=INFO msg="signed out"
	// <nil>
}

// How do I go through a proxy, or trust a certificate authority of my company? The Transport makes all requests.
func ExampleConfig_proxy() {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example.com:3128"})
	_, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  "https://login.example.com",
		HTTPClient: &http.Client{Transport: transport},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Google gives a desktop application a "client secret" that is in every copy of it. Where does it go?
func ExampleConfig_google() {
	_, err := msal.New(msal.Config{
		ClientID:           "123456789012-abc.apps.googleusercontent.com",
		InstalledAppSecret: "GOCSPX-not-a-secret",
		Authority:          "https://accounts.google.com",
	})
	fmt.Println(err)
	// Output: <nil>
}

// My Azure AD B2C has a domain of its own, so that nothing about the address says what it is. How do I say it?
func ExampleConfig_ownDomain() {
	_, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.contoso.com/contoso.onmicrosoft.com/b2c_1_signin",
		Provider:  msal.Provider{Name: "b2c"},
	})
	fmt.Println(err)
	// Output: <nil>
}

// Two programs, or two Clients, with one store: is a person asked twice? No.
func ExampleConfig_sharedCache() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	store := cache.Memory() // between programs: cache.Dir, keychain.New or rediscache.New
	ctx := context.Background()
	for range 2 {
		client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL, HTTPClient: idp.Client(), Cache: store})
		if err != nil {
			fmt.Println(err)
			return
		}
		_, err = client.Token(ctx, "read")
		if errors.Is(err, msal.ErrSignInRequired) {
			fmt.Println("asking a person")
			_, err = client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
		}
		if err != nil {
			fmt.Println(err)
			return
		}
	}
	// Output: asking a person
}

// The authority is for all organizations. How do I let in the people of mine alone?
func ExampleConfig_allowedTenants() {
	idp := &msaltest.Platform{URL: "https://login.microsoftonline.com"}
	idp.Imitate("entra")
	client, err := msal.New(msal.Config{
		ClientID:       "my-app",
		Authority:      idp.URL + "/organizations",
		AllowedTenants: []string{"11111111-2222-3333-4444-555555555555"},
		HTTPClient:     idp.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "User.Read")
	fmt.Println("somebody of another one is refused:", err != nil)
	accounts, err := client.Accounts(context.Background())
	fmt.Println(len(accounts), "accounts", err)
	// Output:
	// somebody of another one is refused: true
	// 0 accounts <nil>
}

// The metadata cannot be fetched from where my program runs. How do I bring it along?
func ExampleConfig_metadata() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	client, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  "https://idp.example",
		HTTPClient: idp.Client(),
		Metadata: []byte(`{
			"issuer": "https://idp.example",
			"authorization_endpoint": "https://idp.example/authorize",
			"token_endpoint": "https://idp.example/token",
			"jwks_uri": "https://idp.example/keys",
			"response_types_supported": ["code"],
			"subject_types_supported": ["public"],
			"id_token_signing_alg_values_supported": ["RS256"]
		}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	fmt.Println(err, "discovery requests:", idp.Count("discovery"))
	// Output: <nil> discovery requests: 0
}
