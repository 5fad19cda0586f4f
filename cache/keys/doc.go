// Package keys has places for the key of a sealed store where there is no
// keychain, or none that should have it. Each is [cache.Keys] for [cache.Dir]
// and [cache.Seal], chosen by the application and never by chance: a store is
// pinned to the one that it began with.
//
//   - [Command]: a program prints the key, such as pass, op, vault or age
//   - [Func]: a function returns it, from a KMS or an HSM
//   - [Kernel]: the Linux kernel keeps it until the machine starts again
//   - [Passphrase]: it lies in a file that a passphrase opens
//   - [Remember]: one of them asks a person, another one remembers the answer
//
// [cache.KeyFile] reads a key that somebody else mounts. It serves for a secret
// of Kubernetes, and for systemd's LoadCredentialEncrypted, which unseals a key
// with the TPM of the machine into the directory $CREDENTIALS_DIRECTORY.
//
// Errors are those of package cache and say what to do; none shows a key or a
// passphrase.
//
// # Where to read
//
//   - command.go: Command
//   - func.go: Func
//   - kernel.go, kernel_linux.go: Kernel
//   - passphrase.go: Passphrase, and who may ask; wrapped.go: its file
//   - remember.go: Remember
//   - system_unix.go, system_other.go: what differs between systems
package keys
