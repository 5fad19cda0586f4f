package msaltest

import "time"

// redeemRefresh serves RFC 6749 §6 with the rotation of RFC 9700 §4.14.2.
func (p *Platform) redeemRefresh(s *state, c *call) (issued, *protocolError) {
	t := s.refresh[digestOf(c.form.Get("refresh_token"))]
	switch {
	case t == nil:
		return issued{}, &protocolError{"invalid_grant", "this refresh token was never issued"}
	case t.session.client != c.form.Get("client_id"):
		return issued{}, &protocolError{"invalid_grant", "this refresh token was issued to another client"}
	case t.session.revoked:
		return issued{}, &protocolError{"invalid_grant", "the session has been revoked"}
	case !p.usable(t):
		// Thief and owner cannot be told apart, so both lose the session.
		t.session.revoked = true
		return issued{}, &protocolError{"invalid_grant", "this refresh token has been used before"}
	}
	// A request that is refused spends nothing, so the scopes come first.
	scopes, err := narrow(t.session.scopes, c.form.Get("scope"))
	if err != nil {
		return issued{}, err
	}
	if t.spent.IsZero() && (p.Rotation == RotateStrict || p.Rotation == Grace) {
		t.spent = time.Now()
	}
	return p.issue(s, t.session, scopes), nil
}
