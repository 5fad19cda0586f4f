package keychains

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// Session is a person's session: an environment of its own, and the processes that have it.
type Session struct {
	t   testing.TB
	dir string
	env map[string]string
}

// NewSession has a home and a runtime directory, but no bus and no display yet. All processes in it end with the test.
func NewSession(t testing.TB) *Session {
	t.Helper()
	dir, err := os.MkdirTemp("", "session") // the address of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{t: t, dir: dir, env: map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir}}
	for name, sub := range map[string]string{
		"XDG_RUNTIME_DIR": "run", "XDG_STATE_HOME": "state", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache",
		"TMPDIR": "tmp", // where KeePassXC looks for another one of itself
	} {
		s.env[name] = filepath.Join(dir, sub)
		if err := os.Mkdir(s.env[name], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.end)
	return s
}

// Use makes the session the test's own, for what is called in this process.
func (s *Session) Use(t *testing.T) {
	for name, value := range s.env {
		t.Setenv(name, value)
	}
}

// Environ is the environment of the session's processes.
func (s *Session) Environ() (all []string) {
	for name, value := range s.env {
		all = append(all, name+"="+value)
	}
	return all
}

// Processes are all that run in the session, whoever started them.
func (s *Session) Processes() (pids []int) {
	mark := []byte("XDG_RUNTIME_DIR=" + s.env["XDG_RUNTIME_DIR"])
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range environs {
		environ, err := os.ReadFile(name)
		if err != nil || !slices.ContainsFunc(bytes.Split(environ, []byte{0}), func(v []byte) bool { return bytes.Equal(v, mark) }) {
			continue
		}
		if pid, _ := strconv.Atoi(strings.Split(name, "/")[2]); pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// end also ends what the bus started, and whatever that started.
func (s *Session) end() {
	for begin := time.Now(); len(s.Processes()) > 0; time.Sleep(time.Millisecond) {
		for _, pid := range s.Processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if time.Since(begin) > time.Minute {
			s.t.Errorf("processes %v outlive the session", s.Processes())
			break
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		s.t.Error(err)
	}
}

// StartBus starts a session bus that can start the services of those names, as installed, and no others.
func (s *Session) StartBus(services ...string) {
	s.t.Helper()
	here := filepath.Join(s.dir, "services")
	if err := os.MkdirAll(here, 0o700); err != nil {
		s.t.Fatal(err)
	}
	for _, name := range services {
		file := name + ".service"
		installed := filepath.Join("/usr/share/dbus-1/services", file)
		if _, err := os.Stat(installed); err != nil {
			s.t.Fatalf("no %s here (%v): %s", name, err, install)
		}
		if err := os.Symlink(installed, filepath.Join(here, file)); err != nil {
			s.t.Fatal(err)
		}
	}
	config := filepath.Join(s.dir, "bus.conf")
	text := fmt.Sprintf(`<busconfig>
  <type>session</type>
  <listen>unix:path=%s/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>%s</servicedir>
  <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>`, s.dir, here)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	bus := s.Start("", "dbus-daemon", "--config-file="+config, "--nofork", "--nopidfile", "--print-address")
	s.env["DBUS_SESSION_BUS_ADDRESS"] = bus.Line()
}

// Bus is a connection of the test's own.
func (s *Session) Bus() *dbus.Conn {
	s.t.Helper()
	conn, err := dbus.Connect(s.env["DBUS_SESSION_BUS_ADDRESS"])
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	return conn
}

// Process is one of the session's.
type Process struct {
	*exec.Cmd
	t     testing.TB
	lines chan string
	ended chan struct{}
	mu    sync.Mutex
	log   strings.Builder
}

// Start starts a program and ends it when the test ends. Its standard input has that text. What it prints goes to the log
// of a test that failed.
func (s *Session) Start(input, name string, args ...string) *Process {
	s.t.Helper()
	p := &Process{Cmd: exec.Command(name, args...), t: s.t, lines: make(chan string, 1), ended: make(chan struct{})}
	p.Env, p.Dir = s.Environ(), s.dir
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // also when the test binary is killed
	p.Stdin = strings.NewReader(input)
	out, in, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	p.Stdout, p.Stderr = in, in
	if err := p.Cmd.Start(); err != nil {
		s.t.Fatalf("no %s here (%v): %s", name, err, install)
	}
	in.Close()
	go p.read(out)
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	s.t.Cleanup(func() {
		p.Kill()
		if s.t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			s.t.Logf("%s printed:\n%s", name, &p.log)
		}
	})
	return p
}

func (p *Process) read(out *os.File) {
	defer out.Close()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		p.mu.Lock()
		fmt.Fprintln(&p.log, lines.Text())
		p.mu.Unlock()
		select {
		case p.lines <- lines.Text():
		default: // nobody asks
		}
	}
}

// Line is the first line that the process prints.
func (p *Process) Line() string {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(time.Minute):
		p.t.Fatalf("%s does not begin", p.Path)
		return ""
	}
}

// Signal sends a signal to the process.
func (p *Process) Signal(signal syscall.Signal) {
	p.t.Helper()
	if err := p.Cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends the process without a chance to clean up; some of these ignore anything else.
func (p *Process) Kill() {
	_ = p.Cmd.Process.Kill()
	<-p.ended
}

// eventually waits for something that has to become true, and fails the test if it hangs.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
