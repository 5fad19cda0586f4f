package msaltest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

// code is an authorization code. A used one is kept, because a second use means something.
type code struct {
	session     *session
	redirectURI string
	challenge   string
	nonce       string
	expires     time.Time
	used        bool
}

// redeemCode serves RFC 6749 §4.1.3 with PKCE. A code is used up by its first presentation, also by a wrong one: who
// presents it without the verifier may have stolen it.
func (p *Platform) redeemCode(s *state, c *call) (issued, *protocolError) {
	k := s.codes[c.form.Get("code")]
	if k == nil {
		return issued{}, &protocolError{"invalid_grant", "this code was never issued"}
	}
	if k.used {
		k.session.revoked = true // RFC 6749 §4.1.2: "SHOULD revoke all tokens previously issued based on that code"
		return issued{}, &protocolError{"invalid_grant", "this code has been used before"}
	}
	k.used = true
	switch {
	case k.session.revoked:
		return issued{}, &protocolError{"invalid_grant", "the session has been revoked"}
	case over(k.expires):
		return issued{}, &protocolError{"invalid_grant", "this code has expired"}
	case k.session.client != c.form.Get("client_id"):
		return issued{}, &protocolError{"invalid_grant", "this code was issued to another client"}
	case k.redirectURI != c.form.Get("redirect_uri"):
		return issued{}, &protocolError{"invalid_grant", "the redirect_uri is not that of the authorization request"}
	case !verifies(c.form.Get("code_verifier"), k.challenge):
		return issued{}, &protocolError{"invalid_grant", "the code_verifier does not match the code_challenge"}
	}
	if err := p.offlineDenied(k.session); err != nil {
		return issued{}, err
	}
	got := p.issue(s, k.session, within(k.session.scopes, c.form.Get("scope")))
	got.nonce = k.nonce
	return got, nil
}

// verifies compares as RFC 7636 §4.6 says for S256.
func verifies(verifier, challenge string) bool {
	return isVerifier(verifier) && subtle.ConstantTimeCompare([]byte(challengeOf(verifier)), []byte(challenge)) == 1
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// isVerifier checks the form that verifier and challenge share (RFC 7636 §4.1, §4.2).
func isVerifier(s string) bool {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	return len(s) >= 43 && len(s) <= 128 && strings.Trim(s, unreserved) == ""
}
