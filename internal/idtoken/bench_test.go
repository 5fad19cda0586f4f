package idtoken

import (
	"crypto"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// entraClaims are as many as Microsoft's v2.0 endpoint sends.
func entraClaims() string {
	return claims("iss="+quoted("https://login.microsoftonline.com/"+tenant+"/v2.0"), "tid="+quoted(tenant),
		`oid="00000000-0000-0000-66f3-3332eca7ea81"`, `preferred_username="alex.wilber@contoso.example"`,
		`name="Alex Wilber"`, `email="alex.wilber@contoso.example"`, `nbf=1800000000`, `ver="2.0"`,
		`rh="1.AXoAHz-2Rk0_lk6R3HXzXcC1V0VTmuhY8PpHmPmRb2U7XQgBAAB6AA."`, `sid="001a3bf4-5b5e-4a0b-9a8e-2b1de0a1c3a9"`,
		`uti="c6xDbnUwuk2AHY7q7q5BAA"`, `aio="AWQAm/8ZAAAA1jz8b9S4LJQXl2K0H1b8yM2c6X7n4V5gk8+Jw2bXvU5Q="`)
}

func BenchmarkVerify(b *testing.B) {
	for alg, key := range map[jose.SignatureAlgorithm]struct {
		kid     string
		private crypto.Signer
	}{"RS256": {"rsa", rsaKey()}, "ES256": {"ec", ecKey()}, "EdDSA": {"ed", edKey()}} {
		b.Run(string(alg), func(b *testing.B) {
			keys := opKeys(b)
			raw := issue(b, alg, key.kid, key.private, entraClaims())
			check := signIn(func(c *Check) { c.Issuer = "https://login.microsoftonline.com/" + tenant + "/v2.0" })
			b.ReportAllocs()
			for b.Loop() {
				_, err := keys.Verify(b.Context(), raw, check)
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkPieces shows where the time of one verification goes.
func BenchmarkPieces(b *testing.B) {
	keys := opKeys(b)
	raw := issue(b, "RS256", "rsa", rsaKey(), entraClaims())
	t, err := parse(raw)
	require.NoError(b, err)
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = parse(raw)
		}
	})
	b.Run("signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = keys.signer(t)
		}
	})
	b.Run("claims", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = decode(t.payload)
		}
	})
}

func BenchmarkParseKeys(b *testing.B) {
	set := []byte(`{"keys":[` + public("a", rsaKey().Public()) + "," + public("b", rsaKey().Public()) + "," + public("c", ecKey().Public()) + `]}`)
	b.ReportAllocs()
	for b.Loop() {
		_, err := ParseKeys(set)
		require.NoError(b, err)
	}
}
