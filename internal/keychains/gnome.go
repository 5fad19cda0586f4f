package keychains

// password opens every keychain here.
const password = "correct horse"

// These ask a person for the password of GNOME Keyring, where there is a display.
var gnomePrompters = []string{"org.gnome.keyring.SystemPrompter", "org.gnome.keyring.PrivatePrompter"}

// StartGnome starts GNOME Keyring with the person's password, as logging in does. It makes the keyring if there is none.
func (s *Session) StartGnome() (*Process, *Service) {
	s.t.Helper()
	return s.startGnome(password, "--unlock")
}

// StartGnomeLocked starts it without one, as a login without a password does.
func (s *Session) StartGnomeLocked() (*Process, *Service) {
	s.t.Helper()
	daemon, service := s.startGnome("")
	if !service.Locked() {
		s.t.Fatal("GNOME Keyring is open, or has no keyring yet")
	}
	return daemon, service
}

func (s *Session) startGnome(input string, args ...string) (*Process, *Service) {
	s.t.Helper()
	daemon := s.Start(input, "gnome-keyring-daemon", append([]string{"--foreground", "--components=secrets"}, args...)...)
	return daemon, s.Service()
}
