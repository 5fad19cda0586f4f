package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// night is a daemon at work, in a bubble.
type night struct {
	idp    *msaltest.Platform
	config msal.Config
	board  *board
	stop   context.CancelFunc
	ended  chan error
}

func begin(t *testing.T, apis [][]string, edit ...func(*msaltest.Platform)) *night {
	n := &night{idp: msaltest.New(t), board: &board{}, ended: make(chan error, 1)}
	n.idp.AutoApproveAfter = 1
	for _, e := range edit {
		e(n.idp)
	}
	log := slog.New(slog.DiscardHandler)
	authority := n.idp.URL
	if n.idp.Entra != nil {
		authority += "/organizations"
	}
	n.config = msal.Config{ClientID: "night", Authority: authority, HTTPClient: n.idp.Client(), Cache: cache.Memory(), Logger: log}
	ctx, cancel := context.WithCancel(t.Context())
	n.stop = cancel
	t.Cleanup(cancel)
	go func() { n.ended <- work(ctx, task{config: n.config, apis: apis}, n.board, log) }()
	time.Sleep(time.Minute)
	if len(n.board.states()) == 0 {
		require.NoError(t, <-n.ended)
	}
	return n
}

func (n *night) person(t *testing.T, needed int) (list []state) {
	list = n.board.states()
	count := 0
	for _, s := range list {
		if s.PersonNeeded {
			count++
		}
	}
	require.Equal(t, needed, count, "%+v", list)
	return list
}

// An hour without the server costs the tokens, and not the sessions.
func TestOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := begin(t, [][]string{{"reports.read"}, {"mail.read"}}, func(p *msaltest.Platform) { p.AccessTokenLife = 10 * time.Minute })
		n.idp.Fail("", msaltest.Fault{Status: http.StatusServiceUnavailable, Times: -1})
		time.Sleep(time.Hour)
		for _, s := range n.person(t, 0) {
			require.False(t, s.fresh())
			require.Contains(t, s.LastError, "503")
		}
		require.Equal(t, "0 of 2 tokens are fresh", n.board.summary())
		n.idp.Heal()
		time.Sleep(10 * time.Minute)
		for _, s := range n.person(t, 0) {
			require.True(t, s.fresh())
			require.Empty(t, s.LastError)
			require.WithinDuration(t, time.Now(), s.LastRefresh, 10*time.Minute)
		}
		n.stop()
		require.ErrorIs(t, <-n.ended, context.Canceled)
	})
}

func TestRevoked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := begin(t, [][]string{{"reports.read"}})
		n.idp.RevokeAll()
		require.ErrorIs(t, <-n.ended, msal.ErrSignInRequired)
		s := n.person(t, 1)[0]
		require.Equal(t, string(msal.ActionSignIn), s.Action)
		require.Contains(t, s.LastError, "invalid_grant")
	})
}

// At Microsoft a device code is for one API: somebody signs in for each, and all of them stay fresh.
func TestSeveralAPIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := begin(t, [][]string{{"User.Read"}, {"https://management.azure.com//user_impersonation"}}, func(p *msaltest.Platform) {
			p.URL = "https://login.microsoftonline.com"
			p.Imitate("entra")
		})
		require.Equal(t, 2, n.idp.Count("device"))
		time.Sleep(3 * time.Hour)
		require.Equal(t, "2 of 2 tokens are fresh", n.board.summary(), "%+v", n.board.states())
		n.stop()
		require.ErrorIs(t, <-n.ended, context.Canceled)

		n = begin(t, [][]string{{"reports.read"}, {"mail.read"}})
		require.Equal(t, 1, n.idp.Count("device"), "others have one sign-in for all")
		n.stop()
		require.ErrorIs(t, <-n.ended, context.Canceled)
	})
}

// A policy that nobody can satisfy by signing in is said to be one.
func TestConditionalAccess(t *testing.T) {
	t.Parallel()
	for number, action := range map[int]msal.Action{50076: msal.ActionSignIn, 53003: msal.ActionGiveUp} {
		synctest.Test(t, func(t *testing.T) {
			n := begin(t, [][]string{{"User.Read"}}, func(p *msaltest.Platform) {
				p.URL = "https://login.microsoftonline.com"
				p.Imitate("entra")
			})
			n.idp.Fail("token", msaltest.Fault{AADSTS: number, Times: -1})
			require.ErrorIs(t, <-n.ended, msal.ErrSignInRequired)
			require.Equal(t, string(action), n.person(t, 1)[0].Action, "AADSTS%d", number)
		})
	}
}

// Another program over the same store signs out: no token is fetched any more.
func TestSignedOutElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := begin(t, [][]string{{"reports.read"}})
		other, err := msal.New(n.config)
		require.NoError(t, err)
		require.NoError(t, other.SignOut(t.Context()))
		require.ErrorIs(t, <-n.ended, msal.ErrSignInRequired)
		n.person(t, 1)
	})
}

// One person's session is over; that of another goes on.
func TestSeveralAccounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		idp := msaltest.New(t)
		idp.AutoApproveAfter = 1
		idp.Users = []msaltest.User{{Subject: "avery", Username: "avery@example.com"}, {Subject: "morgan", Username: "morgan@example.com"}}
		log := slog.New(slog.DiscardHandler)
		j := task{apis: [][]string{{"reports.read"}}, config: msal.Config{
			ClientID: "night", Authority: idp.URL, HTTPClient: idp.Client(), Cache: cache.Memory(), Logger: log,
		}}
		_, err := people(t.Context(), j, log)
		require.NoError(t, err)
		idp.SignInAs(idp.Users[1])
		j.signIn = true
		b := &board{}
		ctx, cancel := context.WithCancel(t.Context())
		var daemon sync.WaitGroup
		daemon.Go(func() { _ = work(ctx, j, b, log) })
		time.Sleep(time.Minute)
		require.Equal(t, "2 of 2 tokens are fresh", b.summary())
		idp.Revoke("avery")
		time.Sleep(12 * time.Hour)
		require.Equal(t, "1 of 2 tokens are fresh; 1 sessions need a person", b.summary(), "%v %+v", time.Now(), b.states())
		for _, s := range b.states() {
			require.Equal(t, s.Account == "avery@example.com", s.PersonNeeded)
		}
		cancel()
		daemon.Wait()
	})
}

// A daemon that is started again over a store asks nobody.
func TestStartedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key"), key, 0o600))
	idp := msaltest.New(t)
	idp.AutoApproveAfter, idp.DeviceInterval = 1, time.Second
	parsed, err := configure(&bytes.Buffer{}, []string{"-store", filepath.Join(dir, "store"), "-key", filepath.Join(dir, "key"),
		"-issuer", idp.URL, "-client-id", "night", "-api", "reports.read"})
	require.NoError(t, err)
	parsed.config.HTTPClient, parsed.config.Logger = idp.Client(), slog.New(slog.DiscardHandler)
	for range 2 {
		accounts, err := people(t.Context(), parsed, parsed.config.Logger)
		require.NoError(t, err)
		require.Len(t, accounts, 1)
	}
	require.Equal(t, 1, idp.Count("device"))
}
