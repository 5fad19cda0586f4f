package idtoken

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// A signature of every kind is good for the bytes that were signed, and for no others.
func TestSignatures(t *testing.T) {
	t.Parallel()
	keys := opKeys(t)
	for alg, key := range map[jose.SignatureAlgorithm]struct {
		kid string
		key any
	}{
		"RS256": {"rsa", rsaKey()}, "RS384": {"rsa", rsaKey()}, "RS512": {"rsa", rsaKey()},
		"PS256": {"rsa", rsaKey()}, "PS384": {"rsa", rsaKey()}, "PS512": {"rsa", rsaKey()},
		"ES256": {"ec", ecKey()}, "EdDSA": {"ed", edKey()},
	} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			part := strings.Split(issue(t, alg, key.kid, key.key, claims()), ".")
			_, err := keys.VerifySignature(t.Context(), strings.Join(part, "."))
			require.NoError(t, err)
			_, err = keys.VerifySignature(t.Context(), part[0]+"."+b64(claims("sub=\"another\""))+"."+part[2])
			requireCheck(t, "signature", err)
			signature := must(base64url.DecodeString(part[2]))
			signature[len(signature)/2] ^= 1
			_, err = keys.VerifySignature(t.Context(), part[0]+"."+part[1]+"."+b64(string(signature)))
			requireCheck(t, "signature", err)
		})
	}
}

// RFC 7518 section 3.5: "The size of the salt value is the same size as the hash function output."
func TestSaltOfPSS(t *testing.T) {
	t.Parallel()
	message := b64(`{"alg":"PS256","kid":"rsa"}`) + "." + b64(claims())
	digest := sha256.Sum256([]byte(message))
	for salt, want := range map[int]string{32: "", 20: "signature", 33: "signature", 64: "signature"} {
		signature := must(rsa.SignPSS(rand.Reader, rsaKey(), crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt}))
		_, err := opKeys(t).VerifySignature(t.Context(), message+"."+b64(string(signature)))
		if want == "" {
			require.NoError(t, err)
			continue
		}
		requireCheck(t, want, err)
	}
}

// R and S have the length of the curve each: a zero between them would be one more spelling of the same signature.
func TestZeroBetweenRAndS(t *testing.T) {
	t.Parallel()
	part := strings.Split(issue(t, "ES256", "ec", ecKey(), claims()), ".")
	signature := must(base64url.DecodeString(part[2]))
	signature = slices.Insert(signature, 32, 0)
	_, err := opKeys(t).VerifySignature(t.Context(), part[0]+"."+part[1]+"."+b64(string(signature)))
	requireCheck(t, "signature", err)
}

func TestVerifySignatureOfSomethingElse(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "x", "a.b", "a.b.c"} {
		_, err := opKeys(t).VerifySignature(t.Context(), raw)
		require.Error(t, err, raw)
	}
}
