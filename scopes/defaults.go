package scopes

import (
	"errors"
	"slices"
	"strings"
)

// The default scopes. MSAL's documentation promises these four; its libraries
// add the others but not Email, and call those they add "reserved scopes".
const (
	OpenID        = "openid"         // an ID token: without it nobody is known to have signed in
	Profile       = "profile"        // the name, and on Microsoft's platform the object id
	Email         = "email"          // the address, if there is one; never a key to an account
	OfflineAccess = "offline_access" // a refresh token: without it the session ends with its first access token
)

// Defaults returns openid, profile, email and offline_access, in this order.
func Defaults() Set { return newSet([]string{OpenID, Profile, Email, OfflineAccess}) }

// IsDefault reports whether scope means one of the four, in any letter case,
// plain or qualified by Microsoft Graph as in
//
//	https://graph.microsoft.com/openid
//	00000003-0000-0000-c000-000000000000/offline_access
//
// of which the hosts of all national clouds are known, since OpenID Connect's
// scopes are permissions of Graph there. The platform takes all these spellings
// for the same scope, so a caller who writes one has named a default. Elsewhere
// the qualified names mean nothing, and count all the same: nobody writes one who
// does not mean a default, and a server may refuse the whole request for it.
func IsDefault(scope string) bool { return defaultName(scope) != "" }

// defaultName returns which of the four scope means, or "".
func defaultName(scope string) string {
	short := graphName(scope)
	for _, name := range [...]string{OpenID, Profile, Email, OfflineAccess} {
		if equalFold(short, name) {
			return name
		}
	}
	return ""
}

// Build returns the scopes of one request: the explicit ones in the caller's
// order and case, then the defaults. Both may be empty; defaults is [Defaults]
// without what the caller or the server does not want.
//
// It first checks explicit by the rules of [New], where the 16 KiB include the
// defaults; a breach is an [*InvalidError]. Then it refuses every explicit scope
// that defaults holds, in any of the spellings of [IsDefault], with one
// [*DuplicateDefaultError]. A default that defaults does not hold may be asked
// for explicitly.
//
// Refusing is the point: the same line of code is an error at once in MSAL for
// Python and iOS ("reserved scopes"), an error after the code is spent in Go and
// Android ("declined scopes"), and nothing in .NET and JavaScript. Who would
// rather merge drops the error's Scopes and builds again.
func Build(explicit []string, defaults Set) (Set, error) {
	reserved := 0
	taken := defaults.Slice()
	for scope := range defaults.All() {
		reserved += len(scope) + 1
		if name := defaultName(scope); name != "" {
			taken = append(taken, name)
		}
	}
	if err := check(explicit, reserved); err != nil {
		return Set{}, err
	}
	asked, held := newSet(slices.Clone(explicit)), newSet(taken)
	var offenders []string
	for scope := range asked.All() {
		if held.Has(scope) || held.Has(defaultName(scope)) {
			offenders = append(offenders, scope)
		}
	}
	if len(offenders) > 0 {
		return Set{}, &DuplicateDefaultError{Scopes: offenders}
	}
	return asked.Union(defaults), nil
}

// ErrDuplicateDefault is what every [*DuplicateDefaultError] is, for errors.Is.
var ErrDuplicateDefault = errors.New("default scope passed explicitly")

// A DuplicateDefaultError reports that a caller asked for scopes which every
// request carries anyway. It is always a mistake of the caller, found before
// anything is sent. Removing the scopes changes nothing about what is asked for.
type DuplicateDefaultError struct {
	Scopes []string // all of them, once each, as the caller wrote them
}

// Error names every offender and says what to do.
func (e *DuplicateDefaultError) Error() string {
	names := make([]string, len(e.Scopes))
	for i, scope := range e.Scopes {
		names[i] = quote(scope)
	}
	return "scopes that are added by default were passed explicitly: " + strings.Join(names, ", ") +
		"; remove them (or, in package msal, Config.OmitScopes never sends them and Config.MergeDefaults accepts them)"
}

// Is reports whether target is [ErrDuplicateDefault].
func (e *DuplicateDefaultError) Is(target error) bool { return target == ErrDuplicateDefault }
