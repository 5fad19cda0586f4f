package msal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// What the program has to do next. Compare with errors.Is; what happened is
// in the errors they wrap, above all [ServerError].
var (
	// ErrSignInRequired: no session can give this token without a person. Call
	// SignIn, once, for the same account and scopes where there are some, and
	// through WithClaims if the wrapped *ServerError has Claims. Its Action tells
	// when a sign-in is not all that it takes: where it is not ActionSignIn, the
	// server will at best show the person why. Nothing is asked of the server
	// again by itself: KeepFresh returns, and HTTPClient's request has failed.
	ErrSignInRequired = errors.New("sign-in required")

	// ErrAccountRequired: several accounts are signed in. Choose one of
	// Accounts and ask through Client.For.
	ErrAccountRequired = errors.New("several accounts are signed in; choose one with For")

	// ErrSignInTimeout: nobody finished the sign-in within Browser.Timeout, the
	// life of the device code or the ten minutes of an Authorization. Begin anew,
	// once somebody is there. If the caller's context ends first, its cause is
	// the error instead.
	ErrSignInTimeout = errors.New("nobody finished the sign-in in time")

	// ErrNotRevoked: SignOut has removed the session from this machine, and the
	// server still knows it, for the reason that is wrapped. Say so, and do not
	// call again: what could tell the server is gone. Where somebody may have a
	// copy of the session, the person ends it in the settings of their account.
	ErrNotRevoked = errors.New("signed out here, but the server was not told")

	// ErrStateMismatch: the redirect does not belong to this Authorization.
	// Ignore it and wait for the right one.
	ErrStateMismatch = errors.New("state does not match")

	// ErrOutcomeUnknown: the token request was sent and no answer could be
	// read, twice. The session is kept; call again.
	ErrOutcomeUnknown = errors.New("the token request was sent, but its answer was lost")

	// ErrBusy: a refresh, or another process that holds the account's lock, took
	// more than the 75 seconds that a caller waits whose context has no deadline;
	// or another process took the lock because this one was too slow to renew its
	// lease. What was sent goes on, and its answer is stored; call again.
	ErrBusy = errors.New("the session is busy with another refresh")
)

// ServerError is the answer of an authorization server that refused, as of
// RFC 6749 section 5.2 and, where Code comes with a redirect, 4.1.2.1; one in
// place of its metadata or keys, or metadata that is not the authority's, both
// often without a Code; or that of an API whose claims challenge an HTTPClient
// could not satisfy, with the Code insufficient_claims. Its fields are what the
// server said; Error makes them safe to print, and Action says what to do.
//
// What came with a redirect is not verified: it passed through the person's
// browser, and whoever knew the state may have written it. Error says so.
type ServerError struct {
	Code          string        // error, such as "invalid_grant"
	Description   string        // error_description: for a person, in the server's words
	Suberror      string        // Microsoft: what can be done about an invalid_grant
	Claims        string        // claims the next sign-in has to satisfy, for WithClaims
	CorrelationID string        // Microsoft: names the request in the server's log
	URI           string        // error_uri
	Codes         []int         // Microsoft: AADSTS numbers. For people, not for programs: they change
	StatusCode    int           // of the HTTP answer; 0 if the error came with a redirect
	RetryAfter    time.Duration // how long to leave the server alone, at most 5 minutes; 0: not said

	redirect bool  // it came with one
	consent  bool  // it is about scopes that a sign-in asks for
	own      *hint // what the package knows of it; nil: no more than it says
}

// Error says who refused and why, and ends in what to do; on one line, in
// characters that do nothing to a terminal.
func (e *ServerError) Error() string {
	var b strings.Builder
	switch {
	case e.Code == "" && e.own != nil:
		b.WriteString("the server's answer is of no use")
	case e.Code == "":
		b.WriteString("the server answered without saying what is wrong")
	case e.redirect:
		b.WriteString("a redirect said ")
	default:
		b.WriteString("server said ")
	}
	b.WriteString(termsafe.Text(e.Code, 60))
	if e.Suberror != "" {
		fmt.Fprintf(&b, " (%s)", termsafe.Text(e.Suberror, 60))
	}
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, ", status %d", e.StatusCode)
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, ", correlation ID %s", termsafe.Text(e.CorrelationID, 60))
	}
	h := e.hint()
	if text := e.says(h != nil); text != "" {
		b.WriteString(": ")
		b.WriteString(termsafe.Text(text, 500))
	}
	b.WriteString("; ")
	if h != nil {
		b.WriteString(h.text)
	} else {
		b.WriteString(string(e.Action()))
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (%s at least)", e.RetryAfter.Round(time.Second))
	}
	return b.String()
}

// looping is AADSTS50196: the server throttles a client that asks for the same
// token over and over (documented). It comes as invalid_grant and must not end a
// session.
const looping = 50196

// restUnsaid is how long a server is left alone that throttles and does not say
// for how long, and that was asked for what it will refuse again. MSAL for .NET
// takes a minute for the one, and two for the other.
const restUnsaid = time.Minute

// throttled tells whether the server had too many requests and says nothing
// about this one.
func (e *ServerError) throttled() bool {
	return e.StatusCode == http.StatusTooManyRequests || e.loops()
}

func (e *ServerError) loops() bool { return slices.Contains(e.Codes, looping) }

// unwell tells whether e is about the server and not about the request. Two
// codes are the statuses 500 and 503 for where those cannot be sent (RFC 6749
// section 4.1.2.1). Microsoft's token endpoint gives them too (documented; with
// which status is not verified).
func (e *ServerError) unwell() bool {
	return e.throttled() || e.StatusCode >= 500 || e.Code == "server_error" || e.Code == "temporarily_unavailable"
}

// terminal tells whether e means that the refresh token it answers is dead for
// good. Microsoft says invalid_grant also for what a person can settle, such
// as consent or a second factor; elsewhere RFC 6749 section 5.2 leaves one
// meaning only.
func (e *ServerError) terminal(microsoft bool) bool {
	if e.Code != "invalid_grant" || e.throttled() {
		return false
	}
	if !microsoft {
		return true
	}
	switch e.Suberror {
	case "bad_token", "token_expired":
		return true
	case "":
		return e.Claims == "" && !e.aboutScopes()
	}
	return false
}

// aboutScopes recognises a complaint that comes as invalid_grant, too, and is
// about what was asked for: no consent (65001, recorded), a registration that
// lacks what signing in needs (90008, where the code of the error is not
// verified), and the answer for personal Microsoft accounts that have not
// consented (reported): code 70000, and a text that speaks of the scopes.
func (e *ServerError) aboutScopes() bool {
	return slices.Contains(e.Codes, 65001) || slices.Contains(e.Codes, 90008) ||
		slices.Contains(e.Codes, 70000) && strings.Contains(e.Description, "scopes")
}

// needsPerson tells whether no request without a person can help. Whether a
// sign-in does is another question: see Action.
func (e *ServerError) needsPerson() bool {
	if e.throttled() {
		return false
	}
	switch e.Code {
	case "invalid_grant", "interaction_required", "consent_required", "login_required", "account_selection_required", "bad_token":
		return true
	}
	return suberrors[e.Suberror] != "" // Intune's comes with unauthorized_client (reported)
}

// refusedScopes tells whether the server refused a scope of the request.
func (e *ServerError) refusedScopes() bool { return e.Code == "invalid_scope" }

// refusedOffline tells whether a token endpoint gives this person no offline
// token (reported of Keycloak).
func (e *ServerError) refusedOffline() bool {
	return e.Code == "not_allowed" && strings.Contains(strings.ToLower(e.Description), "offline")
}
