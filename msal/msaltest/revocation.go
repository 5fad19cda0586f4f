package msaltest

import "net/http"

// revocation serves RFC 7009. A refresh token takes its whole session along (§2.1); for a token that the platform
// does not know it says 200 too (§2.2: the client has what it wanted).
func (p *Platform) revocation(c *call) answer {
	if err := c.single(); err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request", err.Error())
	}
	if a := p.checkClient(c); a != nil {
		return *a
	}
	token, client := c.form.Get("token"), c.form.Get("client_id")
	if token == "" {
		return oauthError(http.StatusBadRequest, "invalid_request", "the request has no token")
	}
	s := p.lock()
	defer p.mu.Unlock()
	if t := s.refresh[digestOf(token)]; t != nil && t.session.client == client {
		t.session.revoked = true
	}
	if t := s.access[digestOf(token)]; t != nil && t.session.client == client {
		delete(s.access, digestOf(token))
	}
	return answer{status: http.StatusOK, header: http.Header{"Cache-Control": {"no-store"}}}
}
