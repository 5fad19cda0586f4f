package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/staysigned/staysigned/msal"
)

// work is the life of the daemon. It ends with ctx, or when no session can go on without a person.
func work(ctx context.Context, t task, board *board, log *slog.Logger) error {
	if t.health != "" {
		stop, err := serveHealth(t.health, board)
		if err != nil {
			return err
		}
		defer stop()
	}
	// Systemd may want to hear from a daemon that waits for a person, too.
	notify := notifier{os.Getenv("NOTIFY_SOCKET"), log}
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { notify.watchdog(ctx, os.Getenv("WATCHDOG_USEC"), os.Getenv("WATCHDOG_PID")) })

	accounts, err := people(ctx, t, log)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		for _, scope := range t.apis {
			k, err := newKeeper(t.config, account, scope)
			if err != nil {
				return err
			}
			board.add(k)
		}
	}
	notify.send("READY=1\nSTATUS=" + board.summary())
	defer notify.send("STOPPING=1")
	return board.keep(ctx, func() { notify.send("STATUS=" + board.summary()) })
}

// people returns who is signed in; if that is nobody, or one more was asked for, somebody signs in first.
func people(ctx context.Context, t task, log *slog.Logger) ([]msal.Account, error) {
	client, err := msal.New(t.config)
	if err != nil {
		return nil, err
	}
	defer shutdown(ctx, client, log)
	accounts, err := client.Accounts(ctx)
	if err != nil || len(accounts) > 0 && !t.signIn {
		return accounts, err
	}
	if err := signIn(ctx, client, t.apis, log); err != nil {
		return nil, err
	}
	return client.Accounts(ctx)
}

// signIn is one sign-in for all APIs, or the same person's for each where a device code is for one (Microsoft).
func signIn(ctx context.Context, client *msal.Client, apis [][]string, log *slog.Logger) error {
	flow := msal.DeviceCode{Show: func(_ context.Context, p msal.DevicePrompt) error {
		log.Info("sign in", "page", p.VerificationURI, "code", p.UserCode, "until", p.Expiry, "at", p.Issuer)
		return nil
	}}
	all := slices.Concat(apis...)
	if client.Explain(nil, all...).TokenErr == nil {
		apis = [][]string{all}
	}
	for _, scope := range apis {
		token, err := client.SignIn(ctx, flow, scope...)
		if err != nil {
			return err
		}
		if token.Missing.Len() > 0 {
			return fmt.Errorf("the server did not grant %s", token.Missing)
		}
		client = client.For(token.Account)
	}
	return nil
}

// shutdown waits for a refresh that is on its way: it may bring the only copy of a new refresh token. A supervisor kills
// what does not stop in time, so there is a limit below its own.
func shutdown(ctx context.Context, client *msal.Client, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := client.Shutdown(ctx); err != nil {
		log.Error("the session may be lost", "error", err)
	}
}

// keeper keeps the token of one account for one API fresh, and knows how that goes. It has a Client of its own, so that
// the events of its Logger are those of this token; what it shares with the others is the store.
type keeper struct {
	client    *msal.Client
	scope     []string
	log       *slog.Logger
	refreshed chan struct{} // holds one

	mu    sync.Mutex
	state state
}

// state is what the health endpoint says of a token. Whoever may read it may know who is signed in.
type state struct {
	Account      string    `json:"account"`
	Scopes       []string  `json:"scopes"`
	FreshUntil   time.Time `json:"fresh_until,omitzero"`
	LastRefresh  time.Time `json:"last_refresh,omitzero"`
	LastError    string    `json:"last_error,omitempty"`
	PersonNeeded bool      `json:"person_needed"`
	Action       string    `json:"action,omitempty"` // what the person has to do
}

func newKeeper(cfg msal.Config, account msal.Account, scope []string) (*keeper, error) {
	k := &keeper{scope: scope, refreshed: make(chan struct{}, 1), state: state{Account: account.Username, Scopes: scope}}
	k.log = cfg.Logger.With("scopes", scope)
	cfg.Logger = slog.New(&watch{k.log.Handler(), k})
	client, err := msal.New(cfg)
	if err == nil {
		k.client = client.For(account)
	}
	return k, err
}

// keep returns when ctx ends, or when a person is needed.
func (k *keeper) keep(ctx context.Context, changed func()) error {
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	reader.Go(func() {
		for ctx.Err() == nil {
			k.look(ctx)
			changed()
			select {
			case <-k.refreshed: // and at no failure: to look then would be to try again at once
			case <-ctx.Done():
			}
		}
	})
	// What the daemon is for happens in goroutines of its own, which ask for a token at every use:
	//
	//	go serve(ctx, k.client.HTTPClient("https://api.example.com", k.scope...))
	//
	// They find it fresh, because of this:
	err := k.client.KeepFresh(ctx, k.scope...)
	cancel()
	reader.Wait()
	shutdown(ctx, k.client, k.log)
	k.end(err)
	changed()
	return err
}

// look notes until when there is a token. After a refresh it is in memory.
func (k *keeper) look(ctx context.Context) {
	if t, err := k.client.Token(ctx, k.scope...); err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.state.FreshUntil = t.Expiry
	}
}

func (k *keeper) end(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if errors.Is(err, context.Canceled) {
		return
	}
	k.state.LastError = err.Error()
	if k.state.PersonNeeded = errors.Is(err, msal.ErrSignInRequired); !k.state.PersonNeeded {
		return
	}
	k.state.Action = string(msal.ActionSignIn)
	if refused, said := errors.AsType[*msal.ServerError](err); said {
		k.state.Action = string(refused.Action())
	}
}

// watch is the log of a keeper, which reads along.
type watch struct {
	slog.Handler
	keeper *keeper
}

// Enabled implements slog.Handler: a log that is quiet is read all the same.
func (w *watch) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler. The names of the events are those that package msal documents.
func (w *watch) Handle(ctx context.Context, r slog.Record) error {
	k := w.keeper
	k.mu.Lock()
	switch r.Message {
	case "refreshed":
		k.state.LastRefresh, k.state.LastError = r.Time, ""
		select {
		case k.refreshed <- struct{}{}:
		default:
		}
	case "refresh failed", "sign-in required", "session not stored":
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" {
				k.state.LastError = a.Value.String()
			}
			return true
		})
	}
	k.mu.Unlock()
	if !w.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return w.Handler.Handle(ctx, r)
}
