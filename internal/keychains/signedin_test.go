package keychains

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
	"github.com/staysigned/staysigned/cache/keychain"
)

// services are the keychains as a person has them who logged in.
var services = map[string]func(*Session) (*Process, *Service){
	"GNOME Keyring": (*Session).StartGnome,
	"KeePassXC":     (*Session).StartKeePassXC,
}

// Not parallel: the address of the bus is in the environment. The children of the suite find it there. KeePassXC 2.7 is
// left out: under the suite, which makes a store and a key in it many times a second, it has ended by itself.
func TestStore(t *testing.T) {
	if os.Getenv("KEYCHAINS_STORE") == "" {
		s := NewSession(t)
		s.StartBus()
		s.StartGnome()
		s.Use(t)
		t.Setenv("KEYCHAINS_STORE", "started")
	}
	cachetest.Run(t, func(_ testing.TB, space string) cache.Store {
		return cache.Dir(space, keychain.Keys(App))
	})
}

// A person signs in once; every later program finds the session, also when the keychain was started anew; a sign-out
// ends it, and who purges the store leaves nothing in the keychain.
func TestSignedIn(t *testing.T) {
	for name, start := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSession(t)
			s.StartBus()
			daemon, service := start(s)
			signIn(t, s, "a-1")
			signIn(t, s, "a-2")
			require.Len(t, service.Items(), 1, "one key, whatever the number of sessions")
			found := requireData(t, s.StartProgram().Get("a-1"), "session of a-1")
			require.Equal(t, []string{"a-1", "a-2"}, sorted(s.StartProgram().List().Keys))

			service.LogOut(daemon)
			_, service = start(s)
			p := s.StartProgram()
			again := requireData(t, p.Get("a-1"), "session of a-1")
			require.Equal(t, found.Rev, again.Rev)
			requireOK(t, p.Put("a-1", "refreshed", again.Rev))
			requireData(t, s.StartProgram().Get("a-1"), "refreshed")

			requireOK(t, p.Delete("a-1"))
			requireIs(t, s.StartProgram().Get("a-1"), "not found")
			requireData(t, s.StartProgram().Get("a-2"), "session of a-2")
			requireOK(t, s.StartProgram().Purge())
			require.Empty(t, service.Items())
			require.Empty(t, s.files(t))
		})
	}
}

// A key that was deleted by hand is a sign-in, and what it sealed is put aside.
func TestKeyDeleted(t *testing.T) {
	for name, start := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewSession(t)
			s.StartBus()
			_, service := start(s)
			signIn(t, s, "a-1")
			signIn(t, s, "a-2")
			before := s.files(t)
			service.Delete(service.Items()[0])

			p := s.StartProgram()
			lost := requireIs(t, p.Get("a-1"), "unreadable")
			require.Contains(t, lost.Text, "sign in again")
			require.NotEmpty(t, lost.Rev)
			require.Equal(t, before, s.files(t))
			require.Empty(t, service.Items(), "a look makes no key")

			requireOK(t, p.Unlock())
			requireOK(t, p.Put("a-1", "signed in again", lost.Rev))
			require.Len(t, service.Items(), 1)
			requireData(t, s.StartProgram().Get("a-1"), "signed in again")
			requireIs(t, s.StartProgram().Get("a-2"), "unreadable")
			after := s.files(t)
			require.Equal(t, before["a-1"], after["a-1@lost"])
			require.Equal(t, before["a-2"], after["a-2"])
		})
	}
}
