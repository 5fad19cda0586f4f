// Package tokensource has no code. For libraries that take an
// oauth2.TokenSource, or an http.Client that has one, msal.Client.TokenSource is
// all that is needed; the tests here hold that against a library that people use.
//
//	hub := github.NewClient(&http.Client{Transport: &oauth2.Transport{Source: client.TokenSource(ctx)}})
//
// Give the source to an oauth2.Transport. oauth2.NewClient would keep each token
// in an oauth2.ReuseTokenSource until it expires, and miss a sign-out, and a
// refresh ahead of time.
//
// An oauth2.Transport puts the token on every request, also on the one that
// follows a redirect to another host, where net/http itself would leave it out:
// whoever can make the API redirect gets the token. Where a library takes an
// http.Client, give it that of msal.Client.HTTPClient, which sends the token to
// one origin and nobody else. Elsewhere let it follow no redirect, as the example
// does.
package tokensource
