package msaltest_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func (a *app) kids() (kids []string) {
	for _, key := range a.get("/keys").json["keys"].([]any) {
		kids = append(kids, key.(map[string]any)["kid"].(string))
	}
	return kids
}

// verifies asks a verifier that has never seen the keys before.
func (a *app) verifies(token string) bool {
	a.t.Helper()
	ctx := oidc.ClientContext(a.t.Context(), a.p.Client())
	provider, err := oidc.NewProvider(ctx, a.base)
	require.NoError(a.t, err)
	_, err = provider.Verifier(&oidc.Config{ClientID: "app"}).Verify(ctx, token)
	return err == nil
}

func TestRotateAndRetireKeys(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	first := a.signIn().str("id_token")
	a.p.RotateKeys()
	second := a.signIn().str("id_token")
	require.Equal(t, []string{"test-key-1", "test-key-2"}, a.kids())
	require.True(t, a.verifies(first))
	require.True(t, a.verifies(second))
	a.p.RetireKeys()
	require.Equal(t, []string{"test-key-2"}, a.kids())
	require.False(t, a.verifies(first))
	require.True(t, a.verifies(second))
	a.p.RotateKeys()
	require.True(t, a.verifies(a.signIn().str("id_token")), "a key that is made at run time")
}

func TestES256(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Algorithm = "ES256"
	a := newApp(t, p)
	require.Equal(t, []any{"ES256"}, a.get("/.well-known/openid-configuration").json["id_token_signing_alg_values_supported"])
	require.True(t, a.verifies(a.signIn().str("id_token")))
}

func TestSignIDToken(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	claims := map[string]any{
		"iss": a.base, "sub": "x", "aud": "app", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(),
	}
	require.True(t, a.verifies(a.p.SignIDToken(claims)))
	claims["iss"] = "https://other.example"
	require.False(t, a.verifies(a.p.SignIDToken(claims)))
	require.Panics(t, func() { a.p.SignIDToken(map[string]any{"f": func() {}}) })
}

// The key is handed out for tokens that no well-behaved library signs.
func TestSigningKey(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	parts := strings.Split(a.signIn().str("id_token"), ".")
	kid, key := a.p.SigningKey()
	require.Equal(t, "test-key-1", kid)
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	require.NoError(t, rsa.VerifyPKCS1v15(key.Public().(*rsa.PublicKey), crypto.SHA256, digest[:], signature))
}

func TestEditHooks(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditMetadata = func(document map[string]any) { delete(document, "issuer") }
	p.EditKeys = func(document map[string]any) { document["keys"] = "none" }
	p.EditClaims = func(claims map[string]any) { claims["sub"] = "mallory" }
	var grants []string
	p.EditToken = func(grant string, answer map[string]any) {
		grants = append(grants, grant)
		answer["expires_in"] = "3600"
	}
	a := newApp(t, p)
	require.NotContains(t, a.get("/.well-known/openid-configuration").json, "issuer")
	require.Equal(t, "none", a.get("/keys").json["keys"])
	r := a.signIn()
	require.Equal(t, "3600", r.json["expires_in"])
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.str("id_token"), ".")[1])
	require.NoError(t, err)
	require.Contains(t, string(payload), `"sub":"mallory"`)
	p.AutoApproveAfter = 1
	a.refresh(r.str("refresh_token"))
	a.poll(a.startDevice())
	require.Equal(t, []string{"authorization_code", "refresh_token", grantDevice}, grants)
}
