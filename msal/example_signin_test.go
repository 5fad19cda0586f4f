package msal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

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

// My program needs one more scope, later. Do I have to ask for all of them again? No: earlier ones go on. One token with
// several takes a sign-in with all of them, except at Microsoft.
func ExampleClient_SignIn_oneMoreScope() {
	idp, client := demo()
	ctx := context.Background()
	browser := msal.Browser{Open: idp.Browse}
	for _, scope := range []string{"read", "write"} { // each at its time
		if _, err := client.SignIn(ctx, browser, scope); err != nil {
			fmt.Println(err)
			return
		}
	}
	_, err := client.Token(ctx, "read")
	fmt.Println("the first one:", err)

	_, err = client.Token(ctx, "read", "write")
	if errors.Is(err, msal.ErrSignInRequired) {
		fmt.Println("both in one token: sign in with both")
		_, err = client.SignIn(ctx, browser, "read", "write")
	}
	fmt.Println(err)
	// Output:
	// the first one: <nil>
	// both in one token: sign in with both
	// <nil>
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

// How do I start the browser myself, and show a page of mine at the end?
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

// I only want to know who it is, and call no API. Which scopes? None.
func ExampleClient_SignIn() {
	idp, client := demo()
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse})
	fmt.Println(token.Account.Name, token.Account.Email, err)
	// Output: Avery Example avery@idp.example <nil>
}

// An operation is delicate. How do I make sure that the person is there now, and signed in well enough?
func ExampleClient_With_stepUp() {
	idp, client := demo()
	ctx := context.Background()
	careful := client.With(msal.Params{MaxAge: time.Minute, ACRValues: []string{"phr"}}) // phishing-resistant
	_, err := careful.SignIn(ctx, msal.Browser{Open: idp.Browse}, "transfer")
	fmt.Println(err) // a server that only says yes is not believed

	idp.EditClaims = func(claims map[string]any) { claims["acr"] = "phr" }
	_, err = careful.SignIn(ctx, msal.Browser{Open: idp.Browse}, "transfer")
	fmt.Println(err)
	// Output:
	// msal: sign in: the server's answer is refused: id token: acr is "", want one of "phr"
	// <nil>
}

// A server wants the API named by a resource indicator (RFC 8707). Where?
func ExampleClient_With_resource() {
	idp, client := demo()
	reports := client.With(msal.Params{Resources: []string{"https://reports.example.com"}})
	_, err := reports.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	for _, r := range idp.TokenRequests("authorization_code") {
		fmt.Println(r.Form.Get("resource"), err)
	}
	// Output: https://reports.example.com <nil>
}

// Browser or device code? What the machine has decides, before anything is tried.
func ExampleNoBrowser() {
	var flow msal.Flow = msal.Browser{}
	if why := msal.NoBrowser(); why != "" {
		fmt.Fprintln(os.Stderr, "sign in on another device,", why)
		flow = msal.DeviceCode{}
	}
	_ = flow // for SignIn
}

// How do I tell a person who did not finish from one who said no? In time, nobody came back.
func ExampleBrowser_timeout() {
	_, client := demo()
	_, err := client.SignIn(context.Background(), msal.Browser{
		Timeout: time.Millisecond,
		Open:    func(context.Context, string) error { return nil },
	}, "read")
	fmt.Println(errors.Is(err, msal.ErrSignInTimeout))
	// Output: true
}
