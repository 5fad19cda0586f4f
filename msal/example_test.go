package msal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// A command line tool: silent if it can be, the person's browser if it must be.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",            // registered as a public client
		Authority: "https://login.microsoftonline.com/organizations", // or any OpenID Provider's issuer
		Cache:     keychain.New("myapp"),                             // or it would ask each time it runs
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	token, err := client.Token(ctx, "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) {
		var flow msal.Flow = msal.Browser{}
		if msal.NoBrowser() != "" { // such as over SSH
			flow = msal.DeviceCode{}
		}
		token, err = client.SignIn(ctx, flow, "User.Read")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.Account)
}

// A daemon: a person signs in once, on another device, and then it runs for
// months. KeepFresh returns when it is told to stop or a person is needed again.
func Example_daemon() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	client, err := msal.New(msal.Config{
		ClientID:  "night-shift",
		Authority: "https://login.example.com",
		Cache:     cache.Dir("/var/lib/night-shift/sessions", cache.KeyFile("/run/secrets/night-shift/key")),
		Logger:    slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	_, err = client.Token(ctx, "reports")
	if errors.Is(err, msal.ErrSignInRequired) { // the first time
		_, err = client.SignIn(ctx, msal.DeviceCode{}, "reports")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	// Whatever the daemon does, it does in goroutines of its own, with
	// client.Token or client.HTTPClient.
	err = client.KeepFresh(ctx, "reports")
	if errors.Is(err, msal.ErrSignInRequired) {
		fmt.Println("somebody has to sign in:", err)
	}
}

// An http.Client: the token goes to one origin and to no other, redirects
// included. A 401 is tried once more with a new token.
func Example_httpClient() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Token(context.Background(), "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) {
		_, err = client.SignIn(context.Background(), msal.Browser{}, "User.Read")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	graph := client.HTTPClient("https://graph.microsoft.com", "User.Read")
	resp, err := graph.Get("https://graph.microsoft.com/v1.0/me")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// A program that has used MSAL: nobody has to sign in again for the switch.
func Example_fromMSAL() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"), // or the sessions would end with the process
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	unified, err := os.ReadFile("msal_cache.bin") // what MSAL has stored
	if errors.Is(err, os.ErrNotExist) {
		return // it never did, or everybody has moved
	}
	var accounts []msal.Account
	if err == nil {
		accounts, err = client.Import(context.Background(), unified, "User.Read")
	}
	if err == nil && len(accounts) > 0 {
		err = os.Remove("msal_cache.bin") // or a sign-out would not last
	}
	if err != nil {
		fmt.Println(err)
	}
}

// A test: an identity platform inside the process, which goes wrong when asked to.
func Example_testing() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL} // in a test: msaltest.New(t)
	client, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  idp.URL,
		HTTPClient: idp.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	token, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
	fmt.Println(token.Account.Name, err)

	idp.ResetLog()
	_, err = client.Token(ctx, "read")
	fmt.Println("again:", err, "after", idp.Count(), "requests")

	idp.Revoke("avery")
	_, err = client.ForceRefresh().Token(ctx, "read")
	fmt.Println("revoked, so ask a person:", errors.Is(err, msal.ErrSignInRequired))
	// Output:
	// Avery Example <nil>
	// again: <nil> after 0 requests
	// revoked, so ask a person: true
}

// demo returns an identity platform that runs inside this process, and a client
// of it. The person at its browser is idp.Browse.
func demo() (idp *msaltest.Platform, client *msal.Client) {
	idp = &msaltest.Platform{URL: msaltest.DefaultURL, DeviceInterval: time.Second}
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL, HTTPClient: idp.Client()})
	if err != nil {
		panic(err)
	}
	return idp, client
}

// With the person's own browser. The zero Browser starts it; this one is a
// script that presses Continue.
func ExampleBrowser() {
	idp, client := demo()
	token, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Account.Name, token.Account.Username)
	fmt.Println(token.Scopes)
	// Output:
	// Avery Example avery@idp.example
	// read openid profile email offline_access
}

// On a machine without a browser. The zero DeviceCode writes to standard error
// what to do; this one has somebody do it.
func ExampleDeviceCode() {
	idp, client := demo()
	token, err := client.SignIn(context.Background(), msal.DeviceCode{
		Show: func(_ context.Context, prompt msal.DevicePrompt) error {
			fmt.Println("open", prompt.VerificationURI, "and enter a code of", len(prompt.UserCode), "characters")
			idp.Approve(prompt.UserCode)
			return nil
		},
	}, "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Account.Name)
	// Output:
	// open https://idp.example/activate and enter a code of 9 characters
	// Avery Example
}

// Sign in only when nothing else helps, and ask for a token at every use: it
// costs a request when the last one is over, and nothing before.
func ExampleClient_Token() {
	idp, client := demo()
	ctx := context.Background()
	token := func() (msal.Token, error) {
		t, err := client.Token(ctx, "read")
		if errors.Is(err, msal.ErrSignInRequired) {
			t, err = client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
		}
		return t, err
	}
	for range 3 {
		idp.ResetLog()
		t, err := token()
		fmt.Println(t.Type, err, "after", len(idp.TokenRequests("")), "token requests")
	}
	// Output:
	// Bearer <nil> after 1 token requests
	// Bearer <nil> after 0 token requests
	// Bearer <nil> after 0 token requests
}

// Several people, or one with several accounts: For says whose token is meant.
func ExampleClient_For() {
	idp, client := demo()
	ctx := context.Background()
	for _, name := range []string{"ada", "grace"} {
		idp.SignInAs(msaltest.User{Subject: name, Username: name + "@idp.example"})
		if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
			fmt.Println(err)
			return
		}
	}
	_, err := client.Token(ctx, "read")
	fmt.Println(errors.Is(err, msal.ErrAccountRequired))

	accounts, err := client.Accounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, account := range accounts {
		token, err := client.For(account).Token(ctx, "read")
		fmt.Println(token.Account.Username, token.Account == account, err)
	}
	// Unordered output:
	// true
	// ada@idp.example true <nil>
	// grace@idp.example true <nil>
}

// Calling an API. This one is the platform's own, which says who is asking.
func ExampleClient_HTTPClient() {
	idp, client := demo()
	if _, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	api := client.HTTPClient(idp.URL, "read")
	resp, err := api.Get(idp.URL + "/userinfo")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	var me struct{ Name string }
	err = json.NewDecoder(resp.Body).Decode(&me)
	fmt.Println(resp.Status, me.Name, err)
	// Output: 200 OK Avery Example <nil>
}

// For a library that takes an oauth2.TokenSource.
func ExampleClient_TokenSource() {
	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	var source oauth2.TokenSource = client.TokenSource(ctx, "read")
	token, err := source.Token()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Type(), token.Valid(), "refresh token:", token.RefreshToken != "")
	// Output: Bearer true refresh token: false
}

// A daemon whose session somebody ends: KeepFresh says so as soon as it knows.
func ExampleClient_KeepFresh() {
	idp, client := demo()
	idp.AccessTokenLife = time.Second
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	idp.RevokeAll()

	err := client.KeepFresh(ctx, "read")
	switch {
	case ctx.Err() != nil:
		fmt.Println("told to stop")
	case errors.Is(err, msal.ErrSignInRequired):
		fmt.Println("somebody has to sign in")
	default:
		fmt.Println(err)
	}
	// Output: somebody has to sign in
}

// KeepFresh beside the work: its error is kept, and ends the work that has its context.
func ExampleClient_KeepFresh_goroutine() {
	idp, client := demo()
	idp.AccessTokenLife = time.Second
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	fresh, end := context.WithCancelCause(ctx)
	go func() { end(client.KeepFresh(fresh, "read")) }()
	fmt.Println("a person is needed:", context.Cause(fresh) != nil)

	idp.RevokeAll()
	<-fresh.Done()
	fmt.Println("a person is needed:", errors.Is(context.Cause(fresh), msal.ErrSignInRequired))
	// Output:
	// a person is needed: false
	// a person is needed: true
}

// An API that wants more of a token says so in a claims challenge. A refresh
// may satisfy it, else the person does, on the same client.
func ExampleClient_WithClaims() {
	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	idp.Fail("token", msaltest.Fault{Code: "interaction_required"}) // the platform wants a second factor

	stronger := client.WithClaims(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`)
	_, err := stronger.Token(ctx, "read")
	if errors.Is(err, msal.ErrSignInRequired) {
		_, err = stronger.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
	}
	requests := idp.TokenRequests("authorization_code")
	fmt.Println(err, requests[len(requests)-1].Form.Get("claims"))
	// Output: <nil> {"access_token":{"acrs":{"essential":true,"value":"c1"}}}
}

// What a program does about an error: a sign-in, if that is all that it takes;
// else what the Action of the server's answer advises.
func ExampleServerError_Action() {
	idp, client := demo()
	idp.Deny() // the person presses Cancel
	_, err := client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")

	refused, ok := errors.AsType[*msal.ServerError](err)
	if !ok {
		fmt.Println("not the server's answer:", err) // the network, the store, an argument; or nil
		return
	}
	switch refused.Action() {
	case msal.ActionSignIn:
		fmt.Println("somebody has to sign in")
	case msal.ActionWait, msal.ActionRetry:
		fmt.Println("call again, not before", refused.RetryAfter)
	case msal.ActionAskAdmin, msal.ActionFixApp:
		fmt.Println("this program cannot help it:", err)
	case msal.ActionGiveUp:
		fmt.Println("never mind")
	}
	// Output: never mind
}

// payroll is an API at the client's fingertips that wants more than a password.
const payroll = "https://payroll.example"

// demoPayroll returns a platform, and a client of it that is signed in but not
// well enough for payroll: a refresh does not change that.
func demoPayroll() (idp *msaltest.Platform, client *msal.Client) {
	idp = &msaltest.Platform{URL: msaltest.DefaultURL}
	strong := func() bool {
		signIns := idp.TokenRequests("authorization_code")
		return signIns[len(signIns)-1].Form.Has("claims")
	}
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL, HTTPClient: &http.Client{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != "payroll.example" {
				return idp.Client().Transport.RoundTrip(r)
			}
			answer := httptest.NewRecorder()
			if !strong() {
				answer.Header().Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiYzEifX19"`)
				answer.WriteHeader(http.StatusUnauthorized)
			}
			return answer.Result(), nil
		}),
	}})
	if err == nil {
		_, err = client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "read")
	}
	if err != nil {
		panic(err)
	}
	idp.Fail("token", msaltest.Fault{Code: "interaction_required", Suberror: "basic_action"})
	return idp, client
}

// An API that wants more of a token than a refresh can give, such as a second
// factor: its claims are in the error, and the sign-in shows them to the server.
func ExampleClient_HTTPClient_claims() {
	idp, client := demoPayroll()
	ctx := context.Background()
	api := client.HTTPClient(payroll, "read")

	resp, err := api.Get(payroll)
	if refused, ok := errors.AsType[*msal.ServerError](err); ok && errors.Is(err, msal.ErrSignInRequired) {
		fmt.Println(refused.Action(), "with", refused.Claims)
		stronger := client
		if refused.Claims != "" {
			stronger = client.WithClaims(refused.Claims)
		}
		if _, err = stronger.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err == nil {
			resp, err = api.Get(payroll)
		}
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output:
	// sign in again with {"access_token":{"acrs":{"essential":true,"value":"c1"}}}
	// 200 OK
}

// SignOut forgets the session here and has it revoked there.
func ExampleClient_SignOut() {
	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(client.SignOut(ctx), "alive at the platform:", idp.SessionAlive("avery"))

	_, err := client.Token(ctx, "read")
	fmt.Println(errors.Is(err, msal.ErrSignInRequired))
	// Output:
	// <nil> alive at the platform: false
	// true
}
