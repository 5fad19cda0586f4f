package msal

import "net/http"

// Action is what a program can do about a [ServerError], in words for a person.
type Action string

const (
	// ActionSignIn: call SignIn with the same scopes, which also asks for consent
	// to them, and through WithClaims if the error has Claims. A daemon says that
	// somebody has to sign in. A sign-in that ended so begins anew.
	ActionSignIn Action = "sign in again"

	// ActionAskAdmin: what is missing only an administrator of the organization
	// can give. Show the error, which says what; a sign-in does not help before.
	ActionAskAdmin Action = "ask an administrator"

	// ActionFixApp: the program, its configuration or its registration with the
	// server is wrong. Show the error to whoever can change that; the same
	// request will be refused again.
	ActionFixApp Action = "correct the application or its registration"

	// ActionWait: the server wants to be left alone, for RetryAfter. Until then
	// Token returns this error without a request. Call less often, and keep one
	// Client for all calls.
	ActionWait Action = "wait before calling again"

	// ActionRetry: the server is not well. Call again later, with longer and
	// longer pauses, and not before RetryAfter, until which Token returns this
	// error without a request; KeepFresh does. The session is kept.
	ActionRetry Action = "try again later"

	// ActionGiveUp: the person said no, a policy of the organization forbids it,
	// or nobody knows more than the error says. Show it and stop: a sign-in
	// would only show the person the same, so let them ask for it.
	ActionGiveUp Action = "do not ask again unless the person wants to"
)

// Action is advice on what to do about e. It hangs on the suberror, the error
// and the status; a number of Microsoft's has a say only where these mislead, as
// hints.go lists it, and in nothing that the package does by itself, but for
// those that errors.go names.
func (e *ServerError) Action() Action {
	switch {
	case e.throttled():
		return ActionWait
	case e.consent:
		return ActionSignIn
	}
	if a := suberrors[e.Suberror]; a != "" {
		return a
	}
	if h := e.hint(); h != nil && h.instead != "" {
		return h.instead
	}
	if a := codes[e.Code]; a != "" {
		return a
	}
	if e.Code == "" || e.StatusCode >= 500 || e.StatusCode == http.StatusRequestTimeout {
		return ActionRetry
	}
	return ActionGiveUp
}

// suberrors are Microsoft's refinements of an error, as MSAL for .NET sorts
// them. Three are about things that MSAL settles with a broker or with tokens
// that applications share, which this package has not.
var suberrors = map[string]Action{
	"basic_action":          ActionSignIn, // such as a second factor
	"additional_action":     ActionSignIn, // the page tells the person what else to do
	"consent_required":      ActionSignIn,
	"user_password_expired": ActionSignIn,
	"bad_token":             ActionSignIn,
	"token_expired":         ActionSignIn,
	"message_only":          ActionGiveUp, // the page has a message, and no way on

	"client_mismatch":              ActionSignIn,   // the refresh token is another application's: it needs one of its own
	"device_authentication_failed": ActionAskAdmin, // the device has to be registered anew
	"protection_policy_required":   ActionGiveUp,   // by policy the application has to be managed by Intune
}

// codes are the errors of RFC 6749 (4.1.2.1, 5.2), OpenID Connect Core
// (3.1.2.6), RFC 8628, RFC 8707, RFC 9470, and Microsoft's.
var codes = map[string]Action{
	"invalid_grant":                     ActionSignIn,
	"interaction_required":              ActionSignIn,
	"login_required":                    ActionSignIn,
	"consent_required":                  ActionSignIn,
	"account_selection_required":        ActionSignIn,
	"insufficient_user_authentication":  ActionSignIn,
	"unmet_authentication_requirements": ActionSignIn,
	"bad_token":                         ActionSignIn,
	"expired_token":                     ActionSignIn,
	"bad_verification_code":             ActionSignIn,
	insufficientClaims:                  ActionSignIn,
	"invalid_request":                   ActionFixApp,
	"invalid_client":                    ActionFixApp,
	"unauthorized_client":               ActionFixApp,
	"unsupported_grant_type":            ActionFixApp,
	"unsupported_response_type":         ActionFixApp,
	"unsupported_response_mode":         ActionFixApp,
	"unsupported_token_type":            ActionFixApp,
	"invalid_scope":                     ActionFixApp,
	"invalid_target":                    ActionFixApp,
	"invalid_resource":                  ActionFixApp,
	"invalid_instance":                  ActionFixApp,
	"invalid_tenant":                    ActionFixApp,
	"request_not_supported":             ActionFixApp,
	"slow_down":                         ActionWait,
	"authorization_pending":             ActionWait,
	"server_error":                      ActionRetry,
	"temporarily_unavailable":           ActionRetry,
	"access_denied":                     ActionGiveUp,
	"authorization_declined":            ActionGiveUp,
}
