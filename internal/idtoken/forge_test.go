package idtoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

const (
	issuer = "https://op.example"
	client = "client-1"
	nonce  = "n-0S6_WzA2Mj"
	access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"
	tenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
)

// now is the moment at which every token of these tests was issued.
var now = time.Unix(1_800_000_000, 0)

var (
	rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	ecKey  = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	edKey  = sync.OnceValue(func() ed25519.PrivateKey {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return must(key, err)
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// public is the JWK of a key; extra members are appended as they are.
func public(kid string, key crypto.PublicKey, extra ...string) string {
	jwk := string(must(jose.JSONWebKey{Key: key, KeyID: kid}.MarshalJSON()))
	for _, member := range extra {
		jwk = strings.TrimSuffix(jwk, "}") + "," + member + "}"
	}
	return jwk
}

// keySet is the set of these JWKs, which must have a usable one.
func keySet(t testing.TB, jwks ...string) *Keys {
	t.Helper()
	k, err := ParseKeys([]byte(`{"keys":[` + strings.Join(jwks, ",") + `]}`))
	require.NoError(t, err)
	return k
}

// opKeys is what the issuer of these tests publishes.
func opKeys(t testing.TB) *Keys {
	return keySet(t, public("rsa", rsaKey().Public()), public("ec", ecKey().Public()), public("ed", edKey().Public()))
}

// issue signs with go-jose, as an honest issuer does.
func issue(t testing.TB, alg jose.SignatureAlgorithm, kid string, key any, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
	require.NoError(t, err)
	signed, err := signer.Sign([]byte(claims))
	require.NoError(t, err)
	raw, err := signed.CompactSerialize()
	require.NoError(t, err)
	return raw
}

const rs256 = `{"alg":"RS256","kid":"rsa"}`

// forge signs any two byte strings with the issuer's RSA key, by hand: no
// library makes what these tests need.
func forge(header, claims string) string {
	message := b64(header) + "." + b64(claims)
	digest := sha256.Sum256([]byte(message))
	return message + "." + b64(string(must(rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA256, digest[:]))))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// claims are those of a good sign-in, edited: `name=JSON` sets a member, `-name`
// removes one, `+text` appends text inside the object.
func claims(edits ...string) string {
	names := []string{"iss", "sub", "aud", "exp", "iat", "nonce"}
	values := map[string]string{
		"iss": quoted(issuer), "sub": `"248289761001"`, "aud": quoted(client), "nonce": quoted(nonce),
		"iat": fmt.Sprint(now.Unix()), "exp": fmt.Sprint(now.Unix() + 3600),
	}
	var tail string
	for _, edit := range edits {
		switch name, value, _ := strings.Cut(edit, "="); {
		case edit[0] == '+':
			tail += "," + edit[1:]
		case edit[0] == '-':
			delete(values, edit[1:])
		default:
			if _, ok := values[name]; !ok {
				names = append(names, name)
			}
			values[name] = value
		}
	}
	var members []string
	for _, name := range names {
		if value, ok := values[name]; ok {
			members = append(members, quoted(name)+":"+value)
		}
	}
	return "{" + strings.Join(members, ",") + tail + "}"
}

func quoted(s string) string { return string(must(json.Marshal(s))) }

func at(offset time.Duration) string { return fmt.Sprint(now.Add(offset).Unix()) }

// signIn is the check of an ordinary sign-in, edited.
func signIn(edits ...func(*Check)) Check {
	c := Check{
		Issuer: issuer, ClientID: client, Algorithms: []string{"RS256", "ES256", "EdDSA"},
		Nonce: nonce, AccessToken: access, Now: now, MaxIssueAge: 24 * time.Hour,
	}
	for _, edit := range edits {
		edit(&c)
	}
	return c
}
