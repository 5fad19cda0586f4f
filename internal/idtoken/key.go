package idtoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/staysigned/staysigned/internal/strictjson"
)

// RSA keys outside of these are forgeable or, at the top, a way to burn a CPU.
const (
	minRSABits, maxRSABits = 2048, 8192
	maxExponentBits        = 31
)

// key is one public key and what its owner says about it.
type key struct {
	id     string   // "" where it has none
	issuer string   // Microsoft's own member: the one issuer that the key speaks for, perhaps with {tenantid} in it
	algs   []string // what it may be used for
	public crypto.PublicKey
}

// jwk is a key as RFC 7517 and RFC 7518 section 6 write it. Certificates (x5c,
// x5t) are left alone: nothing here trusts them, and a broken thumbprint must
// not cost a good key.
type jwk struct {
	Kty    string   `json:"kty"`
	Use    string   `json:"use"`
	KeyOps []string `json:"key_ops"`
	Alg    string   `json:"alg"`
	Kid    string   `json:"kid"`
	Issuer string   `json:"issuer"`
	Crv    string   `json:"crv"`
	N      octets   `json:"n"`
	E      octets   `json:"e"`
	X      octets   `json:"x"`
	Y      octets   `json:"y"`

	// Any of these makes the key a private or a symmetric one.
	D    json.RawMessage `json:"d"`
	P    json.RawMessage `json:"p"`
	Q    json.RawMessage `json:"q"`
	DP   json.RawMessage `json:"dp"`
	DQ   json.RawMessage `json:"dq"`
	QI   json.RawMessage `json:"qi"`
	Oth  json.RawMessage `json:"oth"`
	K    json.RawMessage `json:"k"`
	Priv json.RawMessage `json:"priv"`
}

// octets are bytes that JSON holds as base64url.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = base64url.AppendDecode(nil, text)
	return err
}

// parseKey returns a key that may verify signatures, or why this one may not.
func parseKey(raw []byte) (key, error) {
	var j jwk
	if err := strictjson.Unmarshal(raw, &j); err != nil {
		return key{}, err
	}
	k, err := j.key()
	if err != nil {
		return key{}, fmt.Errorf("%s: %w", show(j.Kid), err)
	}
	return k, nil
}

func (j *jwk) key() (k key, err error) {
	secret := slices.Concat(j.D, j.P, j.Q, j.DP, j.DQ, j.QI, j.Oth, j.K, j.Priv)
	switch {
	case len(secret) > 0: // published, so anybody's
		return k, errors.New("a private or symmetric key, want a public one")
	case j.Use != "" && j.Use != "sig":
		return k, fmt.Errorf(`use is %s, want "sig"`, show(j.Use))
	case j.KeyOps != nil && !slices.Contains(j.KeyOps, "verify"):
		return k, errors.New(`key_ops does not list "verify"`)
	}
	k = key{id: j.Kid, issuer: j.Issuer}
	kind := j.Crv
	switch j.Kty {
	case "RSA":
		kind = j.Kty
		k.public, err = j.rsa()
	case "EC":
		k.public, err = j.ec()
	case "OKP":
		k.public, err = j.okp()
	default:
		err = fmt.Errorf("kty is %s, want RSA, EC or OKP", show(j.Kty))
	}
	for name, a := range algorithms {
		if a.kind == kind && (j.Alg == "" || j.Alg == name) {
			k.algs = append(k.algs, name)
		}
	}
	if err == nil && k.algs == nil {
		err = fmt.Errorf("alg is %s, want one of %s signatures", show(j.Alg), kind)
	}
	return k, err
}

func (j *jwk) rsa() (*rsa.PublicKey, error) {
	n, e := new(big.Int).SetBytes(j.N), new(big.Int).SetBytes(j.E)
	switch bits := n.BitLen(); {
	case bits < minRSABits || bits > maxRSABits:
		return nil, fmt.Errorf("an RSA key of %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	case n.Bit(0) == 0:
		return nil, errors.New("an RSA modulus that is even")
	case e.Bit(0) == 0 || e.BitLen() < 2 || e.BitLen() > maxExponentBits:
		// 1 signs nothing, an even one has no inverse, a huge one takes minutes.
		return nil, errors.New("an RSA exponent that is even, 1 or huge, want 65537")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

func (j *jwk) ec() (*ecdsa.PublicKey, error) {
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if curve.Params().Name != j.Crv {
			continue
		}
		// RFC 7518 section 6.2.1.2: a coordinate has its full length. The point
		// must be on the curve; off it, it would be on a weaker one.
		if len(j.X) != len(j.Y) {
			return nil, errors.New("an EC key with coordinates of two lengths")
		}
		return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, j.X, j.Y))
	}
	return nil, fmt.Errorf("crv is %s, want P-256, P-384 or P-521", show(j.Crv))
}

func (j *jwk) okp() (ed25519.PublicKey, error) {
	if j.Crv != "Ed25519" || len(j.X) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("an OKP key on %s of %d bytes, want Ed25519 and %d", show(j.Crv), len(j.X), ed25519.PublicKeySize)
	}
	return ed25519.PublicKey(j.X), nil
}
