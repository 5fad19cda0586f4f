// Daemon signs a person in once, by device code, and keeps a token fresh until it is told to stop.
//
//	go run ./examples/daemon -demo
//	go run ./examples/daemon -issuer https://login.example.com -client-id night-shift -scopes "reports.read"
//
// Its exit status tells a supervisor what to do: 0, it was told to stop; 1, start it again; 2, the command line is
// wrong; 3, do not start it again, a person has to sign in (with systemd, RestartPreventExitStatus=2 3).
//
// Sessions live in memory here, so a person signs in at every start.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitNeedsPerson = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Stderr, os.Args[1:]))
}

// run is main, with what it depends on; it returns the exit status.
func run(ctx context.Context, out io.Writer, args []string) int {
	log := slog.New(slog.NewJSONHandler(out, nil))
	cfg, scope, err := configure(out, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	cfg.Logger = log
	client, err := msal.New(cfg)
	if err != nil {
		log.Error("wrong configuration", "error", err)
		return exitUsage
	}
	err = work(ctx, client, log, scope)
	switch {
	case ctx.Err() != nil:
		log.Info("stopped", "cause", context.Cause(ctx).Error())
		return 0
	case errors.Is(err, msal.ErrSignInRequired):
		log.Error("a person has to sign in", "error", err)
		return exitNeedsPerson
	case errors.Is(err, scopes.ErrInvalid) || errors.Is(err, scopes.ErrDuplicateDefault):
		log.Error("wrong scopes", "error", err)
		return exitUsage
	}
	log.Error("ended", "error", err)
	return exitFailed
}

// configure reads the command line. It has told the person about any error that it returns.
func configure(out io.Writer, args []string) (msal.Config, []string, error) {
	flags := flag.NewFlagSet("daemon", flag.ContinueOnError)
	flags.SetOutput(out)
	issuer := flags.String("issuer", "", "the server that people sign in at, an `https URL`")
	clientID := flags.String("client-id", "", "this application's `name` at the server")
	scope := flags.String("scopes", "", "what to ask for, `words` parted by spaces")
	demo := flags.Bool("demo", false, "bring a server and a person along; the session ends after half a minute")
	if err := flags.Parse(args); err != nil {
		return msal.Config{}, nil, err
	}
	if *demo {
		return demoConfig(), []string{"reports.read"}, nil
	}
	return msal.Config{ClientID: *clientID, Authority: *issuer}, strings.Fields(*scope), nil
}

// work is the life of the daemon.
func work(ctx context.Context, client *msal.Client, log *slog.Logger, scope []string) error {
	// A refresh that is on its way when the signal comes may bring the only copy of a new refresh token. A supervisor
	// kills what does not stop in time, so there is a limit below its own.
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := client.Shutdown(ctx); err != nil {
			log.Error("the session may be lost", "error", err)
		}
	}()

	token, err := client.Token(ctx, scope...)
	if errors.Is(err, msal.ErrSignInRequired) {
		token, err = client.SignIn(ctx, msal.DeviceCode{Show: func(_ context.Context, p msal.DevicePrompt) error {
			log.Info("sign in", "page", p.VerificationURI, "code", p.UserCode, "until", p.Expiry, "at", p.Issuer)
			return nil
		}}, scope...)
	}
	if err != nil {
		return err
	}
	if token.Missing.Len() > 0 {
		return fmt.Errorf("the server did not grant %s", token.Missing)
	}

	// What the daemon is for happens in goroutines of its own, which ask for a token at every use:
	//
	//	go serve(ctx, client.HTTPClient("https://api.example.com", scope...))
	//
	// They find it fresh, because of this:
	return client.KeepFresh(ctx, scope...)
}
