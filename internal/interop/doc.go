// Package interop signs people in for real: the public API of package msal against oidc-provider, the most used
// OpenID Provider of the JavaScript world, through Chromium and the system's own way of opening a browser.
//
// Run .ci/install once, then the tests. A test that misses a part fails and says so; none is skipped. Everything
// stays on loopback. With -artifacts the tests leave pictures of what a person saw.
//
// MSAL for Go is here too: what it writes is what msal.Client.Import reads.
//
// Where to read: op.go starts a provider, chrome.go is a person at a browser, traffic.go sees what the client sends.
package interop

// install is the sentence for whoever misses a part.
const install = "run `bash .ci/install` at the root of the checkout"
