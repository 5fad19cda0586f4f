package msaltest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v4"
)

// signingKey signs ID tokens. A retired one is not published any more, but the platform still knows its own tokens.
type signingKey struct {
	id      string
	signer  crypto.Signer
	retired bool
}

// The first two RSA keys are the same in every process, known to everybody, and worth nothing. They make a platform
// start at once and its tokens reproducible.
//
//go:embed testkeys.pem
var testKeysPEM []byte

var testKeys = sync.OnceValue(func() (keys []crypto.Signer) {
	for block, rest := pem.Decode(testKeysPEM); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			panic("msaltest: testkeys.pem: " + err.Error())
		}
		keys = append(keys, key.(crypto.Signer))
	}
	return keys
})

// RotateKeys signs with a new key from now on. The old ones stay published until [Platform.RetireKeys].
func (p *Platform) RotateKeys() {
	s := p.lock()
	defer p.mu.Unlock()
	p.signing(s)
	p.addKey(s)
}

// RetireKeys publishes only the key that signs now, as a provider does some time after a rotation: tokens that an
// older key signed cannot be verified any more.
func (p *Platform) RetireKeys() {
	s := p.lock()
	defer p.mu.Unlock()
	p.signing(s)
	for _, k := range s.keys[:len(s.keys)-1] {
		k.retired = true
	}
}

// SigningKey returns the key that signs ID tokens and its kid, for tests that forge tokens in a way of their own.
func (p *Platform) SigningKey() (kid string, key crypto.Signer) {
	s := p.lock()
	defer p.mu.Unlock()
	k := p.signing(s)
	return k.id, k.signer
}

// SignIDToken signs exactly these claims; nothing is added or checked.
func (p *Platform) SignIDToken(claims map[string]any) string {
	s := p.lock()
	key := p.signing(s)
	p.mu.Unlock()
	return key.sign(claims)
}

func (k *signingKey) sign(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic("msaltest: the claims are not JSON: " + err.Error())
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: k.algorithm(), Key: jose.JSONWebKey{Key: k.signer, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	return token
}

// unsigned writes a token that nobody should believe (RFC 7519 §6).
func unsigned(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic("msaltest: the claims are not JSON: " + err.Error())
	}
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + encode(payload) + "."
}

// signing returns the key that signs, and makes the first one.
func (p *Platform) signing(s *state) *signingKey {
	if len(s.keys) == 0 {
		p.addKey(s)
	}
	return s.keys[len(s.keys)-1]
}

func (p *Platform) addKey(s *state) {
	n := len(s.keys)
	k := &signingKey{id: fmt.Sprintf("test-key-%d", n+1)}
	var err error
	switch {
	case p.Algorithm == "ES256":
		k.signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case n < len(testKeys()):
		k.signer = testKeys()[n]
	default:
		k.signer, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	s.keys = append(s.keys, k)
}

func (k *signingKey) algorithm() jose.SignatureAlgorithm {
	if _, ok := k.signer.(*ecdsa.PrivateKey); ok {
		return jose.ES256
	}
	return jose.RS256
}

func (k *signingKey) public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.signer.Public(), KeyID: k.id, Algorithm: string(k.algorithm()), Use: "sig"}
}

// jwks publishes the keys that are not retired (RFC 7517 §5).
func (p *Platform) jwks(*call) answer {
	keys := []any{}
	s := p.lock()
	p.signing(s)
	for _, k := range s.keys {
		if !k.retired {
			keys = append(keys, published(k))
		}
	}
	p.mu.Unlock()
	document := map[string]any{"keys": keys}
	if p.EditKeys != nil {
		p.EditKeys(document)
	}
	return jsonAnswer(http.StatusOK, document)
}

func published(k *signingKey) map[string]any {
	raw, err := json.Marshal(k.public())
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	members := map[string]any{}
	_ = json.Unmarshal(raw, &members) // it was written one line above
	return members
}
