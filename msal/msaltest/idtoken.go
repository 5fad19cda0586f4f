package msaltest

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// idToken writes the ID token of OpenID Connect Core §2. After a refresh it has no nonce (§12.2).
func (p *Platform) idToken(got issued) string {
	x, now := got.session, time.Now()
	claims := map[string]any{
		"iss":     x.issuer,
		"sub":     x.user.Subject,
		"aud":     x.client,
		"iat":     now.Unix(),
		"exp":     now.Add(time.Hour).Unix(),
		"at_hash": accessTokenHash(got.access),
	}
	set := func(claim, value string) {
		if value != "" {
			claims[claim] = value
		}
	}
	set("nonce", got.nonce)
	set("tid", x.user.TenantID)
	if x.tellTime {
		claims["auth_time"] = x.authTime.Unix()
	}
	for claim, value := range personal(x.user, got.scopes) {
		claims[claim] = value
	}
	if p.EditClaims != nil {
		p.EditClaims(claims)
	}
	return p.SignIDToken(claims)
}

// personal returns what the scopes tell about the user (OpenID Connect Core §5.4).
func personal(u User, scopes []string) map[string]any {
	claims := map[string]any{}
	if slices.Contains(scopes, "profile") {
		for claim, value := range map[string]string{"name": u.Name, "preferred_username": u.Username, "oid": u.ObjectID} {
			if value != "" {
				claims[claim] = value
			}
		}
	}
	if slices.Contains(scopes, "email") && u.Email != "" {
		claims["email"], claims["email_verified"] = u.Email, true
	}
	return claims
}

// accessTokenHash is at_hash (§3.1.3.6); both algorithms of the platform hash with SHA-256.
func accessTokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
