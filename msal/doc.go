// Package msal signs people in to Go programs and keeps them signed in: command
// line tools, desktop applications and daemons, at Microsoft's identity platform,
// at every other OpenID Provider, and at servers that do OAuth 2.0 alone. It is
// an OAuth 2.0 public client (RFC 6749 section 2.1), and it does not lose a
// session that a client can keep.
//
// After [New], two calls matter. [Client.Token] returns a token without asking
// anybody, and costs nothing while there is a valid one; [Client.SignIn] asks a
// person, through a [Browser] or with a [DeviceCode]:
//
//	token, err := client.Token(ctx, "User.Read")
//	if errors.Is(err, msal.ErrSignInRequired) {
//		var flow msal.Flow = msal.Browser{}
//		if msal.NoBrowser() != "" { // such as over SSH
//			flow = msal.DeviceCode{}
//		}
//		token, err = client.SignIn(ctx, flow, "User.Read")
//	}
//
// openid, profile, email and offline_access go along with every request; naming
// them is an error that says so, before anything is sent. A program that calls
// one API wants [Client.HTTPClient], one that runs for months [Client.KeepFresh],
// and every program [Client.Shutdown] at its end.
//
// Sessions live in memory and end with the process, unless [Config].Cache says
// where else: package keychain is for desktops, and package cache has a directory
// for everything that has no keychain. A test gives a Client the platform of
// package msaltest. The examples below answer one question each; guides for whole
// programs, from a command line tool to Kubernetes, are in docs/README.md.
//
// # Errors
//
// What to do next is a value for errors.Is, from [ErrSignInRequired] to
// [ErrBusy]; what happened is a [*ServerError] for errors.As, and its
// [ServerError.Action] what to do about it where that is no sign-in and no
// outage. Any other error is of the network (a net.Error), the store or the
// arguments, and leaves the session as it is. All of them, by task, are in docs/errors.md.
//
// # Events
//
// Config.Logger gets these, and nothing else. The names, the levels and the
// attributes stay as they are, so programs may look for them:
//
//	event                                level  attributes
//	signed in                            INFO   session
//	refreshed                            INFO   session
//	signed out                           INFO   session
//	refresh failed                       WARN   session error
//	sign-in required                     WARN   session error
//	session not stored                   WARN   session error
//	import failed                        WARN   session error
//	browser not opened                   WARN   error
//	metadata not fetched                 WARN   error
//	metadata not stored                  WARN   error
//	stored metadata not used             WARN   error
//	keys of the server not used          WARN   error issuer
//	default scopes refused by the server WARN   scopes issuer
//	default scopes passed explicitly     DEBUG  scopes
//
// The session is the name of the account's record, which says nothing about the
// person. The error says why; it is an error, for errors.Is and errors.As. The
// issuer is the server's, and the scopes are those that the event is about.
//
// No token is in any. A refresh is one event, however many callers have waited
// for it: "refreshed", "sign-in required" if only a person can help now, or
// "refresh failed".
//
// # Where to read
//
// The files, in the order in which a token passes them:
//
//	config.go provider.go client.go    what an application says once
//	request.go claims.go               what it asks for, checked before any I/O,
//	explain.go                         and explained without any
//	signin.go                          a person signs in,
//	browser.go device.go authorize.go  in one of these ways,
//	silent.go hits.go                  or nobody is asked: memory,
//	session.go index.go                the store,
//	flight.go refresh.go keepfresh.go  or one refresh for all who wait,
//	import.go unified.go               or they have signed in with MSAL
//	server.go answer.go                the server, and what it says
//	accept.go record.go save.go        verified, stored, and only then shown;
//	anonymous.go                       without OpenID Connect, nobody's
//	token.go account.go                what the application gets,
//	errors.go action.go hints.go       also where something went wrong,
//	httpclient.go challenge.go         and who shows it to an API:
//	tokensource.go                     here, or another library
//	accounts.go events.go              accounts, sign-out, the end; the log
package msal
