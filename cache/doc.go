// Package cache says what a session store must promise, and ships one for
// memory and one that seals what it keeps in a directory.
//
// An application chooses a store, and gives it to Config.Cache of package msal:
//
//	Memory()                          sessions end with the process
//	keychain.New("myapp")             desktops: the key is in the system's keychain
//	Dir(path, KeyFile(file))          daemons: somebody mounts the key
//	Dir(path, keys.Kernel("myapp"))   servers, SSH: see package keys for this and others
//	rediscache.New(client, keys, o)   many hosts share sessions
//	Seal(yours, keys)                 a store of your own, which sees no plaintext
//
// What follows is what a store promises, for those who write one.
//
// Package msal keeps every session, that is the refresh token, the access
// tokens and the account of one signed-in person, as one small record in a
// [Store]. The store sees opaque bytes under keys that msal makes. What
// decides whether people stay signed in is not how it stores them but what it
// promises when two programs, or two goroutines, want to write at once:
//
//   - [Store.Put] compares and swaps: a writer that read an older record than
//     the one that lies there gets [ErrConflict] and loses nothing. This is
//     what makes concurrent use safe.
//   - [Store.Lock] excludes other processes, so that one of them refreshes and
//     the others find its result. This is what makes it cheap: a refresh token
//     that rotates cannot be spent twice.
//
// Neither replaces the other. A lock can be lost, and a compare-and-swap
// cannot un-spend a refresh token.
//
// # Where to read
//
//   - store.go: the contract, and the optional abilities of a Store
//   - errors.go: the six errors and what a program does about each
//   - memory.go: [Memory], the store of a program that forgets at its end;
//     locks.go: its locks
//   - seal.go: [Seal], which seals what another Store keeps; record.go: one
//     sealed record; vault.go and manifest.go: whose key it is, and where from
//   - dir.go: [Dir]; read.go, write.go, reserve.go: its files; filelock.go: the
//     locks that processes share
//   - key.go: what a key is; keyfile.go: [KeyFile]; purge.go: the end of a store
//
// The package imports nothing of this module and never touches the network.
package cache
