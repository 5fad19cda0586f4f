package msaltest

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/go-jose/go-jose/v4"
)

// logout serves OpenID Connect RP-Initiated Logout §2: it ends the person's session in the browser. Refresh tokens
// outlive it, since offline_access means access while nobody is there (OpenID Connect Core §11).
func (p *Platform) logout(c *call) answer {
	if err := c.single(); err != nil {
		return page(http.StatusBadRequest, "You are still signed in", err.Error())
	}
	subject, client := "", c.form.Get("client_id")
	if hint := c.form.Get("id_token_hint"); hint != "" {
		claims, ok := p.ownToken(hint)
		if !ok || client != "" && client != claims.Audience {
			return page(http.StatusBadRequest, "You are still signed in", "The id_token_hint is not of this client.")
		}
		subject = claims.Subject
	}
	back := c.form.Get("post_logout_redirect_uri")
	if back != "" && (subject == "" && client == "" || !p.redirectAllowed(back)) {
		return page(http.StatusBadRequest, "You are still signed in", "The post_logout_redirect_uri is not registered.")
	}
	p.leave(subject)
	if back == "" {
		return page(http.StatusOK, "Signed out", "You can close this page.")
	}
	params := url.Values{}
	if state := c.form.Get("state"); state != "" {
		params.Set("state", state)
	}
	return redirect(withQuery(back, params))
}

// leave ends the session of the subject; of everybody if the request does not say whose.
func (p *Platform) leave(subject string) {
	s := p.lock()
	defer p.mu.Unlock()
	if subject == "" {
		clear(s.browser)
	}
	delete(s.browser, subject)
}

// ownClaims are those of an ID token that an id_token_hint is read for.
type ownClaims struct {
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
}

// ownToken reads an ID token of this platform, expired or not (§2: "SHOULD accept ID Tokens … even when exp has
// passed"), and whatever has become of the key.
func (p *Platform) ownToken(token string) (claims ownClaims, ok bool) {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		return claims, false
	}
	s := p.lock()
	defer p.mu.Unlock()
	for _, k := range s.keys {
		if payload, err := signed.Verify(k.public()); err == nil {
			return claims, json.Unmarshal(payload, &claims) == nil
		}
	}
	return claims, false
}
