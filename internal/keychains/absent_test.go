package keychains

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A keychain that does not answer costs three seconds; when it answers again, so does the store.
func TestFrozen(t *testing.T) {
	for name, start := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSession(t)
			s.StartBus()
			daemon, _ := start(s)
			signIn(t, s, "a-1")
			before := s.files(t)
			p := s.StartProgram()
			daemon.Signal(syscall.SIGSTOP)
			frozen := requireIs(t, p.Get("a-1"), "unavailable")
			require.GreaterOrEqual(t, frozen.Took, 3*time.Second)
			require.Less(t, frozen.Took, 30*time.Second)
			require.Less(t, p.Get("a-1").Took, 3*time.Second, "for a while nobody asks again")
			daemon.Signal(syscall.SIGCONT)
			var thawed Answer
			eventually(t, "a session after SIGCONT", func() bool {
				thawed = p.Get("a-1")
				return thawed.Text == ""
			})
			requireData(t, thawed, "session of a-1")
			require.Equal(t, before, s.files(t))
		})
	}
}

// The bus starts the keychain again, which is locked then, or a person does. A program that has seen the old one goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	s := NewSession(t)
	s.StartBus()
	daemon, _ := s.StartGnome()
	p := s.StartProgram()
	requireIs(t, p.Get("a-1"), "not found")
	requireOK(t, p.Unlock())
	daemon.Kill()
	signedIn := requireOK(t, p.Put("a-1", "session of a-1", ""))
	requireIs(t, s.StartProgram().Get("a-1"), "no secure storage")
	s.StartGnome()
	requireData(t, s.StartProgram().Get("a-1"), "session of a-1")
	requireOK(t, p.Put("a-1", "refreshed", signedIn.Rev))
	requireOK(t, p.Purge())
}

func TestStartedByTheBus(t *testing.T) {
	t.Parallel()
	s := NewSession(t)
	s.StartBus(serviceName)
	daemon, _ := s.StartGnome()
	signIn(t, s, "a-1")
	daemon.Kill()
	requireSilent(t, s, "locked")
	requireIs(t, s.StartProgram().Unlock(), "locked")
}

// A bus without a keychain, as on many a server.
func TestAbsent(t *testing.T) {
	t.Parallel()
	s := NewSession(t)
	s.StartBus()
	requireSilent(t, s, "no secure storage")
	refused := requireIs(t, s.StartProgram().Unlock(), "no secure storage")
	require.Contains(t, refused.Text, "cache.KeyFile", "the remedy")
	require.Empty(t, s.files(t))
}

// Without a bus none is started, though whatever asks libdbus for one would start it.
func TestNoBus(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dbus-launch"); err != nil {
		t.Fatalf("no dbus-launch here (%v): %s", err, install)
	}
	if real := fmt.Sprintf("/run/user/%d/bus", os.Getuid()); exists(real) {
		t.Skipf("there is a bus that programs find without being told: %s", real)
	}
	s := NewSession(t)
	requireSilent(t, s, "no secure storage")
	p := s.StartProgram()
	requireIs(t, p.Reserve("a-1"), "no secure storage")
	requireIs(t, p.Unlock(), "no secure storage")
	require.Len(t, s.Processes(), 1, "the program alone")
	p.End()
	require.Empty(t, s.Processes())
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
