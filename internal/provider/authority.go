// Package provider knows what differs between identity providers, and nothing
// else does: how an authority is spelled, where its metadata is, which issuers
// its documents and tokens may name, what a scope means, which default scopes
// it understands. Pure functions over tables; no I/O.
//
// Store keys are made from [Authority.Key], [Authority.AccountID] and
// [Authority.Canonical]. To change what one of them returns signs people out,
// so golden tests hold them still.
package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
)

// Kind is a family of providers that share rules.
type Kind int

const (
	OIDC  Kind = iota // any OpenID Provider: its issuer is taken byte for byte
	Entra             // Microsoft Entra ID, personal accounts included
	B2C               // Azure AD B2C
	CIAM              // Microsoft Entra External ID
	ADFS              // Active Directory Federation Services
)

// String returns the name that keys begin with.
func (k Kind) String() string { return [...]string{"oidc", "entra", "b2c", "ciam", "adfs"}[k] }

// Authority is who signs people in. Authorities compare with ==.
type Authority struct {
	// Issuer is the issuer as it was given, or for Microsoft's kinds the
	// authority's URL in the one spelling that all others are brought to; there
	// AcceptsIssuer and TokenIssuer say what documents and tokens have to name.
	Issuer string

	// Key names the authority in the store: the same for all its spellings, for
	// its aliases and for v1.0 and v2.0, between which refresh tokens are shared.
	Key string

	Host   string // with the port, if it is not the usual one
	Tenant string // Entra, B2C, CIAM: tenant id, domain, or one of Entra's three words
	Policy string // B2C
	Kind   Kind
	V1     bool // Entra: the v1.0 endpoint

	origin string // scheme and host
	sts    string // Entra: the origin that the issuers of this version begin with
	graph  string // Entra, CIAM: the resource that a scope without one belongs to
}

// Options are what an application says beside the URL.
type Options struct {
	LoopbackHTTP bool   // accept http to 127.0.0.1 and [::1]
	V1           bool   // Entra: the v1.0 endpoint
	Profile      string // a name of the table in profiles.go, which then decides instead of the host
}

// Parse reads an authority's URL. For a Microsoft authority each usual spelling
// means the same: capitals, a slash or /v2.0 at the end, an alias of the host.
// Any other one is an issuer identifier and stays as it is, because OpenID
// Connect Discovery section 4.3 compares it with its document byte by byte.
//
// Its errors say what to write instead.
func Parse(raw string, o Options) (Authority, error) {
	u, err := secureurl.Parse(lowerHost(raw), o.LoopbackHTTP)
	if err != nil {
		return Authority{}, err
	}
	kind, err := kindOf(u, o.Profile)
	if err != nil {
		return Authority{}, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return Authority{}, refuseQuery(u, kind)
	}
	if o.V1 && kind != Entra {
		return Authority{}, fmt.Errorf("%q has no v1.0 endpoint, only Microsoft Entra ID has; leave Endpoint at its zero value", raw)
	}
	a := Authority{Kind: kind, Host: hostOf(u), V1: o.V1}
	a.origin = u.Scheme + "://" + a.Host
	switch kind {
	case Entra:
		return a.entra(u)
	case B2C:
		return a.b2c(u)
	case CIAM:
		return a.ciam(u)
	case ADFS:
		return a.adfs(u)
	default:
		a.Host, a.origin = u.Host, ""
		return a.issuer(raw, u, o.Profile)
	}
}

// refuseQuery says where a policy of B2C goes that came in the older way, as
// "?p=policy". Nobody else's authority has a query: an issuer has "no query or
// fragment components" (OpenID Connect Discovery section 3).
func refuseQuery(u *url.URL, kind Kind) error {
	path, _ := segments(u)
	if policy := secureurl.Lower(u.Query().Get("p")); kind == B2C && isPolicy(policy) && len(path) > 0 && isTenant(path[0]) {
		return fmt.Errorf("url has a query; the policy goes into the path: write %s://%s/%s/%s", u.Scheme, hostOf(u), path[0], policy)
	}
	return errors.New("url has a query, also an empty one is not accepted (a B2C policy goes into the path)")
}

// ErrProfile says that the fault is in Options.Profile, not in the URL.
var ErrProfile = errors.New("unknown profile")

// kindOf asks the application first: an ADFS, a B2C on a domain of its own or
// an emulator of Entra looks like any other host.
func kindOf(u *url.URL, profile string) (Kind, error) {
	if profile != "" {
		r, ok := named(profile)
		if !ok {
			return OIDC, fmt.Errorf("%w: there is no %q; known are %s", ErrProfile, profile, names())
		}
		return r.kind, nil
	}
	host := hostOf(u)
	path := secureurl.Lower(u.Path)
	switch _, known := cloudOf(host); {
	case known:
		return Entra, nil
	case matches(host, "*.b2clogin.com", "*.b2clogin.us", "*.b2clogin.cn", "*.b2clogin.de"):
		return B2C, nil
	case matches(host, "*"+ciamDomain):
		return CIAM, nil
	case path == "/adfs" || strings.HasPrefix(path, "/adfs/"):
		return ADFS, nil
	}
	return OIDC, nil
}

// issuer keeps raw. Three mistakes are worth a hint, since the comparison with
// the document, or with iss, would only call the result another issuer.
func (a Authority) issuer(raw string, u *url.URL, profile string) (Authority, error) {
	if fold := lowerHost(raw); fold != raw {
		return Authority{}, fmt.Errorf("%q has capitals in its scheme or host, and issuers are compared byte by byte; write %q", raw, fold)
	}
	for _, suffix := range []string{openidSuffix, oauthSuffix} {
		if i := strings.Index(u.Path, suffix); i >= 0 {
			return Authority{}, fmt.Errorf("%q is the address of a metadata document; write the issuer, which is its member \"issuer\"", raw)
		}
	}
	if r := a.row(profile); r.path != "" && (u.Path == "" || u.Path == "/") {
		return Authority{}, fmt.Errorf("%q is where people go; write the issuer, %q", raw, strings.TrimSuffix(raw, "/")+r.path)
	}
	a.Issuer, a.Key = raw, "oidc:"+raw
	return a, nil
}

// hostOf leaves out the port that https has anyway.
func hostOf(u *url.URL) string {
	if u.Scheme == "https" {
		return strings.TrimSuffix(u.Host, ":443")
	}
	return u.Host
}

func lowerHost(raw string) string {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw
	}
	i := strings.IndexAny(rest, "/?#")
	if i < 0 {
		return secureurl.Lower(raw)
	}
	i += len(raw) - len(rest)
	return secureurl.Lower(raw[:i]) + raw[i:]
}

// matches reports whether a host is one of the patterns, in which a star stands
// for at least one character.
func matches(host string, patterns ...string) bool {
	for _, p := range patterns {
		before, after, star := strings.Cut(p, "*")
		if host == p || star && len(host) >= len(p) && strings.HasPrefix(host, before) && strings.HasSuffix(host, after) {
			return true
		}
	}
	return false
}
