//go:build unix

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// started is the program, and what it says.
type started struct {
	*exec.Cmd
	said *bufio.Reader
}

func (w *world) start(t *testing.T, args ...string) *started {
	t.Helper()
	cmd := w.command(t, program, args...)
	pipe, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return &started{cmd, bufio.NewReader(pipe)}
}

// until reads on until the program says something.
func (s *started) until(t *testing.T, text string) {
	t.Helper()
	for {
		line, err := s.said.ReadString('\n')
		require.NoError(t, err, "it never said %q", text)
		if strings.Contains(line, text) {
			return
		}
	}
}

// end sends a signal and returns what the program says from then on, and its exit code.
func (s *started) end(t *testing.T, signal os.Signal) (rest string, code int) {
	t.Helper()
	require.NoError(t, s.Process.Signal(signal))
	said, err := io.ReadAll(s.said)
	require.NoError(t, err)
	_ = s.Wait() // its error is the exit code
	return string(said), s.ProcessState.ExitCode()
}

// Ctrl-C ends each wait at once, with one line and the code for it.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		signal os.Signal
		args   []string
	}{
		"browser":            {os.Interrupt, []string{"login", "--without-terminal", "--timeout", "10m"}},
		"device":             {os.Interrupt, []string{"login", "--without-terminal", "--device"}},
		"told to stop":       {syscall.SIGTERM, []string{"login", "--without-terminal", "--device"}},
		"terminal is gone":   {syscall.SIGHUP, []string{"login", "--without-terminal"}},
		"browser never ends": {os.Interrupt, []string{"login", "--without-terminal"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := here(t)
			w.AutoApproveAfter = 0
			s := w.start(t, row.args...)
			if strings.HasPrefix(name, "browser never") {
				w.Fail("authorize", msaltest.Fault{Hang: true})
			} else {
				w.Fail("authorize", msaltest.Fault{Status: 500})
			}
			s.until(t, "Waiting for you to sign in")
			rest, code := s.end(t, row.signal)
			require.Equal(t, "staysigned: stopped\n", rest)
			require.Equal(t, int(exitInterrupted), code)
		})
	}
}

// A refresh whose answer is on its way when Ctrl-C comes is not lost. This server takes a refresh token once.
func TestInterruptedRefresh(t *testing.T) {
	t.Parallel()
	w := here(t)
	w.run(t, "login", "--without-terminal")
	w.ResetLog()
	w.Fail("token", msaltest.Fault{Delay: 2 * time.Second})
	s := w.start(t, "token", "--force-refresh")
	require.Eventually(t, func() bool { return w.Count("token") == 1 }, time.Minute, time.Millisecond)
	rest, code := s.end(t, os.Interrupt)
	require.Equal(t, int(exitInterrupted), code)
	require.Equal(t, "Finishing a refresh that is on its way, so that you stay signed in. Ctrl-C again ends it at once.\nstaysigned: stopped\n", rest)

	w.run(t, "token", "--force-refresh")
	require.True(t, w.SessionAlive("avery"))
	require.Equal(t, 2, w.Count("token"))
}

// A second Ctrl-C does not wait for that.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	w := here(t)
	w.run(t, "login", "--without-terminal")
	w.ResetLog()
	w.Fail("token", msaltest.Fault{Hang: true})
	s := w.start(t, "token", "--force-refresh")
	require.Eventually(t, func() bool { return w.Count("token") == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, s.Process.Signal(os.Interrupt))
	s.until(t, "Finishing a refresh")
	_, code := s.end(t, os.Interrupt)
	require.Equal(t, -1, code, "ended by the signal itself")
}
