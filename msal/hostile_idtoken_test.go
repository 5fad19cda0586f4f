package msal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// forgery is an ID token as it should not be. Both edits may be nil.
type forgery struct {
	claims map[string]any            // these are set; nil deletes one
	token  func(token string) string // what becomes of the signed token
	says   string                    // the check that fails
}

func (f forgery) apply(p *msaltest.Platform) {
	p.EditClaims = func(claims map[string]any) {
		maps.Copy(claims, f.claims)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	}
	p.EditToken = func(_ string, answer map[string]any) {
		if f.token != nil {
			answer["id_token"] = f.token(answer["id_token"].(string))
		}
	}
}

// reheaded is a token with another header and signature.
func reheaded(header string, sign func(message string) string) func(string) string {
	return func(token string) string {
		message := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + strings.Split(token, ".")[1]
		return message + "." + sign(message)
	}
}

// mallory is another person, with the signature of the right one.
func mallory(token string) string {
	part := strings.Split(token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		panic(err)
	}
	part[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), "avery", "mallory", 1)))
	return strings.Join(part, ".")
}

func unsigned(string) string { return "" }

// strangers signs with a key that nobody has published.
func strangers(message string) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	signature, err := ecdsa.SignASN1(rand.Reader, key, []byte(message)[:32])
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(signature)
}

func set(name string, value any) map[string]any { return map[string]any{name: value} }

// forgeries are refused at every door: after a code, after a device code, and after a refresh.
var forgeries = map[string]forgery{
	"R-OIDC-2 R-DISC-1 another issuer":      {claims: set("iss", "https://evil.example"), says: "iss"},
	"R-OIDC-2 a slash more":                 {claims: set("iss", msaltest.DefaultURL+"/"), says: "iss"},
	"R-OIDC-3 another client":               {claims: set("aud", "another-client"), says: "aud"},
	"R-OIDC-3 another client beside us":     {claims: set("aud", []string{clientID, "another-client"}), says: "aud"},
	"R-OIDC-4 for another client":           {claims: set("azp", "another-client"), says: "azp"},
	"R-OIDC-5 other claims, same signature": {token: mallory, says: "signature"},
	"R-OIDC-5 no signature":                 {token: func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }, says: "signature"},
	"R-OIDC-6 alg none":                     {token: reheaded(`{"alg":"none"}`, unsigned), says: "alg"},
	"R-OIDC-6 alg HS256":                    {token: reheaded(`{"alg":"HS256"}`, strangers), says: "alg"},
	"R-OIDC-6 an algorithm not announced":   {token: reheaded(`{"alg":"ES384","kid":"test-key"}`, strangers), says: "alg"},
	"R-OIDC-7 over":                         {claims: set("exp", 1000), says: "exp"},
	"R-OIDC-7 no end":                       {claims: set("exp", nil), says: "exp"},
	"R-OIDC-7 not issued":                   {claims: set("iat", nil), says: "iat"},
	"R-OIDC-7 issued as text":               {claims: set("iat", "1000"), says: "claims"},
	"R-OIDC-10 nobody":                      {claims: set("sub", nil), says: "sub"},
	"R-OIDC-10 no text":                     {claims: set("sub", 7), says: "claims"},
	"R-OIDC-10 endless":                     {claims: set("sub", strings.Repeat("s", 256)), says: "sub"},
	"R-OIDC-10 not ASCII":                   {claims: set("sub", "jürgen"), says: "sub"},
	"R-OIDC-11 of another access token":     {claims: set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), says: "at_hash"},
	"R-9068-2 an access token":              {token: reheaded(`{"alg":"RS256","typ":"at+jwt"}`, strangers), says: "typ"},
}

func TestForgedIDTokens(t *testing.T) {
	for name, f := range forgeries {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation, p.AutoApproveAfter = msaltest.KeepOld, 1
				c := newClient(t, p)
				z, callback := begin(t, p, c, "read")
				f.apply(p)
				_, err := z.Redeem(t.Context(), callback)
				require.ErrorContains(t, err, "refused: id token: "+f.says)
				_, err = c.SignIn(t.Context(), silently, "read")
				require.ErrorContains(t, err, "refused: id token: "+f.says)
				requireNobody(t, c)
				require.Equal(t, 2, p.Count("token"), "nothing is asked for a second time")
				require.Zero(t, p.Count("userinfo"))

				p.EditClaims, p.EditToken = nil, nil
				first := signIn(t, p, c, "read")
				f.apply(p)
				_, err = c.ForceRefresh().Token(t.Context(), "read")
				require.ErrorContains(t, err, "refused: id token: "+f.says)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				p.ResetLog()
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, first.AccessToken(), token.AccessToken(), "nothing of the answer is used")
				require.Equal(t, first.Account, token.Account)
				require.Zero(t, p.Count())
			})
		})
	}
}

// What only a sign-in has asked for.
func TestForgedSignIns(t *testing.T) {
	t.Parallel()
	hour, phr := msal.Params{MaxAge: time.Hour}, msal.Params{ACRValues: []string{"phr", "phrh"}}
	for name, test := range map[string]struct {
		params msal.Params
		forgery
	}{
		"R-OIDC-1 no ID token":             {forgery: forgery{token: func(string) string { return "" }, says: "no ID token"}},
		"R-OIDC-7 a day and more old":      {forgery: forgery{claims: set("iat", time.Now().Add(-25*time.Hour).Unix()), says: "iat"}},
		"R-OIDC-7 issued tomorrow":         {forgery: forgery{claims: set("iat", time.Now().Add(24*time.Hour).Unix()), says: "iat"}},
		"R-OIDC-8 no nonce":                {forgery: forgery{claims: set("nonce", nil), says: "nonce"}},
		"R-OIDC-8 another nonce":           {forgery: forgery{claims: set("nonce", "n-0S6_WzA2Mj"), says: "nonce"}},
		"R-OIDC-9 signed in long ago":      {hour, forgery{claims: set("auth_time", time.Now().Add(-2*time.Hour).Unix()), says: "auth_time"}},
		"R-OIDC-9 when, is not said":       {hour, forgery{claims: set("auth_time", nil), says: "auth_time"}},
		"R-OIDC-9 another class":           {phr, forgery{claims: set("acr", "pwd"), says: "acr"}},
		"R-OIDC-9 no class":                {phr, forgery{claims: set("acr", nil), says: "acr"}},
		"R-OIDC-9 the class was asked for": {phr, forgery{claims: set("acr", "phrh")}},
		"R-OIDC-9 none was asked for":      {msal.Params{ACRValues: []string{}}, forgery{claims: set("acr", "pwd")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, callback := begin(t, p, c.With(test.params), "read")
			test.apply(p)
			_, err := z.Redeem(t.Context(), callback)
			if test.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.says)
			requireNobody(t, c)
			_, err = c.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.Equal(t, 1, p.Count("token"))
		})
	}
}

// What a refresh may change of the ID token, and what it may not.
func TestRefreshedIDTokens(t *testing.T) {
	for name, test := range map[string]struct {
		claims map[string]any
		none   bool // there is no ID token
		says   string
	}{
		"RF-10 R-OIDC-15 another person":   {claims: set("sub", "somebody-else"), says: "sub"},
		"RF-10 another issuer":             {claims: set("iss", "https://evil.example"), says: "iss"},
		"RF-10 another audience":           {claims: set("aud", "another-client"), says: "aud"},
		"RF-10 one audience more":          {claims: set("aud", []string{clientID, "trusted"}), says: "aud"},
		"RF-11 no nonce":                   {claims: set("nonce", nil)},
		"RF-11 the same nonce":             {},
		"RF-11 another nonce":              {claims: set("nonce", "n-0S6_WzA2Mj"), says: "nonce"},
		"RF-12 a later auth_time":          {claims: set("auth_time", time.Date(2000, 1, 1, 0, 30, 0, 0, time.UTC).Unix()), says: "auth_time"},
		"RF-12 azp, which was not there":   {claims: set("azp", clientID), says: "azp"},
		"RF-13 R-OIDC-15 no ID token":      {none: true},
		"R-OIDC-15 another name, same sub": {claims: set("name", "Avery New")},
		"issued when the first one was":    {claims: set("iat", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Unix())},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = msaltest.KeepOld
				c := newClient(t, p, func(cfg *msal.Config) { cfg.TrustedAudiences = []string{"trusted"} })
				forgery{claims: set("auth_time", time.Now().Unix())}.apply(p)
				first := expire(t, p, c, "read")
				forgery{claims: test.claims}.apply(p)
				if test.none {
					p.EditToken = edited(map[string]any{"id_token": nil})
				}
				token, err := c.Token(t.Context(), "read")
				if test.says == "" {
					require.NoError(t, err)
					require.Equal(t, first.Account.ID, token.Account.ID)
					var claims struct {
						Sub string `json:"sub"`
					}
					require.NoError(t, token.Claims(&claims))
					require.Equal(t, "avery", claims.Sub)
					return
				}
				require.ErrorContains(t, err, test.says)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				p.EditClaims = nil
				token, err = c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, first.Account, token.Account)
				sent := p.TokenRequests("refresh_token")
				require.Len(t, sent, 2)
				require.Equal(t, sent[0].Form.Get("refresh_token"), sent[1].Form.Get("refresh_token"), "the old grant has stayed")
			})
		})
	}
}

// What a token says of somebody's email address is passed on and decides nothing; who points elsewhere is not followed.
func TestClaimsDecideNothing(t *testing.T) {
	t.Parallel()
	for name, claims := range map[string]map[string]any{
		"IT-33 email_verified as text":   {"email_verified": "true", "email": "victim@example.com"},
		"IT-33 email_verified, a number": {"email_verified": 1},
		"IT-33 email_verified, nothing":  {"email_verified": json.RawMessage("null")},
		"IT-32 R-OIDC-17 claims elsewhere": {
			"_claim_names":   map[string]string{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": "http://127.0.0.1/groups"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			plain := signIn(t, p, newClient(t, p), "read").Account
			forgery{claims: claims}.apply(p)
			token := signIn(t, p, c, "read")
			require.Equal(t, plain.ID, token.Account.ID)
			var raw map[string]any
			require.NoError(t, token.Claims(&raw))
			for name := range claims {
				require.Contains(t, raw, name)
			}
			require.Zero(t, p.Count("userinfo"))
		})
	}
}

// Of claims whose names differ in a letter's case, or in one that Unicode folds into another, a program gets the one that it
// names: neither another beside it nor another in its place.
func TestClaimsKeepToTheirNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		claims map[string]any
		roles  []string
	}{
		"IT-21 capitals beside it":      {map[string]any{"roles": []string{"reader"}, "rolES": []string{"admin"}, "SUB": "root"}, []string{"reader"}},
		"IT-21 a long s beside it":      {map[string]any{"roles": []string{"reader"}, "role\u017f": []string{"admin"}, "\u017fub": "root"}, []string{"reader"}},
		"IT-21 capitals in its place":   {map[string]any{"Roles": []string{"admin"}}, nil},
		"IT-21 a long s in its place":   {map[string]any{"role\u017f": []string{"admin"}}, nil},
		"IT-21 of another type, beside": {map[string]any{"roles": []string{"reader"}, "ROLES": 7}, []string{"reader"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			forgery{claims: test.claims}.apply(p)
			token := signIn(t, p, newClient(t, p), "read")
			var claims struct {
				Sub   string   `json:"sub"`
				Roles []string `json:"roles"`
			}
			require.NoError(t, token.Claims(&claims))
			require.Equal(t, "avery", claims.Sub)
			require.Equal(t, test.roles, claims.Roles)
		})
	}
}

// An access token is for an API. Nothing in it is read here, also if it is a JWT that contradicts the answer.
func TestAccessTokenIsOpaque_R9068_1(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	jwt := "eyJ0eXAiOiJhdCtqd3QifQ." + base64.RawURLEncoding.EncodeToString([]byte(`{"exp":1,"sub":"mallory","scope":"admin","aud":"x"}`)) + ".AA"
	forgery{claims: set("at_hash", nil)}.apply(p)
	p.EditToken = edited(map[string]any{"access_token": jwt})
	c := newClient(t, p)
	for _, get := range []func() (msal.Token, error){
		func() (msal.Token, error) { return signIn(t, p, c, "read"), nil },
		func() (msal.Token, error) { return c.Token(t.Context(), "read") },
	} {
		token, err := get()
		require.NoError(t, err)
		require.Equal(t, jwt, token.AccessToken())
		require.Equal(t, "avery", token.Account.Subject)
		require.False(t, token.Scopes.Has("admin"))
		require.Greater(t, time.Until(token.Expiry), 59*time.Minute)
	}
}

// Who somebody is: iss and sub, to the letter, and never what they are called.
func TestAccountsAreNotEmailAddresses(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	var ids []string
	for _, sub := range []string{"avery", "Avery", "AVERY", "avery "} {
		p.SignInAs(msaltest.User{Subject: sub, Email: "same@example.com", Username: "same@example.com", Name: "Same"})
		ids = append(ids, signIn(t, p, c, "read").Account.ID)
	}
	other := msaltest.New(t)
	other.URL = "https://other.example"
	other.SignInAs(msaltest.User{Subject: "avery", Email: "same@example.com"})
	ids = append(ids, signIn(t, other, newClient(t, other), "read").Account.ID)
	for name, distinct := range map[string]int{"AC-01 R-OIDC-14 each is somebody else": 5} {
		t.Run(name, func(t *testing.T) {
			seen := map[string]bool{}
			for _, id := range ids {
				seen[id] = true
				require.NotContains(t, id, "same@")
			}
			require.Len(t, seen, distinct)
			accounts, err := c.Accounts(t.Context())
			require.NoError(t, err)
			require.Len(t, accounts, 4)
		})
	}
}
