package msaltest

import (
	"slices"
	"strings"
	"time"
)

// idToken writes the ID token. Its version is the endpoint's. Who the user is stands in tid and oid; sub differs between
// applications; email may be anything (documented).
func (m microsoft) idToken(c *call, got given) string {
	x, now := got.session, time.Now()
	tenant, user := got.tenant.ID, x.user
	claims := map[string]any{
		"iss": m.issuer(tenant, c.entra.v1),
		"aud": got.client,
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(time.Hour).Unix(),
		"sub": m.pairwise(user, tenant, got.client),
		"tid": tenant,
		"uti": newGUID(),
		"ver": "2.0",
	}
	if got.nonce != "" {
		claims["nonce"] = got.nonce
	}
	if x.tellTime {
		claims["auth_time"] = x.authTime.Unix()
	}
	if tenant != user.TenantID {
		claims["idp"] = m.issuer(user.TenantID, true)
	}
	set := func(claim, value string) {
		if value != "" {
			claims[claim] = value
		}
	}
	switch {
	case c.entra.v1:
		claims["ver"], claims["amr"] = "1.0", []string{"pwd"}
		set("oid", m.objectID(user, tenant))
		set("name", user.Name)
		set("upn", user.Username)
		set("unique_name", user.account())
	case slices.Contains(got.oidc, "profile"):
		set("oid", m.objectID(user, tenant))
		set("name", user.Name)
		set("preferred_username", user.account())
	}
	if !c.entra.v1 && slices.Contains(got.oidc, "email") {
		set("email", user.Email)
	}
	if m.EditClaims != nil {
		m.EditClaims(claims)
	}
	if c.entra.v1 && m.Entra.UnsignedV1 {
		return unsigned(claims)
	}
	return m.SignIDToken(claims)
}

// accessToken writes a token that the API can verify, in the version that it wants, whichever endpoint gives it. Those for
// personal accounts are opaque (documented).
func (m microsoft) accessToken(s *state, x *session, e entitlement, now time.Time) string {
	if e.tenant.Kind == PersonalAccounts {
		return secret("at")
	}
	r, user := e.api.resource, x.user
	claims := map[string]any{
		"iat": now.Unix(),
		"nbf": now.Unix(),
		"exp": now.Add(or(m.AccessTokenLife, time.Hour)).Unix(),
		"sub": m.pairwise(user, e.tenant.ID, r.AppID),
		"oid": m.objectID(user, e.tenant.ID),
		"tid": e.tenant.ID,
		"scp": strings.Join(without(e.permissions, []string{"offline_access"}), " "),
		"uti": newGUID(),
		"iss": m.issuer(e.tenant.ID, !r.V2),
	}
	if r.V2 {
		claims["ver"], claims["aud"], claims["azp"], claims["azpacr"] = "2.0", r.AppID, e.client, "0"
	} else {
		claims["ver"], claims["aud"], claims["appid"], claims["appidacr"] = "1.0", e.api.audience(), e.client, "0"
	}
	if capable(e.claims) {
		claims["xms_cc"] = []string{"cp1"}
	}
	var contexts []string
	for _, demand := range x.met {
		if value, ok := strings.CutPrefix(demand, "acrs="); ok {
			contexts = append(contexts, value)
		}
	}
	if contexts != nil {
		claims["acrs"] = contexts
	}
	return m.signing(s).sign(claims)
}

// audience is the resource in the spelling that was asked for (documented for v1.0 tokens).
func (a *askedAPI) audience() string {
	if a.spelled != "" {
		return a.spelled
	}
	return a.resource.name()
}
