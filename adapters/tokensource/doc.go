// Package tokensource has no code. For libraries that take an
// oauth2.TokenSource, or an http.Client that has one, msal.Client.TokenSource is
// all that is needed; the tests here hold that against a library that people use.
//
//	hub := github.NewClient(&http.Client{Transport: &oauth2.Transport{Source: client.TokenSource(ctx)}})
//
// Give the source to an oauth2.Transport. oauth2.NewClient would keep each token
// in an oauth2.ReuseTokenSource until it expires, and miss a sign-out, and a
// refresh ahead of time.
package tokensource
