package msal_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// elsewhen makes p a server whose clock is ahead of ours by *ahead, and says so in each answer.
func elsewhen(p *msaltest.Platform, ahead *time.Duration) func(*msal.Config) {
	p.EditClaims = func(claims map[string]any) {
		now := time.Now().Add(*ahead)
		claims["iat"], claims["exp"], claims["nbf"] = now.Unix(), now.Add(time.Hour).Unix(), now.Unix()
	}
	return func(cfg *msal.Config) {
		inner := p.Client().Transport
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			if err == nil {
				resp.Header.Set("Date", time.Now().Add(*ahead).UTC().Format(http.TimeFormat))
			}
			return resp, err
		})}
	}
}

// Minutes keep nobody from signing in; more is an error that says by how much the clock is off.
func TestClocksThatDiffer(t *testing.T) {
	for name, test := range map[string]struct {
		ahead time.Duration // the server's clock
		says  string
	}{
		"CK-01 four minutes slow": {4 * time.Minute, ""},
		"CK-01 four minutes fast": {-4 * time.Minute, ""},
		"CK-01 ten minutes slow":  {10 * time.Minute, "10m0s ahead of this machine's clock"},
		"CK-01 two hours fast":    {-2 * time.Hour, "1h0m0s behind this machine's clock"},
		"CK-01 a year slow":       {365 * 24 * time.Hour, "ahead of this machine's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.AutoApproveAfter = 1
				c := newClient(t, p, elsewhen(p, &test.ahead))
				z, callback := begin(t, p, c, "read")
				_, byCode := z.Redeem(t.Context(), callback)
				_, byDevice := c.SignIn(t.Context(), silently, "read")
				if test.says == "" {
					require.NoError(t, byCode)
					require.NoError(t, byDevice)
					token, err := c.Token(t.Context(), "read")
					require.NoError(t, err)
					require.LessOrEqual(t, time.Until(token.Expiry), time.Hour, "by our clock")
					return
				}
				for _, err := range []error{byCode, byDevice} {
					require.ErrorContains(t, err, test.says)
					require.ErrorContains(t, err, "set the clock")
				}
				requireNobody(t, c)
			})
		})
	}
}

// A refresh has nobody who could set a clock, and a session to lose: the server's clock judges its answer.
func TestWrongClocksLater(t *testing.T) {
	for name, later := range map[string]time.Duration{"CK-03 RF-18 a year fast": -365 * 24 * time.Hour, "CK-03 RF-18 a day slow": 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				var ahead time.Duration
				c := newClient(t, p, elsewhen(p, &ahead))
				expire(t, p, c, "read")
				ahead = later
				for range 5 {
					requireToken(t, c, "read")
				}
				require.Equal(t, 1, p.Count(), "no loop of refreshes")
			})
		})
	}
}

// A token of another host, whose clock is ahead, is not newer because that clock says so: who is refused it gets another. One
// that somebody else has really obtained since is as good as our own.
func TestClocksOfTwoHosts(t *testing.T) {
	get := func(t *testing.T, c *msal.Client) {
		resp, err := c.HTTPClient(api, "read").Get(api)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	for name, refused := range map[string]func(*testing.T, *msal.Client){
		"CK-01 ForceRefresh":     func(t *testing.T, c *msal.Client) { requireToken(t, c.ForceRefresh(), "read") },
		"CK-01 For ForceRefresh": func(t *testing.T, c *msal.Client) { requireToken(t, onlyOne(t, c).ForceRefresh(), "read") },
		"CK-01 HTTPClient":       get,
		"CK-01 For HTTPClient":   func(t *testing.T, c *msal.Client) { get(t, onlyOne(t, c)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, store := msaltest.New(t), cache.Memory()
				shared := func(cfg *msal.Config) { cfg.Cache = store }
				theirs := signIn(t, p, newClient(t, p, shared), "read")
				storedAhead(t, store, 2*time.Minute)
				n := &internet{p: p, hosts: map[string]http.HandlerFunc{api: refusing(&theirs, "Bearer")}}
				c := newClient(t, p, shared, func(cfg *msal.Config) { cfg.HTTPClient = &http.Client{Transport: n} })
				requireToken(t, c, "read")
				time.Sleep(time.Minute)
				p.ResetLog()
				refused(t, c)
				require.Equal(t, 1, p.Count())
				token, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.NotEqual(t, theirs.AccessToken(), token.AccessToken())

				demanding := c.ForceRefresh()
				time.Sleep(time.Second)
				requireToken(t, newClient(t, p, shared).ForceRefresh(), "read")
				time.Sleep(time.Second) // when the store is asked again
				p.ResetLog()
				requireToken(t, demanding, "read")
				require.Zero(t, p.Count())
			})
		})
	}
}

// onlyOne is c for the one account there is.
func onlyOne(t *testing.T, c *msal.Client) *msal.Client {
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Len(t, accounts, 1)
	return c.For(accounts[0])
}

// storedAhead makes the tokens of a store those of a host whose clock is ahead.
func storedAhead(t *testing.T, store cache.Store, by time.Duration) {
	for _, key := range records(t, store) {
		data, rev, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		var record map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &record))
		var tokens []map[string]any
		require.NoError(t, json.Unmarshal(record["access"], &tokens))
		for _, token := range tokens {
			for _, moment := range []string{"obtained", "expires", "refresh_after"} {
				token[moment] = int64(token[moment].(float64)) + by.Milliseconds()
			}
		}
		record["access"], err = json.Marshal(tokens)
		require.NoError(t, err)
		data, err = json.Marshal(record)
		require.NoError(t, err)
		_, err = store.Put(t.Context(), key, data, rev)
		require.NoError(t, err)
	}
}

// A token that lasts less than the margin of a long one is used for nearly all of its life, and no storm breaks loose.
func TestShortLives(t *testing.T) {
	for name, life := range map[string]time.Duration{"CK-06 ten seconds": 10 * time.Second, "CK-06 four minutes": 4 * time.Minute, "CK-06 an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.AccessTokenLife = life
				c := newClient(t, p)
				first := signIn(t, p, c, "read")
				require.Equal(t, first.Expiry.Add(-min(5*time.Minute, life/10)), first.RefreshAfter)
				p.ResetLog()
				const asked = 1000
				for range asked { // over ten lives
					requireToken(t, c, "read")
					time.Sleep(life / (asked / 10))
				}
				require.InDelta(t, 11, p.Count("token"), 1)
			})
		})
	}
}

// A token whose life nobody tells is not one for ever.
func TestLifeNotTold(t *testing.T) {
	for name, test := range map[string]struct {
		expiresIn any
		want      time.Duration
	}{
		"TR-08 R-FAPI-3 R-21-2 not told":      {nil, 5 * time.Minute},
		"limit: token life, 10 years":         {10 * 365 * 24 * 3600, 10 * 365 * 24 * time.Hour},
		"limit: token life, a day more":       {10*365*24*3600 + 86400, 10 * 365 * 24 * time.Hour},
		"R-FAPI-3 token_type in other letter": {3600, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.EditToken = edited(map[string]any{"expires_in": test.expiresIn, "token_type": "bEARER"})
				token := signIn(t, p, newClient(t, p), "read")
				require.Equal(t, test.want, time.Until(token.Expiry))
				require.Equal(t, "Bearer", token.Type)
			})
		})
	}
}
