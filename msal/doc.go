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
// Config.Logger gets "signed in", "refreshed" and "signed out" as information,
// and "refresh failed", "sign-in required", "session not stored", "import
// failed", "browser not opened", "metadata not fetched", "metadata not stored",
// "stored metadata not used", "keys of the server not used" and "default scopes
// refused by the server" as warnings; "default scopes passed explicitly" is for
// debugging. The names and their attributes stay as they are. The attribute
// session, of all that concern a session, names the record of an account, which
// says nothing about the person; error, of every warning but the last, says why.
// No token is in any.
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
