package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

// exitCode tells a script what happened. The numbers are a promise.
type exitCode int

const (
	exitOK          exitCode = 0
	exitError       exitCode = 1
	exitUsage       exitCode = 2
	exitSignIn      exitCode = 3
	exitAccount     exitCode = 4
	exitUnreachable exitCode = 5
	exitStorage     exitCode = 6
	exitInterrupted exitCode = 130
)

// exitHelp is what "staysigned help exit-codes" says. README.md has the same table.
const exitHelp = `An error is one line on standard error: what happened, then what to do. With --json it is an object.

  code  name               what happened
  0     ok
  1     error              something else, such as a refusal by the server
  2     usage              the command line or the configuration is wrong
  3     sign_in_required   a person has to run "staysigned login"
  4     account_required   several accounts are signed in: choose one with --account
  5     unreachable        the server or the network is down, or busy: try again later
  6     storage            the sessions or their key cannot be had: the keychain is locked, or there is none
  130   interrupted        Ctrl-C or a signal; nothing is lost
`

func (c exitCode) name() string {
	switch c {
	case exitOK:
		return "ok"
	case exitUsage:
		return "usage"
	case exitSignIn:
		return "sign_in_required"
	case exitAccount:
		return "account_required"
	case exitUnreachable:
		return "unreachable"
	case exitStorage:
		return "storage"
	case exitInterrupted:
		return "interrupted"
	}
	return "error"
}

func helpExit() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "How commands end, for scripts", Long: exitHelp}
}

// usageError is a mistake of the person who typed the command or wrote the configuration.
type usageError struct {
	error
	next string // empty: the error says it
}

func (e *usageError) Unwrap() error { return e.error }

func usage(err error) error { return &usageError{error: err} }

// personError is msal.ErrSignInRequired, or a sign-in that failed, with what login has to be told.
type personError struct {
	error
	login []string // its arguments
}

func (e *personError) Unwrap() error { return e.error }

// elsewhereError is a store whose key is with another provider than the one that was asked.
type elsewhereError struct {
	error
	key string // as in --key
}

func (e *elsewhereError) Unwrap() error { return e.error }

// severalError is msal.ErrAccountRequired with the names to choose from.
type severalError struct{ names []string }

func (e *severalError) Error() string { return "several accounts are signed in" }
func (e *severalError) Unwrap() error { return msal.ErrAccountRequired }

// failure is an error as a script and a person get to see it.
type failure struct {
	code    exitCode
	message string
	next    string // what to do; empty: nothing that this program would know
	server  *msal.ServerError
}

// judge says what an error means. The order matters: a session whose record cannot be read is a sign-in that is
// required, whatever else it is.
func (a *app) judge(ctx context.Context, err error) failure {
	f := failure{code: exitError, message: text(err)}
	set := func(code exitCode, next string) { f.code, f.next = code, next }
	f.server, _ = errors.AsType[*msal.ServerError](err)
	several, isSeveral := errors.AsType[*severalError](err)
	unwell, isUnwell := errors.AsType[*unwellError](err)
	mistake, isUsage := errors.AsType[*usageError](err)
	elsewhere, isElsewhere := errors.AsType[*elsewhereError](err)
	switch {
	case ctx.Err() != nil:
		set(exitInterrupted, "")
		f.message = "stopped"
	case isUnwell:
		set(unwell.code, unwell.Next)
	case isUsage:
		set(exitUsage, mistake.next)
	case errors.Is(err, scopes.ErrInvalid) || errors.Is(err, scopes.ErrDuplicateDefault):
		set(exitUsage, "")
	case isSeveral:
		set(exitAccount, "choose one with --account: "+strings.Join(several.names, ", "))
	case errors.Is(err, msal.ErrSignInRequired) || errors.Is(err, msal.ErrSignInTimeout):
		set(exitSignIn, "run: "+a.again(loginFor(err)...))
	case isElsewhere:
		set(exitStorage, "use --key "+elsewhere.key+", which has the key of these sessions")
	case errors.Is(err, cache.ErrLocked):
		set(exitStorage, "run: "+a.again("unlock"))
	case errors.Is(err, cache.ErrNoSecureStorage):
		set(exitStorage, "keep the key elsewhere: --key kernel, --key passphrase or --key file:PATH")
	case errors.Is(err, cache.ErrUnavailable):
		set(exitStorage, "run: "+a.again("doctor"))
	case unreachable(err) && f.server != nil: // whose message says what to do
		set(exitUnreachable, "")
	case f.server != nil && f.server.Action() == msal.ActionFixApp: // the authority, the client ID or the scopes
		set(exitUsage, "")
	case unreachable(err):
		set(exitUnreachable, "try again later, or see: "+a.again("doctor"))
	}
	if errors.Is(err, msal.ErrNotRevoked) { // there is nothing left to try again with
		f.next = "the session ends by itself, or in the settings of your account at the server"
	}
	return f
}

// loginFor is the command by which a person satisfies the server: for the scopes that were asked for, or the next token
// would fail as this one did. Its claims are base64, which no shell misreads.
func loginFor(err error) []string {
	line := []string{"login"}
	if person, ok := errors.AsType[*personError](err); ok {
		line = append(line, person.login...)
	}
	if refused, ok := errors.AsType[*msal.ServerError](err); ok && refused.Claims != "" {
		line = append(line, "--claims", base64.RawURLEncoding.EncodeToString([]byte(refused.Claims)))
	}
	return line
}

// unreachable tells whether to try again later is all that can be done.
func unreachable(err error) bool {
	if refused, ok := errors.AsType[*msal.ServerError](err); ok {
		return refused.Action() == msal.ActionWait || refused.Action() == msal.ActionRetry
	}
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, msal.ErrOutcomeUnknown) || errors.Is(err, msal.ErrBusy)
}

// report tells the person or the script about an error, in one line.
func (a *app) report(ctx context.Context, err error) exitCode {
	if err == nil {
		return exitOK
	}
	f := a.judge(ctx, err)
	switch {
	case a.flags.json:
		a.talk.json(map[string]any{"error": f})
	case f.next != "":
		a.talk.say("%s %s; %s\n", a.talk.red(program+":"), f.message, plain(f.next))
	default:
		a.talk.say("%s %s\n", a.talk.red(program+":"), f.message)
	}
	return f.code
}

// MarshalJSON is the form of --json.
func (f failure) MarshalJSON() ([]byte, error) {
	type server struct {
		Code          string `json:"code,omitempty"`
		Description   string `json:"description,omitempty"`
		Suberror      string `json:"suberror,omitempty"`
		StatusCode    int    `json:"status_code,omitempty"`
		CorrelationID string `json:"correlation_id,omitempty"`
		RetryAfter    int    `json:"retry_after,omitempty"` // seconds
		Action        string `json:"action"`
	}
	v := struct {
		Name    string   `json:"name"`
		Exit    exitCode `json:"exit"`
		Message string   `json:"message"`
		Next    string   `json:"next,omitempty"`
		Server  *server  `json:"server,omitempty"`
	}{f.code.name(), f.code, f.message, f.next, nil}
	if s := f.server; s != nil {
		v.Server = &server{s.Code, s.Description, s.Suberror, s.StatusCode, s.CorrelationID, int(s.RetryAfter.Seconds()), string(s.Action())}
	}
	return json.Marshal(v)
}

// plain is a text in which nothing acts on a terminal: names of people come from a server, and arguments from anybody.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\ufffd'
	}, s)
}

// called is the name of an account for people, and one that --account takes.
func called(a msal.Account) string { return plain(cmp.Or(a.Username, a.Email, a.ID)) }

// several says whom to choose from.
func several(accounts []msal.Account) error {
	e := &severalError{}
	for _, a := range accounts {
		name := called(a)
		if means := matching(accounts, name); len(means) != 1 || means[0] != a {
			name = plain(a.ID)
		}
		e.names = append(e.names, name)
	}
	return e
}
