package msal_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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

// refreshTokens are those in a store, as they lie there.
func refreshTokens(t *testing.T, store cache.Store) (list []string) {
	t.Helper()
	data, _, err := store.Get(t.Context(), recordKey(t, store))
	require.NoError(t, err)
	var record struct {
		Grants []struct {
			RefreshToken string `json:"refresh_token"`
		}
	}
	require.NoError(t, json.Unmarshal(data, &record))
	for _, g := range record.Grants {
		list = append(list, g.RefreshToken)
	}
	return list
}

// A caller has the new access token when the new refresh token is stored, and not a moment before: who dies in between
// loses nothing that somebody could have used.
func TestStoredBeforeShown(t *testing.T) {
	for name, rotation := range map[string]msaltest.Rotation{"R-6749-16 R-9700-4 RF-01 strict": msaltest.RotateStrict, "R-6749-16 grace": msaltest.Grace} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = rotation
				inner := cache.Memory()
				store := &brokenStore{Store: inner}
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				expire(t, p, c, "read")
				before := refreshTokens(t, inner)
				store.put = func(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
					time.Sleep(5 * time.Second) // a slow disk
					return inner.Put(ctx, key, data, prev)
				}
				began, shown := time.Now(), make(chan time.Duration)
				go func() {
					_, err := c.Token(t.Context(), "read")
					if err != nil {
						t.Error(err)
					}
					shown <- time.Since(began)
				}()
				require.Equal(t, 5*time.Second, <-shown)
				after := refreshTokens(t, inner)
				require.Len(t, after, 1)
				require.NotEqual(t, before, after, "the old one is gone")
				require.True(t, p.SessionAlive("avery"))
			})
		})
	}
}

// A process died between the answer and the store: the next one has the spent refresh token. A person is asked, once, and
// it is not sent again and again.
func TestRestartWithASpentToken_RF01(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		expire(t, p, c, "read")
		key := recordKey(t, store)
		old, _, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		requireToken(t, c, "read")
		_, rev, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		_, err = store.Put(t.Context(), key, old, rev)
		require.NoError(t, err)

		next := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
		p.ResetLog()
		for range 10 {
			_, err = next.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
		}
		require.Equal(t, 1, p.Count())
		signIn(t, p, next, "read")
		requireToken(t, next, "read")
	})
}

// What an answer says, or does not say, of the next refresh token.
func TestNextRefreshToken(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(sent string) any // of refresh_token; nil: the member is missing
		next   func(sent string) string
	}{
		"R-6749-17 none":       {func(string) any { return nil }, func(sent string) string { return sent }},
		"RF-14 an empty one":   {func(string) any { return "" }, func(sent string) string { return sent }},
		"RF-14 the same again": {func(sent string) any { return sent }, func(sent string) string { return sent }},
		"RF-14 another one":    {func(string) any { return "rt-another" }, func(string) string { return "rt-another" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = msaltest.KeepOld
				store := cache.Memory()
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				expire(t, p, c, "read")
				sent := refreshTokens(t, store)[0]
				p.EditToken = edited(map[string]any{"refresh_token": test.answer(sent)})
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.True(t, token.Renewable)
				require.Equal(t, []string{test.next(sent)}, refreshTokens(t, store))
			})
		})
	}
}

// What a server says when it refuses, and what becomes of the refresh token.
func TestRefusals(t *testing.T) {
	const person, later = true, false
	for name, test := range map[string]struct {
		fault  msaltest.Fault
		entra  bool
		person bool // ErrSignInRequired
		kept   bool // the refresh token is sent again
	}{
		"RF-04 R-MS-9 bad_token":                     {msaltest.Fault{Code: "invalid_grant", Suberror: "bad_token"}, true, person, false},
		"RF-04 R-MS-9 token_expired":                 {msaltest.Fault{Code: "invalid_grant", Suberror: "token_expired"}, true, person, false},
		"RF-04 R-MS-9 client_mismatch":               {msaltest.Fault{Code: "invalid_grant", Suberror: "client_mismatch"}, true, person, true},
		"RF-04 R-MS-9 device_authentication_failed":  {msaltest.Fault{Code: "invalid_grant", Suberror: "device_authentication_failed"}, true, person, true},
		"RF-04 R-MS-9 basic_action":                  {msaltest.Fault{Code: "invalid_grant", Suberror: "basic_action"}, true, person, true},
		"RF-04 R-MS-9 message_only":                  {msaltest.Fault{Code: "invalid_grant", Suberror: "message_only"}, true, person, true},
		"RF-04 R-MS-9 consent_required":              {msaltest.Fault{Code: "invalid_grant", Suberror: "consent_required"}, true, person, true},
		"RF-04 R-MS-9 one that is new":               {msaltest.Fault{Code: "invalid_grant", Suberror: "moon_phase"}, true, person, true},
		"RF-04 R-MS-9 a suberror of somebody else's": {msaltest.Fault{Code: "invalid_grant", Suberror: "consent_required"}, false, person, false},
		"RF-05 interaction_required":                 {msaltest.Fault{Code: "interaction_required", Claims: mfa}, false, person, true},
		"RF-05 consent_required":                     {msaltest.Fault{Code: "consent_required", Claims: mfa}, false, person, true},
		"RF-05 login_required":                       {msaltest.Fault{Code: "login_required", Claims: mfa}, false, person, true},
		"RF-09 500":                                  {msaltest.Fault{Status: 500}, false, later, true},
		"RF-09 502, for good":                        {msaltest.Fault{Status: 502, Times: 2}, false, later, true},
		"RF-09 503":                                  {msaltest.Fault{Status: 503}, false, later, true},
		"RF-09 504, for good":                        {msaltest.Fault{Status: 504, Times: 2}, false, later, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				edit, scope := func(*msal.Config) {}, "read"
				if test.entra {
					scope = "User.Read"
					asEntra(p)
					edit = func(cfg *msal.Config) { cfg.Authority, cfg.Provider.Name = p.URL+"/organizations", "entra" }
				}
				c := newClient(t, p, edit)
				first := signIn(t, p, c, scope)
				time.Sleep(time.Until(first.RefreshAfter))
				p.ResetLog()
				p.Fail("token", test.fault)
				token, err := c.Token(t.Context(), scope)
				require.NoError(t, err, "the current token serves meanwhile")
				require.Equal(t, first.AccessToken(), token.AccessToken())
				require.Equal(t, max(test.fault.Times, 1), p.Count())

				p.Heal()
				p.Fail("token", test.fault)
				time.Sleep(time.Until(first.Expiry))
				p.ResetLog()
				_, err = c.Token(t.Context(), scope)
				require.Error(t, err)
				require.Equal(t, test.person, errors.Is(err, msal.ErrSignInRequired), "%v", err)
				if test.kept && test.person {
					refused := asServerError(t, err)
					require.Equal(t, []string{test.fault.Code, test.fault.Suberror, test.fault.Claims}, []string{refused.Code, refused.Suberror, refused.Claims})
				}
				require.LessOrEqual(t, p.Count(), 2)
				p.Heal()
				time.Sleep(time.Minute) // some refusals are not asked for again at once
				_, err = c.Token(t.Context(), scope)
				require.Equal(t, test.kept, err == nil, "%v", err)
			})
		})
	}
}

// A server that asks to be left alone is left alone, as long as it says, and no longer than five minutes.
func TestRetryAfterIsHonoured(t *testing.T) {
	const unsaid = time.Minute
	for name, test := range map[string]struct {
		says  []string
		waits time.Duration
	}{
		"RF-08 seconds":                       {[]string{"5"}, 5 * time.Second},
		"RF-08 a date":                        {[]string{"Sat, 01 Jan 2000 01:00:20 GMT"}, 20 * time.Second},
		"RF-08 a date that is past: not said": {[]string{"Sat, 01 Jan 2000 00:00:00 GMT"}, unsaid},
		"RF-08 negative: not said":            {[]string{"-1"}, unsaid},
		"RF-08 years":                         {[]string{"999999999"}, 300 * time.Second},
		"RF-08 words: not said":               {[]string{"abc"}, unsaid},
		"RF-08 the larger of two":             {[]string{"5", "7"}, 7 * time.Second},
		"RF-08 limit: Retry-After, 300 s":     {[]string{"300"}, 300 * time.Second},
		"limit: Retry-After, a second more":   {[]string{"301"}, 300 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				expire(t, p, c, "read")
				require.Equal(t, time.Date(2000, 1, 1, 1, 0, 0, 0, time.UTC), time.Now().UTC())
				p.Fail("token", msaltest.Fault{Status: 429, Body: "{}", Header: http.Header{"Retry-After": test.says}})
				_, err := c.Token(t.Context(), "read")
				require.Equal(t, test.waits, asServerError(t, err).RetryAfter)
				time.Sleep(test.waits - time.Millisecond)
				_, err = c.Token(t.Context(), "read")
				require.Positive(t, asServerError(t, err).RetryAfter)
				require.Equal(t, 1, p.Count())
				time.Sleep(time.Millisecond)
				requireToken(t, c, "read")
				require.Equal(t, 2, p.Count())
			})
		})
	}
}

// What never left the machine is not spent: the error is that of the network, and the same refresh token is sent later.
func TestNothingLeft_RF07(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		var down error
		c := newClient(t, p, func(cfg *msal.Config) {
			inner := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if down != nil {
					return nil, down
				}
				return inner.RoundTrip(r)
			})}
		})
		expire(t, p, c, "read")
		down = errors.New("network is unreachable")
		for range 3 {
			_, err := c.Token(t.Context(), "read")
			require.ErrorIs(t, err, down)
			require.NotErrorIs(t, err, msal.ErrOutcomeUnknown)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
		}
		down = nil
		requireToken(t, c, "read")
		require.Equal(t, 1, p.Count())
	})
}

// An answer that was lost is asked for once more, at once, and not again; the next call may.
func TestOutcomeUnknown(t *testing.T) {
	for name, fault := range map[string]msaltest.Fault{
		"RF-06 cut before it took effect": {CutBefore: true, Times: 2},
		"RF-06 TR-19 cut in the middle":   {Truncate: 40, Times: 2},
		"RF-06 never answered":            {Hang: true, Times: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = msaltest.KeepOld
				c := newClient(t, p)
				expire(t, p, c, "read")
				p.Fail("token", fault)
				began := time.Now()
				_, err := c.Token(t.Context(), "read")
				require.ErrorIs(t, err, msal.ErrOutcomeUnknown)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
				require.LessOrEqual(t, time.Since(began), 2*30*time.Second)
				sent := p.TokenRequests("refresh_token")
				require.Len(t, sent, 2)
				requireToken(t, c, "read")
				require.Equal(t, 3, p.Count())
				for _, r := range p.TokenRequests("refresh_token") {
					require.Equal(t, sent[0].Form.Get("refresh_token"), r.Form.Get("refresh_token"))
				}
			})
		})
	}
}

// A refresh that grants less says so, and the next calls take what there is.
func TestScopeShrinks_RF16_TR23(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		expire(t, p, c, "read", "write")
		p.ScopeEcho = func([]string) string { return "openid read" }
		for range 10 {
			token, err := c.Token(t.Context(), "read", "write")
			require.NoError(t, err)
			require.Equal(t, "write", token.Missing.String())
			require.False(t, token.Scopes.Has("write"))
			time.Sleep(time.Minute)
		}
		require.Equal(t, 1, p.Count())
	})
}

// One of several who wait leaves: the others have the token, and so has the store.
func TestOneLeaves_RF19(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		expire(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second})
		var all sync.WaitGroup
		var left, served int
		var mu sync.Mutex
		for i := range 20 {
			all.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i < 5 { // the one who began it among them
					time.AfterFunc(time.Duration(i+1)*time.Second, cancel)
				} else {
					time.Sleep(time.Millisecond)
				}
				_, err := c.Token(ctx, "read")
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, context.Canceled) {
					left++
				} else if err == nil {
					served++
				}
			})
		}
		all.Wait()
		require.Equal(t, []int{5, 15}, []int{left, served})
		require.Equal(t, 1, p.Count())
		require.True(t, p.SessionAlive("avery"))
	})
}

// A full record, a foreign one, and one with impossible times are met without a panic, and nobody's token lasts for ever.
func TestStoredTimes(t *testing.T) {
	for name, test := range map[string]struct {
		obtained, expires int64 // milliseconds since 1970
		refreshes         int   // in ten calls within an hour
	}{
		"CA-19 before 1970":                   {-1 << 40, -1 << 40, 1},
		"CA-19 the least":                     {-1 << 63, -1 << 63, 1},
		"CA-19 CK-05 the year 2300":           {946684800_000, 10413792000_000, 1},
		"CA-19 CK-05 the year 9999":           {946684800_000, 253402300799_000, 1},
		"CA-19 CK-05 the year 2700":           {946684800_000, 23036659200_000, 1},
		"CA-19 CK-05 the greatest":            {946684800_000, 1<<63 - 1, 1},
		"CA-19 obtained in the year 2100":     {4102444800_000, 4102448400_000, 1},
		"CK-02 obtained tomorrow":             {946684800_000 + 86400_000, 946684800_000 + 86400_000 + 3600_000, 1},
		"CA-19 over before it was obtained":   {946684800_000, 946684800_000 - 1, 1},
		"CA-19 nothing: zero is 1970":         {0, 0, 1},
		"good: obtained now, over in an hour": {946684800_000, 946684800_000 + 2*3600_000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := cache.Memory()
				with := func(cfg *msal.Config) { cfg.Cache = store }
				signIn(t, p, newClient(t, p, with), "read")
				key := recordKey(t, store)
				data, rev, err := store.Get(t.Context(), key)
				require.NoError(t, err)
				var record map[string]any
				decoder := json.NewDecoder(strings.NewReader(string(data)))
				decoder.UseNumber()
				require.NoError(t, decoder.Decode(&record))
				access := record["access"].([]any)[0].(map[string]any)
				access["obtained"], access["expires"], access["refresh_after"] = test.obtained, test.expires, test.expires
				data, err = json.Marshal(record)
				require.NoError(t, err)
				_, err = store.Put(t.Context(), key, data, rev)
				require.NoError(t, err)
				p.ResetLog()
				c := newClient(t, p, with)
				for range 10 {
					token, err := c.Token(t.Context(), "read")
					require.NoError(t, err)
					require.LessOrEqual(t, time.Until(token.Expiry), 10*365*24*time.Hour, "not for ever")
					time.Sleep(time.Minute)
				}
				require.Equal(t, test.refreshes, p.Count())
			})
		})
	}
}

// How long who has no valid token waits for another process.
func TestLockIsWaitedFor(t *testing.T) {
	for name, held := range map[string]time.Duration{"CA-18 limit: lock, 75 s": 75*time.Second - 1, "CA-18 limit: lock, longer": 76 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := cache.Memory()
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				expire(t, p, c, "read")
				unlock, err := store.Lock(t.Context(), recordKey(t, store))
				require.NoError(t, err)
				time.AfterFunc(held, func() { _ = unlock() })
				began := time.Now()
				_, err = c.Token(t.Context(), "read")
				if held < 75*time.Second {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, msal.ErrBusy)
				require.Equal(t, 75*time.Second, time.Since(began))
				require.Zero(t, p.Count())
				time.Sleep(time.Minute)
			})
		})
	}
}

// A token in an answer that says no is not one: whoever made it up did not agree with the server.
func TestRefusalWithAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		token := signIn(t, p, c, "read")
		time.Sleep(time.Until(token.Expiry))
		for _, status := range []int{400, 401, 500} {
			p.Fail("token", msaltest.Fault{Status: status, Body: `{"access_token":"at-of-nobody","token_type":"Bearer","expires_in":3600}`})
			_, err := c.Token(t.Context(), "read")
			require.Equal(t, status, asServerError(t, err).StatusCode)
			require.NotErrorIs(t, err, msal.ErrSignInRequired)
		}
		requireToken(t, c, "read")
	})
}
