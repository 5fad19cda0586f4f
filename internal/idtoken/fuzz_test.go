package idtoken

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A token that is taken apart can be put together again in one way only.
func FuzzParse(f *testing.F) {
	good := forge(rs256, claims())
	for _, seed := range []string{
		good, good + "=", good + "\n", " " + good, good[:strings.LastIndexByte(good, '.')+1] + otherTail(good[strings.LastIndexByte(good, '.')+1:]), strings.ReplaceAll(good, ".", ".."), "a.b.c", "..", "", "{}",
		"e30.YQ.YQ.YQ.YQ", forge(`{"alg":"RS256","crit":["x"]}`, "{}"), b64(`{"typ":"jwt"}`) + "..",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := parse(raw)
		if err != nil {
			return
		}
		header, _, _ := strings.Cut(raw, ".")
		again := b64(string(must(base64.RawURLEncoding.DecodeString(header)))) + "." + b64(string(token.payload)) + "." + b64(string(token.signature))
		require.Equal(t, raw, again)
		require.Equal(t, raw[:strings.LastIndexByte(raw, '.')], string(token.message))
	})
}

// What decode accepts, encoding/json reads in the same way: no second reader of
// the same bytes sees another person.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		claims(), entraClaims(), claims(`aud=["a","client-1","a"]`, "exp=2e9", "auth_time=1.5", "nbf=0"), claims(`+"SUB":"x"`), claims(`+"sub":"x"`),
		claims(`+"\u0073ub":"x"`), claims(`name={"a":[1,{}]}`, "email=null", "tid=1"), claims("exp=1e300"), claims("exp=-1"), claims(`name="\ud83d\ude00"`), "null", "[]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := decode(raw)
		if err != nil {
			require.Zero(t, p)
			return
		}
		var m map[string]any
		require.NoError(t, json.Unmarshal(raw, &m))
		text := func(name string) string { s, _ := m[name].(string); return s }
		seconds := func(name string) time.Time {
			s, _ := m[name].(float64)
			if s == 0 {
				return time.Time{}
			}
			return time.Unix(int64(math.Floor(s)), 0)
		}
		require.Equal(t,
			[]string{text("iss"), text("sub"), text("nonce"), text("azp"), text("tid"), text("oid"), text("name"), text("email"), text("acr")},
			[]string{p.Issuer, p.Subject, p.Nonce, p.AuthorizedParty, p.TenantID, p.ObjectID, p.Name, p.Email, p.acr})
		require.Equal(t,
			[]time.Time{seconds("exp"), seconds("iat"), seconds("nbf"), seconds("auth_time")},
			[]time.Time{p.Expiry, p.IssuedAt, p.notBefore, p.AuthTime})
		all, ok := m["aud"].([]any)
		if !ok {
			all = []any{m["aud"]}
		}
		for _, aud := range all {
			require.Contains(t, p.Audience, aud)
		}
		require.LessOrEqual(t, len(p.Audience), len(all))
		require.True(t, p.Subject != "" && len(p.Subject) <= 255 && p.Issuer != "" && p.Expiry.Unix() >= 0 && p.Expiry.Year() < 10000)
	})
}

// Whatever a server publishes, what is kept is public, asymmetric, strong, and for signatures of its own kind.
func FuzzParseKeys(f *testing.F) {
	for _, key := range []string{
		public("k", rsaKey().Public()), public("k", ecKey().Public(), `"use":"sig"`), public("k", edKey().Public(), `"issuer":"x"`),
		`{"kty":"oct","k":"AAAA"}`, `{"kty":"RSA","n":"AQAB","e":"AQAB"}`, `{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, `1`, `{"kty":"RSA","d":null}`,
		public("k", ecKey().Public(), `"use":"enc"`), public("k", edKey().Public(), `"key_ops":["encrypt"]`), public("k", rsaKey().Public(), `"alg":"RSA-OAEP"`),
	} {
		f.Add([]byte(`{"keys":[` + public("good", ecKey().Public()) + "," + key + `]}`))
	}
	f.Fuzz(func(t *testing.T, jwks []byte) {
		k, err := ParseKeys(jwks)
		if err != nil {
			require.Nil(t, k)
			return
		}
		require.True(t, len(k.keys) > 0 && len(k.keys)+len(k.skipped) <= maxKeys)
		require.LessOrEqual(t, len(k.keys), signingKeys(t, jwks))
		for _, key := range k.keys {
			require.NotEmpty(t, key.algs)
			for _, alg := range key.algs {
				require.Equal(t, algorithms[key.algs[0]].kind, algorithms[alg].kind)
			}
			switch public := key.public.(type) {
			case *rsa.PublicKey:
				require.True(t, public.N.BitLen() >= 2048 && public.N.Bit(0) == 1 && public.E >= 3 && public.E%2 == 1)
			case *ecdsa.PublicKey:
				_, err := public.ECDH() // is on its curve
				require.NoError(t, err)
			case ed25519.PublicKey:
				require.Len(t, public, ed25519.PublicKeySize)
			default:
				t.Fatalf("kept a %T", public)
			}
		}
	})
}

// signingKeys counts the keys of a set whose owner has not published them for something else.
func signingKeys(t *testing.T, jwks []byte) (n int) {
	t.Helper()
	var set map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(jwks, &set))
	var keys []any
	require.NoError(t, json.Unmarshal(set["keys"], &keys))
	for _, k := range keys {
		key, _ := k.(map[string]any)
		ops, limited := key["key_ops"].([]any)
		if (key["use"] == nil || key["use"] == "" || key["use"] == "sig") && (!limited || slices.Contains(ops, any("verify"))) {
			n++
		}
	}
	return n
}
