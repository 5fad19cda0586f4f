// Daemon signs a person in once, by device code (at Microsoft once for each API), and keeps the tokens of all accounts
// and APIs fresh until it is told to stop.
//
//	go run ./examples/daemon -demo
//	go run ./examples/daemon -issuer https://login.example.com -client-id night-shift \
//		-api "reports.read" -api "mail.read mail.send" -store /var/lib/night-shift -key /run/secrets/night-shift/key
//
// Its exit status tells a supervisor what to do: 0, it was told to stop; 1, start it again; 2, the command line is
// wrong; 3, do not start it again, a person has to sign in (with systemd, RestartPreventExitStatus=2 3). While some
// sessions go on it goes on, and says at -health whose do not. docs/daemon.md has it under systemd and in Kubernetes.
//
// Without -store and -key sessions live in memory, and a person signs in at every start.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/staysigned/staysigned/cache"
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

// task is what the command line asks for.
type task struct {
	config msal.Config
	apis   [][]string // the scopes of each
	signIn bool       // one more person
	health string     // address; "": none
	check  string     // path to ask for at health, of the daemon that runs
}

// run is main, with what it depends on; it returns the exit status.
func run(ctx context.Context, out io.Writer, args []string) int {
	log := slog.New(slog.NewJSONHandler(out, nil))
	t, err := configure(out, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		log.Error("wrong command line", "error", err)
		return exitUsage
	case t.check != "":
		if err := check(ctx, out, t.health, t.check); err != nil {
			log.Error("not well", "error", err)
			return exitFailed
		}
		return 0
	}
	t.config.Logger = log
	if _, err := msal.New(t.config); err != nil {
		log.Error("wrong configuration", "error", err)
		return exitUsage
	}
	return status(ctx, work(ctx, t, &board{}, log), log)
}

// status is what err is to the supervisor: whether to start the daemon again, and whom to call. A server that is down
// is a reason to start it again; one that never was is not.
func status(ctx context.Context, err error, log *slog.Logger) int {
	refused, said := errors.AsType[*msal.ServerError](err)
	switch {
	case ctx.Err() != nil:
		log.Info("stopped", "cause", context.Cause(ctx).Error())
		return 0
	case errors.Is(err, msal.ErrSignInRequired) || errors.Is(err, msal.ErrSignInTimeout):
		log.Error("a person has to sign in", "error", err)
		return exitNeedsPerson
	case errors.Is(err, scopes.ErrInvalid) || errors.Is(err, scopes.ErrDuplicateDefault):
		log.Error("wrong scopes", "error", err)
		return exitUsage
	case said && refused.Action() == msal.ActionFixApp: // such as an issuer that is none
		log.Error("wrong configuration", "error", err)
		return exitUsage
	}
	log.Error("ended", "error", err)
	return exitFailed
}

// configure reads the command line.
func configure(out io.Writer, args []string) (task, error) {
	flags := flag.NewFlagSet("daemon", flag.ContinueOnError)
	flags.SetOutput(out)
	var t task
	issuer := flags.String("issuer", "", "the server that people sign in at, an `https URL`")
	clientID := flags.String("client-id", "", "this application's `name` at the server")
	store := flags.String("store", "", "the `directory` that keeps the sessions, with -key")
	key := flags.String("key", "", "the `file` with the key that seals them, with -store")
	demo := flags.Bool("demo", false, "bring a server and a person along; the session ends after half a minute")
	flags.BoolVar(&t.signIn, "sign-in", false, "sign one more person in first")
	flags.StringVar(&t.health, "health", "", "serve what is known of each session at this `address`: unix:PATH or a loopback host:port")
	flags.StringVar(&t.check, "check", "", "ask the daemon that runs at -health for this `path`, /live or /ready, and exit")
	flags.Func("api", "the `scopes` of an API, parted by spaces; once for each API", func(s string) error {
		t.apis = append(t.apis, strings.Fields(s))
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return task{}, err
	}
	if t.apis == nil {
		t.apis = [][]string{nil}
	}
	t.config = msal.Config{ClientID: *clientID, Authority: *issuer}
	switch {
	case *demo:
		t.config, t.apis = demoConfig(), [][]string{{"reports.read"}}
	case (*store == "") != (*key == ""):
		return task{}, errors.New("-store and -key go together: nothing is kept unsealed")
	case *store != "":
		t.config.Cache = cache.Dir(*store, cache.KeyFile(*key))
	}
	if t.config.Cache == nil {
		t.config.Cache = cache.Memory() // the clients of all sessions share it
	}
	return t, nil
}
