package msal

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/staysigned/staysigned/internal/discovery"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/scopes"
)

// Provider tells how a server differs from the standards. A field that is zero
// (nil, not just empty) is as the built-in profile has it that Name chooses,
// or without a Name the issuer; where that says nothing, the server's metadata
// decides. The built-in profiles, and the evidence for them, are in
// docs/which-provider.md; LookupProvider returns them as values.
type Provider struct {
	// Name takes a built-in profile: "entra", "b2c", "ciam", "adfs", "google",
	// "github" and others. "oidc" takes none, whatever the issuer is.
	Name string

	// Defaults are the default scopes that the server understands. With openid
	// among them it has to be an OpenID Provider.
	Defaults []string

	// Authorize holds further parameters of each authorization request and
	// device authorization request, such as audience=api.example.com. An audience
	// is what the token is for: see Params.Extra.
	Authorize url.Values

	// Offline holds those that go with offline_access or stand in for it, such
	// as access_type=offline. OmitScopes of offline_access omits them too. They
	// are about a page in the browser, so a DeviceCode sends none of them.
	Offline url.Values

	// OfflineScope is what the server calls offline_access.
	OfflineScope string

	// Loopback is the redirect URI, without a port, that a Browser without one
	// uses: "http://localhost" or "http://127.0.0.1".
	Loopback string

	// ScopeSeparator is what the server puts between the scopes of an answer:
	// "," or " ".
	ScopeSeparator string

	// ScopeNames are the default scopes by the names that answers have for them.
	ScopeNames map[string]string

	// InvalidGrant are the server's error codes for what RFC 6749 section 5.2
	// calls invalid_grant: the refresh token is over, and somebody has to sign
	// in.
	InvalidGrant []string

	// NoOpenID says that the server does OAuth 2.0 alone, whatever its metadata
	// says: see Account for what that means. If false, the metadata decides, and
	// one that has keys, or anything else of OpenID Connect, is never taken so.
	NoOpenID bool

	// Endpoints are those of a server without metadata, or with wrong metadata,
	// by the names that they have there (RFC 8414 section 2): token_endpoint,
	// authorization_endpoint, device_authorization_endpoint, jwks_uri and so on,
	// each absolute or relative to the issuer. No metadata is fetched then. Where
	// the issuer is not the authority's URL, as at Microsoft Entra, use
	// Config.Metadata instead.
	Endpoints map[string]string
}

// LookupProvider returns a built-in profile, to read, or to change and put into
// Config.Provider.
func LookupProvider(name string) (Provider, bool) {
	p, ok := provider.Named(name)
	return Provider(p), ok
}

// checkProfile finds what contradicts itself or the protocol. Its errors begin
// with a field of Provider.
func checkProfile(a provider.Authority, p provider.Profile) error {
	for _, field := range []struct {
		name   string
		values url.Values
	}{{"Authorize", p.Authorize}, {"Offline", p.Offline}} {
		for _, name := range slices.Sorted(maps.Keys(field.values)) {
			if protocol(name) {
				return fmt.Errorf("%s: %q is a parameter of the protocol", field.name, name)
			}
		}
	}
	for _, s := range p.Defaults {
		if !scopes.Defaults().Has(s) {
			return fmt.Errorf("Defaults: %q is none of the defaults %s", s, scopes.Defaults())
		}
	}
	openID := slices.Contains(p.Defaults, scopes.OpenID)
	switch {
	case p.NoOpenID && (openID || a.Kind != provider.OIDC):
		return fmt.Errorf("NoOpenID: %s is said to be an OpenID Provider as well", a.Issuer)
	case !p.NoOpenID && p.Defaults != nil && !openID:
		return errors.New("Defaults: openid has to be among them, without it nobody knows who has signed in; set NoOpenID if that is meant")
	case p.ScopeSeparator != "" && p.ScopeSeparator != " " && p.ScopeSeparator != ",":
		return fmt.Errorf("ScopeSeparator: %q; want a comma or a space", p.ScopeSeparator)
	case !slices.Contains([]string{"http://localhost", "http://127.0.0.1", "http://[::1]"}, p.Loopback):
		return fmt.Errorf("Loopback: %q; want http://localhost, http://127.0.0.1 or http://[::1], and a Browser's RedirectURI for anything else", p.Loopback)
	}
	if p.OfflineScope != "" {
		if _, err := scopes.New(p.OfflineScope); err != nil {
			return fmt.Errorf("OfflineScope: %w", err)
		}
	}
	return nil
}

// metadataGiven returns the metadata that the application or the profile has,
// or nil.
func (s *settings) metadataGiven() (*discovery.Document, error) {
	if len(s.Metadata) > 0 {
		doc, err := s.parseMetadata(s.Metadata)
		if err != nil {
			return nil, fmt.Errorf("Metadata: %w", err)
		}
		return doc, nil
	}
	if len(s.profile.Endpoints) == 0 {
		return nil, nil
	}
	if s.authority.AcceptsIssuer(s.authority.Issuer) != nil {
		return nil, fmt.Errorf("Provider.Endpoints: the metadata of %s names another issuer; write the whole document into Metadata", s.authority.Issuer)
	}
	var doc *discovery.Document
	raw, err := s.authority.Metadata(s.profile.Endpoints)
	if err == nil {
		doc, err = s.parseMetadata(raw)
	}
	if err == nil {
		err = doc.Need(slices.Sorted(maps.Keys(s.profile.Endpoints))...) // what it does not have, it does not know by that name
	}
	if err != nil {
		return nil, fmt.Errorf("Provider.Endpoints: %w", err)
	}
	return doc, nil
}
