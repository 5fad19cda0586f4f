//go:build unix

package faults_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestInterrupted(t *testing.T) {
	const latency = 20 * time.Millisecond
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery")
	w.front.lasting(latency)
	random := chance(t, 4)
	interrupted := 0
	for i := range faults.Rounds(4) {
		w.expire(t)
		p := w.start(t, commandLine)
		p.send(t, order{Do: "token"})
		pause(t.Context(), time.Duration(random.Float64()*1.5*float64(latency)))
		require.NoError(t, p.cmd.Process.Signal([]syscall.Signal{syscall.SIGINT, syscall.SIGTERM}[i%2]))
		r := p.receive(t)
		if r.Error != "" {
			interrupted++
			require.Contains(t, r.Is, "Canceled")
		}
		p.end(t) // Shutdown had nothing to complain of
		_, err := w.token(t)
		require.NoError(t, err)
		require.True(t, w.alive(first))
	}
	require.NotZero(t, interrupted)
	t.Logf("%d signals, %d of them before the call returned: 0 sessions lost", faults.Rounds(4), interrupted)
}

func TestCancelled(t *testing.T) {
	w := newWorld(t, msaltest.RotateStrict)
	first := w.signIn(t, "avery")
	c := w.client(t)
	for range faults.Rounds(5) {
		ctx, cancel := context.WithCancel(t.Context())
		w.front.on(func(context.Context) { cancel() }, func(http.ResponseWriter, *httptest.ResponseRecorder) bool {
			pause(context.Background(), time.Millisecond) // the caller is gone by now
			return false
		})
		old := w.refreshToken(t)
		before := w.refreshes()
		forced := c.ForceRefresh()
		_, err := forced.Token(ctx, "read")
		require.ErrorIs(t, err, context.Canceled)
		next, err := forced.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, before+1, w.refreshes())
		require.NotEqual(t, old, w.refreshToken(t))
		other, err := w.token(t)
		require.NoError(t, err)
		require.Equal(t, next.AccessToken(), other.AccessToken())
		require.Equal(t, before+1, w.refreshes())
	}
	require.True(t, w.alive(first))
}

// TestCutAnswer resets connections on which the answer was on its way.
func TestCutAnswer(t *testing.T) {
	for name, reaches := range map[string]func(answer *httptest.ResponseRecorder) (headers bool, body int){
		"before its first byte": func(*httptest.ResponseRecorder) (bool, int) { return false, 0 },
		"after its headers":     func(*httptest.ResponseRecorder) (bool, int) { return true, 0 },
		"in its body":           func(a *httptest.ResponseRecorder) (bool, int) { return true, a.Body.Len() / 2 },
	} {
		for _, rotation := range []msaltest.Rotation{msaltest.RotateStrict, msaltest.Grace} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, rotation)
				first := w.signIn(t, "avery")
				for i := range faults.Rounds(6) {
					times := 1 + i%2 // once, or the second request as well
					w.front.on(nil, func(rw http.ResponseWriter, answer *httptest.ResponseRecorder) bool {
						if times--; times < 0 {
							return false
						}
						headers, body := reaches(answer)
						reset(rw, answer, headers, body)
						return true
					})
					w.expire(t)
					before := w.refreshes()
					_, err := w.token(t)
					require.Equal(t, before+2, w.refreshes(), "the same once more")
					switch {
					case rotation == msaltest.Grace && i%2 == 0:
						require.NoError(t, err)
					case i%2 == 0:
						require.ErrorIs(t, err, msal.ErrSignInRequired)
					default:
						if !errors.Is(err, msal.ErrOutcomeUnknown) { // it knows that it was refused, and not why
							refused, ok := errors.AsType[*msal.ServerError](err)
							require.True(t, ok && refused.Code == "" && refused.StatusCode == http.StatusBadRequest, "%v", err)
							require.Equal(t, msaltest.RotateStrict, rotation)
						}
						require.NotErrorIs(t, err, msal.ErrSignInRequired)
						_, err = w.token(t)
						if rotation == msaltest.Grace {
							require.NoError(t, err, "the refresh token is still there")
						} else {
							require.ErrorIs(t, err, msal.ErrSignInRequired)
						}
					}
					require.Equal(t, rotation == msaltest.Grace, w.alive(first))
					if err != nil {
						first = w.signIn(t, "avery")
					}
				}
			})
		}
	}
}

// reset ends the connection with a reset after so much of the answer.
func reset(w http.ResponseWriter, answer *httptest.ResponseRecorder, headers bool, body int) {
	if headers {
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes()[:body])
		http.NewResponseController(w).Flush()
		pause(context.Background(), time.Millisecond) // a reset overtakes what it follows
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}
