package msaltest_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	everything  = "openid profile email offline_access api.read"
	callback    = "http://127.0.0.1:5123/callback"
	grantDevice = "urn:ietf:params:oauth:grant-type:device_code"
)

var verifier = strings.Repeat("v", 43)

// app is a client written by hand, so that the tests see the wire and nothing in between.
type app struct {
	t    *testing.T
	p    *msaltest.Platform
	http *http.Client
	base string
}

func newApp(t *testing.T, p *msaltest.Platform) *app {
	c := p.Client()
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &app{t: t, p: p, http: c, base: p.URL}
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (r reply) str(member string) string { s, _ := r.json[member].(string); return s }

// code is the OAuth error code, empty for a success.
func (r reply) code() string { return r.str("error") }

func (a *app) do(req *http.Request) (reply, error) {
	resp, err := a.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	r := reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		_ = json.Unmarshal(body, &r.json)
	}
	return r, err
}

func (a *app) try(path string, form url.Values) (reply, error) {
	req, err := http.NewRequest(http.MethodPost, a.base+path, strings.NewReader(form.Encode()))
	require.NoError(a.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return a.do(req)
}

func (a *app) post(path string, form url.Values) reply {
	a.t.Helper()
	r, err := a.try(path, form)
	require.NoError(a.t, err)
	return r
}

func (a *app) get(path string) reply {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodGet, a.base+path, nil)
	require.NoError(a.t, err)
	r, err := a.do(req)
	require.NoError(a.t, err)
	return r
}

// with changes a form: pairs of name and value, where an empty value deletes.
func with(form url.Values, pairs ...string) url.Values {
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			form.Del(pairs[i])
		}
	}
	return form
}

func authorization(pairs ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	return with(url.Values{
		"client_id":             {"app"},
		"response_type":         {"code"},
		"redirect_uri":          {callback},
		"scope":                 {everything},
		"state":                 {"state-1"},
		"nonce":                 {"nonce-1"},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}, pairs...)
}

// authorize returns what arrives at the redirect URI.
func (a *app) authorize(pairs ...string) url.Values {
	a.t.Helper()
	r := a.get("/authorize?" + authorization(pairs...).Encode())
	require.Equal(a.t, http.StatusSeeOther, r.status, r.body)
	u, err := url.Parse(r.header.Get("Location"))
	require.NoError(a.t, err)
	return u.Query()
}

func redemption(code string, pairs ...string) url.Values {
	return with(url.Values{
		"client_id":     {"app"},
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {callback},
		"code_verifier": {verifier},
	}, pairs...)
}

// signIn returns the token answer of a whole sign-in.
func (a *app) signIn(pairs ...string) reply {
	a.t.Helper()
	answer := a.authorize(pairs...)
	require.NotEmpty(a.t, answer.Get("code"), answer)
	r := a.post("/token", redemption(answer.Get("code")))
	require.Equal(a.t, http.StatusOK, r.status, r.body)
	return r
}

func refreshment(token string, pairs ...string) url.Values {
	return with(url.Values{"client_id": {"app"}, "grant_type": {"refresh_token"}, "refresh_token": {token}}, pairs...)
}

func (a *app) refresh(token string, pairs ...string) reply {
	a.t.Helper()
	return a.post("/token", refreshment(token, pairs...))
}

// claims verifies an ID token with go-oidc, which knows nothing of this package.
func (a *app) claims(token string) map[string]any {
	a.t.Helper()
	return a.verifiedFor("app", token)
}

func (a *app) verifiedFor(client, token string) map[string]any {
	a.t.Helper()
	ctx := oidc.ClientContext(a.t.Context(), a.p.Client())
	provider, err := oidc.NewProvider(ctx, a.base)
	require.NoError(a.t, err)
	verified, err := provider.Verifier(&oidc.Config{ClientID: client}).Verify(ctx, token)
	require.NoError(a.t, err)
	claims := map[string]any{}
	require.NoError(a.t, verified.Claims(&claims))
	return claims
}

// exchangeAny posts a form for an example and returns the answer's members.
func exchangeAny(client *http.Client, endpoint string, form url.Values) map[string]any {
	resp, err := client.PostForm(endpoint, form)
	return members(resp, err)
}

// getAny does the same with GET over the network.
func getAny(address string) map[string]any {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(address)
	return members(resp, err)
}

func members(resp *http.Response, err error) (m map[string]any) {
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&m); err != nil {
		panic(err)
	}
	return m
}
