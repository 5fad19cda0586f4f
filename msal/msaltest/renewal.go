package msaltest

import "slices"

// Renewal is what wins a refresh token at a sign-in.
type Renewal int

const (
	// RenewByScope wants the scope offline_access, or one of OfflineScopes.
	RenewByScope Renewal = iota
	// RenewByConsent wants that scope and prompt=consent. Without the prompt the scope is dropped and nobody is told, as
	// OpenID Connect Core §11 has it ("MUST ignore the offline_access request").
	RenewByConsent
	// RenewByParameter wants access_type=offline, and that the person consents: the first time, when more scopes are asked
	// for, or with prompt=consent. A device always wins one. Google does this.
	RenewByParameter
	// RenewAlways wants nothing.
	RenewAlways
	// RenewNever gives none.
	RenewNever
)

// renewal decides whether the session wins a refresh token. offline is access_type=offline, consent that the person was
// asked for it. The caller holds the lock.
func (p *Platform) renewal(s *state, x *session, offline, consent bool) {
	named := slices.ContainsFunc(x.scopes, p.isOffline)
	switch p.Renewal {
	case RenewByScope:
		x.renewable = named
	case RenewByConsent:
		x.renewable = named && consent
		if !consent {
			x.scopes = slices.DeleteFunc(slices.Clone(x.scopes), p.isOffline)
		}
	case RenewByParameter:
		x.renewable = offline && (consent || !s.consented(x))
	case RenewAlways:
		x.renewable = true
	case RenewNever:
	}
}

func (p *Platform) isOffline(scope string) bool {
	if p.OfflineScopes != nil {
		return slices.Contains(p.OfflineScopes, scope)
	}
	return scope == "offline_access"
}

// consented tells whether the person has said yes to all of this before. A session that was revoked takes that back.
func (s *state) consented(x *session) bool {
	return slices.ContainsFunc(s.sessions, func(before *session) bool {
		return before != x && before.client == x.client && before.user.Subject == x.user.Subject && !before.revoked &&
			!slices.ContainsFunc(x.scopes, func(scope string) bool { return !slices.Contains(before.scopes, scope) })
	})
}

// offlineDenied is what Keycloak says to a code, and so after the person is done, for one who lacks the role.
func (p *Platform) offlineDenied(x *session) *protocolError {
	if x.user.NoOffline && slices.ContainsFunc(x.scopes, p.isOffline) {
		return &protocolError{"not_allowed", "Offline tokens not allowed for the user or client"}
	}
	return nil
}
