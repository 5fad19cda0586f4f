// Budget performs one operation of package msal in a process that is warm, and
// writes down which functions it ran through. It is built with "go build -cover"
// and called with the operation, "hit" or "refresh", and a directory.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"runtime/coverage"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func main() {
	operation, dir := os.Args[1], os.Args[2]
	if err := run(operation, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(operation, dir string) error {
	p := &msaltest.Platform{URL: msaltest.DefaultURL}
	if operation == "refresh" {
		p.AccessTokenLife = time.Second
	}
	client, err := msal.New(msal.Config{ClientID: "a-test-client", Authority: p.URL, HTTPClient: p.Client()})
	if err != nil {
		return err
	}
	if err := signIn(p, client); err != nil {
		return err
	}
	first, err := client.Token(context.Background(), "read")
	if err != nil {
		return err
	}
	if operation == "refresh" {
		time.Sleep(time.Until(first.Expiry))
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	before := runtime.NumGoroutine()
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	token, err := client.Token(context.Background(), "read")
	for runtime.NumGoroutine() > before {
		time.Sleep(time.Millisecond) // the refresh has answered and is still leaving
	}
	if e := coverage.WriteCountersDir(dir); e != nil {
		return e
	}
	if renewed := token.AccessToken() != first.AccessToken(); err == nil && renewed != (operation == "refresh") {
		return fmt.Errorf("the token is new: %t", renewed)
	}
	return err
}

// signIn plays the browser.
func signIn(p *msaltest.Platform, client *msal.Client) error {
	ctx := context.Background()
	z, err := client.Authorize(ctx, "http://127.0.0.1/callback", "read")
	if err != nil {
		return err
	}
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(z.URL())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		return err
	}
	_, err = z.Redeem(ctx, back.Query())
	return err
}
