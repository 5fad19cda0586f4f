package msaltest

import (
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t is a SHA-1 thumbprint by its definition (RFC 7517 §4.8)
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"time"
)

// discovery publishes exactly the members that were recorded of Microsoft's two documents, and none that these lack:
// neither code_challenge_methods_supported nor grant_types_supported.
func (m microsoft) discovery(c *call) answer {
	k, _ := m.cloud()
	oauth := c.base + "/oauth2"
	if !c.entra.v1 {
		oauth += v2
	}
	document := map[string]any{
		"issuer":                                c.issuer,
		"authorization_endpoint":                oauth + authorizePath,
		"token_endpoint":                        oauth + tokenPath,
		"device_authorization_endpoint":         oauth + "/devicecode",
		"end_session_endpoint":                  oauth + logoutPath,
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              m.responseModes(),
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"kerberos_endpoint":                     c.base + "/kerberos",
		"tenant_region_scope":                   nil,
		"cloud_instance_name":                   k.name,
		"cloud_graph_host_name":                 k.oldGraph,
		"msgraph_host":                          k.graph,
		"rbac_url":                              k.rbac,
	}
	if c.entra.authority.tenant.ID != "" {
		document["tenant_region_scope"] = "NA"
	}
	if c.entra.v1 {
		m.v1Document(c, document)
	} else {
		m.v2Document(c, document)
	}
	if m.ScopesSupported != nil {
		document["scopes_supported"] = m.ScopesSupported
	}
	if m.EditMetadata != nil {
		m.EditMetadata(document)
	}
	return m.public(jsonAnswer(http.StatusOK, document))
}

func (m microsoft) v2Document(c *call, document map[string]any) {
	document["jwks_uri"] = c.base + "/discovery/v2.0/keys"
	document["userinfo_endpoint"] = m.graphBase() + graphInfo
	document["request_uri_parameter_supported"] = false
	document["response_types_supported"] = []string{"code", "id_token", "code id_token", "id_token token"}
	document["scopes_supported"] = []string{"openid", "profile", "email", "offline_access"}
	document["claims_supported"] = []string{
		"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud", "exp",
		"iat", "auth_time", "acr", "nonce", "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email",
	}
}

func (m microsoft) v1Document(c *call, document map[string]any) {
	document["jwks_uri"] = c.base + "/discovery/keys"
	document["userinfo_endpoint"] = c.base + "/openid/userinfo"
	document["check_session_iframe"] = c.base + "/oauth2/checksession"
	document["microsoft_multi_refresh_token"] = true
	document["response_types_supported"] = []string{"code", "id_token", "code id_token", "token id_token", "token"}
	document["scopes_supported"] = []string{"openid"}
	document["claims_supported"] = []string{
		"sub", "iss", "cloud_instance_name", "cloud_instance_host_name", "cloud_graph_host_name", "msgraph_host", "aud", "exp",
		"iat", "auth_time", "acr", "amr", "nonce", "email", "given_name", "family_name", "nickname",
	}
}

func (m microsoft) responseModes() []string {
	if len(m.ResponseModes) > 0 {
		return m.ResponseModes
	}
	return []string{"query", "fragment", "form_post"}
}

// jwks publishes the keys as Microsoft does: with certificates and without alg (recorded), and each with the issuer that
// it may sign for, a template where it is for many tenants, so that a key of one can not vouch for another (not verified).
func (m microsoft) jwks(c *call) answer {
	keys := []any{}
	s := m.lock()
	m.signing(s)
	for _, k := range s.keys {
		if k.retired {
			continue
		}
		members := published(k)
		der := k.certificate()
		thumb := sha1.Sum(der) //nolint:gosec // see above
		members["x5t"] = base64.RawURLEncoding.EncodeToString(thumb[:])
		members["x5c"] = []string{base64.StdEncoding.EncodeToString(der)}
		delete(members, "alg")
		if !c.entra.v1 {
			members["issuer"] = c.issuer
		}
		keys = append(keys, members)
	}
	m.mu.Unlock()
	document := map[string]any{"keys": keys}
	if m.EditKeys != nil {
		m.EditKeys(document)
	}
	return m.public(jsonAnswer(http.StatusOK, document))
}

// public lets everybody keep the answer for a day.
func (m microsoft) public(a answer) answer {
	a.header.Set("Cache-Control", "max-age=86400, private")
	a.header.Set("Access-Control-Allow-Origin", "*")
	a.header.Del("Pragma")
	return a
}

// certificate wraps the key in a certificate of its own, always the same one.
func (k *signingKey) certificate() []byte {
	sum := sha256.Sum256([]byte(k.id))
	template := &x509.Certificate{
		SerialNumber:       new(big.Int).SetBytes(sum[:16]),
		Subject:            pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore:          time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:           time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		SignatureAlgorithm: x509.SHA256WithRSA,
	}
	der, err := x509.CreateCertificate(nil, template, template, k.signer.Public().(*rsa.PublicKey), k.signer)
	if err != nil {
		panic("msaltest: " + err.Error())
	}
	return der
}
