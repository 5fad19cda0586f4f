package idtoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

var _ oidc.KeySet = (*Keys)(nil)

// KS-01 to KS-04, KS-08 to KS-10: which keys of a set are kept.
func TestUsableKeys(t *testing.T) {
	t.Parallel()
	rsaJWK := func(n *big.Int, e int) string { return public("k", &rsa.PublicKey{N: n, E: e}) }
	bits := func(n int) *big.Int { return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(n)), big.NewInt(1)) }
	good := rsaKey().N
	ec, ed := public("k", ecKey().Public()), public("k", edKey().Public())
	p521 := must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)).Public()
	private := func(key any) string { return string(must(jose.JSONWebKey{Key: key, KeyID: "k"}.MarshalJSON())) }
	for _, test := range []struct{ id, jwk, skipped string }{
		{"RSA", rsaJWK(good, 65537), ""},
		{"RSA, e=3", rsaJWK(good, 3), ""},
		{"P-256", ec, ""},
		{"P-521", public("k", p521), ""},
		{"Ed25519", ed, ""},
		{"for signatures", public("k", rsaKey().Public(), `"use":"sig"`, `"key_ops":["sign","verify"]`, `"alg":"PS256"`), ""},
		{"KS-01 use", public("k", rsaKey().Public(), `"use":"enc"`), `use is "enc"`},
		{"KS-03 key_ops", public("k", rsaKey().Public(), `"key_ops":["encrypt"]`), "key_ops"},
		{"KS-03 empty key_ops", public("k", rsaKey().Public(), `"key_ops":[]`), "key_ops"},
		{"KS-08 unknown kty", `{"kty":"AKP","alg":"ML-DSA-44","pub":"AAAA"}`, `kty is "AKP"`},
		{"KS-08 no kty", `{}`, `kty is ""`},
		{"KS-08 ES256K", `{"kty":"EC","crv":"secp256k1","x":"AAAA","y":"AAAA"}`, `crv is "secp256k1"`},
		{"KS-08 Ed448", `{"kty":"OKP","crv":"Ed448","x":"AAAA"}`, "Ed448"},
		{"KS-08 X25519", strings.Replace(ed, "Ed25519", "X25519", 1), `on "X25519" of 32 bytes`},
		{"KS-08 short Ed25519", `{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`, "of 3 bytes"},
		{"KS-08 alg for encryption", public("k", rsaKey().Public(), `"alg":"RSA-OAEP"`), `alg is "RSA-OAEP"`},
		{"KS-08 alg of another curve", public("k", ecKey().Public(), `"alg":"ES384"`), `alg is "ES384"`},
		{"KS-08 alg none", public("k", rsaKey().Public(), `"alg":"none"`), `alg is "none"`},
		{"KS-08 alg HS256", public("k", rsaKey().Public(), `"alg":"HS256"`), `alg is "HS256"`},
		{"KS-08 n is not base64url", `{"kty":"RSA","n":"!","e":"AQAB"}`, "base64"},
		{"KS-08 n missing", `{"kty":"RSA","e":"AQAB"}`, "0 bits"},
		{"KS-08 kid is a number", `{"kty":"RSA","kid":1}`, "kid"},
		{"KS-08 null", `null`, `kty is ""`},
		{"KS-08 string", `"key"`, "string"},
		{"KS-09 RSA 1024", rsaJWK(bits(1024), 65537), "1024 bits"},
		{"KS-09 RSA 2047", rsaJWK(bits(2047), 65537), "2047 bits"},
		{"KS-09 RSA 8193", rsaJWK(bits(8193), 65537), "8193 bits"},
		{"KS-09 even modulus", rsaJWK(new(big.Int).Sub(bits(2048), big.NewInt(1)), 65537), "even"},
		{"KS-09 e=0", rsaJWK(good, 0), "exponent"},
		{"KS-09 e=1", rsaJWK(good, 1), "exponent"},
		{"KS-09 e even", rsaJWK(good, 65536), "exponent"},
		{"KS-09 e huge", rsaJWK(good, 1<<31+1), "exponent"},
		{"KS-09 e of 2048 bits", strings.Replace(rsaJWK(good, 65537), `"AQAB"`, `"`+b64(string(good.Bytes()))+`"`, 1), "exponent"},
		{"KS-09 point off the curve", strings.Replace(ec, `"y":"`, `"y":"AAAA`, 1), "two lengths"},
		{"KS-09 point not on the curve", offCurve(), "point not on curve"},
		{"KS-09 point of another curve", strings.Replace(ec, "P-256", "P-384", 1), "invalid P384"},
		{"KS-09 point at infinity", `{"kty":"EC","crv":"P-256","x":"","y":""}`, "invalid P256"},
		{"KS-10 oct", `{"kty":"oct","k":"c2VjcmV0"}`, "private or symmetric"},
		{"KS-10 private RSA", private(rsaKey()), "private or symmetric"},
		{"KS-10 private EC", private(ecKey()), "private or symmetric"},
		{"KS-10 private Ed25519", private(edKey()), "private or symmetric"},
		{"KS-10 public with an empty k", public("k", ecKey().Public(), `"k":""`), "private or symmetric"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			k := keySet(t, public("good", ecKey().Public()), test.jwk) // the rest of the set is kept
			if test.skipped == "" {
				require.Empty(t, k.Skipped())
				require.Len(t, k.keys, 2)
				return
			}
			require.Len(t, k.keys, 1)
			require.Len(t, k.Skipped(), 1)
			require.ErrorContains(t, k.Skipped()[0], test.skipped)
			_, err := ParseKeys([]byte(`{"keys":[` + test.jwk + `]}`)) // alone, it is an error
			require.ErrorContains(t, err, test.skipped)
		})
	}
}

func offCurve() string {
	point := ecKey().Y.FillBytes(make([]byte, 32))
	point[31] ^= 1
	x := b64(string(ecKey().X.FillBytes(make([]byte, 32))))
	return `{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + b64(string(point)) + `"}`
}

func TestSets(t *testing.T) {
	t.Parallel()
	key := public("k", ecKey().Public())
	for _, test := range []struct{ id, jwks, want string }{
		{"empty", "", "key set: empty"},
		{"no JSON", "<html>", "not one JSON value"},
		{"array", "[" + key + "]", "array"},
		{"no keys", "{}", "none of its 0 keys"},
		{"KEYS", `{"KEYS":[` + key + `]}`, "none of its 0 keys"},
		{"keys twice", `{"keys":[],"keys":[` + key + `]}`, "twice"},
		{"KS-12 limit: keys, 100", `{"keys":[` + key + strings.Repeat(","+key, 99) + `]}`, ""},
		{"KS-12 limit: keys, one more", `{"keys":[` + key + strings.Repeat(","+key, 100) + `]}`, "101 keys"},
		{"KS-12 10 MB", `{"keys":[` + key + `],"x":"` + strings.Repeat("x", 10<<20) + `"}`, "want at most 1048576"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKeys([]byte(test.jwks))
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}

// Which of the kept keys may have signed.
func TestSigner(t *testing.T) {
	t.Parallel()
	other := must(rsa.GenerateKey(rand.Reader, 2048)).Public()
	mine := rsaKey().Public()
	_, edOther, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	noKid := `{"alg":"RS256"}`
	for _, test := range []struct {
		id, header string
		keys       []string
		want       string
		unknown    bool
	}{
		{"the key of that id", rs256, []string{public("rsa", mine)}, passes, false},
		{"KS-02 the key is for another algorithm", rs256, []string{public("rsa", mine, `"alg":"PS256"`)}, "alg", false},
		{"KS-02 the key is of another type", rs256, []string{public("rsa", ecKey().Public())}, "alg", false},
		{"KS-01 the key is for encryption", rs256, []string{public("rsa", mine, `"use":"enc"`), public("x", other)}, "kid", true},
		{"KS-06 a new key id", rs256, []string{public("old", mine)}, "kid", true},
		{"the wrong key has the id", rs256, []string{public("rsa", other), public("x", mine)}, "signature", false},
		{"KS-07 no kid, one key", noKid, []string{public("rsa", mine)}, passes, false},
		{"KS-07 no kid anywhere", noKid, []string{public("", mine)}, passes, false},
		{"KS-07 empty kid", `{"alg":"RS256","kid":""}`, []string{public("rsa", mine)}, passes, false},
		{"KS-07 no kid, several types", noKid, []string{public("a", ecKey().Public()), public("b", edOther.Public()), public("c", other), public("d", mine)}, passes, false},
		{"KS-07 no kid, fifth candidate", noKid, []string{public("a", other), public("b", other), public("c", other), public("d", other), public("e", mine)}, passes, false},
		{"KS-07 no kid, sixth candidate", noKid, []string{public("a", other), public("b", other), public("c", other), public("d", other), public("e", other), public("f", mine)}, "signature", true},
		{"KS-07 no kid, none made it", noKid, []string{public("a", other)}, "signature", true},
		{"KS-07 no kid, no such type", noKid, []string{public("a", ecKey().Public())}, "signature", true},
		{"KS-11 one id, two keys", rs256, []string{public("rsa", other), public("rsa", mine)}, passes, false},
		{"KS-11 one id, the right one for another algorithm", rs256, []string{public("rsa", other), public("rsa", mine, `"alg":"RS512"`)}, "signature", false},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			keys, raw := keySet(t, test.keys...), forge(test.header, claims())
			_, err := keys.Verify(t.Context(), raw, signIn())
			requireCheck(t, test.want, err)
			require.Equal(t, test.unknown, err != nil && errors.Is(err, ErrUnknownKey))
			payload, direct := keys.VerifySignature(t.Context(), raw)
			require.Equal(t, err, direct, "the two ways in agree")
			require.Equal(t, err == nil, string(payload) == claims())
		})
	}
}

func TestUnknownKeyMessage(t *testing.T) {
	t.Parallel()
	keys := keySet(t, public("new", ecKey().Public()), public("rsa", rsaKey().Public(), `"use":"enc"`))
	_, err := keys.Verify(t.Context(), forge(rs256, claims()), signIn())
	require.EqualError(t, err, `id token: kid is "rsa", want one of the issuer's 1 keys (not usable: 1, first key 2: "rsa": use is "enc", want "sig"): no such key among the issuer's keys`)
}

// An ECDSA signature has one spelling, and belongs to one curve.
func TestECDSAForm(t *testing.T) {
	t.Parallel()
	part := strings.Split(issue(t, "ES256", "ec", ecKey(), claims()), ".")
	signature := must(base64url.DecodeString(part[2]))
	require.Len(t, signature, 64)
	asn1 := must(ecdsa.SignASN1(rand.Reader, ecKey(), make([]byte, 32)))
	for name, sig := range map[string][]byte{
		"ASN.1": asn1, "padded": append([]byte{0}, signature...), "cut": signature[:63],
		"zeros": make([]byte, 64), "swapped": append(append([]byte{}, signature[32:]...), signature[:32]...),
	} {
		_, err := opKeys(t).Verify(t.Context(), part[0]+"."+part[1]+"."+b64(string(sig)), signIn())
		require.Error(t, err, name)
		requireCheck(t, "signature", err)
	}
}

// Microsoft publishes the keys of many tenants in one set.
func TestMicrosoft(t *testing.T) {
	t.Parallel()
	const shared, msa = "https://login.microsoftonline.com/{tenantid}/v2.0", "9188040d-6c67-4c5b-b112-36a304b66dad"
	at := func(tid string) string { return strings.ReplaceAll(shared, "{tenantid}", tid) }
	common := func(c *Check) { c.IssuerFor = func(tid string) (string, error) { return at(tid), nil } }
	single := func(c *Check) { c.Issuer = at(tenant) }
	named := public("rsa", rsaKey().Public(), `"issuer":`+quoted(shared))
	consumers := public("rsa", rsaKey().Public(), `"issuer":`+quoted(at(msa)))
	plain := public("rsa", rsaKey().Public())
	alsoNamed := public("other", ecKey().Public(), `"issuer":`+quoted(shared))
	token := func(iss, tid string) string { return claims("iss="+quoted(iss), "tid="+tid) }
	for _, test := range []struct {
		id, claims string
		edit       func(*Check)
		keys       []string
		want       string
	}{
		{"MS-01", token(at(tenant), quoted(tenant)), common, []string{named}, passes},
		{"MS-02 two tenants", token(at(msa), quoted(tenant)), common, []string{named}, "iss"},
		{"MS-03 path", token(at("../x"), `"../x"`), common, []string{named}, "tid"},
		{"MS-03 template", token(shared, `"{tenantid}"`), common, []string{named}, "tid"},
		{"MS-03 upper case", token(at(strings.ToUpper(tenant)), quoted(strings.ToUpper(tenant))), common, []string{named}, "tid"},
		{"MS-03 empty", token(at(""), `""`), common, []string{named}, "tid"},
		{"MS-03 missing", claims("iss=" + quoted(at(tenant))), common, []string{named}, "tid"},
		{"MS-03 number", token(at(tenant), "7"), common, []string{named}, "tid"},
		{"MS-04 key of the consumers' tenant", token(at(tenant), quoted(tenant)), common, []string{consumers}, "iss"},
		{"MS-04 the same, one tenant configured", token(at(tenant), quoted(tenant)), single, []string{consumers}, "iss"},
		{"consumers with their own key", token(at(msa), quoted(msa)), common, []string{consumers}, passes},
		{"one tenant", token(at(tenant), quoted(tenant)), single, []string{named}, passes},
		{"R-MS-3 one tenant, key without issuer", token(at(tenant), quoted(tenant)), single, []string{plain, alsoNamed}, passes},
		{"one tenant, token of another", token(at(msa), quoted(msa)), single, []string{named}, "iss"},
		{"one tenant, tid of another", token(at(tenant), quoted(msa)), single, []string{named}, "iss"},
		{"R-MS-3 v1.0: no key names an issuer", token(at(tenant), quoted(tenant)), common, []string{plain}, passes},
		{"R-MS-3 this key names none, another does", token(at(tenant), quoted(tenant)), common, []string{plain, alsoNamed}, "kid"},
		{"MS-12 v1.0 token", token("https://sts.windows.net/"+tenant+"/", quoted(tenant)), common, []string{named}, "iss"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			_, err := keySet(t, test.keys...).Verify(t.Context(), forge(rs256, test.claims), signIn(test.edit))
			requireCheck(t, test.want, err)
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	keys, raw := opKeys(t), forge(rs256, claims())
	errs := make(chan error)
	for range 8 {
		go func() {
			_, err := keys.Verify(t.Context(), raw, signIn())
			errs <- err
		}()
	}
	for range 8 {
		require.NoError(t, <-errs)
	}
}
