// Package keychains has package cache/keychain meet the keychains of Linux desktops as they are: unlocked, locked,
// frozen, killed and absent. Each test has a session of its own, with its home, its bus and its keychain.
//
// Run .ci/install once, then the tests. A test that misses a part fails and says so; none is skipped.
//
// Where to read: session.go is what a person has after logging in, service.go the Secret Service in it, gnome.go and
// keepassxc.go two of its kind, display.go a screen and somebody at the keyboard, program.go the program that keeps its
// sessions there.
package keychains

// install is the sentence for whoever misses a part.
const install = "run `bash .ci/install` at the root of the checkout"
