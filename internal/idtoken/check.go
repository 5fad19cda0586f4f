package idtoken

import (
	"cmp"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// template stands for the tenant in the issuers of Microsoft's shared keys.
const template = "{tenantid}"

// judge holds the claims against c, in the order of OpenID Connect Core 1.0
// section 3.1.3.7. issuers tells that the key set names issuers at all.
func (c *Check) judge(p *payload, alg string, signer *key, issuers bool) error {
	issuer := c.Issuer
	if c.IssuerFor != nil {
		// Nothing that could step out of its place in a URL is put into one.
		if len(p.TenantID) != 36 || strings.Trim(p.TenantID, "0123456789abcdef-") != "" {
			return &Error{Claim: "tid", Got: show(p.TenantID), Want: "a GUID in lower case"}
		}
		var err error
		if issuer, err = c.IssuerFor(p.TenantID); err != nil {
			return &Error{Claim: "tid", Got: show(p.TenantID), Err: err}
		}
	}
	leeway := cmp.Or(c.Leeway, 2*time.Minute)
	earliest, latest := c.Now.Add(-leeway), c.Now.Add(leeway)
	noNonce := c.NonceOptional && (c.Nonce == "" || p.Nonce == "")
	sameNonce := c.Nonce != "" && subtle.ConstantTimeCompare([]byte(c.Nonce), []byte(p.Nonce)) == 1
	foreign := func(aud string) bool { return aud != c.ClientID && !slices.Contains(c.TrustedAudiences, aud) }
	switch {
	case p.Issuer != issuer:
		return &Error{Claim: "iss", Got: show(p.Issuer), Want: show(issuer)}
	case signer.issuer != "" && strings.ReplaceAll(signer.issuer, template, p.TenantID) != p.Issuer:
		// Microsoft lists the keys of many tenants in one set, each with the one
		// issuer that it may speak for.
		return &Error{Claim: "iss", Got: show(p.Issuer), Want: "the key's own issuer " + show(signer.issuer)}
	case signer.issuer == "" && issuers && c.IssuerFor != nil:
		// The v1.0 endpoint names no issuers; a set that does must do so for all.
		return &Error{Claim: "kid", Got: show(signer.id), Want: "a key that names its issuer, as others of the set do"}
	case !slices.Contains(p.Audience, c.ClientID):
		return &Error{Claim: "aud", Got: list(p.Audience), Want: show(c.ClientID)}
	case slices.ContainsFunc(p.Audience, foreign):
		return &Error{Claim: "aud", Got: list(p.Audience), Want: "none beside " + show(c.ClientID) + " that is not trusted"}
	case p.AuthorizedParty != "" && p.AuthorizedParty != c.ClientID:
		return &Error{Claim: "azp", Got: show(p.AuthorizedParty), Want: show(c.ClientID)}
	case p.Expiry.Before(earliest) || p.Expiry.Equal(earliest):
		return c.clock("exp", p.Expiry, "later")
	case p.IssuedAt.After(latest):
		return c.clock("iat", p.IssuedAt, "earlier")
	case p.notBefore.After(latest):
		return c.clock("nbf", p.notBefore, "earlier")
	case c.MaxIssueAge > 0 && p.IssuedAt.Before(earliest.Add(-c.MaxIssueAge)):
		return c.clock("iat", p.IssuedAt, "at most "+c.MaxIssueAge.String()+" old")
	case !noNonce && !sameNonce:
		return &Error{Claim: "nonce", Got: "not the one that was sent", Want: "an answer to this sign-in"}
	case c.ACR != nil && !slices.Contains(c.ACR, p.acr):
		return &Error{Claim: "acr", Got: show(p.acr), Want: "one of " + list(c.ACR)}
	case c.MaxAge > 0 && p.AuthTime.IsZero():
		return &Error{Claim: "auth_time", Got: "missing", Want: "the time of the sign-in, because max_age was sent"}
	case c.MaxAge > 0 && p.AuthTime.Before(earliest.Add(-c.MaxAge)):
		return c.clock("auth_time", p.AuthTime, "at most "+c.MaxAge.String()+" old")
	case c.MaxAge > 0 && p.AuthTime.After(latest):
		return c.clock("auth_time", p.AuthTime, "earlier")
	case p.atHash != nil && !isHashOf(c.AccessToken, alg, *p.atHash):
		return &Error{Claim: "at_hash", Got: "of another token", Want: "the hash of the access token beside it"}
	}
	return nil
}

// clock is the error for a time that is wrong, if this machine's clock is right.
// It often is not, so the error says how far the two are apart.
func (c *Check) clock(claim string, at time.Time, want string) error {
	off, side := c.Now.Sub(at), " behind"
	if off < 0 {
		off, side = -off, " ahead of"
	}
	return &Error{
		Claim: claim,
		Got:   at.UTC().Format(time.RFC3339) + ", " + off.Round(time.Second).String() + side + " this machine's clock",
		Want:  want + ": set the clock, or sign in again if it is right",
	}
}

// list shows strings of which a server may have chosen any number.
func list(s []string) string {
	return termsafe.Text(`"`+strings.Join(s, `" "`)+`"`, 200)
}
