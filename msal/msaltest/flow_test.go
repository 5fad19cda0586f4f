package msaltest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestCodeFlow(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	answer := a.authorize()
	require.Equal(t, "state-1", answer.Get("state"))
	require.Equal(t, msaltest.DefaultURL, answer.Get("iss"), "RFC 9207")

	r := a.post("/token", redemption(answer.Get("code")))
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.Equal(t, "no-store", r.header.Get("Cache-Control"))
	require.Equal(t, "Bearer", r.str("token_type"))
	require.Equal(t, everything, r.str("scope"))
	require.EqualValues(t, 3600, r.json["expires_in"])
	require.NotContains(t, r.json, "refresh_in")
	require.NotEmpty(t, r.str("refresh_token"))

	claims := a.claims(r.str("id_token"))
	require.Equal(t, "nonce-1", claims["nonce"])
	require.Equal(t, "avery", claims["sub"])
	require.Equal(t, "Avery Example", claims["name"])
	require.Equal(t, "avery@idp.example", claims["email"])
	require.NotContains(t, claims, "auth_time")
	sum := sha256.Sum256([]byte(r.str("access_token")))
	require.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:16]), claims["at_hash"])

	require.Equal(t, "avery", a.userinfo(r.str("access_token")).str("sub"))
}

// The libraries that most Go programs use find their way by the metadata alone.
func TestForeignClient(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	ctx := oidc.ClientContext(t.Context(), p.Client())
	provider, err := oidc.NewProvider(ctx, p.URL)
	require.NoError(t, err)
	config := oauth2.Config{
		ClientID: "app", Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: strings.Fields(everything),
	}
	pkce := oauth2.GenerateVerifier()
	target := config.AuthCodeURL("s", oauth2.S256ChallengeOption(pkce))
	r := a.get(strings.TrimPrefix(target, p.URL))
	_, query, _ := strings.Cut(r.header.Get("Location"), "code=")
	code, _, _ := strings.Cut(query, "&")

	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(pkce))
	require.NoError(t, err)
	again, err := config.TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	require.NoError(t, err)
	require.NotEqual(t, token.RefreshToken, again.RefreshToken)
	_, err = provider.UserInfo(ctx, oauth2.StaticTokenSource(again))
	require.NoError(t, err)
}

func TestScopesDecideWhatIsGiven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, member string
		want          bool
	}{
		{"openid", "refresh_token", false},
		{"openid offline_access", "refresh_token", true},
		{"offline_access", "id_token", false},
		{"openid", "id_token", true},
	} {
		r := newApp(t, msaltest.New(t)).signIn("scope", c.scope)
		_, has := r.json[c.member]
		require.Equal(t, c.want, has, "%s for %q", c.member, c.scope)
	}
	for _, c := range []struct {
		scope, claim string
		want         bool
	}{
		{"openid", "name", false},
		{"openid profile", "name", true},
		{"openid profile", "preferred_username", true},
		{"openid profile", "email", false},
		{"openid email", "email", true},
		{"openid email", "name", false},
	} {
		a := newApp(t, msaltest.New(t))
		_, has := a.claims(a.signIn("scope", c.scope).str("id_token"))[c.claim]
		require.Equal(t, c.want, has, "%s for %q", c.claim, c.scope)
	}
}

func TestScopeKnobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*msaltest.Platform)
		want any
	}{
		"all": {func(*msaltest.Platform) {}, everything},
		"fewer": {func(p *msaltest.Platform) {
			p.GrantScopes = func(requested []string) []string { return requested[:1] }
		}, "openid"},
		"another spelling": {func(p *msaltest.Platform) {
			p.ScopeEcho = func(granted []string) string { return strings.Join(granted, ",") }
		}, strings.ReplaceAll(everything, " ", ",")},
		"omitted": {func(p *msaltest.Platform) { p.OmitScope = true }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := msaltest.New(t)
			c.set(p)
			require.Equal(t, c.want, newApp(t, p).signIn().json["scope"])
		})
	}
}

func TestRejectScopes(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	granted := a.signIn()
	p.RejectScopes = []string{"email", "offline_access"}
	answer := a.authorize()
	require.Equal(t, "invalid_scope", answer.Get("error"))
	require.Contains(t, answer.Get("error_description"), "email offline_access")
	for _, r := range []reply{
		a.post("/device", with(url.Values{}, "client_id", "app", "scope", everything)),
		a.refresh(granted.str("refresh_token"), "scope", everything),
	} {
		require.Equal(t, "invalid_scope", r.code())
		require.Contains(t, r.str("error_description"), "email offline_access")
	}
	require.Equal(t, http.StatusOK, a.refresh(granted.str("refresh_token"), "scope", "openid").status,
		"a refused request must not spend the token")
}

func TestRefusedRedemptions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pairs []string
		want  string
	}{
		"another client":   {[]string{"client_id", "other"}, "invalid_grant"},
		"no client":        {[]string{"client_id", ""}, "invalid_client"},
		"a secret":         {[]string{"client_secret", "s"}, "invalid_client"},
		"another redirect": {[]string{"redirect_uri", callback + "2"}, "invalid_grant"},
		"another port":     {[]string{"redirect_uri", "http://127.0.0.1:5124/callback"}, "invalid_grant"},
		"no redirect":      {[]string{"redirect_uri", ""}, "invalid_grant"},
		"another verifier": {[]string{"code_verifier", strings.Repeat("w", 43)}, "invalid_grant"},
		"no verifier":      {[]string{"code_verifier", ""}, "invalid_grant"},
		"no code":          {[]string{"code", ""}, "invalid_grant"},
		"no grant":         {[]string{"grant_type", ""}, "invalid_request"},
		"another grant":    {[]string{"grant_type", "password"}, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, msaltest.New(t))
			r := a.post("/token", redemption(a.authorize().Get("code"), c.pairs...))
			require.Equal(t, c.want, r.code(), r.body)
			require.NotContains(t, r.json, "access_token")
		})
	}
}

// Some clients repeat the scopes that they asked for, of which the person may have granted fewer.
func TestScopeAtRedemption(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	r := a.post("/token", redemption(a.authorize().Get("code"), "scope", "api.read declined"))
	require.Equal(t, "api.read", r.str("scope"))
	require.NotContains(t, r.json, "id_token")
	require.Equal(t, everything, a.refresh(r.str("refresh_token")).str("scope"))
}

func TestSecretOfAPublicClient(t *testing.T) {
	t.Parallel()
	r := newApp(t, msaltest.New(t)).refresh("rt", "client_secret", "s")
	require.Equal(t, http.StatusUnauthorized, r.status)
	require.Contains(t, r.str("error_description"), "public")
}

func TestCodeIsBurnedByAWrongVerifier(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	code := a.authorize().Get("code")
	require.Equal(t, "invalid_grant", a.post("/token", redemption(code, "code_verifier", strings.Repeat("w", 43))).code())
	require.Equal(t, "invalid_grant", a.post("/token", redemption(code)).code())
}

func TestCodeUsedTwiceEndsTheSession(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	code := a.authorize().Get("code")
	first := a.post("/token", redemption(code))
	require.True(t, p.SessionAlive("avery"))
	require.Equal(t, "invalid_grant", a.post("/token", redemption(code)).code())
	require.False(t, p.SessionAlive("avery"))
	require.Equal(t, "invalid_grant", a.refresh(first.str("refresh_token")).code())
}

func TestCodeLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		a := newApp(t, p)
		young := a.authorize().Get("code")
		time.Sleep(time.Minute - time.Nanosecond)
		require.Empty(t, a.post("/token", redemption(young)).code())
		p.CodeLife = time.Second
		old := a.authorize().Get("code")
		time.Sleep(time.Second)
		require.Equal(t, "invalid_grant", a.post("/token", redemption(old)).code())
	})
}

func TestAccessTokenLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AccessTokenLife, p.RefreshIn = 90*time.Second, 30*time.Second
		a := newApp(t, p)
		r := a.signIn()
		require.EqualValues(t, 90, r.json["expires_in"])
		require.EqualValues(t, 30, r.json["refresh_in"])
		require.Equal(t, http.StatusOK, a.userinfo(r.str("access_token")).status)
		time.Sleep(90 * time.Second)
		require.Equal(t, http.StatusUnauthorized, a.userinfo(r.str("access_token")).status)
	})
}

func TestClientSecret(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.ClientSecret = "not-a-secret"
	a := newApp(t, p)
	r := a.post("/token", redemption(a.authorize().Get("code")))
	require.Equal(t, "invalid_client", r.code())
	require.Equal(t, http.StatusUnauthorized, r.status)
	r = a.post("/token", redemption(a.authorize().Get("code"), "client_secret", "not-a-secret"))
	require.Empty(t, r.code())
}

func TestTokenRequestForm(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	twice := redemption(a.authorize().Get("code"))
	twice.Add("scope", "a")
	twice.Add("scope", "b")
	require.Equal(t, "invalid_request", a.post("/token", twice).code())
	resources := redemption(a.authorize().Get("code"))
	resources["resource"] = []string{"https://a.example", "https://b.example"}
	require.Empty(t, a.post("/token", resources).code())

	req, err := http.NewRequest(http.MethodPost, a.base+"/token", strings.NewReader("{}"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	r, err := a.do(req)
	require.NoError(t, err)
	require.Equal(t, "invalid_request", r.code())
	require.Equal(t, http.StatusMethodNotAllowed, a.get("/token").status)
}
