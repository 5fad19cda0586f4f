package msal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// How do I get the roles, or any other claim of the ID token? It has been verified.
func ExampleToken_Claims() {
	idp, client := demo()
	idp.EditClaims = func(claims map[string]any) { claims["roles"] = []string{"auditor"} }
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse})
	if err != nil {
		fmt.Println(err)
		return
	}
	var who struct {
		Roles []string `json:"roles"`
	}
	err = token.Claims(&who)
	fmt.Println(who.Roles, err)
	// Output: [auditor] <nil>
}

// Did I get all scopes that I asked for? A shortfall is no error: the token is good for the others.
func ExampleToken_missing() {
	idp, client := demo()
	idp.GrantScopes = func(requested []string) []string {
		granted := requested[:0:0]
		for _, scope := range requested {
			if scope != "write" {
				granted = append(granted, scope)
			}
		}
		return granted
	}
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read", "write")
	fmt.Println(err, "missing:", token.Missing)
	fmt.Println(token.Scopes.Has("read"), token.Scopes.Has("write"))
	// Output:
	// <nil> missing: write
	// true false
}

// Can I log a Token? Yes: neither it nor anything that holds it shows the secret.
func ExampleToken_logged() {
	idp, client := demo()
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("have a token", "token", token)
	fmt.Fprintf(&log, "%+v %#v", token, []any{&token})
	fmt.Println("in the log:", strings.Contains(log.String(), token.AccessToken()))
	// Output: in the log: false
}

// Does it work offline? As long as the token lasts, also where a refresh is due and fails.
func ExampleClient_Token_offline() {
	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	idp.ResetLog()
	idp.Fail("", msaltest.Fault{CutBefore: true, Times: -1}) // the network is down
	token, err := client.Token(ctx, "read")
	fmt.Println(err, time.Until(token.Expiry) > 0, "after", idp.Count(), "requests")
	// Output: <nil> true after 0 requests
}

// How do I get a new token although the old one is valid? After a change of roles, say.
func ExampleClient_ForceRefresh() {
	idp, client := demo()
	ctx := context.Background()
	old, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.ForceRefresh().Token(ctx, "read")
	fmt.Println(err, token.AccessToken() != old.AccessToken())
	again, err := client.Token(ctx, "read") // from now on everybody has it
	fmt.Println(err, again.AccessToken() == token.AccessToken())
	// Output:
	// <nil> true
	// <nil> true
}

// How do I let the person choose an account, hint at one, or send a parameter that only this server knows?
func ExampleClient_With() {
	idp, client := demo()
	idp.AllowUnknown = true
	chosen := client.With(msal.Params{
		Prompt:    "select_account",
		LoginHint: "avery@idp.example",
		Extra:     url.Values{"ui_theme": {"dark"}},
	})
	_, err := chosen.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	for _, r := range idp.Requests() {
		if r.Endpoint == "authorize" {
			fmt.Println(r.Form.Get("prompt"), r.Form.Get("login_hint"), r.Form.Get("ui_theme"), err)
		}
	}
	// Output: select_account avery@idp.example dark <nil>
}

// How do I sign somebody in to another tenant? It is another authority: its sessions are its own.
func ExampleClient_With_tenant() {
	idp := &msaltest.Platform{URL: "https://login.microsoftonline.com"}
	idp.Imitate("entra")
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL + "/organizations", HTTPClient: idp.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	there := client.With(msal.Params{Tenant: msaltest.DefaultTenant})
	token, err := there.SignIn(ctx, msal.Browser{Open: idp.Browse}, "User.Read")
	fmt.Println(token.Account.Tenant == msaltest.DefaultTenant, err)

	_, err = client.Token(ctx, "User.Read")
	fmt.Println("at /organizations:", errors.Is(err, msal.ErrSignInRequired))
	// Output:
	// true <nil>
	// at /organizations: true
}

// How do I use one account of several in the next run? Keep its ID, which says nothing about the person, and no name.
func ExampleClient_For_remembered() {
	idp, client := demo()
	ctx := context.Background()
	var saved string
	for _, name := range []string{"ada", "grace"} {
		idp.SignInAs(msaltest.User{Subject: name, Username: name + "@idp.example"})
		token, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
		if err != nil {
			fmt.Println(err)
			return
		}
		saved = token.Account.ID
	}
	token, err := client.For(msal.Account{ID: saved}).Token(ctx, "read")
	fmt.Println(token.Account.Username, err)
	// Output: grace@idp.example <nil>
}

// My application receives the redirect itself, at a server that it has anyway. How?
func ExampleClient_Authorize() {
	idp, client := demo()
	ctx := context.Background()
	z, err := client.Authorize(ctx, "http://127.0.0.1/callback", "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	// Send the person to z.URL(). What comes to the callback, the form or the query of the request, goes to Redeem.
	browser := idp.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(z.URL())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	callback, err := resp.Location()
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = z.Redeem(ctx, url.Values{"code": {"somebody else's"}, "state": {"of another sign-in"}})
	fmt.Println("wait for the right one:", errors.Is(err, msal.ErrStateMismatch))
	token, err := z.Redeem(ctx, callback.Query())
	fmt.Println(token.Account.Name, err)
	// Output:
	// wait for the right one: true
	// Avery Example <nil>
}

// How do I open the address in a window of my own, and show my own page at the end?
func ExampleBrowser_open() {
	idp, client := demo()
	token, err := client.SignIn(context.Background(), msal.Browser{
		Open: func(ctx context.Context, url string) error {
			return idp.Browse(ctx, url) // a program starts its browser; ctx ends with the sign-in
		},
		Page: []byte(`<!doctype html><title>Done</title><p>Go back to My App.`),
	}, "read")
	fmt.Println(token.Account.Name, err)
	// Output: Avery Example <nil>
}

// What if the person closes the browser? No program can see that, so the sign-in has a timeout, and a cancel button its
// context.
func ExampleBrowser_cancelled() {
	_, client := demo()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := client.SignIn(ctx, msal.Browser{
		Timeout: time.Minute,
		Open: func(context.Context, string) error {
			cancel() // the person has pressed Cancel in the application
			return nil
		},
	}, "read")
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}

// How do I show a QR code? VerificationURIComplete is what to draw; show the code as well, to be compared.
func ExampleDeviceCode_qrCode() {
	idp, client := demo()
	draw := func(address string) { // as github.com/mdp/qrterminal does
		fmt.Println("QR code of", regexp.MustCompile(`[A-Z]{4}-[A-Z]{4}`).ReplaceAllString(address, "…"))
	}
	token, err := client.SignIn(context.Background(), msal.DeviceCode{
		Show: func(_ context.Context, prompt msal.DevicePrompt) error {
			if prompt.VerificationURIComplete != "" {
				draw(prompt.VerificationURIComplete)
			}
			_, err := fmt.Fprintln(os.Stderr, prompt)
			idp.Approve(prompt.UserCode)
			return err
		},
	}, "read")
	fmt.Println(token.Account.Name, err)
	// Output:
	// QR code of https://idp.example/activate?user_code=…
	// Avery Example <nil>
}

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

// How do I go through a proxy, or trust an authority of my company? The Transport makes all requests.
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

// Azure AD B2C has a domain of its own here, so that nothing about the address says B2C.
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
