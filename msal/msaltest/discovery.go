package msaltest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// discovery publishes the metadata of OpenID Connect Discovery §3 and RFC 8414 §2.
func (p *Platform) discovery(c *call) answer {
	if p.NoOpenID && !strings.HasPrefix(c.URL.Path, oauthPath) {
		return notFound() // where a client looks first, and has to look on (RFC 8414 §5)
	}
	document := map[string]any{
		"issuer":                                         c.issuer,
		"authorization_endpoint":                         c.at("authorize", authorizePath),
		"token_endpoint":                                 c.at("token", tokenPath),
		"device_authorization_endpoint":                  c.at("device", devicePath),
		"revocation_endpoint":                            c.at("revocation", revocationPath),
		"end_session_endpoint":                           c.at("logout", logoutPath),
		"userinfo_endpoint":                              c.at("userinfo", userinfoPath),
		"jwks_uri":                                       c.at("keys", keysPath),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       p.responseModes(),
		"grant_types_supported":                          []string{grantCode, grantRefresh, grantDevice},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{cmp.Or(p.Algorithm, "RS256")},
		"token_endpoint_auth_methods_supported":          p.authMethods(),
		"code_challenge_methods_supported":               []string{"S256"},
		"authorization_response_iss_parameter_supported": !p.OmitIss,
		"claims_supported": []string{
			"iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "auth_time", "name", "preferred_username", "email",
			"email_verified",
		},
	}
	if p.NoOpenID {
		for _, member := range []string{
			"end_session_endpoint", "userinfo_endpoint", "jwks_uri", "subject_types_supported",
			"id_token_signing_alg_values_supported", "claims_supported",
		} {
			delete(document, member)
		}
	}
	if p.NoDevice {
		delete(document, "device_authorization_endpoint")
		document["grant_types_supported"] = []string{grantCode, grantRefresh}
	}
	if p.ScopesSupported == nil && !p.NoOpenID {
		document["scopes_supported"] = slices.Clone(oidcScopes)
	} else if len(p.ScopesSupported) > 0 {
		document["scopes_supported"] = p.ScopesSupported
	}
	if p.EditMetadata != nil {
		p.EditMetadata(document)
	}
	return jsonAnswer(http.StatusOK, document)
}

func (p *Platform) responseModes() []string {
	if len(p.ResponseModes) > 0 {
		return p.ResponseModes
	}
	return []string{"query", "form_post"}
}

func (p *Platform) authMethods() []string {
	if p.ClientSecret != "" {
		return []string{"client_secret_post"}
	}
	return []string{"none"}
}
