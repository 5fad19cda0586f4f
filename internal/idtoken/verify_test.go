package idtoken

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"hash"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const passes = "" // in the tables: no check fails

// requireCheck demands that this check, and no other, refused the token.
func requireCheck(t *testing.T, want string, err error) {
	t.Helper()
	if want == passes {
		require.NoError(t, err)
		return
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Claim, "%v", err)
}

func TestClaims_IT33(t *testing.T) {
	t.Parallel()
	c, err := opKeys(t).Verify(t.Context(), forge(rs256, claims(
		`aud=["other","client-1","other"]`, `azp="client-1"`, "auth_time=1799999990.9", "tid="+quoted(tenant), `oid="o"`,
		`upn="u@x.example"`, `email="e@x.example"`, `name="N"`, `email_verified="true"`)),
		signIn(func(c *Check) { c.TrustedAudiences = []string{"other"} }))
	require.NoError(t, err)
	require.Contains(t, string(c.Raw), `"email_verified":"true"`, "nothing is made of it, it is there raw")
	c.Raw = nil
	require.Equal(t, Claims{
		Issuer: issuer, Subject: "248289761001", Audience: []string{client, "other"}, AuthorizedParty: client, Nonce: nonce,
		TenantID: tenant, ObjectID: "o", Username: "u@x.example", Name: "N", Email: "e@x.example",
		Expiry: now.Add(time.Hour), IssuedAt: now, AuthTime: now.Add(-10 * time.Second),
	}, c)
}

// What is only shown must not keep anybody out.
func TestDisplayClaims(t *testing.T) {
	t.Parallel()
	for claim, want := range map[string]string{
		`preferred_username="p"`: "p", `upn="u"`: "u", `unique_name="n"`: "n", `email="e"`: "e",
		`email=["e"]`: "", `name={"a":1}`: "", `tid=7`: "", `oid=null`: "", `acr=1`: "", `preferred_username=""`: "",
	} {
		c, err := opKeys(t).Verify(t.Context(), forge(rs256, claims(claim)), signIn())
		require.NoError(t, err, claim)
		require.Equal(t, want, c.Username, claim)
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	keys := opKeys(t)
	for _, test := range []struct {
		alg     jose.SignatureAlgorithm
		kid     string
		key     any
		allowed []string
		want    string
	}{
		{"RS256", "rsa", rsaKey(), nil, passes}, // nil allows what Core 3.1.3.7 (7) makes the default
		{"RS384", "rsa", rsaKey(), []string{"RS384"}, passes},
		{"RS512", "rsa", rsaKey(), []string{"RS512"}, passes},
		{"PS256", "rsa", rsaKey(), []string{"PS256"}, passes},
		{"PS384", "rsa", rsaKey(), []string{"PS384"}, passes},
		{"PS512", "rsa", rsaKey(), []string{"PS512"}, passes},
		{"ES256", "ec", ecKey(), []string{"RS256", "ES256"}, passes},
		{"EdDSA", "ed", edKey(), []string{"EdDSA"}, passes},
		{"ES256", "ec", ecKey(), nil, "alg"},
		{"RS256", "rsa", rsaKey(), []string{"ES256"}, "alg"}, // IT-04
		{"RS256", "rsa", rsaKey(), []string{}, "alg"},
		{"ES256", "rsa", ecKey(), []string{"ES256"}, "alg"}, // the key of that id is an RSA key
		{"HS256", "rsa", bytes.Repeat([]byte("k"), 32), []string{"HS256", "none"}, "alg"},
	} {
		_, err := keys.Verify(t.Context(), issue(t, test.alg, test.kid, test.key, claims()),
			signIn(func(c *Check) { c.Algorithms = test.allowed }))
		requireCheck(t, test.want, err)
	}
}

// IT-01 to IT-06, IT-22 to IT-26, IT-31: what is decided before a claim is read.
func TestHeaderAndForm(t *testing.T) {
	t.Parallel()
	keys := opKeys(t)
	good := forge(rs256, claims())
	part := strings.Split(good, ".")
	hmac := func(secret []byte) string {
		return issue(t, "HS256", "rsa", append(secret, make([]byte, max(0, 32-len(secret)))...), claims())
	}
	der := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	typ := func(typ string) string { return forge(`{"alg":"RS256","kid":"rsa","typ":`+typ+`}`, claims()) }
	kid := func(kid string) string { return forge(`{"alg":"RS256","kid":`+kid+`}`, claims()) }
	header := func(member string) string { return forge(`{"alg":"RS256","kid":"rsa",`+member+`}`, claims()) }
	for _, test := range []struct{ id, raw, want string }{
		{"a good one", good, passes},
		{"IT-01 none", forge(`{"alg":"none"}`, claims()), "alg"},
		{"IT-01 None", forge(`{"alg":"None","kid":"rsa"}`, claims()), "alg"},
		{"IT-01 nOnE without signature", b64(`{"alg":"nOnE"}`) + "." + part[1] + ".", "alg"},
		{"IT-01 RS256 without signature", part[0] + "." + part[1] + ".", "signature"},
		{"IT-02 client id", hmac([]byte(client)), "alg"},
		{"IT-02 empty key", hmac(nil), "alg"},
		{"IT-03 PEM", hmac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), "alg"},
		{"IT-03 DER", hmac(der), "alg"},
		{"IT-03 JWK", hmac([]byte(public("rsa", rsaKey().Public()))), "alg"},
		{"IT-04 unknown", forge(`{"alg":"RS257","kid":"rsa"}`, claims()), "alg"},
		{"IT-04 missing", forge(`{"kid":"rsa"}`, claims()), "alg"},
		{"IT-04 number", forge(`{"alg":256,"kid":"rsa"}`, claims()), "header"},
		{"IT-05 another signature", part[0] + "." + part[1] + "." + strings.Split(forge(rs256, claims("-nonce")), ".")[2], "signature"},
		{"IT-05 other claims", part[0] + "." + b64(claims("sub=\"x\"")) + "." + part[2], "signature"},
		{"IT-05 tail bits", part[0] + "." + part[1] + "." + otherTail(part[2]), "signature"},
		{"IT-06 unknown", kid(`"../../etc/passwd"`), "kid"},
		{"IT-06 number", kid("1"), "header"},
		{"IT-06 long", kid(quoted(strings.Repeat("k", 5000))), "kid"},
		{"IT-06 too long", kid(quoted(strings.Repeat("k", maxHeader))), "header"},
		{"IT-06 1 MB", kid(quoted(strings.Repeat("k", 1<<20))), "token"},
		{"IT-21 alg twice", forge(`{"alg":"none","alg":"RS256","kid":"rsa"}`, claims()), "header"},
		{"IT-22 unknown", header(`"crit":["foo"],"foo":1`), "crit"},
		{"IT-22 empty", header(`"crit":[]`), "crit"},
		{"IT-22 known", header(`"crit":["exp"],"exp":1`), "crit"},
		{"IT-22 b64 listed", header(`"crit":["b64"],"b64":true`), "crit"},
		{"IT-22 no array", header(`"crit":"exp"`), "crit"},
		{"IT-22 null", header(`"crit":null`), "crit"},
		{"IT-22 b64", header(`"b64":false`), "b64"},
		{"IT-23 R-9068-2 access token", typ(`"at+jwt"`), "typ"},
		{"IT-23 DPoP proof", typ(`"dpop+jwt"`), "typ"},
		{"IT-23 logout token", typ(`"logout+jwt"`), "typ"},
		{"IT-23 security event", typ(`"secevent+jwt"`), "typ"},
		{"IT-23 empty", typ(`""`), "typ"},
		{"IT-23 JWT", typ(`"JWT"`), passes},
		{"IT-23 jwt", typ(`"jwt"`), passes},
		{"IT-23 media type", typ(`"Application/JWT"`), passes},
		{"IT-24 leading space", " " + good, "header"},
		{"IT-24 trailing space", good + " ", "signature"},
		{"IT-24 trailing newline", good + "\n", "token"},
		{"IT-24 newline inside", good[:40] + "\r\n" + good[40:], "token"},
		{"IT-24 Bearer", "Bearer " + good, "header"},
		{"IT-24 empty", "", "token"},
		{"IT-24 one part", part[0], "token"},
		{"IT-24 two parts", part[0] + "." + part[1], "token"},
		{"IT-24 four parts", good + ".", "token"},
		{"IT-24 padded", part[0] + "." + part[1] + "." + part[2] + "==", "signature"},
		{"IT-24 standard alphabet", part[0] + "." + part[1] + "." + strings.NewReplacer("-", "+", "_", "/").Replace(part[2]+"-"), "signature"},
		{"IT-25 flattened", `{"protected":"` + part[0] + `","payload":"` + part[1] + `","signature":"` + part[2] + `"}`, "token"},
		{"IT-25 general", `{"payload":"` + part[1] + `","signatures":[{"protected":"` + part[0] + `","signature":"` + part[2] + `"}]}`, "token"},
		{"IT-26 JWE", "e30.YQ.YQ.YQ.YQ", "token"},
		{"IT-28 bad signature and expired", part[0] + "." + b64(claims("exp=1")) + "." + part[2], "signature"},
		{"IT-31 dots", strings.Repeat(".", 1<<20), "token"},
		{"IT-31 10 MB", good + strings.Repeat("A", 10<<20), "token"},
		{"KS-14 jku", header(`"jku":"https://evil.example/keys"`), passes},
		{"KS-14 x5u", header(`"x5u":"https://evil.example/cert"`), passes},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			_, err := keys.Verify(t.Context(), test.raw, signIn())
			requireCheck(t, test.want, err)
		})
	}
}

// otherTail spells the same bytes with set bits after the last one.
func otherTail(encoded string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, encoded[len(encoded)-1])
	other := encoded[:len(encoded)-1] + alphabet[last|1:last|1+1]
	if !bytes.Equal(must(base64.RawURLEncoding.DecodeString(encoded)), must(base64.RawURLEncoding.DecodeString(other))) || other == encoded {
		panic("not another spelling")
	}
	return other
}

func TestHostileTokenAllocatesLittle(t *testing.T) { // IT-31
	keys, check := opKeys(t), signIn()
	for _, raw := range []string{strings.Repeat(".", 1<<20), strings.Repeat("A", 10<<20), strings.Repeat(".", maxToken)} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := keys.Verify(t.Context(), raw, check)
		runtime.ReadMemStats(&after)
		require.Error(t, err)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<16))
	}
}

// A token brings its own key along (KS-14): it is a stranger's word.
func TestEmbeddedKey(t *testing.T) {
	t.Parallel()
	stranger, err := jose.NewSigner(jose.SigningKey{Algorithm: "ES256", Key: ecKey()}, &jose.SignerOptions{EmbedJWK: true})
	require.NoError(t, err)
	signed, err := stranger.Sign([]byte(claims()))
	require.NoError(t, err)
	_, err = keySet(t, public("rsa", rsaKey().Public())).Verify(t.Context(), must(signed.CompactSerialize()), signIn())
	require.ErrorIs(t, err, ErrUnknownKey)
}

func TestClaimRules(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ id, claims, want string }{
		{"IT-07 limit: leeway, past", claims("exp=" + at(-2*time.Minute+time.Second)), passes},
		{"IT-07 limit: leeway, past by more", claims("exp=" + at(-2*time.Minute)), "exp"},
		{"IT-07 missing", claims("-exp"), "exp"},
		{"IT-07 null", claims("exp=null"), "exp"},
		{"IT-07 string", claims("exp=" + quoted(at(time.Hour))), "claims"},
		{"IT-07 float", claims("exp=" + at(time.Hour) + ".75"), passes},
		{"IT-07 exponent", claims("exp=2e9"), passes},
		{"IT-07 1e300", claims("exp=1e300"), "exp"},
		{"IT-07 1e999", claims("exp=1e999"), "claims"},
		{"IT-07 negative", claims("exp=-1"), "exp"},
		{"IT-08 missing", claims("-iat"), "iat"},
		{"IT-08 limit: leeway, ahead", claims("iat=" + at(2*time.Minute)), passes},
		{"IT-08 limit: leeway, ahead by more", claims("iat=" + at(2*time.Minute+time.Second)), "iat"},
		{"IT-08 one year ahead", claims("iat="+at(365*24*time.Hour), "exp="+at(366*24*time.Hour)), "iat"},
		{"IT-08 string", claims("iat=" + quoted(at(0))), "claims"},
		{"IT-09 a day", claims("iat=" + at(-24*time.Hour)), passes},
		{"IT-09 ten years", claims("iat=" + at(-10*365*24*time.Hour)), "iat"},
		{"IT-10 within the leeway", claims("nbf=" + at(2*time.Minute)), passes},
		{"IT-10 ahead", claims("nbf=" + at(2*time.Minute+time.Second)), "nbf"},
		{"IT-10 zero", claims("nbf=0"), passes},
		{"IT-10 string", claims("nbf=\"0\""), "claims"},
		{"IT-11 wrong", claims(`iss="https://evil.example"`), "iss"},
		{"IT-11 slash", claims("iss=" + quoted(issuer+"/")), "iss"},
		{"IT-11 case", claims(`iss="https://OP.example"`), "iss"},
		{"IT-11 missing", claims("-iss"), "iss"},
		{"IT-11 array", claims(`iss=["` + issuer + `"]`), "claims"},
		{"IT-12 other client", claims(`aud="other"`), "aud"},
		{"IT-12 case", claims(`aud="Client-1"`), "aud"},
		{"IT-12 prefix", claims(`aud="client-10"`), "aud"},
		{"IT-12 missing", claims("-aud"), "aud"},
		{"IT-12 null", claims("aud=null"), "aud"},
		{"IT-12 empty array", claims("aud=[]"), "aud"},
		{"IT-12 empty string", claims(`aud=[""]`), "aud"},
		{"IT-13 a foreign one too", claims(`aud=["client-1","evil"]`), "aud"},
		{"IT-13 a foreign one too, azp ours", claims(`aud=["client-1","evil"]`, `azp="client-1"`), "aud"},
		{"IT-13 a trusted one too", claims(`aud=["api","client-1"]`), passes},
		{"IT-13 a trusted one alone", claims(`aud="api"`), "aud"},
		{"IT-13 array of one", claims(`aud=["client-1"]`), passes},
		{"IT-13 twice the same", claims(`aud=["client-1","client-1"]`), passes},
		{"IT-14 number", claims("aud=1"), "aud"},
		{"IT-14 object", claims(`aud={"client-1":1}`), "aud"},
		{"IT-14 nested", claims(`aud=[["client-1"]]`), "aud"},
		{"IT-14 null inside", claims(`aud=["client-1",null]`), "aud"},
		{"IT-14 many", claims(`aud=["client-1"` + strings.Repeat(`,"client-1"`, 100_000) + `]`), "token"},
		{"IT-15 ours", claims(`azp="client-1"`), passes},
		{"IT-15 other", claims(`azp="other"`), "azp"},
		{"IT-15 trusted audience", claims(`azp="api"`), "azp"},
		{"IT-15 empty", claims(`azp=""`), "azp"},
		{"IT-15 number", claims("azp=1"), "claims"},
		{"IT-16 wrong", claims(`nonce="other"`), "nonce"},
		{"IT-16 missing", claims("-nonce"), "nonce"},
		{"IT-16 case", claims("nonce=" + quoted(strings.ToLower(nonce))), "nonce"},
		{"IT-16 prefix", claims("nonce=" + quoted(nonce[:5])), "nonce"},
		{"IT-16 number", claims("nonce=1"), "claims"},
		{"IT-17 right", claims(`at_hash="` + halfHash("RS256", access) + `"`), passes},
		{"IT-17 of another token", claims(`at_hash="` + halfHash("RS256", "other") + `"`), "at_hash"},
		{"IT-17 full hash", claims(`at_hash="XQJdoeGEWRtTu0TYJS8nEX3kK6JIG4xFchJf1MHhxfM"`), "at_hash"},
		{"IT-17 padded", claims(`at_hash="` + halfHash("RS256", access) + `=="`), "at_hash"},
		{"IT-17 wrong hash", claims(`at_hash="` + halfHash("RS512", access) + `"`), "at_hash"},
		{"IT-17 empty", claims(`at_hash=""`), "at_hash"},
		{"IT-17 number", claims("at_hash=1"), "claims"},
		{"IT-18 missing", claims(), passes},
		{"IT-20 missing", claims("-sub"), "sub"},
		{"IT-20 empty", claims(`sub=""`), "sub"},
		{"IT-20 null", claims("sub=null"), "sub"},
		{"IT-20 number", claims("sub=7"), "claims"},
		{"IT-20 255", claims("sub=" + quoted(strings.Repeat("s", 255))), passes},
		{"IT-20 256", claims("sub=" + quoted(strings.Repeat("s", 256))), "sub"},
		{"IT-20 non-ASCII", claims(`sub="jürgen"`), "sub"},
		{"IT-20 control", claims(`sub="a\u0007b"`), "sub"},
		{"IT-20 DEL", claims(`sub="a\u007fb"`), "sub"},
		{"IT-21 sub twice", claims(`+"sub":"victim"`), "claims"},
		{"IT-21 aud twice", claims(`+"aud":"client-1"`), "claims"},
		{"IT-21 an unknown one twice", claims(`+"x":1,"x":2`), "claims"},
		{"IT-21 escaped", claims(`+"\u0073ub":"victim"`), "claims"},
		{"IT-21 ISS for iss", claims(`iss="https://evil.example"`, `+"ISS":"`+issuer+`"`), "iss"},
		{"IT-21 ISS alone", claims("-iss", `+"ISS":"`+issuer+`"`), "iss"},
		{"IT-21 AUD alone", claims("-aud", `+"AUD":"client-1"`), "aud"},
		{"IT-21 EXP alone", claims("-exp", `+"EXP":`+at(time.Hour)), "exp"},
		{"IT-21 SUB alone", claims("-sub", `+"SUB":"s"`), "sub"},
		{"IT-21 long s alone", claims("-sub", `+"ſub":"s"`), "sub"},
		{"IT-21 NONCE alone", claims("-nonce", `+"NONCE":"`+nonce+`"`), "nonce"},
		{"IT-27 array", "[]", "claims"},
		{"IT-27 null", "null", "iss"},
		{"IT-27 string", `"x"`, "claims"},
		{"IT-27 empty", "", "claims"},
		{"IT-27 two values", claims() + claims(), "claims"},
		{"IT-27 invalid UTF-8", claims("name=\"\xff\""), "claims"},
		{"IT-27 deep", claims("x=" + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)), "claims"},
		{"IT-27 1 MB claim", claims("x=" + quoted(strings.Repeat("x", 1<<20))), "token"},
		{"IT-32 claim sources", claims(`+"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"http://127.0.0.1/x"}}`), passes},
		{"IT-37 year 292277026596", claims("exp=9223372036854775807"), "exp"},
		{"IT-37 above 2^53", claims("exp=9007199254740993"), "exp"},
		{"IT-37 year 10000", claims("exp=253402300800"), "exp"},
		{"IT-37 year 9999", claims("exp=253402300799"), passes},
		{"auth_time not asked for", claims("auth_time=" + at(-1000*time.Hour)), passes},
		{"auth_time string", claims(`auth_time="1"`), "claims"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			_, err := opKeys(t).Verify(t.Context(), forge(rs256, test.claims), signIn(func(c *Check) { c.TrustedAudiences = []string{"api"} }))
			requireCheck(t, test.want, err)
		})
	}
}

func TestOptionalChecks(t *testing.T) {
	t.Parallel()
	maxAge := func(c *Check) { c.MaxAge = time.Hour }
	acr := func(c *Check) { c.ACR = []string{"phr", "phrh"} }
	refresh := func(c *Check) { c.NonceOptional, c.MaxIssueAge = true, 0 }
	unknown := func(c *Check) { c.NonceOptional, c.Nonce = true, "" }
	for _, test := range []struct {
		id, claims string
		edit       func(*Check)
		want       string
	}{
		{"IT-29 missing", claims(), maxAge, "auth_time"},
		{"IT-29 zero", claims("auth_time=0"), maxAge, "auth_time"},
		{"IT-29 within the leeway", claims("auth_time=" + at(-time.Hour-2*time.Minute)), maxAge, passes},
		{"IT-29 too old", claims("auth_time=" + at(-time.Hour-2*time.Minute-time.Second)), maxAge, "auth_time"},
		{"IT-29 ahead", claims("auth_time=" + at(2*time.Minute+time.Second)), maxAge, "auth_time"},
		{"IT-30 one of them", claims(`acr="phrh"`), acr, passes},
		{"IT-30 another", claims(`acr="pwd"`), acr, "acr"},
		{"IT-30 missing", claims(), acr, "acr"},
		{"IT-30 number", claims("acr=1"), acr, "acr"},
		{"IT-30 none will do", claims(), func(c *Check) { c.ACR = []string{} }, "acr"},
		{"RF-11 without nonce", claims("-nonce"), refresh, passes},
		{"RF-11 the same", claims(), refresh, passes},
		{"RF-11 another", claims(`nonce="other"`), refresh, "nonce"},
		{"RF-11 none known", claims(`nonce="other"`), unknown, passes},
		{"no nonce to compare", claims("-nonce"), func(c *Check) { c.Nonce = "" }, "nonce"},
		{"no nonce to compare, empty one", claims(`nonce=""`), func(c *Check) { c.Nonce = "" }, "nonce"},
		{"at_hash but no access token", claims(`at_hash="` + halfHash("RS256", access) + `"`), func(c *Check) { c.AccessToken = "" }, "at_hash"},
		{"leeway of its own", claims("exp=" + at(-9*time.Minute)), func(c *Check) { c.Leeway = 10 * time.Minute }, passes},
		{"IT-08 missing, any age", claims("-iat"), refresh, "iat"},
		{"any age", claims("iat=1"), func(c *Check) { c.MaxIssueAge = 0 }, passes},
		{"CK-05 no clock", claims(), func(c *Check) { c.Now = time.Unix(0, 0) }, "iat"},
		{"CK-05 2262", claims(), func(c *Check) { c.Now = time.Date(2262, 5, 1, 0, 0, 0, 0, time.UTC) }, "exp"},
		{"IT-34 another of our clients", claims(), func(c *Check) { c.ClientID = "client-2" }, "aud"},
		{"IT-35 an earlier sign-in", claims(), func(c *Check) { c.Nonce = "a new one" }, "nonce"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			_, err := opKeys(t).Verify(t.Context(), forge(rs256, test.claims), signIn(test.edit))
			requireCheck(t, test.want, err)
		})
	}
}

// IT-17 and IT-19, for every algorithm.
func TestHalfHash(t *testing.T) {
	t.Parallel()
	// The example of OpenID Connect Core 1.0, appendix A.3.
	require.True(t, isHashOf("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256", "77QmUPtjPfzWtF2AnpK9RQ"))
	for alg, size := range map[string]int{"RS256": 22, "PS384": 32, "ES512": 43, "EdDSA": 43} {
		require.Len(t, halfHash(alg, access), size, alg)
	}
	for name, hash := range map[string]string{
		"IT-19 empty": "", "IT-19 of SHA-256": halfHash("ES256", access), "IT-19 of nothing": "47DEQpj8HBSa-_TImW-5JA",
	} {
		require.False(t, isHashOf(access, "ES256K", hash), name)
	}
}

// halfHash is the at_hash of an access token, by a table of its own.
func halfHash(alg, token string) string {
	h := map[string]hash.Hash{"256": sha256.New(), "384": sha512.New384(), "512": sha512.New(), "DSA": sha512.New()}[alg[2:]]
	h.Write([]byte(token))
	half := base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:h.Size()/2])
	if !isHashOf(token, alg, half) {
		panic("at_hash of " + alg)
	}
	return half
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, raw, want string }{
		{"iss", forge(rs256, claims(`iss="https://evil.example/\u001b[31m"`)), `iss is "https://evil.example/\u{1b}[31m", want "https://op.example"`},
		{"aud", forge(rs256, claims(`aud=["x","y"]`)), `aud is "x" "y", want "client-1"`},
		{"exp as a string", forge(rs256, claims(`exp="secret"`)), `claims: member "exp" is a JSON string, want one for float64`},
		{"exp missing", forge(rs256, claims("-exp")), "exp is missing, want seconds since 1970"},
		{"CK-01 behind", forge(rs256, claims("exp="+at(-10*time.Minute))), "exp is 2027-01-15T07:50:00Z, 10m0s behind this machine's clock, want later: set the clock, or sign in again if it is right"},
		{"CK-01 ahead", forge(rs256, claims("iat="+at(10*time.Minute))), "iat is 2027-01-15T08:10:00Z, 10m0s ahead of this machine's clock, want earlier: set the clock, or sign in again if it is right"},
		{"auth_time", forge(rs256, claims()), "auth_time is missing, want the time of the sign-in, because max_age was sent"},
		{"nonce", forge(rs256, claims(`nonce="other"`)), "nonce is not the one that was sent, want an answer to this sign-in"},
		{"alg", forge(`{"alg":"HS256"}`, claims()), `alg is "HS256", want one of "RS256" "ES256" "EdDSA"`},
		{"JWE", "e30.YQ.YQ.YQ.YQ", "token is encrypted, want a signed one: turn ID token encryption off for this client"},
		{"JSON", "{}", "token is a JWS in JSON, want the compact form"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := opKeys(t).Verify(t.Context(), test.raw, signIn(func(c *Check) {
				if test.name == "auth_time" {
					c.MaxAge = time.Hour
				}
			}))
			require.EqualError(t, err, "id token: "+test.want)
		})
	}
	_, err := opKeys(t).Verify(t.Context(), forge(rs256, claims("aud="+quoted(strings.Repeat("x", 40_000)))), signIn())
	require.Less(t, len(err.Error()), 400, "bounded, whatever the server sends")
}

// Whatever go-oidc refuses is refused, though nothing here objects: Google's old
// issuer without a scheme is the one thing in which it is more generous.
func TestSecondOpinion(t *testing.T) {
	t.Parallel()
	keys := opKeys(t)
	_, err := keys.Verify(t.Context(), forge(rs256, claims(`+"_claim_names":{"groups":"nowhere"}`)), signIn())
	requireCheck(t, "token", err)
	_, err = keys.Verify(t.Context(), forge(`{"alg":"RS256","kid":"rsa","jwk":{"kty":"oct","k":"AAAA"}}`, claims()), signIn())
	requireCheck(t, "token", err)
	_, err = keys.Verify(t.Context(), forge(rs256, claims(`iss="accounts.google.com"`)), signIn(func(c *Check) { c.Issuer = "https://accounts.google.com" }))
	requireCheck(t, "iss", err)
}

func TestStored(t *testing.T) {
	t.Parallel()
	raw := forge(rs256, claims("exp=1", "-nonce"))
	c, err := Stored(raw)
	require.NoError(t, err)
	require.Equal(t, "248289761001", c.Subject)
	for _, raw := range []string{"", "a.b", forge(rs256, claims("-sub")), forge(rs256, claims(`+"sub":"x"`)), forge(rs256, claims("aud=1"))} {
		c, err := Stored(raw)
		require.Error(t, err)
		require.Zero(t, c)
	}
}

func TestVerifyNamesItsCause(t *testing.T) {
	t.Parallel()
	banned := errors.New("tenant not allowed")
	_, err := opKeys(t).Verify(t.Context(), forge(rs256, claims("tid="+quoted(tenant))), signIn(func(c *Check) {
		c.IssuerFor = func(string) (string, error) { return "", banned }
	}))
	require.ErrorIs(t, err, banned)
	requireCheck(t, "tid", err)
}
