package idtoken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/staysigned/staysigned/internal/strictjson"
)

const (
	maxSet   = 1 << 20 // bytes of a key set
	maxKeys  = 100
	maxTries = 5 // signatures computed for one token, however many keys look right
)

// Keys are the public keys of one issuer: a JWK set (RFC 7517), read once and
// never changed. It is an oidc.KeySet.
type Keys struct {
	keys    []key
	skipped []error
	issuers bool // some key names the issuer that it speaks for, as Microsoft's v2.0 sets do
}

// ParseKeys reads a JWK set of at most 1 MiB and 100 keys.
//
// A key that cannot verify a signature (malformed, of an unknown type, private,
// symmetric, for encryption, or weak) is skipped and the others are kept: RFC
// 7517 section 5 wants unknown ones ignored, and one odd key must not lock
// everybody out. A set of nothing but such keys is an error.
func ParseKeys(jwks []byte) (*Keys, error) {
	if len(jwks) > maxSet {
		return nil, fmt.Errorf("key set: %d bytes, want at most %d", len(jwks), maxSet)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := strictjson.Unmarshal(jwks, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("key set: %d keys, want at most %d", len(set.Keys), maxKeys)
	}
	k := new(Keys)
	for i, raw := range set.Keys {
		key, err := parseKey(raw)
		if err != nil {
			k.skipped = append(k.skipped, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		k.keys = append(k.keys, key)
		k.issuers = k.issuers || key.issuer != ""
	}
	if len(k.keys) == 0 {
		return nil, fmt.Errorf("key set: none of its %d keys can verify a signature: %w", len(set.Keys), errors.Join(k.skipped[:min(3, len(k.skipped))]...))
	}
	return k, nil
}

// Skipped says why keys of the set were left out, one error each. A private key
// among them is worth a warning: everybody can sign with it.
func (k *Keys) Skipped() []error { return slices.Clone(k.skipped) }

// VerifySignature returns the payload of a compact JWS that one of the keys
// signed. It looks at no claim; [Keys.Verify] is what a sign-in needs.
func (k *Keys) VerifySignature(_ context.Context, jwt string) ([]byte, error) {
	t, err := parse(jwt)
	if err != nil {
		return nil, err
	}
	if _, err := k.signer(t); err != nil {
		return nil, err
	}
	return t.payload, nil
}

// signer returns the key that made the token's signature. Without a kid every
// key of the right kind is a candidate (OpenID Connect Core 1.0 section 10.1
// wants one where there are several keys, but not all issuers read it), and so
// are all keys that share one.
func (k *Keys) signer(t *token) (*key, error) {
	known, tries := false, 0
	for i := range k.keys {
		key := &k.keys[i]
		if t.kid != "" && t.kid != key.id {
			continue
		}
		known = t.kid != ""
		if tries == maxTries || !slices.Contains(key.algs, t.alg) {
			continue
		}
		if tries++; algorithms[t.alg].verify(key.public, t.message, t.signature) {
			return key, nil
		}
	}
	return nil, k.noSigner(t, known, tries)
}

// noSigner tells a signature that a key refuses from one whose key is not here:
// only the second is cured by fetching the keys again. Without a kid the two
// look alike.
func (k *Keys) noSigner(t *token, known bool, tries int) error {
	switch {
	case known && tries > 0:
		return &Error{Claim: "signature", Got: "wrong for key " + show(t.kid), Want: "one that the issuer's key has made"}
	case known:
		return &Error{Claim: "alg", Got: show(t.alg), Want: "one that key " + show(t.kid) + " may be used for"}
	case t.kid == "":
		return &Error{Claim: "signature", Got: "wrong for each of " + strconv.Itoa(tries) + " keys for " + show(t.alg), Err: ErrUnknownKey}
	}
	want := "one of the issuer's " + strconv.Itoa(len(k.keys)) + " keys"
	if len(k.skipped) > 0 {
		want += " (not usable: " + strconv.Itoa(len(k.skipped)) + ", first " + k.skipped[0].Error() + ")"
	}
	return &Error{Claim: "kid", Got: show(t.kid), Want: want, Err: ErrUnknownKey}
}
