// Package msaltest is an identity platform for tests: an OpenID Provider with its authorization, token, device,
// revocation and logout endpoints, that runs inside the test, does what it is told, and goes wrong when asked to.
// It serves any client of OAuth 2.0 and OpenID Connect, whatever it is written with; the package msal is one of them.
//
// It is for tests and demonstrations. Everybody who reaches it can sign in, and its first keys are public.
//
// # In process
//
// New makes a platform, and Client an HTTP client that reaches it without a socket:
//
//	idp := msaltest.New(t)
//	client := idp.Client()
//
// Give the client to the code under test, with idp.URL as the issuer. What the code asks for is in the log, and what
// the platform thinks of it afterwards too:
//
//	refreshes := len(idp.TokenRequests("refresh_token"))
//	alive := idp.SessionAlive("avery")
//
// Without a test, the zero Platform does the same; misuse then panics instead of failing the test. The first example
// is a whole client in forty lines; docs/testing.md of this module goes through the tests of an application.
//
// # A person and a browser
//
// At the authorization endpoint somebody signs in at once: who, SignInAs and Deny say. Browse is the browser for it.
// It opens an address, presses the buttons of the pages, and carries the answer to the application's loopback
// listener; where a client takes a function that opens the browser, idp.Browse is one. A device is approved by
// Approve, by AutoApproveAfter, or by Browse on its verification_uri_complete.
//
// # Behaving differently
//
// The knobs are the fields of Platform. The zero value rotates refresh tokens strictly: a token that comes twice ends
// the session. Other providers are milder:
//
//	idp.Rotation = msaltest.KeepOld
//	idp.AccessTokenLife = 5 * time.Minute
//
// Functions such as EditClaims and EditToken make answers that no provider should give.
//
// # Behaving like a provider
//
// Imitate sets the knobs so that the platform does what a provider is known to do about scopes and refresh tokens, which
// is where providers differ most and applications fail first:
//
//	idp.Imitate("google")
//
// docs/providers.md of this module lists what each preset does, and how much is known of the provider that it stands for:
// it is what the platform imitates, not what the provider does.
//
// # Microsoft's platform
//
// With Entra the platform is Microsoft's: tenants, applications, resources and permissions, consent, v2.0 and v1.0, its
// errors by number, conditional access and claims challenges. Its zero value is a whole directory, with an organization,
// personal accounts, Microsoft Graph and an API of the organization's:
//
//	idp.Imitate("entra")
//
// At the address of a real cloud the client under test needs no other configuration than in production:
//
//	idp.URL = "https://login.microsoftonline.com"
//
// NewAPI makes an API that takes the access tokens, and that can make claims challenges. docs/emulator.md of this module
// says of every rule and every error how it is known that Microsoft's platform has it; a part is not verified.
//
// # Going wrong
//
// Fail queues what happens to the next request of an endpoint: an error, a status, a page of some proxy, a delay, or a
// connection that is cut after the request took effect, which is how sessions get lost:
//
//	idp.Fail("token", msaltest.Fault{Cut: true})
//
// # Time and randomness
//
// The platform uses the time package and crypto/rand and nothing in their place. In a testing/synctest bubble an hour
// passes at once, for a platform made in the bubble and reached through Client; testing/cryptotest makes all codes,
// tokens and signatures of a test reproducible.
//
// # On sockets, and in programs
//
// Start serves the platform on a free port of 127.0.0.1, and Serve on any listener. With Interactive it shows a page
// with a Continue button instead of signing somebody in at once, so a program can demonstrate a sign-in without any
// account anywhere:
//
//	idp := &msaltest.Platform{Interactive: true}
//	idp.Start()
//	defer idp.Close()
//
// StateFile lets such a platform remember who signed in when the program runs again.
//
// # Where to read
//
// In the order of a request: serve.go, log.go, fault.go; manners.go, which is where OpenID Connect and Microsoft part; then
// one file for each endpoint, discovery.go, keys.go, authorize.go, token.go with code.go, refresh.go and device.go, and so
// on; session.go is what is remembered, and state.go how it outlives the process. What providers differ in: scope.go,
// renewal.go, layout.go, dialect.go, and presets.go, the table of them.
//
// Microsoft's side begins with entra.go and its model, entra_directory.go. In the order of a request again:
// entra_authority.go finds the endpoint; entra_metadata.go; entra_authorize.go with entra_scope.go, entra_people.go,
// entra_consent.go and entra_challenge.go; entra_token.go with entra_claims.go, entra_device.go and entra_v1.go;
// entra_logout.go. What it says no with is the table in entra_errors.go, and how in entra_refusal.go. api.go is the API.
package msaltest
