package idtoken

import (
	"errors"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// ErrUnknownKey says that the set has no key that could have made the
// signature. A provider that has rotated its keys looks like this (OpenID
// Connect Core 1.0 section 10.1.1): fetch the keys once, then ask again.
var ErrUnknownKey = errors.New("no such key among the issuer's keys")

// Error is the one check that a token did not pass. Its text is fit for a
// terminal; it holds no nonce, no hash, no subject and no part of a signature.
type Error struct {
	Claim string // the claim or header member at fault; also "token", "header", "claims", "signature"
	Got   string // what is wrong about it; may be empty
	Want  string // what was wanted; may be empty
	Err   error  // the cause: ErrUnknownKey, what strictjson or IssuerFor said, or nil
}

func (e *Error) Error() string {
	text := "id token: " + e.Claim
	if e.Got != "" {
		text += " is " + e.Got
	}
	if e.Want != "" {
		text += ", want " + e.Want
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// show quotes what a server chose.
func show(s string) string { return `"` + termsafe.Text(s, 100) + `"` }
