package msal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// life is all that a program sends in the life of a session, and what it has got.
type life struct {
	fronts   []url.Values       // authorization requests
	posts    []msaltest.Request // to the token, device and revocation endpoints
	requests []msaltest.Request // all
	secrets  []string           // tokens, codes, verifiers
}

// wholeLife signs in twice by code and once by device, refreshes, satisfies a challenge and signs out.
func wholeLife(t *testing.T) (l life) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 2
		c := newClient(t, p)
		resources := []string{"https://one.example/", "urn:two"}
		demanding := c.With(msal.Params{Resources: resources})
		for _, each := range []*msal.Client{c, c, demanding} {
			z, callback := begin(t, p, each, "read", "User.Read")
			l.fronts = append(l.fronts, query(t, z.URL()))
			_, err := z.Redeem(t.Context(), callback)
			require.NoError(t, err)
			l.secrets = append(l.secrets, callback.Get("code"))
		}
		token, err := c.SignIn(t.Context(), silently, "read", "User.Read")
		require.NoError(t, err)
		l.secrets = append(l.secrets, token.AccessToken())
		time.Sleep(time.Until(token.Expiry))
		token, err = c.Token(t.Context(), "read")
		require.NoError(t, err)
		l.secrets = append(l.secrets, token.AccessToken())
		_, err = c.WithClaims(mfa).Token(t.Context(), "read")
		require.NoError(t, err)
		require.NoError(t, c.SignOut(t.Context()))
		l.requests = p.Requests()
		for _, r := range l.requests {
			if r.Method == http.MethodPost {
				l.posts = append(l.posts, r)
			}
			for _, name := range []string{"code_verifier", "refresh_token", "token", "device_code"} {
				l.secrets = append(l.secrets, r.Form[name]...)
			}
		}
	})
	return l
}

// What holds for every request, in whatever way a person signs in.
func TestEveryRequest(t *testing.T) {
	t.Parallel()
	l := wholeLife(t)
	require.Len(t, l.fronts, 3)
	require.Len(t, l.posts, 3+1+2+2+2) // codes, device, polls, refreshes, and what two grants leave to revoke
	grants := map[string]int{}
	for _, r := range l.posts {
		if grant := r.Form.Get("grant_type"); grant != "" {
			grants[grant]++
		}
	}
	each := func(check func(t *testing.T, v url.Values)) func(*testing.T) {
		return func(t *testing.T) {
			for _, v := range l.fronts {
				check(t, v)
			}
			for _, r := range l.posts {
				check(t, r.Form)
			}
		}
	}
	for name, test := range map[string]func(*testing.T){
		"R-6749-2 nothing twice, nothing empty": each(func(t *testing.T, v url.Values) {
			for name, values := range v {
				require.NotContains(t, values, "", name)
				require.True(t, len(values) == 1 || name == "resource", name)
			}
		}),
		"R-6749-11 client_id in the body, no credentials": func(t *testing.T) {
			for _, r := range l.posts {
				require.Equal(t, clientID, r.Form.Get("client_id"))
				require.NotContains(t, r.URL, clientID)
				require.NotContains(t, r.Form, "client_secret")
				require.Empty(t, r.Header.Get("Authorization"))
			}
		},
		"R-8252-7 no secret": each(func(t *testing.T, v url.Values) { require.NotContains(t, v, "client_secret") }),
		"R-6749-13 a form, posted": func(t *testing.T) {
			for _, r := range l.requests {
				switch r.Endpoint {
				case "token", "device", "revocation":
					require.Equal(t, http.MethodPost, r.Method)
					require.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
					require.NotContains(t, r.URL, "?")
				default:
					require.Equal(t, http.MethodGet, r.Method)
				}
			}
		},
		"R-21-1 R-6750-5 no token in an address or a cookie": func(t *testing.T) {
			require.GreaterOrEqual(t, len(l.secrets), 12)
			for _, r := range l.requests {
				for _, secret := range l.secrets {
					require.NotContains(t, r.URL, secret)
				}
				require.Empty(t, r.Header.Values("Cookie"))
				require.Empty(t, r.Header.Values("Referer"))
			}
		},
		"BR-11 no secret in what a browser is started with": func(t *testing.T) {
			for _, v := range l.fronts {
				for _, secret := range l.secrets {
					require.NotContains(t, v.Encode(), secret)
				}
			}
		},
		"R-21-4 no password, no implicit grant": func(t *testing.T) {
			require.Equal(t, map[string]int{
				"authorization_code": 3, "refresh_token": 2, "urn:ietf:params:oauth:grant-type:device_code": 2,
			}, grants)
			for _, v := range l.fronts {
				require.Equal(t, "code", v.Get("response_type"))
			}
		},
		"R-6749-15 a refresh asks for no more than was granted": func(t *testing.T) {
			for _, r := range l.posts {
				if r.Form.Get("grant_type") == "refresh_token" {
					require.Equal(t, "read openid profile email offline_access", r.Form.Get("scope"))
				}
			}
		},
		"R-9700-5 the caller's scopes and the defaults": func(t *testing.T) {
			for _, v := range l.fronts {
				require.Equal(t, "read User.Read "+scopes.Defaults().String(), v.Get("scope"))
			}
		},
		"R-8707-1 resources at both endpoints": func(t *testing.T) {
			want := []string{"https://one.example/", "urn:two"}
			require.Equal(t, want, l.fronts[2]["resource"])
			require.Equal(t, want, l.posts[2].Form["resource"])
			require.NotContains(t, l.fronts[1], "resource")
		},
		"R-OIDC-18 no prompt unless the caller says so": each(func(t *testing.T, v url.Values) { require.NotContains(t, v, "prompt") }),
		"R-7009-1 what is revoked": func(t *testing.T) {
			last := l.posts[len(l.posts)-1]
			require.Equal(t, "revocation", last.Endpoint)
			require.Equal(t, "refresh_token", last.Form.Get("token_type_hint"))
			require.NotEmpty(t, last.Form.Get("token"))
		},
	} {
		t.Run(name, test)
	}
	t.Run("of each transaction", func(t *testing.T) { requireTransactions(t, l) })
}

// requireTransactions checks that a sign-in shares nothing with another one.
func requireTransactions(t *testing.T, l life) {
	seen := map[string]bool{}
	once := func(t *testing.T, s string) {
		t.Helper()
		require.False(t, seen[s], "used twice")
		seen[s] = true
	}
	for i, v := range l.fronts {
		sent := l.posts[i].Form
		verifier := sent.Get("code_verifier")
		sum := sha256.Sum256([]byte(verifier))
		t.Run("R-6749-8 state of 256 bits", func(t *testing.T) {
			once(t, v.Get("state"))
			raw, err := base64.RawURLEncoding.DecodeString(v.Get("state"))
			require.NoError(t, err)
			require.Len(t, raw, 32)
		})
		t.Run("R-9700-1 R-8252-6 a nonce and a challenge of its own", func(t *testing.T) {
			once(t, v.Get("nonce"))
			once(t, v.Get("code_challenge"))
			require.Equal(t, "S256", v.Get("code_challenge_method"))
		})
		t.Run("R-7636-1 a verifier of 256 bits", func(t *testing.T) {
			once(t, verifier)
			require.Regexp(t, `^[A-Za-z0-9._~-]{43,128}$`, verifier)
		})
		t.Run("R-7636-3 its hash is the challenge", func(t *testing.T) {
			require.Equal(t, base64.RawURLEncoding.EncodeToString(sum[:]), v.Get("code_challenge"))
		})
		t.Run("R-6749-10 the same redirect URI, to the byte", func(t *testing.T) {
			require.Equal(t, v["redirect_uri"], sent["redirect_uri"])
		})
	}
	t.Run("R-7636-3 the vector of RFC 7636, appendix B", func(t *testing.T) {
		require.Equal(t, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
			oauth2.S256ChallengeFromVerifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
	})
}

// The environment names everything that other libraries let it choose. Nothing of it is read. Not parallel: it sets it.
func TestEnvironment_EN05(t *testing.T) {
	for _, prefix := range []string{"", "OAUTH_", "OAUTH2_", "OIDC_", "AZURE_", "MSAL_", "STAYSIGNED_"} {
		for _, name := range []string{
			"ISSUER", "AUTHORITY", "AUTHORITY_HOST", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "TOKEN_ENDPOINT", "TOKEN_URL", "AUTH_URL",
			"REDIRECT_URI", "REDIRECT_HOST", "LISTEN_ADDRESS", "HOST", "PORT", "SCOPES", "INSECURE", "INSECURE_SKIP_VERIFY", "SSL_VERIFY", "USERNAME", "PASSWORD",
		} {
			t.Setenv(prefix+name, "https://evil.example/"+name)
		}
	}
	p, c := onSockets(t)
	token, err := c.SignIn(t.Context(), msal.Browser{Open: p.Browse}, "read")
	require.NoError(t, err)
	require.Equal(t, "avery", token.Account.Subject)
	_, err = c.ForceRefresh().Token(t.Context(), "read")
	require.NoError(t, err)
	for _, r := range p.Requests() {
		require.NotContains(t, r.URL+r.Body, "evil")
		require.True(t, r.Form.Get("redirect_uri") == "" || strings.HasPrefix(r.Form.Get("redirect_uri"), "http://127.0.0.1:"))
	}
}

// Whatever else a sign-in is asked for, two things stay out of it.
func TestExtraParameters(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	z, callback := begin(t, p, newClient(t, p).With(msal.Params{Prompt: "consent", Extra: url.Values{"hd": {"x"}}}), "read")
	t.Run("R-OIDC-18 the caller's prompt", func(t *testing.T) {
		require.Equal(t, []string{"consent"}, query(t, z.URL())["prompt"])
	})
	p.ResetLog()
	_, err := z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	t.Run("R-6749-2 nothing of it at the token endpoint", func(t *testing.T) {
		form := p.Requests()[0].Form
		require.False(t, slices.ContainsFunc([]string{"prompt", "hd", "state", "nonce"}, form.Has))
	})
}
