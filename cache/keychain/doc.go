// Package keychain is the session store of desktop programs: sealed records in
// the user's state directory, and the key to them in the keychain of the
// operating system.
//
//	msal.Config{Cache: keychain.New("myapp")}
//
// The keychain holds one key of 32 bytes, written once, and never a session:
// keychains are small, slow to write and cannot compare and swap. It is the
// Secret Service on Linux and the BSDs, the login keychain on macOS and the
// Credential Manager on Windows. Other programs of the same user can read what
// lies there; they could also read the memory of this one.
//
// Where there is no keychain, as in a container or over SSH, nothing is written
// elsewhere instead: the error is [cache.ErrNoSecureStorage] or
// [cache.ErrUnavailable] and says what to do; [Diagnose] says what the machine
// has. The choices are [cache.KeyFile], the providers of package cache/keys, Keys
// of one's own, and [cache.Memory]. A store is pinned to the provider that it
// began with, and no program changes that but by a sign-in.
//
// # Where to read
//
//   - keychain.go: New, the store
//   - statedir.go: where its records lie
//   - keys.go: the key, as text in the keychain
//   - calls.go: calls that hang, and what is made of them
//   - secretservice.go, system_*.go: what each keychain has against us
//   - diagnose.go: all of that in words
package keychain
