package idtoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes that algorithms names
	_ "crypto/sha512"
	"encoding/base64"
	"math/big"
)

// algorithm is one way to sign, and the only kind of key that may do it.
type algorithm struct {
	kind string // of the key: "RSA", or the name of its curve
	hash crypto.Hash
	pss  bool
}

// algorithms are the signatures of RFC 7518 section 3.1 and RFC 8037 section
// 3.1. `none` and the HMACs are not among them, so nothing can allow them: a
// public client has no secret, and a "secret" made of its public client id or of
// the issuer's public key is one that everybody has.
//
// An ECDSA algorithm names its curve (RFC 7518 section 3.4), so a key's kind
// settles what it may be used for.
var algorithms = map[string]algorithm{
	"RS256": {kind: "RSA", hash: crypto.SHA256},
	"RS384": {kind: "RSA", hash: crypto.SHA384},
	"RS512": {kind: "RSA", hash: crypto.SHA512},
	"PS256": {kind: "RSA", hash: crypto.SHA256, pss: true},
	"PS384": {kind: "RSA", hash: crypto.SHA384, pss: true},
	"PS512": {kind: "RSA", hash: crypto.SHA512, pss: true},
	"ES256": {kind: "P-256", hash: crypto.SHA256},
	"ES384": {kind: "P-384", hash: crypto.SHA384},
	"ES512": {kind: "P-521", hash: crypto.SHA512},
	"EdDSA": {kind: "Ed25519", hash: crypto.SHA512}, // the hash is at_hash's; Ed25519 signs the message itself
}

// verify is done with the standard library and not with go-jose: that accepts
// any PSS salt, where RFC 7518 section 3.5 fixes its length to the hash's, and it
// would first have to parse the token once more.
func (a algorithm) verify(public crypto.PublicKey, message, signature []byte) bool {
	if public, ok := public.(ed25519.PublicKey); ok {
		return ed25519.Verify(public, message, signature)
	}
	h := a.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	switch public := public.(type) {
	case *rsa.PublicKey:
		if a.pss {
			fixed := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
			return rsa.VerifyPSS(public, a.hash, digest, signature, fixed) == nil
		}
		return rsa.VerifyPKCS1v15(public, a.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		// R and S side by side, each as long as the curve, never ASN.1
		// (RFC 7518 section 3.4): one signature has one spelling.
		size := (public.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*size {
			return false
		}
		r := new(big.Int).SetBytes(signature[:size])
		s := new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(public, digest, r, s)
	}
	return false
}

// isHashOf tells whether atHash is the at_hash of an access token: the left half
// of its hash under the hash function of the ID token's algorithm (OpenID Connect
// Core 1.0 section 3.1.3.6). Nothing is, for an algorithm without a hash.
func isHashOf(accessToken, alg, atHash string) bool {
	hash := algorithms[alg].hash
	if !hash.Available() {
		return false
	}
	h := hash.New()
	h.Write([]byte(accessToken))
	return atHash == base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:hash.Size()/2])
}
