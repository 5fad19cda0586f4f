package keychains

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sorted(all []string) []string { return slices.Sorted(slices.Values(all)) }

// Locked from the start, as after a login without a password, or locked meanwhile: without a display nobody can be asked.
func TestLockedWithoutDisplay(t *testing.T) {
	for name, start := range services {
		for _, restart := range []bool{false, true} {
			if restart && name != "GNOME Keyring" {
				continue // KeePassXC would have no database open
			}
			t.Run(name+map[bool]string{false: " meanwhile", true: " from the start"}[restart], func(t *testing.T) {
				t.Parallel()
				s := NewSession(t)
				s.StartBus()
				daemon, service := start(s)
				signIn(t, s, "a-1")
				kept := s.StartProgram()
				requireData(t, kept.Get("a-1"), "session of a-1")
				if restart {
					daemon.Kill()
					_, service = s.StartGnomeLocked()
				} else {
					service.Lock()
				}
				requireSilent(t, s, "locked")
				if name == "GNOME Keyring" { // KeePassXC asks, on a screen that is not there
					require.Len(t, service.Items(), 1, "no new key")
					requireIs(t, s.StartProgram().Unlock(), "locked")
				}
				require.True(t, service.Locked())

				held := requireData(t, kept.Get("a-1"), "session of a-1")
				requireOK(t, kept.Put("a-1", "refreshed", held.Rev))
				p := s.StartProgram()
				require.Equal(t, []string{"a-1"}, requireOK(t, p.List()).Keys)
				requireOK(t, p.Delete("a-1"))
				requireIs(t, p.Get("a-1"), "not found")
			})
		}
	}
}

// Only a sign-in asks, and a person's password opens the keyring for everybody.
func TestLockedWithDisplay(t *testing.T) {
	t.Parallel()
	s := NewSession(t)
	display := s.StartDisplay()
	s.StartBus(gnomePrompters...)
	daemon, _ := s.StartGnome()
	signIn(t, s, "a-1")
	daemon.Kill()
	_, service := s.StartGnomeLocked()
	requireSilent(t, s, "locked")
	require.Empty(t, display.Windows())

	p, asked := s.StartProgram(), make(chan Answer, 1)
	go func() { asked <- p.Unlock() }()
	answer := func(text, key string) Answer {
		for begin := time.Now(); time.Since(begin) < time.Minute; {
			for _, window := range display.Windows() {
				display.Types(window, text, key)
			}
			select {
			case a := <-asked:
				return a
			case <-time.After(500 * time.Millisecond): // who types before the window listens types again
			}
		}
		require.Fail(t, "no window asks")
		return Answer{}
	}
	dismissed := requireIs(t, answer("", "Escape"), "locked")
	require.Contains(t, dismissed.Text, "nobody unlocked")
	require.True(t, service.Locked())

	go func() { asked <- p.Unlock() }()
	requireOK(t, answer(password, "Return"))
	require.False(t, service.Locked())
	requireData(t, p.Get("a-1"), "session of a-1")
	requireData(t, s.StartProgram().Get("a-1"), "session of a-1")
	require.Empty(t, display.Windows())
}
