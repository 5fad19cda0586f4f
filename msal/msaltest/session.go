package msaltest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Rotation is what happens to a refresh token when it is used.
type Rotation int

const (
	// RotateStrict spends it and gives another. A spent token that comes again was stolen or lost track of, so the
	// whole session ends (RFC 9700 §4.14.2).
	RotateStrict Rotation = iota
	// Grace is RotateStrict, but a spent token works again until GracePeriod has passed since its first use.
	Grace
	// KeepOld gives another, and all that were ever given keep working. Microsoft's platform does this.
	KeepOld
	// NoRotation gives none: the same token serves until the session ends. Google does this.
	NoRotation
)

// state is what the platform remembers of its clients, reachable through lock alone.
type state struct {
	person  User // who signs in by script; zero: whom login_hint names
	denied  bool
	browser map[string]time.Time // subject: when that person signed in at the authorization endpoint
	keys    []*signingKey        // the last one signs

	sessions []*session
	codes    map[string]*code
	devices  map[string]*device // by device code
	refresh  map[digest]*refreshToken
	access   map[digest]*accessToken
	entraState
}

// session is one sign-in and the family of refresh tokens that came of it.
type session struct {
	user     User
	client   string
	issuer   string
	scopes   []string
	authTime time.Time
	tellTime bool // the request had max_age, so ID tokens have auth_time (OpenID Connect Core §3.1.2.1)
	revoked  bool
	entraSession

	renewable bool // it has won a refresh token
	newest    *refreshToken
}

type refreshToken struct {
	session *session
	issued  time.Time
	spent   time.Time              // of its first use; zero: unspent
	asked   map[string][]time.Time // with Entra: when, by the request
}

type accessToken struct {
	session *session
	scopes  []string // with Entra: the permissions, in short names
	expires time.Time
	api     string // with Entra: the application id of the resource that it is for
	capable bool   // with Entra: its client understands claims challenges
}

func (p *Platform) lock() *state {
	p.mu.Lock()
	if p.state == nil {
		p.state = &state{
			browser: map[string]time.Time{},
			codes:   map[string]*code{},
			devices: map[string]*device{},
			refresh: map[digest]*refreshToken{},
			access:  map[digest]*accessToken{},

			entraState: newEntraState(),
		}
		p.restore()
	}
	return p.state
}

// Revoke ends every session of the subject, as an administrator or a changed password does: the next refresh is
// answered with invalid_grant, and the person has to sign in again.
func (p *Platform) Revoke(subject string) {
	s := p.lock()
	defer p.mu.Unlock()
	if !s.revoke(func(x *session) bool { return x.user.Subject == subject }) {
		p.fatalf("Revoke: nobody with the subject %q has signed in", subject)
	}
	delete(s.browser, subject)
}

// RevokeAll ends every session there is.
func (p *Platform) RevokeAll() {
	s := p.lock()
	defer p.mu.Unlock()
	s.revoke(func(*session) bool { return true })
	clear(s.browser)
}

func (s *state) revoke(which func(*session) bool) (found bool) {
	for _, x := range s.sessions {
		if which(x) {
			x.revoked, found = true, true
			s.validFrom[x.user.Subject] = time.Now()
		}
	}
	return found
}

// SessionAlive tells whether the newest refresh token of the subject's newest sign-in would still work. It asks
// without spending the token, so a test can tell at its end whether a client lost a session that it could have kept.
func (p *Platform) SessionAlive(subject string) bool {
	s := p.lock()
	defer p.mu.Unlock()
	for _, x := range slices.Backward(s.sessions) {
		if x.user.Subject == subject && x.newest != nil {
			return !x.revoked && p.usable(x.newest)
		}
	}
	return false
}

// newRefreshToken adds to the family of a session.
func (s *state) newRefreshToken(x *session) string {
	token := secret("rt")
	x.newest = &refreshToken{session: x, issued: time.Now()}
	s.refresh[digestOf(token)] = x.newest
	return token
}

// usable tells whether the rotation in force still accepts the token.
func (p *Platform) usable(t *refreshToken) bool {
	switch {
	case t.spent.IsZero():
		return true
	case p.Rotation == Grace:
		return time.Since(t.spent) <= or(p.GracePeriod, 30*time.Second)
	default:
		return p.Rotation != RotateStrict
	}
}

// digest stands for a token where the platform remembers it: who reads its memory, or its file, cannot use the token.
type digest string

func digestOf(token string) digest {
	sum := sha256.Sum256([]byte(token))
	return digest(base64.RawURLEncoding.EncodeToString(sum[:]))
}

// secret makes a random value whose prefix tells its kind, so that a test can look for it where it must not be.
// testing/cryptotest makes the values of a test reproducible.
func secret(kind string) string { return kind + "-" + rand.Text() }
