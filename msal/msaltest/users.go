package msaltest

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// User is a person who can sign in.
type User struct {
	Subject  string // the sub claim; required
	Username string // preferred_username, with the profile scope
	Name     string // name, with the profile scope
	Email    string // email, with the email scope; empty: no claim, as for an account without a mailbox
	TenantID string // tid. Empty: no claim, or with Entra the first organization
	ObjectID string // oid, with the profile scope. Empty: no claim, or with Entra one that follows from Subject
	Admin    bool   // with Entra: may consent to what needs an administrator

	// NoOffline lets the token endpoint refuse this person's code if the scope offline_access was asked for, as Keycloak
	// does for those without the role of that name.
	NoOffline bool
}

// avery is who signs in where the test does not care.
var avery = User{Subject: "avery", Username: "avery@idp.example", Name: "Avery Example", Email: "avery@idp.example"}

// SignInAs lets user sign in from now on, whatever login_hint says, as a person can who has several accounts. The
// zero User hands the choice back: the one of Users whom login_hint names by subject, username or email, else the
// first.
func (p *Platform) SignInAs(user User) {
	if user != (User{}) {
		if err := checkUsers([]User{user}); err != nil {
			p.fatalf("SignInAs: %v", err)
		}
		if p.Entra != nil && user.TenantID != "" {
			if _, ok := p.microsoft().tenant(user.TenantID); !ok {
				p.fatalf("SignInAs: there is no tenant %q", user.TenantID)
			}
		}
	}
	s := p.lock()
	defer p.mu.Unlock()
	s.denied, s.person = false, user
}

// Deny lets the person say no from now on: access_denied at the authorization endpoint, with or without Interactive,
// and for device codes that AutoApproveAfter would approve. SignInAs ends it.
func (p *Platform) Deny() {
	s := p.lock()
	defer p.mu.Unlock()
	s.denied = true
}

// likeliest orders the people by who will sign in, and tells whether that was said, by a hint or by SignInAs.
func (s *state) likeliest(people []User, hint string) (users []User, said bool) {
	users = slices.Clone(people)
	chosen := s.person
	if chosen == (User{}) && hint != "" {
		if i := slices.IndexFunc(users, func(u User) bool {
			return hint == u.Subject || hint == u.Username || hint == u.Email
		}); i >= 0 {
			chosen = users[i]
		}
	}
	if chosen == (User{}) {
		return users, false
	}
	users = slices.DeleteFunc(users, func(u User) bool { return u.Subject == chosen.Subject })
	return slices.Insert(users, 0, chosen), true
}

// choice returns who signs in by the script, and whether that person says no.
func (p *Platform) choice(c *call, hint string) (user User, denied bool) {
	s := p.lock()
	defer p.mu.Unlock()
	return p.manners().people(s, c, hint)[0], s.denied
}

func (p *Platform) denies() bool {
	s := p.lock()
	defer p.mu.Unlock()
	return s.denied
}

// authenticate returns when the person last proved who they are: now, unless a session in the browser answers for
// them. It is false if only such a session may answer and there is none that is young enough.
func (s *state) authenticate(subject string, fresh, silent bool, maxAge time.Duration) (time.Time, bool) {
	since, ok := s.browser[subject]
	ok = ok && !fresh && (maxAge < 0 || time.Since(since) <= maxAge)
	if !ok {
		since = time.Now()
	}
	if ok || !silent {
		s.browser[subject] = since
		return since, true
	}
	return time.Time{}, false
}

func checkUsers(users []User) error {
	seen := map[string]bool{}
	for _, u := range users {
		if u.Subject == "" {
			return fmt.Errorf("the user %q has no Subject, which every ID token needs", u.Username)
		}
		if seen[u.Subject] {
			return fmt.Errorf("two Users have the Subject %q", u.Subject)
		}
		seen[u.Subject] = true
	}
	if users != nil && len(users) == 0 {
		return errors.New("Users is empty but not nil: nobody could sign in")
	}
	return nil
}
