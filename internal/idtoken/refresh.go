package idtoken

import "slices"

// SameSubject compares the ID token of a refresh with the one before it, by the
// rules of OpenID Connect Core 1.0 section 12.2. An error means that the answer
// is about somebody else, or about another sign-in: nothing of it may be used,
// the access token included.
//
// It is for two verified tokens, and does not repeat what [Keys.Verify] checks.
func SameSubject(old, fresh Claims) error {
	const want = "as it was before the refresh"
	switch {
	case fresh.Issuer != old.Issuer:
		return &Error{Claim: "iss", Got: show(fresh.Issuer), Want: show(old.Issuer) + ", " + want}
	case fresh.Subject != old.Subject:
		return &Error{Claim: "sub", Got: "another one", Want: want}
	case !slices.Equal(fresh.Audience, old.Audience):
		return &Error{Claim: "aud", Got: list(fresh.Audience), Want: list(old.Audience) + ", " + want}
	case fresh.AuthorizedParty != old.AuthorizedParty:
		// Also where only one of them has it: "if no azp Claim was present in the
		// original ID Token, one MUST NOT be present in the new ID Token".
		return &Error{Claim: "azp", Got: show(fresh.AuthorizedParty), Want: show(old.AuthorizedParty) + ", " + want}
	case !fresh.AuthTime.IsZero() && !old.AuthTime.IsZero() && !fresh.AuthTime.Equal(old.AuthTime):
		return &Error{Claim: "auth_time", Got: fresh.AuthTime.UTC().String(), Want: old.AuthTime.UTC().String() + ", " + want}
	case fresh.Nonce != "" && old.Nonce != "" && fresh.Nonce != old.Nonce:
		return &Error{Claim: "nonce", Got: "another one", Want: want + ", or none"}
	}
	return nil
}
