package msal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/hostile"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// Two servers, one of which wants the code of the other: who answers must be who was asked.
func TestMixUp(t *testing.T) {
	t.Parallel()
	good, evil := msaltest.New(t), msaltest.New(t)
	evil.URL = "https://evil.example"
	for name, test := range map[string]struct {
		edit func(theirs url.Values) url.Values // what evil makes of good's answer
		says string
	}{
		"R-21-3 R-9700-2 R-8252-10 as it came": {func(v url.Values) url.Values { return v }, "iss is"},
		"R-9207-1 an error of the other":       {func(v url.Values) url.Values { return change(change(v, "code"), "error", "access_denied") }, "iss is"},
		"R-9207-2 without iss":                 {func(v url.Values) url.Values { return change(v, "iss") }, "no iss"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, evil)
			z, err := c.Authorize(t.Context(), testRedirect, "read")
			require.NoError(t, err)
			// The page of evil sends the person on to good, with all that stands in the request but the client's name there.
			_, answer := begin(t, good, newClient(t, good), "read")
			mixed := test.edit(change(answer, "state", query(t, z.URL()).Get("state")))
			good.ResetLog()
			evil.ResetLog()
			_, err = z.Redeem(t.Context(), mixed)
			require.ErrorContains(t, err, test.says)
			require.Zero(t, good.Count()+evil.Count(), "the code goes nowhere")
			requireNobody(t, c)
		})
	}
}

// A sign-in ends where it began: nobody else's can be completed here, and none that nobody began.
func TestFixation(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	attackers, victims := newClient(t, p), newClient(t, p)
	_, planted := begin(t, p, attackers, "read")
	z, own := begin(t, p, victims, "read")
	for name, test := range map[string]struct {
		z        *msal.Authorization
		callback url.Values
	}{
		"R-9700u-2 R-8252-9 an answer that somebody planted": {z, planted},
		"R-9700u-2 begun by nobody":                          {new(msal.Authorization), own},
		"R-9700u-2 begun by nobody, no state":                {new(msal.Authorization), url.Values{"state": {""}, "code": {"x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.z.Redeem(t.Context(), test.callback)
			require.Error(t, err)
			require.Zero(t, p.Count("token"))
		})
	}
	require.Empty(t, new(msal.Authorization).URL())
	_, err := z.Redeem(t.Context(), own)
	require.NoError(t, err)
}

// A sign-in keeps to the metadata that it began with, and metadata to its issuer.
func TestMetadataStaysTogether(t *testing.T) {
	t.Parallel()
	move := func(p *msaltest.Platform) {
		p.EditMetadata = func(m map[string]any) { m["token_endpoint"] = p.URL + "/token?moved" }
	}
	t.Run("DD-23 R-9700-3 R-8414-4 it moves while a person is away", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p)
		first, callback := begin(t, p, c, "read")
		gone, back := begin(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Status: 404})
		_, err := gone.Redeem(t.Context(), back)
		require.Error(t, err)
		move(p)
		second, again := begin(t, p, c, "read") // which looks where the endpoint is now
		p.ResetLog()
		_, err = first.Redeem(t.Context(), callback)
		require.NoError(t, err)
		_, err = second.Redeem(t.Context(), again)
		require.NoError(t, err)
		require.Equal(t, []string{"/token", "/token?moved"}, []string{p.Requests()[0].URL, p.Requests()[1].URL})
	})
	t.Run("DD-07 the token endpoint of another issuer", func(t *testing.T) {
		t.Parallel()
		evil, good := msaltest.New(t), msaltest.New(t)
		evil.URL = "https://evil.example"
		evil.EditMetadata = func(m map[string]any) { m["token_endpoint"] = good.URL + "/token" }
		c := newClient(t, evil, func(cfg *msal.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if "https://"+r.URL.Host == good.URL {
					return good.Client().Transport.RoundTrip(r)
				}
				return evil.Client().Transport.RoundTrip(r)
			})}
		})
		z, callback := begin(t, evil, c, "read")
		// The worst case: good takes the code, and answers about somebody.
		_, genuine := begin(t, good, newClient(t, good), "read")
		good.Fail("token", msaltest.Fault{Body: `{"access_token":"at","token_type":"Bearer","id_token":"` + good.SignIDToken(map[string]any{
			"iss": good.URL, "aud": clientID, "sub": "avery", "nonce": query(t, z.URL()).Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		}) + `"}`})
		_, err := z.Redeem(t.Context(), change(callback, "code", genuine.Get("code")))
		require.ErrorContains(t, err, "refused: id token: ")
		requireNobody(t, c)
	})
	for name, spoil := range map[string]func(document map[string]any){
		"R-9700u-3 stored, of another issuer":  func(m map[string]any) { m["issuer"] = "https://evil.example" },
		"R-9700u-3 stored, with a bad address": func(m map[string]any) { m["token_endpoint"] = "http://evil.example/token" },
		"R-9700u-3 stored, without an issuer":  func(m map[string]any) { delete(m, "issuer") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			store := cache.Memory()
			with := func(cfg *msal.Config) { cfg.Cache = store }
			signIn(t, p, newClient(t, p, with), "read")
			for key, err := range store.List(t.Context(), "m-") {
				require.NoError(t, err)
				data, rev, err := store.Get(t.Context(), key)
				require.NoError(t, err)
				var m map[string]any
				require.NoError(t, json.Unmarshal(data, &m))
				spoil(m["document"].(map[string]any))
				data, err = json.Marshal(m)
				require.NoError(t, err)
				_, err = store.Put(t.Context(), key, data, rev)
				require.NoError(t, err)
			}
			p.ResetLog()
			_, err := newClient(t, p, with).ForceRefresh().Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, 1, p.Count("discovery"), "it is fetched again")
		})
	}
}

// What a flow needs and the metadata does not have ends it before a person is asked.
func TestMetadataLacks(t *testing.T) {
	t.Parallel()
	never := msal.Browser{Open: func(context.Context, string) error { panic("opened") }}
	for name, test := range map[string]struct {
		edit map[string]any // nil: the member is missing
		flow msal.Flow
		says string
	}{
		"DD-03 R-DISC-2 where to sign in":   {map[string]any{"authorization_endpoint": nil}, never, "authorization_endpoint"},
		"DD-03 R-DISC-2 where to redeem":    {map[string]any{"token_endpoint": nil}, never, "token_endpoint"},
		"DD-03 R-DISC-2 keys":               {map[string]any{"jwks_uri": nil}, never, "jwks_uri"},
		"DD-03 an empty one":                {map[string]any{"token_endpoint": ""}, never, "token_endpoint"},
		"DD-03 a relative one":              {map[string]any{"token_endpoint": "/token"}, never, "token_endpoint"},
		"DD-03 a number":                    {map[string]any{"jwks_uri": 7}, never, "jwks_uri"},
		"DD-03 R-DISC-2 a device endpoint":  {map[string]any{"device_authorization_endpoint": nil}, silently, "device_authorization_endpoint"},
		"DD-04 R-6749-19 http":              {map[string]any{"token_endpoint": "http://idp.example/token"}, never, "https is needed"},
		"DD-08 a script":                    {map[string]any{"authorization_endpoint": "javascript:alert(1)"}, never, "authorization_endpoint"},
		"DD-08 a command":                   {map[string]any{"authorization_endpoint": "https://$(calc).x"}, never, "authorization_endpoint"},
		"DD-21 no signature":                {map[string]any{"id_token_signing_alg_values_supported": []string{"none", "HS256"}}, never, "signs id tokens with"},
		"DD-22 no S256":                     {map[string]any{"code_challenge_methods_supported": []string{"plain"}}, never, "want S256"},
		"DD-01 R-8414-3 R-FAPI-1 a slash":   {map[string]any{"issuer": msaltest.DefaultURL + "/"}, never, "issuer"},
		"DD-01 R-8414-3 R-FAPI-1 another":   {map[string]any{"issuer": "https://evil.example"}, never, "issuer"},
		"DD-01 R-8414-3 in another case":    {map[string]any{"issuer": "https://IDP.example"}, never, "issuer"},
		"DD-01 R-8414-3 with a port":        {map[string]any{"issuer": "https://idp.example:443"}, never, "issuer"},
		"DD-02 none":                        {map[string]any{"issuer": nil}, never, "issuer"},
		"MS-06 a template of somebody else": {map[string]any{"issuer": "https://idp.example/{tenantid}"}, never, "issuer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.EditMetadata = func(m map[string]any) { edited(test.edit)("", m) }
			store := cache.Memory()
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
			_, err := c.SignIn(t.Context(), test.flow, "read")
			require.ErrorContains(t, err, test.says)
			require.Zero(t, p.Count("authorize", "device", "token"))
			for key, err := range store.List(t.Context(), "a-") {
				t.Error(key, err)
			}
		})
	}
}

// Tokens with made-up key ids make nobody fetch keys all the time; a new key is had at once.
func TestKeysAreFetched(t *testing.T) {
	t.Run("KS-05 a hundred unknown ids", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			c := newClient(t, p)
			signIn(t, p, c, "read")
			p.ResetLog()
			for i := range 100 {
				z, callback := begin(t, p, c, "read")
				p.EditToken = func(_ string, answer map[string]any) {
					answer["id_token"] = reheaded(fmt.Sprintf(`{"alg":"RS256","kid":"made-up-%d"}`, i), strangers)(answer["id_token"].(string))
				}
				_, err := z.Redeem(t.Context(), callback)
				require.ErrorContains(t, err, "no such key")
				time.Sleep(10 * time.Millisecond)
			}
			require.Equal(t, 1, p.Count("keys"))
			p.EditToken = nil
			signIn(t, p, c, "read")
		})
	})
	for name, test := range map[string]struct {
		after   time.Duration
		fetches int
	}{"limit: key fetches, in 30 s": {30*time.Second - 1, 1}, "limit: key fetches, later": {30 * time.Second, 2}} {
		t.Run("KS-05 "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				p.ResetLog()
				p.EditToken = func(_ string, answer map[string]any) {
					answer["id_token"] = reheaded(`{"alg":"RS256","kid":"made-up"}`, strangers)(answer["id_token"].(string))
				}
				for range 2 {
					z, callback := begin(t, p, c, "read")
					_, err := z.Redeem(t.Context(), callback)
					require.Error(t, err)
					time.Sleep(test.after)
				}
				require.Equal(t, test.fetches, p.Count("keys"))
			})
		})
	}
	t.Run("KS-06 R-OIDC-16 a new key", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p)
		signIn(t, p, c, "read")
		p.RotateKeys()
		p.ResetLog()
		signIn(t, p, c, "read")
		require.Equal(t, 1, p.Count("keys"))
		require.Equal(t, 1, p.Count("token"))
	})
	t.Run("KS-13 keys that cannot be had", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p)
		z, callback := begin(t, p, c, "read")
		p.RotateKeys()
		p.Fail("keys", msaltest.Fault{Status: 503})
		_, err := z.Redeem(t.Context(), callback)
		require.ErrorContains(t, err, "keys of https://idp.example")
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		requireNobody(t, c)
		require.Equal(t, 1, p.Count("token"))
	})
}

// Everybody signs in at once, through one client, and gets their own account and token.
func TestParallelSignIns_CO01(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Algorithm = "ES256"
	n := hostile.Times(20, 200)
	for i := range n {
		p.Users = append(p.Users, msaltest.User{Subject: fmt.Sprint("user-", i)})
	}
	c := newClient(t, p)
	var all sync.WaitGroup
	seen := make([]string, n)
	errs := make(chan error, n)
	for i := range n {
		all.Go(func() {
			one := c.With(msal.Params{LoginHint: p.Users[i].Subject})
			z, err := one.Authorize(context.Background(), testRedirect, "read")
			if err != nil {
				errs <- err
				return
			}
			browser := p.Client()
			browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			resp, err := browser.Get(z.URL())
			if err != nil {
				errs <- err
				return
			}
			resp.Body.Close()
			back, err := resp.Location()
			if err != nil {
				errs <- err
				return
			}
			token, err := z.Redeem(context.Background(), back.Query())
			if err == nil && token.Account.Subject != p.Users[i].Subject {
				err = fmt.Errorf("%s got the token of %s", p.Users[i].Subject, token.Account.Subject)
			}
			if err == nil {
				var again msal.Token
				if again, err = c.For(token.Account).Token(context.Background(), "read"); again.AccessToken() != token.AccessToken() {
					err = errors.Join(err, fmt.Errorf("%s has another token now", token.Account.Subject))
				}
			}
			seen[i] = token.AccessToken()
			errs <- err
		})
	}
	all.Wait()
	for range n {
		require.NoError(t, <-errs)
	}
	distinct := map[string]bool{}
	for _, token := range seen {
		distinct[token] = true
	}
	require.Len(t, distinct, n)
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, n)
}

// Sign-ins that are begun and never ended leave nothing: no memory, no goroutine. Not parallel: it measures both.
func TestAbandonedForGood_CO02(t *testing.T) {
	p := msaltest.New(t)
	c := newClient(t, p)
	_, err := c.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	goroutines, before := runtime.NumGoroutine(), heap()
	n := hostile.Times(1000, 100_000)
	for range n {
		_, err := c.Authorize(t.Context(), testRedirect, "read")
		require.NoError(t, err)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+1)
	if after := heap(); after > before {
		require.Less(t, (after-before)/uint64(n), uint64(100), "bytes for each, which are several thousand while it is alive")
	}
	requireNobody(t, c)
	runtime.KeepAlive(c)
}

// pausing is a transport and a store that end a context at the n-th thing that they are asked for.
type pausing struct {
	cache.Store
	left   atomic.Int64
	cancel atomic.Pointer[context.CancelFunc]
}

func (s *pausing) step() {
	if s.left.Add(-1) == 0 {
		(*s.cancel.Load())()
		time.Sleep(time.Millisecond) // until everybody has noticed
	}
}

func (s *pausing) Sealed() bool { return true }

func (s *pausing) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	s.step()
	return s.Store.Get(ctx, key)
}

func (s *pausing) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	s.step()
	return s.Store.Put(ctx, key, data, prev)
}

func (s *pausing) Lock(ctx context.Context, key string) (func() error, error) {
	s.step()
	return s.Store.Lock(ctx, key)
}

// A caller leaves at each point at which something else is waited for: the call ends, nothing is left at work, and the
// session is there, or can be had.
func TestLeavesAnywhere(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, t *testing.T, p *msaltest.Platform, c *msal.Client) error{
		"sign-in": func(ctx context.Context, t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			z, err := c.Authorize(ctx, testRedirect, "read")
			if err != nil {
				return err
			}
			_, err = z.Redeem(ctx, visit(t, p, z.URL()))
			return err
		},
		"device": func(ctx context.Context, _ *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.AutoApproveAfter = 2
			_, err := c.SignIn(ctx, silently, "read")
			return err
		},
		"refresh": func(ctx context.Context, _ *testing.T, _ *msaltest.Platform, c *msal.Client) error {
			_, err := c.ForceRefresh().Token(ctx, "read")
			return err
		},
		"sign-out": func(ctx context.Context, _ *testing.T, _ *msaltest.Platform, c *msal.Client) error {
			return c.SignOut(ctx)
		},
	} {
		t.Run("CO-03 "+name, func(t *testing.T) {
			t.Parallel()
			steps := int64(0)
			for n := int64(0); n <= steps; n++ {
				synctest.Test(t, func(t *testing.T) {
					p := msaltest.New(t) // which ends a session when a refresh token comes twice
					store := &pausing{Store: cache.Memory()}
					c := newClient(t, p, func(cfg *msal.Config) {
						cfg.Cache = store
						inner := cfg.HTTPClient.Transport
						cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
							store.step()
							resp, err := inner.RoundTrip(r)
							store.step()
							if gone := context.Cause(r.Context()); err == nil && gone != nil { // and the answer with it
								resp.Body.Close()
								return nil, gone
							}
							return resp, err
						})}
					})
					if name == "refresh" || name == "sign-out" {
						signIn(t, p, c, "read")
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					store.cancel.Store(&cancel)
					store.left.Store(n)
					if n == 0 { // to learn how many steps there are
						store.left.Store(1 << 40)
					}
					began := time.Now()
					err := do(ctx, t, p, c)
					if n == 0 {
						require.NoError(t, err)
						steps = 1<<40 - store.left.Load()
						require.Greater(t, steps, int64(2))
						return
					}
					require.LessOrEqual(t, time.Since(began), time.Minute)
					require.NoError(t, c.Shutdown(t.Context()))
					store.left.Store(1 << 40)
					if name == "sign-out" {
						require.NoError(t, c.SignOut(t.Context()))
						requireNobody(t, c)
						return
					}
					if _, err := c.Token(t.Context(), "read"); err != nil {
						require.ErrorIs(t, err, msal.ErrSignInRequired)
						require.NotEqual(t, "refresh", name, "the session was there before")
						signIn(t, p, c, "read")
					}
					_, err = c.ForceRefresh().Token(t.Context(), "read")
					require.NoError(t, err)
					require.True(t, p.SessionAlive("avery"))
				})
			}
		})
	}
}

// A sign-out takes all of an account: the record, its tokens for every resource, and what memory has.
func TestSignOutTakesAll_LO04_R7009_3(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	store := cache.Memory()
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
	signIn(t, p, c, "read", "write")
	one := c.With(msal.Params{Resources: []string{"https://one.example"}})
	z, callback := begin(t, p, one, "read")
	_, err := z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	var data []byte
	for key := range keysOf(t, store) {
		data, _, err = store.Get(t.Context(), key)
		require.NoError(t, err)
	}
	require.Equal(t, 2, strings.Count(string(data), `"refresh_token"`))
	p.ResetLog()
	require.NoError(t, c.SignOut(t.Context()))
	for key := range keysOf(t, store) {
		t.Error(key)
	}
	for _, each := range []*msal.Client{c, one} {
		_, err := each.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	}
	require.Equal(t, 2, p.Count("revocation"), "both refresh tokens, and no access token")
	for _, r := range p.Requests() {
		require.Contains(t, string(data), r.Form.Get("token"))
		require.Equal(t, "refresh_token", r.Form.Get("token_type_hint"))
	}
	require.False(t, p.SessionAlive("avery"))
}

// Which token answers which request.
func TestWhichToken(t *testing.T) {
	t.Parallel()
	t.Run("R-8707-2 each resource has its own", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p)
		seen := map[string]bool{}
		for _, resource := range []string{"https://one.example", "https://two.example"} {
			at := c.With(msal.Params{Resources: []string{resource}})
			z, callback := begin(t, p, at, "read")
			token, err := z.Redeem(t.Context(), callback)
			require.NoError(t, err)
			p.ResetLog()
			again, err := at.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Equal(t, token.AccessToken(), again.AccessToken())
			require.Zero(t, p.Count())
			seen[token.AccessToken()] = true
		}
		require.Len(t, seen, 2)
	})
	t.Run("R-8707-1 a resource that the server does not know", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p).With(msal.Params{Resources: []string{"https://one.example"}})
		z, callback := begin(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Code: "invalid_target"})
		_, err := z.Redeem(t.Context(), callback)
		require.Equal(t, "invalid_target", asServerError(t, err).Code)
	})
	for name, test := range map[string]struct {
		echo string
		omit bool
		want string
		miss string
	}{
		"R-6749-7 not said: as asked":       {omit: true, want: "read write"},
		"SC-14 R-6749-7 TR-23 narrower":     {echo: "read", want: "read", miss: "write"},
		"SC-15 TR-23 wider":                 {echo: "read write admin", want: "read write admin"},
		"SC-16 TR-23 double spaces, a tab":  {echo: "read  write\tx", want: "read", miss: "write"},
		"SC-16 a space of another alphabet": {echo: "read\u00a0x write", want: "write", miss: "read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.OmitScope = test.omit
			if !test.omit {
				p.ScopeEcho = func([]string) string { return test.echo }
			}
			c := newClient(t, p)
			token := signIn(t, p, c, "read", "write")
			for _, s := range strings.Fields(test.want) {
				require.True(t, token.Scopes.Has(s), s)
			}
			require.Equal(t, test.miss, token.Missing.String())
			p.ResetLog()
			again, err := c.Token(t.Context(), "read", "write")
			require.NoError(t, err)
			require.Equal(t, token.AccessToken(), again.AccessToken())
			require.Zero(t, p.Count(), "what was not granted is not asked for again")
			if strings.Contains(test.echo, "admin") {
				admin, err := c.Token(t.Context(), "admin")
				require.NoError(t, err)
				require.Equal(t, token.AccessToken(), admin.AccessToken(), "what was granted may be used")
			}
		})
	}
	t.Run("SC-17 TR-23 scope as a list", func(t *testing.T) {
		t.Parallel()
		p := msaltest.New(t)
		c := newClient(t, p)
		z, callback := begin(t, p, c, "read")
		p.EditToken = edited(map[string]any{"scope": []string{"read"}})
		_, err := z.Redeem(t.Context(), callback)
		require.ErrorContains(t, err, `"scope" is a JSON array`)
		requireNobody(t, c)
	})
}
