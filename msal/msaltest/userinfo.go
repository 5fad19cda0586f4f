package msaltest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// userinfo serves OpenID Connect Core §5.3. To a test it is also an API that tells a good access token from a bad one.
func (p *Platform) userinfo(c *call) answer {
	t := p.bearer(c)
	switch {
	case t == nil:
		return challenge(http.StatusUnauthorized, "invalid_token")
	case !slices.Contains(t.scopes, "openid"):
		return challenge(http.StatusForbidden, "insufficient_scope")
	}
	claims := personal(t.session.user, t.scopes)
	claims["sub"] = t.session.user.Subject
	return jsonAnswer(http.StatusOK, claims)
}

// bearer returns the access token of the request if it is good.
func (p *Platform) bearer(c *call) *accessToken {
	scheme, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil
	}
	s := p.lock()
	defer p.mu.Unlock()
	t := s.access[digestOf(value)]
	if t == nil || t.session.revoked || over(t.expires) {
		return nil
	}
	return t
}

// challenge is RFC 6750 §3.
func challenge(status int, code string) answer {
	h := http.Header{}
	h.Set("WWW-Authenticate", `Bearer realm="msaltest", error="`+code+`"`)
	return answer{status: status, header: h}
}

// over tells whether a life is over. The last moment of it belongs to it no more.
func over(end time.Time) bool { return !time.Now().Before(end) }
