// Httpclient calls an API with an http.Client that brings the token along, and prints the answer.
//
//	go run ./examples/httpclient -demo
//	go run ./examples/httpclient -issuer https://login.microsoftonline.com/organizations \
//		-client-id 11111111-2222-3333-4444-555555555555 -scopes User.Read https://graph.microsoft.com/v1.0/me
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/staysigned/staysigned/msal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "httpclient:", err)
		os.Exit(1)
	}
}

// task is what the command line asks for.
type task struct {
	config  msal.Config
	browser msal.Browser
	scopes  []string
	url     string
	close   func() // ends the demonstration
}

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	t, err := parse(out, args)
	if err != nil {
		return err
	}
	defer t.close()
	client, err := msal.New(t.config)
	if err != nil {
		return err
	}
	// A refresh that is on its way when Ctrl-C comes may bring the only copy of a new refresh token.
	defer func() { err = errors.Join(err, client.Shutdown(context.WithoutCancel(ctx))) }()

	body, err := get(ctx, client, t.url, t.scopes)
	if errors.Is(err, msal.ErrSignInRequired) {
		signer := client
		if refused, said := errors.AsType[*msal.ServerError](err); said && refused.Claims != "" {
			signer = client.WithClaims(refused.Claims) // what the API's challenge, or a policy, wants of the sign-in
		}
		if _, err := signer.SignIn(ctx, t.browser, t.scopes...); err != nil {
			return err
		}
		body, err = get(ctx, client, t.url, t.scopes)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, body)
	return err
}

func parse(out io.Writer, args []string) (task, error) {
	flags := flag.NewFlagSet("httpclient", flag.ContinueOnError)
	flags.SetOutput(out)
	issuer := flags.String("issuer", "", "the server that people sign in at, an `https URL`")
	clientID := flags.String("client-id", "", "this application's `name` at the server")
	scopes := flags.String("scopes", "", "what to ask for, `words` parted by spaces")
	demo := flags.Bool("demo", false, "bring a server, a person and an API along")
	if err := flags.Parse(args); err != nil {
		return task{}, err
	}
	if *demo {
		return newDemo(out), nil
	}
	if flags.NArg() != 1 {
		return task{}, errors.New("one URL is wanted; -h tells more")
	}
	return task{
		config: msal.Config{ClientID: *clientID, Authority: *issuer},
		scopes: strings.Fields(*scopes),
		url:    flags.Arg(0),
		close:  func() {},
	}, nil
}

// get returns the body of an answer. Nothing in it is about tokens: an application that has an http.Client from
// elsewhere only has to take this one instead, and to make it once.
func get(ctx context.Context, client *msal.Client, address string, scopes []string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	api := client.HTTPClient(u.Scheme+"://"+u.Host, scopes...)

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := api.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s says %s", u.Host, resp.Status)
	}
	return string(body), err
}
