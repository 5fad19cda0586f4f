package msal_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// journal is a log of everything, in both forms.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func (j *journal) logger() *slog.Logger {
	all := &slog.HandlerOptions{Level: slog.LevelDebug - 10}
	return slog.New(slog.NewMultiHandler(slog.NewTextHandler(j, all), slog.NewJSONHandler(j, all)))
}

// watched is a Client all of whose secrets are canaries.
type watched struct {
	*canaries
	platform *msaltest.Platform
	client   *msal.Client
	config   msal.Config
	log      *journal
}

func watch(t *testing.T, edit ...func(*msal.Config)) watched {
	w := watched{canaries: &canaries{}, platform: msaltest.New(t), log: &journal{}}
	w.config = msal.Config{
		ClientID: clientID, Authority: w.platform.URL, Cache: cache.Memory(),
		HTTPClient: w.spy(w.platform.Client().Transport), Logger: w.log.logger(),
	}
	for _, e := range edit {
		e(&w.config)
	}
	c, err := msal.New(w.config)
	require.NoError(t, err)
	w.client = c
	return w
}

// begin starts a sign-in whose secrets are canaries.
func (w watched) begin(t *testing.T, scope ...string) *msal.Authorization {
	t.Helper()
	z, err := w.client.Authorize(t.Context(), "http://127.0.0.1/callback", scope...)
	require.NoError(t, err)
	w.address(t, z.URL())
	return z
}

// back is what the browser brings back.
func (w watched) back(t *testing.T, z *msal.Authorization) url.Values {
	t.Helper()
	answer := visit(t, w.platform, z.URL())
	w.add("code", answer.Get("code"))
	return answer
}

func (w watched) signIn(t *testing.T, scope ...string) msal.Token {
	t.Helper()
	z := w.begin(t, scope...)
	token, err := z.Redeem(t.Context(), w.back(t, z))
	require.NoError(t, err)
	return token
}

// prints checks that v does not show a canary, however it is printed.
func prints[T any](t *testing.T, w watched, name string, v T) {
	t.Helper()
	for how, text := range everyPrint(v) {
		if found := w.in(text); found != "" {
			t.Errorf("%s, printed as %s, shows the %s", name, how, found)
			return
		}
	}
}

// TestPrintsNoSecret_LG01_LG02_LG04_LG09 prints every exported value while it holds what it can.
func TestPrintsNoSecret_LG01_LG02_LG04_LG09(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, func(cfg *msal.Config) { cfg.Capabilities = []string{"cp1"} })
		token := w.signIn(t, "read")
		w.platform.AutoApproveAfter = 2
		var prompt msal.DevicePrompt
		_, err := w.client.SignIn(t.Context(), msal.DeviceCode{Show: func(_ context.Context, p msal.DevicePrompt) error {
			prompt = p
			return nil
		}}, "read")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		renewed, err := w.client.Token(t.Context(), "read")
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken(), renewed.AccessToken())
		_, err = w.client.Token(t.Context(), "read")
		require.NoError(t, err)
		redeemed := w.begin(t, "read")
		_, err = redeemed.Redeem(t.Context(), w.back(t, redeemed))
		require.NoError(t, err)
		source := w.client.TokenSource(context.Background(), "read")
		_, err = source.Token()
		require.NoError(t, err)
		for _, kind := range []string{"access_token", "refresh_token", "device_code", "code", "code_verifier", "state", "nonce", "signature of an ID token"} {
			require.Contains(t, slices.Collect(maps.Values(w.seen)), kind)
		}

		prints(t, w, "Token", token)
		prints(t, w, "Token after a refresh", renewed)
		prints(t, w, "Account", token.Account)
		prints(t, w, "DevicePrompt", prompt)
		prints(t, w, "Config", w.config)
		prints(t, w, "Store", w.config.Cache)
		prints(t, w, "Client", w.client)
		prints(t, w, "Client of For", w.client.For(token.Account))
		prints(t, w, "Client of With", w.client.With(msal.Params{LoginHint: "avery"}))
		prints(t, w, "Client of WithClaims", w.client.WithClaims("{}"))
		prints(t, w, "Client of ForceRefresh", w.client.ForceRefresh())
		prints(t, w, "Authorization", w.begin(t, "read"))
		prints(t, w, "Authorization, redeemed", redeemed)
		prints(t, w, "HTTPClient", w.client.HTTPClient("https://api.example", "read"))
		prints(t, w, "TokenSource", source)
		require.Empty(t, w.in(w.log.String()), "the log")
	})
}

// TestPrintsNoSecretUnsaved: a session that the store would not take is in
// memory whole, refresh token and all.
func TestPrintsNoSecretUnsaved(t *testing.T) {
	w := watch(t, func(cfg *msal.Config) {
		cfg.Cache = &brokenStore{Store: cache.Memory(), put: func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) {
			return "", errDisk
		}}
	})
	token := w.signIn(t, "read")
	require.ErrorIs(t, token.Warning, errDisk)
	prints(t, w, "Token", token)
	prints(t, w, "Client", w.client)
	prints(t, w, "Client of For", w.client.For(token.Account))
	require.Empty(t, w.in(w.log.String()), "the log")
}

// echoes are answers that repeat the request. Proxies and debug pages do it.
var echoes = map[string]func(form string) *http.Response{
	"page":            func(form string) *http.Response { return echo(500, "text/html", "<pre>"+form+"</pre>") },
	"text":            func(form string) *http.Response { return echo(200, "text/plain", form) },
	"form":            func(form string) *http.Response { return echo(200, "application/x-www-form-urlencoded", form) },
	"no error":        func(form string) *http.Response { return echo(400, "application/json", `{"message":"`+form+`"}`) },
	"a member's name": func(form string) *http.Response { return echo(400, "application/json", `{"`+form+`":1,"`+form+`":2}`) },
	"not an object":   func(form string) *http.Response { return echo(200, "application/json", `["`+form+`"]`) },
	"access_token": func(form string) *http.Response {
		return echo(200, "application/json", `{"token_type":"Bearer","access_token":"`+form+`"}`)
	},
	"expires_in": func(form string) *http.Response {
		return echo(200, "application/json", `{"token_type":"Bearer","access_token":"at","expires_in":"`+form+`"}`)
	},
	"id_token": func(form string) *http.Response {
		return echo(200, "application/json", `{"token_type":"Bearer","access_token":"at","id_token":"`+form+`"}`)
	},
	"token_type": func(form string) *http.Response {
		return echo(200, "application/json", `{"token_type":"`+form+`","access_token":"at"}`)
	},
	"description": func(form string) *http.Response {
		return echo(400, "application/json", `{"error":"invalid_request","error_description":"you sent `+form+`"}`)
	},
	"every member": func(form string) *http.Response {
		return echo(400, "application/json", strings.ReplaceAll(`{"error":"@","suberror":"@","error_uri":"@","correlation_id":"@","claims":"@"}`, "@", form))
	},
	"a redirect": func(form string) *http.Response {
		resp := echo(307, "text/html", form)
		resp.Header.Set("Location", "https://evil.example/?"+form)
		return resp
	},
	"cut": func(form string) *http.Response {
		resp := echo(200, "application/json", `{"access_token":"`+form)
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, broken{fmt.Errorf("cut after %s", form)}))
		return resp
	},
	"no answer": func(string) *http.Response { return nil },
}

func echo(status int, media, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprint(status, " ", body), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Content-Type": {media}, "Www-Authenticate": {body}, "Retry-After": {body}},
	}
}

// TestErrorsShowNoSecret_LG05: whatever a server answers, and whatever breaks, no
// error and no line of the log repeats what was sent.
func TestErrorsShowNoSecret_LG05(t *testing.T) {
	for name, answer := range echoes {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				echoing := false
				w := watch(t, func(cfg *msal.Config) {
					straight := cfg.HTTPClient.Transport
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						form, err := reread(r)
						if err != nil {
							return nil, err
						}
						resp, err := straight.RoundTrip(r)
						if !echoing || form == "" || err != nil {
							return resp, err
						}
						if resp = answer(form); resp == nil {
							return nil, fmt.Errorf("the transport has sent %s", form)
						}
						return resp, nil
					})}
				})
				token := w.signIn(t, "read")
				z := w.begin(t, "read")
				callback := w.back(t, z)
				time.Sleep(time.Until(token.Expiry))
				echoing = true
				var failed []error
				_, err := w.client.Token(t.Context(), "read")
				failed = append(failed, err)
				_, err = z.Redeem(t.Context(), callback)
				failed = append(failed, err)
				_, err = w.client.Import(t.Context(), unifiedOf(t, map[string]string{"grace": "a-refresh-token-of-MSAL"}), "read")
				require.Error(t, err)
				failed = append(failed, err)
				echoing = false
				_, err = w.client.SignIn(t.Context(), msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error {
					echoing = true
					return nil
				}}, "read")
				failed = append(failed, err)
				failed = append(failed, w.client.SignOut(t.Context()))
				for i, err := range failed {
					if err != nil {
						require.Empty(t, w.in(err.Error()), "error %d: %v", i, err)
						prints(t, w, fmt.Sprintf("error %d: %v", i, err), err)
						require.Less(t, len(err.Error()), 1500)
					}
				}
				require.Empty(t, w.in(w.log.String()), "the log")
			})
		})
	}
}

// TestChallengesShowNoSecret: an API has seen the token, and may repeat it in
// its challenge, by mistake or so that it ends up in the URL of a sign-in.
func TestChallengesShowNoSecret(t *testing.T) {
	t.Parallel()
	for name, challenge := range map[string]func(token string) string{
		"realm":       func(token string) string { return `realm="` + token + `", claims="e30"` },
		"description": func(token string) string { return `error_description="` + token + `", claims="{\"access_token\":{}}"` },
		"claims":      func(token string) string { return `claims="` + token + `"` },
		"a claim":     func(token string) string { return `claims="{\"access_token\":{\"` + token + `\":null}}"` },
		"a value":     func(token string) string { return `claims="{\"x\":\"Bearer ` + token + `\"}"` },
		"base64": func(token string) string {
			return `claims="` + base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"x":{"value":"`+token+`"}}}`)) + `"`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t, func(cfg *msal.Config) {
				platform := cfg.HTTPClient.Transport
				cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if r.URL.Host != "api.example" {
						return platform.RoundTrip(r)
					}
					resp := echo(401, "text/plain", "refused")
					token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
					resp.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", `+challenge(token))
					return resp, nil
				})}
			})
			w.signIn(t, "read")
			w.platform.Fail("token", msaltest.Fault{Code: "interaction_required", Suberror: "basic_action"})
			client := w.client.HTTPClient(api, "read")
			resp, err := client.Get(api)
			prints(t, w, "HTTPClient", client)
			if err == nil {
				resp.Body.Close()
				require.Equal(t, 401, resp.StatusCode)
			} else {
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				prints(t, w, "error", err)
				z, err := w.client.WithClaims(asServerError(t, err).Claims).Authorize(t.Context(), "http://127.0.0.1/callback", "read")
				require.NoError(t, err)
				require.Empty(t, w.in(z.URL()), "the URL of the sign-in")
			}
			require.Equal(t, name == "realm" || name == "description", err != nil)
			require.Empty(t, w.in(w.log.String()), "the log")
		})
	}
}

// TestPrintsNoSecretBarred: a Client that remembers what it was refused.
func TestPrintsNoSecretBarred(t *testing.T) {
	w := watch(t)
	token := w.signIn(t, "read")
	w.platform.Fail("token", msaltest.Fault{Code: "invalid_grant", Suberror: "message_only"})
	_, err := w.client.ForceRefresh().Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	prints(t, w, "Client of For", w.client.For(token.Account))
	prints(t, w, "error", err)
}

// TestErrorsShowNoPassword_LG06: a URL may come with a password in it, by mistake or
// because a proxy wants one.
func TestErrorsShowNoPassword_LG06(t *testing.T) {
	t.Parallel()
	const password = "hunter2-hunter2-hunter2"
	w := watch(t)
	w.add("password", password)
	config := func(edit func(*msal.Config)) error {
		cfg := msal.Config{ClientID: clientID, Authority: "https://idp.example"}
		edit(&cfg)
		c, err := msal.New(cfg)
		if err == nil {
			_, err = c.Authorize(t.Context(), "http://127.0.0.1/callback")
		}
		return err
	}
	proxy := func(address string) error {
		return config(func(cfg *msal.Config) {
			cfg.Logger = w.log.logger()
			cfg.HTTPClient = &http.Client{Transport: &http.Transport{
				Proxy: func(*http.Request) (*url.URL, error) { return url.Parse(address) },
			}}
		})
	}
	request := func(origin string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil)
		require.NoError(t, err)
		resp, err := w.client.HTTPClient(origin, "read").Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	authorize := func(redirect string) error {
		_, err := w.client.Authorize(t.Context(), redirect)
		return err
	}
	browse := func(redirect string) error {
		_, err := w.client.SignIn(t.Context(), msal.Browser{RedirectURI: redirect})
		return err
	}
	resource := func(resource string) error {
		_, err := w.client.With(msal.Params{Resources: []string{resource}}).Token(t.Context())
		return err
	}
	const user = "user:" + password + "@"
	for name, err := range map[string]error{
		"Authority":                     config(func(cfg *msal.Config) { cfg.Authority = "https://" + user + "idp.example" }),
		"Authority with http":           config(func(cfg *msal.Config) { cfg.Authority = "http://" + user + "idp.example" }),
		"Authority that is no URL":      config(func(cfg *msal.Config) { cfg.Authority = "https://" + user + "[idp" }),
		"Authority with another scheme": config(func(cfg *msal.Config) { cfg.Authority = user + "idp.example" }),
		"Metadata": config(func(cfg *msal.Config) {
			cfg.Metadata = []byte(strings.Replace(metadata, "//idp.example/token", "//"+user+"idp.example/token", 1))
		}),
		"Metadata's issuer": config(func(cfg *msal.Config) {
			cfg.Metadata = []byte(strings.Replace(metadata, "//idp.example", "//"+user+"idp.example", 1))
		}),
		"proxy that is not there":     proxy("http://" + user + "127.0.0.1:1"),
		"proxy of an unknown kind":    proxy("ftp://" + user + "127.0.0.1:1"),
		"proxy of socks":              proxy("socks5://" + user + "127.0.0.1:1"),
		"proxy that is no URL":        proxy("http://" + user + "[::1"),
		"origin":                      request("https://" + user + "api.example"),
		"origin that is no URL":       request("https://" + user + "[api"),
		"redirect URI":                authorize("http://" + user + "example.com/callback"),
		"redirect URI of loopback":    authorize("http://" + user + "127.0.0.1/callback#x"),
		"redirect URI that is none":   authorize("http://" + user + "[::1/callback"),
		"Browser.RedirectURI":         browse("http://" + user + "example.com/callback"),
		"Browser.RedirectURI, no URL": browse("http://" + user + "[::1/callback"),
		"Params.Resources":            resource("//" + user + "api.example"),
		"Params.Resources, fragment":  resource("https://" + user + "api.example#x"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if found := w.in(err.Error()); found != "" {
			t.Errorf("%s: %v", name, err)
		}
		prints(t, w, name, err)
	}
	require.Empty(t, w.in(w.log.String()), "the log")
}

// TestErrorsOfSignInShowNoSecret: what can go wrong between Authorize and the
// end of Redeem.
func TestErrorsOfSignInShowNoSecret(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(p *msaltest.Platform)
		edit    func(back url.Values)
	}{
		"a foreign state":    {edit: func(back url.Values) { back.Set("state", back.Get("state")+"x") }},
		"a foreign iss":      {edit: func(back url.Values) { back.Set("iss", "https://evil.example/?"+back.Encode()) }},
		"a code twice":       {edit: func(back url.Values) { back.Add("code", back.Get("code")) }},
		"a code with a line": {edit: func(back url.Values) { back.Set("code", back.Get("code")+"\n") }},
		"a code of others":   {edit: func(back url.Values) { back.Set("code", back.Get("code")+"x") }},
		"an error": {edit: func(back url.Values) {
			back.Set("error", "access_denied")
			back.Set("error_description", "no, "+back.Get("code")+" and "+back.Get("state"))
		}},
		"an error of Microsoft's": {edit: func(back url.Values) {
			secrets := back.Get("code") + " and " + back.Get("state")
			back.Set("error", "interaction_required")
			back.Set("error_description", "AADSTS50076: "+secrets+". Trace ID: "+secrets+" Correlation ID: "+secrets)
			for _, name := range []string{"suberror", "error_subcode", "claims", "correlation_id", "error_uri"} {
				back.Set(name, secrets)
			}
		}},
		"a foreign nonce": {prepare: func(p *msaltest.Platform) {
			p.EditClaims = func(c map[string]any) { c["nonce"] = fmt.Sprint(c["nonce"], "x") }
		}},
		"no nonce": {prepare: func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { delete(c, "nonce") } }},
		"a foreign at_hash": {prepare: func(p *msaltest.Platform) {
			p.EditClaims = func(c map[string]any) { c["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }
		}},
		"a foreign audience": {prepare: func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { c["aud"] = "another" } }},
		"expired":            {prepare: func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { c["exp"] = 1 } }},
		"a cut ID token": {prepare: func(p *msaltest.Platform) {
			p.EditToken = func(_ string, a map[string]any) {
				a["id_token"] = strings.TrimSuffix(a["id_token"].(string), "A") + "!"
			}
		}},
		"an ID token of two": {prepare: func(p *msaltest.Platform) {
			p.EditToken = func(_ string, a map[string]any) { a["id_token"] = a["id_token"].(string)[:200] + "." + "x" }
		}},
		"an unusable token": {prepare: func(p *msaltest.Platform) {
			p.EditToken = func(_ string, a map[string]any) { a["access_token"] = a["access_token"].(string) + " x" }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t)
				if tt.prepare != nil {
					tt.prepare(w.platform)
				}
				z := w.begin(t, "read")
				back := w.back(t, z)
				if tt.edit != nil {
					tt.edit(back)
				}
				_, err := z.Redeem(t.Context(), back)
				require.Error(t, err)
				require.Empty(t, w.in(err.Error()), "%v", err)
				prints(t, w, err.Error(), err)
				prints(t, w, "Authorization", z)
				require.Empty(t, w.in(w.log.String()), "the log")
			})
		})
	}
}
