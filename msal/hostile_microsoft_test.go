package msal_test

import (
	"encoding/base64"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// A claims challenge is honoured from the API that the token is for, and from nobody to whom it sends us on.
func TestChallengesOfAPIs(t *testing.T) {
	t.Parallel()
	encoded := base64.StdEncoding.EncodeToString([]byte(mfa))
	more := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"acrs":{"essential":true,"value":"c1"},"xms_cc":{"values":["cp1"]}}}`))
	for name, test := range map[string]struct {
		header       string
		capabilities []string
		elsewhere    bool   // it comes from where the API redirects to
		want         string // claims of the one refresh
		without      int    // refreshes without claims: a token that is refused may be renewed
	}{
		"R-MS-7 in base64":           {`Bearer error="insufficient_claims", claims="` + encoded + `"`, nil, false, mfa, 0},
		"R-MS-7 with capabilities":   {`Bearer error="insufficient_claims", claims="` + encoded + `"`, []string{"cp1"}, false, `{"access_token":{"acrs":{"essential":true,"value":"c1"},"xms_cc":{"values":["cp1"]}}}`, 0},
		"R-MS-7 that we can do more": {`Bearer error="insufficient_claims", claims="` + more + `"`, nil, false, mfa, 0},
		"R-MS-7 of another API":      {`Bearer error="insufficient_claims", claims="` + encoded + `"`, nil, true, "", 0},
		"R-MS-7 no object":           {`Bearer error="insufficient_claims", claims="WzFd"`, nil, false, "", 0},
		"R-MS-7 more than 8 KiB":     {`Bearer error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(`{"a":"`+string(make8K('a'))+`"}`)) + `"`, nil, false, "", 0},
		"R-MS-7 R-6750-4 said twice": {`Bearer error="insufficient_claims", claims="` + encoded + `", claims="e30"`, nil, false, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first msal.Token
			challenge := func(w http.ResponseWriter, r *http.Request) {
				if bearer := r.Header.Get("Authorization"); bearer != "" && bearer != "Bearer "+first.AccessToken() {
					return
				}
				w.Header().Set("WWW-Authenticate", test.header)
				w.WriteHeader(http.StatusUnauthorized)
			}
			handler := challenge
			if test.elsewhere {
				handler = func(w http.ResponseWriter, r *http.Request) {
					http.Redirect(w, r, "https://other.example/", http.StatusTemporaryRedirect)
				}
			}
			n, c, token := online(t, handler)
			n.hosts["https://other.example"] = challenge
			if test.capabilities != nil {
				c = newClient(t, n.p, func(cfg *msal.Config) {
					cfg.HTTPClient, cfg.Capabilities = &http.Client{Transport: n}, test.capabilities
				})
				token = signIn(t, n.p, c, "read")
				n.p.ResetLog()
			}
			first = token
			resp, err := c.HTTPClient(api, "read").Get(api)
			require.NoError(t, err)
			resp.Body.Close()
			sent := n.p.TokenRequests("refresh_token")
			if test.want == "" {
				require.Len(t, sent, test.without)
				for _, r := range sent {
					require.NotContains(t, r.Form, "claims")
				}
				return
			}
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Len(t, sent, 1, "the token at hand does not do")
			require.JSONEq(t, test.want, sent[0].Form.Get("claims"))
		})
	}
}

// make8K is 8 KiB of one character.
func make8K(c byte) []byte {
	b := make([]byte, 8<<10)
	for i := range b {
		b[i] = c
	}
	return b
}

// A token for another API costs one refresh with the refresh token that there is, has a place of its own, and leaves one
// refresh token behind.
func TestOtherResources_RF15(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := cache.Memory()
		p, c := microsoft(t, "organizations", func(cfg *msal.Config) { cfg.Cache = store })
		const management = "https://management.azure.com/user_impersonation"
		graph := signIn(t, p, c, "User.Read", management) // consented to both, redeemed for the first
		p.ResetLog()
		other, err := c.Token(t.Context(), management)
		require.NoError(t, err)
		require.NotEqual(t, graph.AccessToken(), other.AccessToken())
		require.Equal(t, 1, p.Count())
		for range 3 {
			for scope, want := range map[string]string{"User.Read": graph.AccessToken(), management: other.AccessToken()} {
				token, err := c.Token(t.Context(), scope)
				require.NoError(t, err)
				require.Equal(t, want, token.AccessToken())
			}
		}
		require.Equal(t, 1, p.Count())
		require.Len(t, refreshTokens(t, store), 1)
		time.Sleep(time.Until(other.Expiry))
		requireToken(t, c, management)
		require.Len(t, refreshTokens(t, store), 1)
	})
}
