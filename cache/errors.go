package cache

import "errors"

// What a program does about a store that cannot answer. Stores wrap them with
// the detail of what went wrong, so compare with errors.Is.
var (
	// ErrNotFound: there is no record, or no key, of that name.
	ErrNotFound = errors.New("not found")

	// ErrConflict: the record changed since it was read. Read it again and
	// decide anew.
	ErrConflict = errors.New("the record has changed since it was read")

	// ErrUnreadable: there is a record, but it is damaged or its key is gone.
	// The person has to sign in again, which replaces it.
	ErrUnreadable = errors.New("the record cannot be read")

	// ErrLocked: the keychain is locked, and opening it needs a person. Try
	// again when it is open; a sign-in may ask for it.
	ErrLocked = errors.New("the keychain is locked")

	// ErrUnavailable: the store, or the service that holds its key, does not
	// answer. Nothing is lost; try again later.
	ErrUnavailable = errors.New("the store is not available")

	// ErrNoSecureStorage: this machine offers no place for a secret that the
	// store would accept. Choose one explicitly.
	ErrNoSecureStorage = errors.New("no secure storage on this machine")
)
