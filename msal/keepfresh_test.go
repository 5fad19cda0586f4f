package msal_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// keepFresh runs KeepFresh as a daemon does. stop ends it and returns what it said.
func keepFresh(t *testing.T, c *msal.Client) (ended <-chan error, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() { result <- c.KeepFresh(ctx, "read") }()
	return result, func() error {
		cancel(errShutDown)
		return <-result
	}
}

var errShutDown = errors.New("the daemon is shut down")

// requireRunning makes sure that KeepFresh has not returned.
func requireRunning(t *testing.T, ended <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-ended:
		t.Fatalf("KeepFresh has returned: %v", err)
	default:
	}
}

// A month with an hour of outage every day, each of another kind.
func TestKeepFreshForAMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		signIn(t, p, c, "read")
		ended, stop := keepFresh(t, c)
		outages := []msaltest.Fault{
			{Times: -1, CutBefore: true}, {Times: -1, Status: 503}, {Times: -1, Status: 500, Code: "server_error"},
			{Times: -1, Status: 429, RetryAfter: "120"}, {Times: -1, Body: "<html>maintenance</html>"},
		}
		for day := range 30 {
			time.Sleep(22 * time.Hour)
			p.ResetLog()
			p.Fail("", outages[day%len(outages)])
			time.Sleep(time.Hour)
			require.Less(t, p.Count(), 30, "an outage is not made worse")
			p.Heal()
			time.Sleep(30 * time.Minute)
			requireRunning(t, ended)
			p.ResetLog()
			_, err := c.Token(t.Context(), "read")
			require.NoError(t, err)
			require.Zero(t, p.Count(), "after an outage the token is fresh again before anybody asks")
			time.Sleep(30 * time.Minute)
		}
		require.True(t, p.SessionAlive("avery"))
		require.ErrorIs(t, stop(), errShutDown)
	})
}

// Refreshes come when the token says, and up to a tenth of what then remains
// of its life later: a fleet that started together does not stay together.
func TestKeepFreshJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		signIn(t, p, c, "read")
		began := time.Now()
		p.ResetLog()
		_, stop := keepFresh(t, c)
		time.Sleep(5 * 24 * time.Hour)
		different, latest := map[time.Duration]bool{}, time.Duration(0)
		for _, gap := range gaps(p, began) {
			require.GreaterOrEqual(t, gap, 55*time.Minute)
			require.Less(t, gap, 55*time.Minute+30*time.Second)
			different[gap], latest = true, max(latest, gap)
		}
		require.Greater(t, len(different), 100)
		require.Greater(t, latest, 55*time.Minute+20*time.Second)
		require.ErrorIs(t, stop(), errShutDown)
	})
}

// A failure is met again at the end of the token's life, however long the pause
// would be; and what has healed is forgotten.
func TestKeepFreshRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		token := signIn(t, p, c, "read")
		ended, stop := keepFresh(t, c)
		p.Fail("token", msaltest.Fault{CutBefore: true, Times: -1})
		time.Sleep(time.Until(token.Expiry) - time.Second)
		p.Heal()
		time.Sleep(2 * time.Second)
		p.ResetLog()
		token, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Zero(t, p.Count())

		p.Fail("token", msaltest.Fault{CutBefore: true, Times: 2}) // an attempt and its repetition
		time.Sleep(time.Until(token.RefreshAfter) + 90*time.Second)
		requireRunning(t, ended)
		require.Equal(t, 3, p.Count("token"))
		require.ErrorIs(t, stop(), errShutDown)
	})
}

// Two daemons over one store do the work of one.
func TestKeepFreshTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		with := func(cfg *msal.Config) { cfg.Cache = store }
		clients := []*msal.Client{newClient(t, p, with), newClient(t, p, with)}
		signIn(t, p, clients[0], "read")
		p.ResetLog()
		for _, c := range clients {
			_, stop := keepFresh(t, c)
			defer func() { require.ErrorIs(t, stop(), errShutDown) }()
		}
		time.Sleep(24 * time.Hour)
		require.LessOrEqual(t, p.Count("token"), 27)
		require.True(t, p.SessionAlive("avery"))
	})
}

// A session that has ended is reported at the next refresh, while the token
// still lasts and there is time to act.
func TestKeepFreshNeedsAPerson(t *testing.T) {
	for name, tc := range map[string]struct {
		happens func(*msaltest.Platform)
		code    string
	}{
		"revoked":         {func(p *msaltest.Platform) { p.Revoke("avery") }, "invalid_grant"},
		"consent, factor": {func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{Code: "interaction_required"}) }, "interaction_required"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				began := time.Now()
				ended, _ := keepFresh(t, c)
				time.Sleep(10 * time.Minute)
				tc.happens(p)
				err := <-ended
				require.ErrorIs(t, err, msal.ErrSignInRequired)
				require.ErrorContains(t, err, "msal: keep fresh: sign-in required: server said")
				require.Equal(t, tc.code, asServerError(t, err).Code)
				require.Less(t, time.Since(began), 55*time.Minute+30*time.Second)
			})
		})
	}
}

// Somebody else's sign-out, and an ending that was in sight from the start.
func TestKeepFreshEnds(t *testing.T) {
	t.Run("signed out", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			c := newClient(t, p)
			signIn(t, p, c, "read")
			ended, _ := keepFresh(t, c)
			time.Sleep(10 * time.Minute)
			require.NoError(t, c.SignOut(t.Context()))
			require.ErrorIs(t, <-ended, msal.ErrSignInRequired)
		})
	})
	t.Run("no refresh token", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			c := newClient(t, p, func(cfg *msal.Config) { cfg.OmitScopes = []string{"offline_access"} })
			token := signIn(t, p, c, "read")
			ended, _ := keepFresh(t, c)
			err := <-ended
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.True(t, time.Now().Before(token.Expiry))
		})
	})
}

// The end of the context ends it at once, with the cause, whatever it is at.
func TestKeepFreshCancelled(t *testing.T) {
	for name, fault := range map[string]msaltest.Fault{
		"between refreshes": {Delay: 1},
		"in a request":      {CutBefore: true, Delay: time.Hour},
		"in an outage":      {CutBefore: true, Times: -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				signIn(t, p, c, "read")
				p.Fail("token", fault)
				ended, stop := keepFresh(t, c)
				time.Sleep(55*time.Minute + 40*time.Second)
				requireRunning(t, ended)
				before := time.Now()
				require.ErrorIs(t, stop(), errShutDown)
				require.Equal(t, before, time.Now())
				p.Heal()
				require.NoError(t, c.Shutdown(t.Context()))
			})
		})
	}
	t.Run("before", func(t *testing.T) {
		p := msaltest.New(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errShutDown)
		require.ErrorIs(t, newClient(t, p).KeepFresh(ctx, "read"), errShutDown)
	})
}

// Waiting does not mend a mistake.
func TestKeepFreshArguments(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	c := newClient(t, p)
	require.ErrorIs(t, c.KeepFresh(t.Context(), "read"), msal.ErrSignInRequired)
	for _, u := range people {
		p.SignInAs(u)
		signIn(t, p, c, "read")
	}
	p.ResetLog()
	require.ErrorIs(t, c.KeepFresh(t.Context(), "read"), msal.ErrAccountRequired)
	require.ErrorIs(t, c.KeepFresh(t.Context(), "email"), scopes.ErrDuplicateDefault)
	require.ErrorIs(t, c.KeepFresh(t.Context(), "a b"), scopes.ErrInvalid)
	require.ErrorContains(t, c.With(msal.Params{Extra: url.Values{"state": {"x"}}}).KeepFresh(t.Context(), "read"), "Params.Extra")
	require.ErrorContains(t, c.WithClaims("!").KeepFresh(t.Context(), "read"), "claims challenge")
	require.Zero(t, p.Count())
}
