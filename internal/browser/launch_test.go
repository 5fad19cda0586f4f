//go:build unix

package browser

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bin fills a directory with scripts, by name, and makes it all of PATH. In a
// script, $D is that directory.
func bin(t *testing.T, scripts map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, body := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\nD='"+dir+"'\n"+body+"\n"), 0o700))
	}
	t.Setenv("PATH", dir)
	for _, name := range []string{"BROWSER", "SUDO_UID", "PKEXEC_UID", "DOAS_USER", "WSL_DISTRO_NAME", "WSL_INTEROP"} {
		t.Setenv(name, "")
	}
	return dir
}

// record is a script that notes its arguments, one a line, and its environment.
const record = `printf '%s\n' "$@" >>"$D/argv"; /usr/bin/env >"$D/env"`

func recorded(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if os.IsNotExist(err) {
		return ""
	}
	require.NoError(t, err)
	return string(data)
}

// linux is this machine, with the rules of Linux, so that the test is the same
// on every Unix.
func linux() machine {
	m := here()
	m.goos = "linux"
	return m
}

func open(m machine, target string) error {
	address, err := check(target, true)
	if err != nil {
		return err
	}
	return m.open(context.Background(), address, patience)
}

func TestOpen_BR04_BR11_R8252_1(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": record})
	hostile := target + "&x=$(touch%20" + dir + "/pwned)`id`;'\"|%26calc"
	require.NoError(t, open(linux(), hostile))
	require.Equal(t, target+"&x=%24%28touch%20"+dir+"/pwned%29%60id%60%3B%27%22%7C%26calc\n", recorded(t, dir, "argv"))
	require.NotContains(t, recorded(t, dir, "env"), "CANARY")
	require.NoFileExists(t, filepath.Join(dir, "pwned"))
}

func TestOpenRefuses_BR01_BR03(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": record, "open": record})
	for _, bad := range []string{"http://idp.example/", "file:///etc/passwd", "--help", "https://idp.example/\n"} {
		require.Error(t, Open(t.Context(), bad, false), bad)
	}
	require.Empty(t, recorded(t, dir, "argv"))
}

func TestBROWSER_BR05(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": "exit 9", "mine": record, "broken": "exit 1"})
	t.Setenv("BROWSER", "gone:broken:mine --new %s -x")
	require.NoError(t, Open(t.Context(), target, false))
	require.Equal(t, "--new\n"+target+"\n-x\n", recorded(t, dir, "argv"))
}

func TestBROWSERFallsBack(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": record})
	t.Setenv("BROWSER", `sh -c "x %s"`)
	require.NoError(t, open(linux(), target))
	require.Equal(t, target+"\n", recorded(t, dir, "argv"))
}

func TestElevatedStartsNothing_EN08(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": record, "mine": record})
	t.Setenv("BROWSER", "mine")
	m := linux()
	m.elevated = true
	require.ErrorContains(t, open(m, target), "sudo")
	require.Empty(t, recorded(t, dir, "argv"))
}

func TestPlantedProgram_BR09(t *testing.T) {
	dir := bin(t, map[string]string{"xdg-open": record})
	t.Chdir(dir)
	for _, path := range []string{".", "", ":", "./", "sub:."} {
		t.Setenv("PATH", path)
		require.ErrorContains(t, open(linux(), target), "no program that opens a browser", "PATH=%q", path)
	}
	t.Setenv("GODEBUG", "execerrdot=0")
	t.Setenv("PATH", ".")
	t.Setenv("BROWSER", "./xdg-open")
	require.Error(t, open(linux(), target))
	require.Empty(t, recorded(t, dir, "argv"))
}

func TestFailingLauncher_BR10(t *testing.T) {
	bin(t, map[string]string{"xdg-open": "echo CANARY; echo CANARY >&2; exit 3"})
	err := open(linux(), target)
	require.EqualError(t, err, "no browser was started: xdg-open: exit status 3")

	dir := bin(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "xdg-open"), []byte("no program"), 0o700))
	err = open(linux(), target)
	require.ErrorContains(t, err, "no browser was started")
	require.NotContains(t, err.Error(), "CANARY")
}

// blocking is a launcher that stays until its pipe, which reach opens once it
// runs, is written to or closed.
func blocking(t *testing.T) (dir string, reach func() *os.File) {
	dir = bin(t, map[string]string{"xdg-open": `echo $$ >"$D/pid"; read line <"$D/pipe" && echo "$line" >"$D/line"`})
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	return dir, func() *os.File {
		pipe, err := os.OpenFile(filepath.Join(dir, "pipe"), os.O_WRONLY, 0)
		require.NoError(t, err)
		t.Cleanup(func() { pipe.Close() })
		return pipe
	}
}

func release(t *testing.T, pipe *os.File) {
	t.Helper()
	_, err := pipe.WriteString("bye\n")
	require.NoError(t, err)
}

// A launcher that stays has probably become the browser.
func TestLauncherThatStays_BR10(t *testing.T) {
	_, reach := blocking(t)
	require.NoError(t, launch(t.Context(), linux().commands(target)[0], time.Millisecond))
	release(t, reach())

	_, reach = blocking(t)
	ended, err := start(linux().commands(target)[0])
	require.NoError(t, err)
	release(t, reach())
	require.NoError(t, <-ended, "waited for: no zombie is left")
}

// The end of the sign-in ends the wait, and not the browser.
func TestCanceled(t *testing.T) {
	dir, reach := blocking(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	absent := linux()
	absent.find = func(string) (string, bool) { return filepath.Join(dir, "absent"), true }
	require.ErrorIs(t, absent.open(ctx, target, time.Hour), context.Canceled, "started after the end")
	require.ErrorIs(t, launch(ctx, linux().commands(target)[0], time.Hour), context.Canceled)
	release(t, reach())
	require.Eventually(t, func() bool { return recorded(t, dir, "line") == "bye\n" }, 10*time.Second, time.Millisecond, "the launcher was ended")
}

// A launcher in the terminal's session would be interrupted together with the
// program.
func TestOwnSession(t *testing.T) {
	dir, reach := blocking(t)
	ended, err := start(linux().commands(target)[0])
	require.NoError(t, err)
	pipe := reach() // it runs, and has noted its number
	pid, err := strconv.Atoi(strings.TrimSpace(recorded(t, dir, "pid")))
	require.NoError(t, err)
	group, err := syscall.Getpgid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, group)
	pipe.Close()
	require.Error(t, <-ended, "nothing was there to read")
}

func TestHere(t *testing.T) {
	bin(t, map[string]string{"mine": "", "xdg-open": ""})
	t.Setenv("BROWSER", "mine")
	require.Empty(t, Advice(), "BROWSER was chosen")
	require.True(t, here().exists("/"))
	require.False(t, here().exists("/nowhere/at/all"))
}
