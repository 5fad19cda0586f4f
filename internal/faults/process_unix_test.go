//go:build unix

package faults_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary its own second program. After the tests nothing is left: no file, no process.
func TestMain(m *testing.M) {
	if space, child := os.LookupEnv(envSpace); child {
		p := &program{space: space, issuer: os.Getenv(envIssuer), kind: os.Getenv(envKind)}
		if err := p.run(); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(tidily(m))
}

func tidily(m *testing.M) int {
	base, err := os.MkdirTemp("", "faults")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(base)
	os.Setenv("TMPDIR", base)
	os.Chmod(base, 0o711) // another user gets to what is theirs
	code := m.Run()
	if left, err := os.ReadDir(base); err != nil || len(left) > 0 {
		fmt.Println("the tests have left files behind:", left, err)
		code = 1
	}
	if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != syscall.ECHILD {
		fmt.Println("the tests have left a process behind:", pid, err)
		code = 1
	}
	return code
}

// hang bounds what takes no time, on a machine that has much else to do.
const hang = time.Minute

// process is a program that was started and has said that it is ready.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	errors bytes.Buffer // standard error
	said   *bytes.Buffer
	over   sync.Once
}

// start starts a program in w. It ends with the test.
func (w *world) start(t testing.TB, kind string, edit ...func(*exec.Cmd)) *process {
	t.Helper()
	p := w.launch(t, kind, edit...)
	p.ready(t)
	return p
}

// crowd starts n programs, and returns when all of them are ready.
func (w *world) crowd(t testing.TB, n int, kind string) []*process {
	t.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = w.launch(t, kind)
	}
	for _, p := range all {
		p.ready(t)
	}
	return all
}

func (w *world) launch(t testing.TB, kind string, edit ...func(*exec.Cmd)) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{cmd: exec.Command(self), said: &bytes.Buffer{}}
	p.cmd.Env = append(os.Environ(), envSpace+"="+w.space, envIssuer+"="+w.platform.URL, envKind+"="+kind,
		"GORACE=atexit_sleep_ms=0") // or each process sleeps for a second under -race
	p.cmd.Stderr = &p.errors
	for _, e := range edit {
		e(p.cmd)
	}
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewScanner(io.TeeReader(out, p.said))
	p.out.Buffer(nil, 1<<20)
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() { p.end(t) })
	return p
}

func (p *process) ready(t testing.TB) {
	t.Helper()
	require.True(t, p.out.Scan(), "a program did not start: %s", &p.errors)
	require.Equal(t, "ready", p.out.Text())
}

func (p *process) send(t testing.TB, o order) {
	t.Helper()
	line, err := json.Marshal(o)
	require.NoError(t, err)
	_, err = p.in.Write(append(line, '\n'))
	require.NoError(t, err)
}

func (p *process) receive(t testing.TB) (r reply) {
	t.Helper()
	require.True(t, p.out.Scan(), "a program ended early: %s", &p.errors)
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &r))
	return r
}

func (p *process) do(t testing.TB, o order) reply {
	t.Helper()
	p.send(t, o)
	return p.receive(t)
}

// together gives all the same order, at once.
func together(t testing.TB, all []*process, o order) []reply {
	t.Helper()
	for _, p := range all {
		p.send(t, o)
	}
	replies := make([]reply, len(all))
	for i, p := range all {
		replies[i] = p.receive(t)
	}
	return replies
}

// end lets the program come to its end, which has to be a good one.
func (p *process) end(t testing.TB) {
	t.Helper()
	p.over.Do(func() {
		p.in.Close()
		late := time.AfterFunc(hang, func() { p.cmd.Process.Kill() })
		defer late.Stop()
		for p.out.Scan() {
		}
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("a program: %v: %s", err, &p.errors)
		}
	})
}

// kill ends the program as the kernel or a person does.
func (p *process) kill(t testing.TB) {
	t.Helper()
	p.over.Do(func() {
		require.NoError(t, p.cmd.Process.Kill())
		for p.out.Scan() {
		}
		p.cmd.Wait() // says that it was killed
		p.in.Close()
	})
}
