package msal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// What the program has to do next. Compare with errors.Is; what happened is
// in the errors they wrap, above all [ServerError].
var (
	// ErrSignInRequired: no session can give this token. Call SignIn, for the
	// same account and scopes where there are some; claims that the server
	// wants satisfied are in the wrapped *ServerError.
	ErrSignInRequired = errors.New("sign-in required")

	// ErrAccountRequired: several accounts are signed in. Choose one of
	// Accounts and ask through Client.For.
	ErrAccountRequired = errors.New("several accounts are signed in; choose one with For")

	// ErrStateMismatch: the redirect does not belong to this Authorization.
	// Ignore it and wait for the right one.
	ErrStateMismatch = errors.New("state does not match")

	// ErrOutcomeUnknown: the token request was sent and no answer could be
	// read, twice. The session is kept; call again.
	ErrOutcomeUnknown = errors.New("the token request was sent, but its answer was lost")

	// ErrBusy: another process has held the account's lock for 75 seconds, or
	// has taken it because this one was too slow to renew its lease. Nothing
	// was sent; call again.
	ErrBusy = errors.New("another process holds the session's lock")
)

// ServerError is the answer of an authorization server that refused, as of
// RFC 6749 section 5.2 and, where Code comes with a redirect, 4.1.2.1. Its
// fields are what the server said; Error makes them safe to print.
type ServerError struct {
	Code          string        // error, such as "invalid_grant"
	Description   string        // error_description: for a person, in the server's words
	Suberror      string        // Microsoft: what can be done about an invalid_grant
	Claims        string        // claims the next sign-in has to satisfy, for WithClaims
	CorrelationID string        // Microsoft: names the request in the server's log
	URI           string        // error_uri
	Codes         []int         // Microsoft: AADSTS numbers. For people, not for programs: they change
	StatusCode    int           // of the HTTP answer; 0 if the error came with a redirect
	RetryAfter    time.Duration // how long the server asks to be left alone, at most 5 minutes; 0: not said
}

// Error says who refused and why, on one line, in characters that do nothing
// to a terminal.
func (e *ServerError) Error() string {
	var b strings.Builder
	if e.Code == "" {
		b.WriteString("the server answered without saying what is wrong; try again later")
	} else {
		b.WriteString("server said ")
		b.WriteString(termsafe.Text(e.Code, 60))
	}
	if e.Suberror != "" {
		fmt.Fprintf(&b, " (%s)", termsafe.Text(e.Suberror, 60))
	}
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, ", status %d", e.StatusCode)
	}
	if e.Description != "" {
		b.WriteString(": ")
		b.WriteString(termsafe.Text(e.Description, 500))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; retry in %s", e.RetryAfter.Round(time.Second))
	}
	if slices.Contains(e.Codes, noUserRead) {
		b.WriteString("; add the delegated permission User.Read of Microsoft Graph to the application's registration")
	}
	return b.String()
}

// noUserRead is AADSTS90008: an application of the v1.0 endpoint whose
// registration lacks what signing in needs.
const noUserRead = 90008

// looping is AADSTS50196: the server throttles a client that asks for the same
// token over and over. It comes as invalid_grant and must not end a session.
const looping = 50196

// terminal tells whether e means that the refresh token it answers is dead for
// good. Microsoft says invalid_grant also for what a person can settle, such
// as consent or a second factor; elsewhere RFC 6749 section 5.2 leaves one
// meaning only.
func (e *ServerError) terminal(microsoft bool) bool {
	if e.Code != "invalid_grant" {
		return false
	}
	if !microsoft {
		return true
	}
	switch e.Suberror {
	case "bad_token", "token_expired":
		return true
	case "":
		return e.Claims == "" && !slices.Contains(e.Codes, looping) && !e.aboutScopes()
	}
	return false
}

// aboutScopes recognises the answer for personal Microsoft accounts that have
// not consented: code 70000, and a text that speaks of the scopes.
func (e *ServerError) aboutScopes() bool {
	return slices.Contains(e.Codes, 65001) || slices.Contains(e.Codes, 70000) && strings.Contains(e.Description, "scopes")
}

// needsPerson tells whether only a sign-in can help.
func (e *ServerError) needsPerson() bool {
	switch e.Code {
	case "invalid_grant":
		return !slices.Contains(e.Codes, looping)
	case "interaction_required", "consent_required", "login_required", "account_selection_required", "bad_token":
		return true
	}
	return false
}

// refusedScopes tells whether the server refused a scope of the request.
func (e *ServerError) refusedScopes() bool { return e.Code == "invalid_scope" }
