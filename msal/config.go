package msal

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/discovery"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/scopes"
)

// Config describes an application to an authorization server. ClientID and
// Authority are required; the zero value of every other field is what most
// applications want.
type Config struct {
	// ClientID is the application's identifier at the server, as of its
	// registration as a public client (native, desktop, mobile).
	ClientID string

	// Authority is the server: an issuer URL, or a Microsoft authority such as
	// https://login.microsoftonline.com/organizations. For an issuer it has to
	// be exactly what the server's metadata says, slash for slash; GitHub's is
	// https://github.com/login/oauth.
	Authority string

	// Cache keeps the sessions. If nil, they live in memory and end with the
	// process. A Store whose values rest unsealed is refused unless
	// InsecurePlaintextCache is set.
	Cache cache.Store

	// HTTPClient makes all requests to the server; its Transport and Timeout
	// are used. If nil, one with sane limits is. Whatever it says, requests of
	// the protocol are never redirected: a 307 would hand a refresh token to
	// somebody else.
	HTTPClient *http.Client

	// Logger gets the events that the package documentation lists. If nil,
	// nothing is logged.
	Logger *slog.Logger

	// OmitScopes names defaults never to send, such as "offline_access" for a
	// server that refuses it or a consent page that frightens people. Without
	// offline_access most servers give no refresh token. openid cannot be
	// omitted: without it there is no account.
	OmitScopes []string

	// MergeDefaults accepts openid, profile, email and offline_access among a
	// caller's scopes, sends each once and says so in the log. If false, they
	// are refused with a *scopes.DuplicateDefaultError.
	MergeDefaults bool

	// Endpoint chooses Microsoft's endpoint. If zero, v2.0.
	Endpoint Endpoint

	// Provider says how this server differs from others. If zero, that is
	// found by its issuer and its metadata; set it for ADFS and B2C on domains
	// of their own. It stands over the metadata.
	Provider Provider

	// AllowedTenants lists the tenant ids whose people may sign in. The sessions
	// that others have in the store are none of this client's. If empty,
	// everybody may whom the authority lets in; with an authority for all
	// organizations that is every organization there is.
	AllowedTenants []string

	// Capabilities are what this client can handle beyond the protocol, such
	// as "cp1" for claims challenges of Microsoft's continuous access
	// evaluation. MSAL calls them client capabilities.
	Capabilities []string

	// TrustedAudiences lists further audiences that an ID token may name
	// beside ClientID. If empty, none (OpenID Connect Core 3.1.3.7).
	TrustedAudiences []string

	// Metadata is the server's metadata document, of OpenID Connect Discovery
	// or of RFC 8414. If empty, it is fetched when it is first needed.
	Metadata []byte

	// Timeout bounds each single request to the server. If zero, 30 seconds.
	Timeout time.Duration

	// InstalledAppSecret is the "client secret" that Google and others give to
	// desktop applications and want to see in token requests. It is in every
	// copy of the program, so it is no secret, and proves nothing.
	InstalledAppSecret string

	// InsecureLoopbackHTTP allows an Authority with http:// on 127.0.0.1 or
	// [::1]. The only case for it is a server on this machine: tests, and the
	// quickstart.
	InsecureLoopbackHTTP bool

	// InsecurePlaintextCache accepts a Cache whose values rest unsealed, such
	// as a file that anyone with the disk can read. The only case for it is
	// storage that something else seals.
	InsecurePlaintextCache bool
}

// Endpoint is a version of Microsoft's endpoint.
type Endpoint int

const (
	V2 Endpoint = iota // scopes, several kinds of account
	V1                 // resources; work and school accounts only
)

// settings are a validated Config and what follows from it.
type settings struct {
	Config
	authority provider.Authority
	profile   provider.Profile
	defaults  scopes.Set // the four without OmitScopes
	given     *discovery.Document
}

func (cfg Config) validate() (settings, error) {
	s := settings{Config: cfg.clone()}
	if err := checkClientID(cfg.ClientID); err != nil {
		return s, err
	}
	var err error
	s.authority, err = provider.Parse(cfg.Authority, provider.Options{
		LoopbackHTTP: cfg.InsecureLoopbackHTTP,
		V1:           cfg.Endpoint == V1,
		Profile:      cfg.Provider.Name,
	})
	if errors.Is(err, provider.ErrProfile) {
		return s, fmt.Errorf("Provider.Name: %w", err)
	} else if err != nil {
		return s, fmt.Errorf("Authority: %w", err)
	}
	if err := cfg.check(); err != nil {
		return s, err
	}
	if s.defaults, err = cfg.sent(); err != nil {
		return s, err
	}
	s.profile = provider.Profile(cfg.Provider).Or(s.authority.Profile(cfg.Provider.Name))
	if err := checkProfile(s.authority, s.profile); err != nil {
		return s, fmt.Errorf("Provider.%w", err)
	}
	if s.given, err = s.metadataGiven(); err != nil {
		return s, err
	}
	return s, s.checkCache()
}

// clone keeps the caller's later changes of its slices from reaching us.
func (cfg Config) clone() Config {
	cfg.OmitScopes = slices.Clone(cfg.OmitScopes)
	cfg.AllowedTenants = slices.Clone(cfg.AllowedTenants)
	cfg.Capabilities = slices.Clone(cfg.Capabilities)
	cfg.TrustedAudiences = slices.Clone(cfg.TrustedAudiences)
	cfg.Metadata = slices.Clone(cfg.Metadata)
	if cfg.Cache == nil {
		cfg.Cache = cache.Memory()
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func checkClientID(id string) error {
	if id == "" {
		return errors.New("ClientID: it is required; the server gave it when the application was registered")
	}
	for _, r := range id {
		// RFC 6749 appendix A.1: VSCHAR.
		if r < 0x20 || r > 0x7e {
			return fmt.Errorf("ClientID: %q holds a character outside printable ASCII", id)
		}
	}
	return nil
}

// check checks what needs no more than a look.
func (cfg Config) check() error {
	if cfg.Endpoint != V2 && cfg.Endpoint != V1 {
		return fmt.Errorf("Endpoint: %d is none; use V1 or V2", cfg.Endpoint)
	}
	if cfg.Timeout < 0 {
		return fmt.Errorf("Timeout: %v is negative; leave it zero for 30 seconds", cfg.Timeout)
	}
	for _, tenant := range cfg.AllowedTenants {
		if !tenantID(tenant) {
			return fmt.Errorf("AllowedTenants: %q is not a tenant id (a GUID); a domain may change hands", tenant)
		}
	}
	return nil
}

// tenantID tells whether s is a GUID.
func tenantID(s string) bool {
	for i, r := range s {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen != (r == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return len(s) == 36
}

// sent returns the defaults that OmitScopes leaves.
func (cfg Config) sent() (scopes.Set, error) {
	var omitted []string
	for _, s := range cfg.OmitScopes {
		name := strings.ToLower(s)
		if !scopes.Defaults().Has(name) {
			return scopes.Set{}, fmt.Errorf("OmitScopes: %q is none of the defaults %s", s, scopes.Defaults())
		}
		if name == scopes.OpenID {
			return scopes.Set{}, errors.New("OmitScopes: openid cannot be omitted, without it there is no account")
		}
		omitted = append(omitted, name)
	}
	without, err := scopes.New(omitted...)
	return scopes.Defaults().Without(without), err
}

// checkCache refuses to keep sessions where others can read them, unless the
// application said so by name.
func (s settings) checkCache() error {
	if sealed, ok := s.Cache.(cache.Sealed); s.InsecurePlaintextCache || ok && sealed.Sealed() {
		return nil
	}
	return fmt.Errorf("Cache: %T does not promise that tokens never rest in plaintext (cache.Sealed); "+
		"wrap it with cache.Seal, or set InsecurePlaintextCache: %w", s.Cache, cache.ErrNoSecureStorage)
}
