// Package discovery reads a provider's metadata document: OpenID Connect
// Discovery 1.0 section 3, RFC 8414 section 2.
//
// Whoever can change a word in it reads everybody's mail, so what is used is
// checked when the document is read, and a document never gives anything
// without its issuer. That the issuer is the one asked for is still to be
// compared: who that may be, only package provider knows.
package discovery

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/internal/termsafe"
)

// Document is what this module uses of a metadata document. It is read-only.
// Endpoints are absolute URLs that every program reads alike, or "" if the
// document has none; lists are nil if it has none.
type Document struct {
	Issuer string `json:"issuer"` // as written, in Microsoft's case with a template in it

	AuthorizationEndpoint       string `json:"authorization_endpoint"`
	TokenEndpoint               string `json:"token_endpoint"`
	JWKSURI                     string `json:"jwks_uri"`
	DeviceAuthorizationEndpoint string `json:"device_authorization_endpoint"` // RFC 8628 section 4
	RevocationEndpoint          string `json:"revocation_endpoint"`
	EndSessionEndpoint          string `json:"end_session_endpoint"` // RP-Initiated Logout section 2.1
	UserinfoEndpoint            string `json:"userinfo_endpoint"`

	ScopesSupported      []string `json:"scopes_supported"`
	ScopesPublished      bool     `json:"-"` // scopes_supported is there, if empty
	ResponseModes        []string `json:"response_modes_supported"`
	CodeChallengeMethods []string `json:"code_challenge_methods_supported"`
	SigningAlgorithms    []string `json:"id_token_signing_alg_values_supported"`

	// IssParameter promises iss in every authorization response, so that one
	// without is a forgery (RFC 9207 section 2.4).
	IssParameter bool `json:"authorization_response_iss_parameter_supported"`

	Raw []byte `json:"-"` // the document as it came, for the store
}

// Parse reads a document. Members that are used have to have their type;
// others may be anything. A missing endpoint is no error yet: see Need.
func Parse(raw []byte, loopbackHTTP bool) (*Document, error) {
	d := &Document{}
	if err := strictjson.Unmarshal(raw, d); err != nil {
		return nil, fmt.Errorf("the metadata: %w", err)
	}
	switch {
	case d.Issuer == "":
		return nil, errors.New("the metadata has no issuer, so nothing can be compared with the one asked for")
	case len(d.Issuer) > secureurl.MaxLen:
		return nil, fmt.Errorf("the metadata has an issuer of %d bytes, at most %d are accepted", len(d.Issuer), secureurl.MaxLen)
	}
	for _, e := range d.endpoints() {
		if e.url == "" {
			continue
		}
		// A refresh token is posted to it, or a browser opens it, where "javascript:" would run.
		if _, err := secureurl.Parse(e.url, loopbackHTTP); err != nil {
			return nil, fmt.Errorf("the metadata of %s: member %s: %w", d.issuer(), e.name, err)
		}
	}
	d.ScopesPublished = d.ScopesSupported != nil
	d.Raw = bytes.Clone(raw)
	return d, nil
}

// OpenID tells whether the document is an OpenID Provider's. One sign of it is
// enough: a provider that has lost a member is broken, and must not pass for a
// server that knows nobody (RFC 8414).
func (d *Document) OpenID() bool {
	return d.JWKSURI != "" || d.UserinfoEndpoint != "" || d.SigningAlgorithms != nil || slices.Contains(d.ScopesSupported, "openid")
}

type endpoint struct{ name, url string }

func (d *Document) endpoints() [7]endpoint {
	return [...]endpoint{
		{"authorization_endpoint", d.AuthorizationEndpoint},
		{"token_endpoint", d.TokenEndpoint},
		{"jwks_uri", d.JWKSURI},
		{"device_authorization_endpoint", d.DeviceAuthorizationEndpoint},
		{"revocation_endpoint", d.RevocationEndpoint},
		{"end_session_endpoint", d.EndSessionEndpoint},
		{"userinfo_endpoint", d.UserinfoEndpoint},
	}
}

// Need reports which of the endpoints, named as in the document, are missing,
// before a flow begins that could not end. A name that is not the member of an
// endpoint counts as missing.
func (d *Document) Need(names ...string) error {
	endpoints := d.endpoints()
	var missing []string
	for _, name := range names {
		if !slices.ContainsFunc(endpoints[:], func(e endpoint) bool { return e.name == name && e.url != "" }) {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("the metadata of %s has no %s, so the provider does not offer this", d.issuer(), strings.Join(missing, " and no "))
}

// issuer shows the issuer, which is the server's text until it was compared.
func (d *Document) issuer() string { return `"` + termsafe.Text(d.Issuer, 200) + `"` }
