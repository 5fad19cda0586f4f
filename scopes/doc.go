// Package scopes knows what an OAuth 2.0 scope is: how it is spelled, how two
// lists of them compare, and which four every OpenID Connect sign-in carries.
//
// Its point of view: a list of scopes is a set of exact strings (RFC 6749,
// section 3.3), the four of OpenID Connect are the library's business and not
// the caller's, and a mistake in a list is reported before anything is sent.
//
// An application passes strings to package msal, and meets this package in
// errors, in Token.Scopes and in Client.Explain. It is of use without msal too.
//
// Three calls matter. [Explain] says what a list means and what becomes of it.
// [New] makes a [Set] from an application's list, and [Build]
// makes the list that goes on the wire: the application's own scopes, then
// openid, profile, email and offline_access. Microsoft's documentation says
// that its libraries add these four by default and that naming them again may
// be an error. MSAL calls them "reserved scopes", and what becomes of a caller
// who names one differs: a ValueError in Python, a silent merge in .NET, and in
// Go "declined scopes are present", after the authorization code has been
// spent. Here it is a [*DuplicateDefaultError] before the first request.
//
// What a server did not grant (MSAL: "declined scopes") is a set like any
// other: asked.Without(granted).
//
// # Where to read
//
//	set.go           Set: immutable, ordered, compared exactly
//	grammar.go       New and Parse: what may stand in a scope, and how a mistake is told
//	defaults.go      the four, and Build: what is asked for
//	graph.go         a scope that is qualified by Microsoft Graph
//	catalog.go       Permission and Catalog: what a scope lets an application do
//	load.go          LoadCatalog: the whole catalog, read strictly
//	explain.go       Explain: all of it, for one list, by the rules of a client
//	explain_text.go  the same for people
//
// The package does no I/O but to read the catalog that it is handed, starts
// nothing, and holds no state. All of it is safe for concurrent use.
package scopes
