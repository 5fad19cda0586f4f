// Quickstart signs a person in and keeps them signed in, with nothing to set up: the identity platform and the API that
// it needs are part of the program, on two ports of this machine. Run it twice: the second time nobody is asked.
//
//	go run ./examples/quickstart
//	go run ./examples/quickstart -forget
//
// Where to read: main.go is what an application does, home.go is where it keeps the session, person.go is who signs in,
// world.go is what it talks to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/msal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Stdout, keychain.Keys("staysigned-quickstart"), os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "\nstopped")
	default:
		fmt.Fprintln(os.Stderr, "quickstart:", err)
	}
	os.Exit(1)
}

func run(ctx context.Context, out io.Writer, keys cache.Keys, args []string) (err error) {
	dir, dirErr := stateDir()
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&dir, "dir", dir, "where to keep the session and what the platform remembers")
	auto := flags.Bool("auto", os.Getenv("CI") == "true", "let a script press Continue in place of a person")
	forget := flags.Bool("forget", false, "sign out and remove all that earlier runs have kept")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if dir == "" {
		return fmt.Errorf("choose a directory with -dir: %w", dirErr)
	}
	h, err := openHome(ctx, dir, keys)
	if err != nil {
		return err
	}
	w, err := newWorld(h.dir)
	if err != nil && *forget {
		return h.forget(ctx) // the platform of the session cannot be told, and is forgotten with it
	} else if err != nil {
		return err
	}
	defer w.close()
	who := &person{world: w, out: out, auto: *auto}
	client, err := newClient(w, h, who)
	if err != nil {
		return err
	}
	// A refresh that is on its way when Ctrl-C comes may bring the only copy of a new refresh token.
	defer func() { err = errors.Join(err, client.Shutdown(context.WithoutCancel(ctx))) }()

	t := &tour{world: w, home: h, client: client, out: out}
	if *forget {
		return t.forget(ctx)
	}
	t.say("staysigned: sign in once, stay signed in\n\nThe identity platform of this tour is part of it, at %s.\n"+
		"No account is needed, and nothing leaves this machine.\n", w.idp.URL)
	if err := t.signIn(ctx, who.browser()); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{t.askAgain, t.outlive, t.callAPI, t.runAgain} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func newClient(w *world, h *home, who *person) (*msal.Client, error) {
	return msal.New(msal.Config{
		ClientID:             "quickstart",
		Authority:            w.idp.URL,
		Cache:                h.store,
		InsecureLoopbackHTTP: true, // the platform is on this machine, and has no certificate
		Logger:               slog.New(noBrowser{slog.DiscardHandler, who.stepIn}),
	})
}

// tour shows what the library does, one step after the other.
type tour struct {
	*world
	*home
	client *msal.Client
	out    io.Writer
	token  msal.Token
}

// scope is what the API wants. openid, profile, email and offline_access go along by themselves.
const scope = "greetings.read"

// signIn asks a person only if there is no session: that is all it takes.
func (t *tour) signIn(ctx context.Context, browser msal.Browser) (err error) {
	t.say("\n1  Sign in\n\n")
	t.token, err = t.client.Token(ctx, scope)
	if err == nil {
		t.say("   Signed in since an earlier run: %s\n", t.token.Account)
		t.say("   Nobody was asked. Requests: %d\n", t.requests())
		return nil
	}
	if !errors.Is(err, msal.ErrSignInRequired) {
		return err
	}
	if t.token, err = t.client.SignIn(ctx, browser, scope); err != nil {
		return err
	}
	t.say("   Signed in: %s\n", t.token.Account)
	t.say("   PKCE, state and nonce went along, and the ID token's signature is verified.\n")
	return nil
}

func (t *tour) askAgain(ctx context.Context) error {
	t.say("\n2  Ask for the token again\n\n")
	before := t.requests()
	token, err := t.client.Token(ctx, scope)
	if err != nil {
		return err
	}
	t.say("   %s, from memory. Requests: %d\n", t.compare(token), t.requests()-before)
	return nil
}

func (t *tour) outlive(ctx context.Context) error {
	t.say("\n3  Outlive it\n\n   It is good for %.0f seconds here, for an hour elsewhere. Waiting …\n", t.idp.AccessTokenLife.Seconds())
	select {
	case <-time.After(time.Until(t.token.Expiry)):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	before := t.requests()
	token, err := t.client.Token(ctx, scope)
	if err != nil {
		return err
	}
	t.say("   %s, and nobody was asked. Requests: %d\n", t.compare(token), t.requests()-before)
	t.token = token
	return nil
}

func (t *tour) callAPI(ctx context.Context) error {
	t.say("\n4  Call an API\n\n")
	api := t.client.HTTPClient(t.apiURL, scope) // sends the token there, and nowhere else
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.apiURL+"/greeting", nil)
	if err != nil {
		return err
	}
	resp, err := api.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	t.say("   GET %s\n   %s: %s\n", req.URL, resp.Status, body)
	return nil
}

func (t *tour) runAgain(context.Context) error {
	t.say("\n5  Run it again\n\n   The session is %s\n", t.where)
	if t.dir != "" {
		t.say("   Run the tour again and nobody is asked; with -forget all of it goes.\n")
	}
	t.say("\nAll of it is in examples/quickstart/main.go.\n")
	return nil
}

func (t *tour) forget(ctx context.Context) error {
	if err := t.client.SignOut(ctx); err != nil && !errors.Is(err, msal.ErrNotRevoked) {
		return err
	}
	if _, err := t.client.Token(ctx, scope); !errors.Is(err, msal.ErrSignInRequired) {
		return fmt.Errorf("a token after the sign-out: %w", err)
	}
	if err := t.home.forget(ctx); err != nil {
		return err
	}
	t.say("Signed out, here and at the platform. Nothing is left on the disk or in the keychain.\n")
	return nil
}

func (t *tour) compare(token msal.Token) string {
	if token.AccessToken() == t.token.AccessToken() {
		return "The same token"
	}
	return "A new token"
}

// requests counts those that the library has made.
func (t *tour) requests() int { return t.idp.Count("discovery", "keys", "token") }

func (t *tour) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format, args...) }
