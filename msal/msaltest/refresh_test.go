package msaltest_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestRotateStrict(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	first := a.signIn().str("refresh_token")
	second := a.refresh(first).str("refresh_token")
	third := a.refresh(second).str("refresh_token")
	require.NotEqual(t, first, second)
	require.True(t, p.SessionAlive("avery"))
	require.Equal(t, "invalid_grant", a.refresh(first).code(), "spent")
	require.Equal(t, "invalid_grant", a.refresh(third).code(), "and the family with it")
	require.False(t, p.SessionAlive("avery"))
}

func TestGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.Grace
		a := newApp(t, p)
		first := a.signIn().str("refresh_token")
		second := a.refresh(first).str("refresh_token")
		time.Sleep(20 * time.Second)
		third := a.refresh(first).str("refresh_token")
		require.NotEmpty(t, third)
		time.Sleep(10 * time.Second)
		require.Empty(t, a.refresh(first).code(), "30 s after the first use, and none after the second")
		time.Sleep(time.Nanosecond)
		require.True(t, p.SessionAlive("avery"))
		require.Equal(t, "invalid_grant", a.refresh(first).code())
		require.Equal(t, "invalid_grant", a.refresh(second).code())
		require.False(t, p.SessionAlive("avery"))
	})
}

func TestKeepOld(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Rotation = msaltest.KeepOld
	a := newApp(t, p)
	first := a.signIn().str("refresh_token")
	second := a.refresh(first).str("refresh_token")
	require.NotEqual(t, first, second)
	for _, token := range []string{first, second, first} {
		require.Empty(t, a.refresh(token).code())
	}
}

func TestNoRotation(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Rotation = msaltest.NoRotation
	a := newApp(t, p)
	token := a.signIn().str("refresh_token")
	for range 2 {
		r := a.refresh(token)
		require.Empty(t, r.code())
		require.NotContains(t, r.json, "refresh_token")
	}
	require.True(t, p.SessionAlive("avery"))
}

func TestRefusedRefreshes(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	token := a.signIn().str("refresh_token")
	require.Equal(t, "invalid_grant", a.refresh("rt-unknown").code())
	require.Equal(t, "invalid_grant", a.refresh("").code())
	require.Equal(t, "invalid_grant", a.refresh(token, "client_id", "other").code())
	require.Equal(t, "invalid_scope", a.refresh(token, "scope", "openid more").code())
	require.Empty(t, a.refresh(token).code(), "none of these spent it")
}

func TestRefreshForFewerScopes(t *testing.T) {
	t.Parallel()
	a := newApp(t, msaltest.New(t))
	narrow := a.refresh(a.signIn().str("refresh_token"), "scope", "api.read")
	require.Equal(t, "api.read", narrow.str("scope"))
	require.NotContains(t, narrow.json, "id_token")
	wide := a.refresh(narrow.str("refresh_token"))
	require.Equal(t, everything, wide.str("scope"), "the session has not become narrower (RFC 6749 §6)")
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = []msaltest.User{{Subject: "ann"}, {Subject: "bob"}}
	a := newApp(t, p)
	ann, bob := a.signIn("login_hint", "ann"), a.signIn("login_hint", "bob")
	p.Revoke("ann")
	require.False(t, p.SessionAlive("ann"))
	require.Equal(t, "login_required", a.authorize("prompt", "none", "login_hint", "ann").Get("error"))
	require.NotEmpty(t, a.authorize("prompt", "none", "login_hint", "bob").Get("code"))
	require.True(t, p.SessionAlive("bob"))
	require.Equal(t, "invalid_grant", a.refresh(ann.str("refresh_token")).code())
	bob = a.refresh(bob.str("refresh_token"))
	require.Empty(t, bob.code())
	p.RevokeAll()
	require.Equal(t, "invalid_grant", a.refresh(bob.str("refresh_token")).code())
	require.Equal(t, "login_required", a.authorize("prompt", "none", "login_hint", "bob").Get("error"))
	require.False(t, p.SessionAlive("nobody"))
}

func TestSessionAliveAsksForTheNewestSignIn(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	old := a.signIn().str("refresh_token")
	a.signIn()
	a.refresh(old)
	a.refresh(old)
	require.True(t, p.SessionAlive("avery"), "only the older family has ended")
}

// 50 clients that know nothing of each other are what rotation modes differ about.
func TestParallelRefreshes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode      msaltest.Rotation
		successes int32
		alive     bool
	}{
		"strict": {msaltest.RotateStrict, 1, false},
		"grace":  {msaltest.Grace, 50, true},
		"keep":   {msaltest.KeepOld, 50, true},
		"none":   {msaltest.NoRotation, 50, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.Rotation = c.mode
			a := newApp(t, p)
			token := a.signIn().str("refresh_token")
			var successes atomic.Int32
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if r, err := a.try("/token", refreshment(token)); err == nil && r.code() == "" {
						successes.Add(1)
					}
				})
			}
			wg.Wait()
			require.Equal(t, c.successes, successes.Load())
			require.Equal(t, c.alive, p.SessionAlive("avery"))
			require.Len(t, p.TokenRequests("refresh_token"), 50)
		})
	}
}
