package msal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
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

// Does it work offline? As long as the token lasts: the server is not asked.
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

// Who is signed in? Everybody whom the store knows, also those who have to sign in again.
func ExampleClient_Accounts() {
	idp, client := demo()
	ctx := context.Background()
	for _, name := range []string{"ada", "grace"} {
		idp.SignInAs(msaltest.User{Subject: name, Username: name + "@idp.example"})
		if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
			fmt.Println(err)
			return
		}
	}
	idp.Revoke("grace")
	accounts, err := client.Accounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, account := range accounts {
		_, err := client.For(account).ForceRefresh().Token(ctx, "read")
		fmt.Println(account.Username, "has to sign in:", errors.Is(err, msal.ErrSignInRequired))
	}
	// Output:
	// ada@idp.example has to sign in: false
	// grace@idp.example has to sign in: true
}

// A thousand goroutines want a token at once. How many requests is that? One.
func ExampleClient_Token_concurrent() {
	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	idp.ResetLog()
	newer := client.ForceRefresh()
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() { _, _ = newer.Token(ctx, "read") })
	}
	all.Wait()
	fmt.Println(len(idp.TokenRequests("refresh_token")), "request")
	// Output: 1 request
}

// How do I end a program without losing a session? With a context that the interrupt has not ended, and a limit.
func ExampleClient_Shutdown() {
	idp, client := demo()
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	left := make(chan struct{})
	idp.EditToken = func(string, map[string]any) {
		interrupt() // Ctrl-C, when the server has spent the refresh token and not yet answered
		<-left
	}
	_, err := client.ForceRefresh().Token(ctx, "read")
	fmt.Println("given up:", errors.Is(err, context.Canceled))
	close(left)

	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	fmt.Println("stored:", client.Shutdown(wait)) // and has the next refresh token
	fmt.Println("alive:", idp.SessionAlive("avery"))
	// Output:
	// given up: true
	// stored: <nil>
	// alive: true
}

// How do I ask again for what I was granted? Without the defaults, which go along by themselves.
func ExampleToken_again() {
	idp, client := demo()
	ctx := context.Background()
	token, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read", "write")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Token(ctx, token.Scopes.Slice()...)
	fmt.Println("with the defaults:", errors.Is(err, scopes.ErrDuplicateDefault))
	_, err = client.Token(ctx, token.Scopes.Without(scopes.Defaults()).Slice()...)
	fmt.Println("without:", err)
	// Output:
	// with the defaults: true
	// without: <nil>
}

// How do I put a token into a request of my own? It has to go to the API whose scopes were asked for.
func ExampleToken_SetAuthHeader() {
	idp, client := demo()
	ctx := context.Background()
	token, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read")
	if err != nil {
		fmt.Println(err)
		return
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, idp.URL+"/userinfo", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	token.SetAuthHeader(req)
	resp, err := idp.Client().Do(req) // your own client
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
	// Output: 200 OK
}

// Is the network down? Then trying again later is all there is to do, and nobody has to sign in.
func Example_networkDown() {
	down := func(ctx context.Context, err error) bool {
		if ctx.Err() != nil || errors.Is(err, msal.ErrSignInRequired) {
			return false // the caller's own end, or somebody has to sign in
		}
		if refused, said := errors.AsType[*msal.ServerError](err); said {
			return refused.Action() == msal.ActionWait || refused.Action() == msal.ActionRetry
		}
		_, network := errors.AsType[net.Error](err)
		return network || errors.Is(err, msal.ErrOutcomeUnknown) || errors.Is(err, msal.ErrBusy)
	}

	idp, client := demo()
	ctx := context.Background()
	if _, err := client.SignIn(ctx, msal.Browser{Open: idp.Browse}, "read"); err != nil {
		fmt.Println(err)
		return
	}
	idp.Fail("token", msaltest.Fault{Cut: true, Times: 2}) // each request is sent twice
	_, err := client.ForceRefresh().Token(ctx, "read")
	fmt.Println("cut off:", down(ctx, err))
	idp.RevokeAll()
	_, err = client.ForceRefresh().Token(ctx, "read")
	fmt.Println("signed out at the server:", down(ctx, err))
	// Output:
	// cut off: true
	// signed out at the server: false
}

// What do I tell the help desk of a Microsoft tenant? The numbers and the correlation ID, which name the request in the
// server's log. The program goes by the Action.
func ExampleServerError() {
	idp := &msaltest.Platform{URL: "https://login.microsoftonline.com"}
	idp.Imitate("entra")
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL + "/organizations", HTTPClient: idp.Client()})
	if err != nil {
		fmt.Println(err)
		return
	}
	idp.Fail("token", msaltest.Fault{AADSTS: 53003})
	_, err = client.SignIn(context.Background(), msal.Browser{Open: idp.Browse}, "User.Read")
	refused, said := errors.AsType[*msal.ServerError](err)
	if !said {
		fmt.Println(err)
		return
	}
	fmt.Println(refused.Code, refused.Codes, "correlation ID:", refused.CorrelationID != "")
	fmt.Println(refused.Action())
	// Output:
	// invalid_grant [53003] correlation ID: true
	// do not ask again unless the person wants to
}
