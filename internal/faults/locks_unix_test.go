//go:build unix

package faults_test

import (
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery", "read", "write")
	_, err := w.client(t).Token(t.Context(), "read")
	require.NoError(t, err)
	for range faults.Rounds(18) {
		_, err = w.client(t).ForceRefresh().Token(t.Context(), "write")
		require.NoError(t, err)
		w.record(t, w.keys(t)[0], func(record map[string]any) { // "read" is over, "write" nearly
			for _, a := range record["access"].([]any) {
				access := a.(map[string]any)
				if access["asked"] == "write" {
					access["refresh_after"] = access["obtained"]
				} else {
					shiftTimes(map[string]any{"access": []any{a}}, -24*time.Hour)
				}
			}
		})
		arrived, goOn := make(chan bool), make(chan bool)
		w.front.on(func(context.Context) { arrived <- true; <-goOn }, nil)
		before := w.refreshes()
		holder := w.start(t, "")
		holder.send(t, order{Do: "token"})
		<-arrived
		require.NoError(t, holder.cmd.Process.Signal(syscall.SIGSTOP))
		var status syscall.WaitStatus // on a busy machine the process goes on for a moment
		_, err = syscall.Wait4(holder.cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		require.NoError(t, err)
		require.True(t, status.Stopped())
		close(goOn) // the answer comes to a process that does not read it
		w.front.on(nil, nil)

		waiter := w.start(t, "")
		requireSame(t, []reply{waiter.do(t, order{Do: "token", Scope: "write"})})
		late := waiter.do(t, order{Do: "token", Wait: 300 * time.Millisecond})
		require.Contains(t, late.Is, "DeadlineExceeded", "%+v", late)
		require.Equal(t, before+1, w.refreshes())

		require.NoError(t, holder.cmd.Process.Signal(syscall.SIGCONT))
		got := holder.receive(t)
		requireSame(t, []reply{got, waiter.do(t, order{Do: "token"})})
		require.Equal(t, before+1, w.refreshes())
		require.True(t, w.alive(first))
		holder.end(t)
		waiter.end(t)
	}
}

func TestLockThatDoesNotHold(t *testing.T) {
	for name, rotation := range map[string]msaltest.Rotation{
		"keeps old tokens": msaltest.KeepOld, "grace": msaltest.Grace, "strict": msaltest.RotateStrict,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, rotation)
			first := w.signIn(t, "avery", "read", "write")
			raced, ended := 0, 0
			for range faults.Rounds(19) {
				w.expire(t)
				w.front.lasting(4 * time.Millisecond)
				before := w.refreshes()
				all := w.crowd(t, 4, noLocks)
				for i, p := range all {
					p.send(t, order{Do: "token", Scope: []string{"read", "write"}[i%2]})
				}
				var replies []reply
				for _, p := range all {
					replies = append(replies, p.receive(t))
					p.end(t)
				}
				if w.refreshes() > before+1 {
					raced++
				}
				for _, r := range replies {
					if r.Error != "" {
						require.Equal(t, msaltest.RotateStrict, rotation, "%s", r.Error)
						require.Contains(t, r.Is, "ErrSignInRequired")
					}
				}
				if !w.alive(first) {
					require.Equal(t, msaltest.RotateStrict, rotation)
					ended++
					_, err := w.token(t)
					if err == nil { // somebody had an access token first
						_, err = w.client(t).ForceRefresh().Token(t.Context(), "read")
					}
					require.ErrorIs(t, err, msal.ErrSignInRequired)
					first = w.signIn(t, "avery", "read", "write")
					continue
				}
				before = w.refreshes()
				for _, scope := range []string{"read", "write"} {
					_, err := w.client(t).Token(t.Context(), scope)
					require.NoError(t, err)
				}
				require.Equal(t, before, w.refreshes(), "what either of them got is there")
				// A strict server takes the stored token only if nobody has used it: no older one was put over it.
				w.front.on(nil, nil)
				w.platform.Rotation = msaltest.RotateStrict
				_, err := w.client(t).ForceRefresh().Token(t.Context(), "read")
				require.NoError(t, err)
				w.platform.Rotation = rotation
			}
			require.NotZero(t, raced, "no two of them refreshed at once")
			t.Logf("%d of %d rounds were races, %d sessions were ended by the server", raced, faults.Rounds(19), ended)
		})
	}
}

func TestRemovedUnderDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery")
	daemon := w.start(t, "")
	for range faults.Rounds(20) {
		requireSame(t, []reply{daemon.do(t, order{Do: "force"})})
		entries, err := os.ReadDir(w.path())
		require.NoError(t, err)
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), "@lock") || strings.HasSuffix(e.Name(), "@write") {
				require.NoError(t, os.Remove(w.path(e.Name())))
			}
		}
		requireSame(t, []reply{daemon.do(t, order{Do: "force"})})
		_, err = w.client(t).ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		requireSame(t, []reply{daemon.do(t, order{Do: "force"})})
		require.True(t, w.alive(first))

		require.NoError(t, os.RemoveAll(w.path()))
		time.Sleep(1100 * time.Millisecond) // a daemon looks at the store once a second
		require.Contains(t, daemon.do(t, order{Do: "token"}).Is, "ErrSignInRequired")
		require.Contains(t, daemon.do(t, order{Do: "force"}).Is, "ErrSignInRequired")
		require.Empty(t, w.keys(t), "nothing comes back by itself")

		first = w.signIn(t, "avery")
		requireSame(t, []reply{daemon.do(t, order{Do: "token"}), {Token: fingerprint(first)}})

		// A sign-out by another process while the daemon is refreshing wins, too.
		arrived, goOn := make(chan bool), make(chan bool)
		w.front.on(func(context.Context) { arrived <- true; <-goOn }, nil)
		daemon.send(t, order{Do: "force"})
		<-arrived
		require.NoError(t, w.store().Delete(t.Context(), w.keys(t)[0]))
		close(goOn)
		w.front.on(nil, nil)
		require.Contains(t, daemon.receive(t).Is, "ErrSignInRequired")
		require.Empty(t, w.keys(t))
		first = w.signIn(t, "avery")
	}
}

func TestSignOutRace(t *testing.T) {
	w := newWorld(t, msaltest.RotateStrict)
	random := chance(t, 21)
	here, there := w.start(t, ""), w.start(t, "")
	won := 0
	for range faults.Rounds(21) {
		w.signIn(t, "avery")
		w.expire(t)
		first, second := func() { here.send(t, order{Do: "fresh token"}) }, func() { there.send(t, order{Do: "fresh signout"}) }
		if random.IntN(2) == 0 {
			first, second = second, first
		}
		first()
		pause(t.Context(), time.Duration(random.IntN(3000))*time.Microsecond)
		second()
		require.Empty(t, there.receive(t).Error)
		require.Empty(t, w.keys(t), "right after the sign-out")
		r := here.receive(t)
		if r.Error != "" {
			require.Contains(t, r.Is, "ErrSignInRequired")
			won++
		}
		require.Empty(t, w.keys(t), "after the refresh")
		require.Contains(t, here.do(t, order{Do: "fresh token"}).Is, "ErrSignInRequired")
	}
	require.NotZero(t, won)
	require.Less(t, won, faults.Rounds(21))
	t.Logf("%d races; in %d of them the sign-out came first", faults.Rounds(21), won)
}
