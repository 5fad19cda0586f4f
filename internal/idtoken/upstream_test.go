package idtoken

import (
	"crypto"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// What this package does not leave to go-oidc and go-jose: the same tokens, over the same keys. A row that goes red after an
// update is news and no fault: they refuse it too now.

// TestUpstream has claims, and the keys of this package.
func TestUpstream(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ id, claims, want string }{
		{"XX-03 no iat", claims("-iat"), "iat"},
		{"XX-03 iat of next year", claims("iat="+at(365*24*time.Hour), "exp="+at(366*24*time.Hour)), "iat"},
		{"XX-03 no sub", claims("-sub"), "sub"},
		{"XX-03 sub twice", claims(`+"sub":"victim"`), "claims"},
		{"XX-03 exp as a string", claims("exp=" + quoted(at(time.Hour))), "claims"},
		{"XX-03 a foreign azp", claims(`azp="other"`), "azp"},
		{"XX-03 a foreign audience beside ours", claims(`aud=["client-1","evil"]`), "aud"},
		{"XX-03 iss in capitals only", claims("-iss", `+"ISS":"`+issuer+`"`), "iss"},
		{"XX-03 sub with a long s only", claims("-sub", `+"ſub":"s"`), "sub"},
		{"XX-03 no nonce", claims("-nonce"), "nonce"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			raw := forge(rs256, test.claims)
			require.NoError(t, goOIDC(t, opKeys(t), raw))
			_, err := opKeys(t).Verify(t.Context(), raw, signIn())
			requireCheck(t, test.want, err)
		})
	}
}

// TestUpstreamForm has headers and spellings, and go-oidc's own reading of them.
func TestUpstreamForm(t *testing.T) {
	t.Parallel()
	own := &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{rsaKey().Public()}}
	good := forge(rs256, claims())
	part := strings.Split(good, ".")
	header := func(member string) string { return forge(`{"alg":"RS256","kid":"rsa",`+member+`}`, claims()) }
	for _, test := range []struct{ id, raw, want string }{
		{"XX-03 an access token", header(`"typ":"at+jwt"`), "typ"},
		{"XX-03 a DPoP proof", header(`"typ":"dpop+jwt"`), "typ"},
		{"XX-03 a logout token", header(`"typ":"logout+jwt"`), "typ"},
		{"XX-03 b64, as critical", header(`"crit":["b64"],"b64":true`), "crit"},
		{"XX-03 a newline inside", part[0] + "." + part[1] + "." + part[2][:20] + "\n" + part[2][20:], "token"},
		{"XX-03 another spelling of the signature", part[0] + "." + part[1] + "." + otherTail(part[2]), "signature"},
	} {
		t.Run(test.id, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, goOIDC(t, own, test.raw))
			_, err := opKeys(t).Verify(t.Context(), test.raw, signIn())
			requireCheck(t, test.want, err)
		})
	}
}

// goOIDC verifies as go-oidc does for an ordinary sign-in.
func goOIDC(t *testing.T, keys oidc.KeySet, raw string) error {
	t.Helper()
	config := &oidc.Config{ClientID: client, Now: func() time.Time { return now }}
	_, err := oidc.NewVerifier(issuer, keys, config).Verify(t.Context(), raw)
	return err
}

// TestUpstreamKeys has keys that their owner published for something else, and go-jose, which verifies with them.
func TestUpstreamKeys(t *testing.T) {
	t.Parallel()
	for name, member := range map[string]string{
		"KS-01 XX-03 for encryption, by use": `"use":"enc"`, "KS-03 XX-03 for encryption, by key_ops": `"key_ops":["encrypt"]`,
		"KS-02 XX-03 for another algorithm": `"alg":"PS256"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, raw := public("rsa", rsaKey().Public(), member), forge(rs256, claims())
			require.NoError(t, goJOSE([]byte(key), raw))
			_, err := keySet(t, key, public("other", ecKey().Public())).Verify(t.Context(), raw, signIn())
			require.Error(t, err)
		})
	}
	t.Run("KS-08 XX-03 one broken key spoils a set", func(t *testing.T) {
		t.Parallel()
		set := `{"keys":[` + public("rsa", rsaKey().Public()) + `,{"kty":"RSA","n":"!","e":"AQAB"}]}`
		require.Error(t, json.Unmarshal([]byte(set), new(jose.JSONWebKeySet)))
		_, err := must(ParseKeys([]byte(set))).Verify(t.Context(), forge(rs256, claims()), signIn())
		require.NoError(t, err)
	})
}

// goJOSE verifies with one key as go-jose does, whatever the algorithm.
func goJOSE(jwk []byte, raw string) error {
	var key jose.JSONWebKey
	if err := json.Unmarshal(jwk, &key); err != nil {
		return err
	}
	known := slices.Collect(func(yield func(jose.SignatureAlgorithm) bool) {
		for name := range maps.Keys(algorithms) {
			if !yield(jose.SignatureAlgorithm(name)) {
				return
			}
		}
	})
	read := jose.ParseSignedCompact
	if strings.HasPrefix(raw, "{") {
		read = jose.ParseSignedJSON
	}
	signed, err := read(raw, known)
	if err == nil {
		_, err = signed.Verify(&key)
	}
	return err
}

// upstreamDeviations are the vectors of Wycheproof that go-jose accepts and should not, "tcId comment". This package refuses
// all of them: its own deviations are others.
var upstreamDeviations = []string{
	"281 SaltLenChanged", "282 SaltLenChanged", "283 SaltLenChanged", "284 SaltLenChanged", "285 SaltLenChanged", "286 SaltLenChanged", // PSS
	"332 UsingRS256", "334 UsingRS384", "336 UsingRS512", "338 UsingPS256", "340 UsingPS384", // the key is for another algorithm
	"353 rejectWrongUse", "354 rejectWrongUse",
	"355 rejectWrongKeyOps", "356 rejectWrongKeyOps",
}

func TestUpstreamWycheproof_KS04(t *testing.T) {
	t.Parallel()
	var found []string
	for _, group := range wycheproof(t, "json_web_signature").TestGroups {
		if group.Public == nil {
			continue
		}
		for _, test := range group.Tests {
			raw, compact := test.JWS.(string)
			if !compact {
				raw = string(must(json.Marshal(test.JWS)))
			}
			name := fmt.Sprint(test.ID, " ", test.Comment)
			if (goJOSE(group.Public, raw) == nil) != (test.Result == "valid") {
				found = append(found, name)
				require.Equal(t, "invalid", test.Result, name)
				require.NotContains(t, deviations, "json_web_signature "+name)
			}
		}
	}
	require.Equal(t, upstreamDeviations, found)
}
