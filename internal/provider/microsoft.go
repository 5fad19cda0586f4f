package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/internal/termsafe"
)

// Entra's words for more than one tenant, or for one that everybody shares.
const (
	common        = "common"        // all accounts
	organizations = "organizations" // those of every organization
	consumers     = "consumers"     // personal ones, whose tenant is consumersID
	consumersID   = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

const ciamDomain = ".ciamlogin.com"

func (a Authority) entra(u *url.URL) (Authority, error) {
	path, v2 := segments(u)
	c, known := cloudOf(a.Host)
	switch {
	case !known: // the application says that this host is one: an emulator
		a.sts, a.graph = a.origin, clouds[0].graph
	default:
		a.V1 = a.V1 || a.Host == c.sts // so a v1.0 issuer is an authority as well
		a.Host, a.origin, a.graph = c.hosts[0], "https://"+c.hosts[0], c.graph
		a.sts = a.origin
		if a.V1 {
			a.sts = "https://" + c.sts
		}
	}
	switch {
	case a.V1 && known && c.sts == "":
		return Authority{}, fmt.Errorf("%s has no known v1.0 endpoint; leave Endpoint at its zero value", a.Host)
	case a.V1 && v2:
		return Authority{}, errors.New("the path ends in /v2.0, but the endpoint chosen is v1.0; drop one of them")
	case len(path) == 0:
		return Authority{}, fmt.Errorf("%s names no tenant: append /organizations (work and school accounts), "+
			"/common (these and personal ones), /consumers (personal ones alone) or the id of a tenant", a.origin)
	case path[0] == "tfp":
		return Authority{}, fmt.Errorf("B2C is no longer at %s; write https://<name>.b2clogin.com/<name>.onmicrosoft.com/<policy>", a.Host)
	}
	a, err := a.in(path[0])
	if err != nil {
		return Authority{}, err
	}
	return a, a.ends(path[1:])
}

func (a Authority) b2c(u *url.URL) (Authority, error) {
	path, _ := segments(u)
	if len(path) > 0 && path[0] == "tfp" { // "trust framework policy", in MSAL's spelling
		path = path[1:]
	}
	if len(path) < 2 || !isTenant(path[0]) || !isPolicy(path[1]) {
		return Authority{}, fmt.Errorf("%s needs a tenant and a policy (user flow); write %[1]s/<name>.onmicrosoft.com/<policy>", a.origin)
	}
	a.Tenant, a.Policy = path[0], path[1]
	a = a.at(a.Tenant + "/" + a.Policy)
	return a, a.ends(path[2:])
}

func (a Authority) ciam(u *url.URL) (Authority, error) {
	path, _ := segments(u)
	a.graph = clouds[0].graph
	if name, ok := strings.CutSuffix(a.Host, ciamDomain); len(path) == 0 && ok {
		if !isGUID(name) { // as MSAL does; the platform registers this domain with the name
			name += ".onmicrosoft.com"
		}
		path = []string{name}
	}
	if len(path) == 0 {
		return Authority{}, fmt.Errorf("%s names no tenant: append the id or the domain of one", a.origin)
	}
	a, err := a.in(path[0])
	if err != nil {
		return Authority{}, err
	}
	return a, a.ends(path[1:])
}

func (a Authority) adfs(u *url.URL) (Authority, error) {
	path, _ := segments(u)
	if len(path) > 0 && path[0] == "adfs" {
		path = path[1:]
	}
	a = a.at("adfs")
	return a, a.ends(path)
}

// WithTenant returns the authority for another tenant of the same kind of
// endpoint in the same cloud.
func (a Authority) WithTenant(tenant string) (Authority, error) {
	if a.Kind != Entra && a.Kind != CIAM {
		return Authority{}, fmt.Errorf("%s has no other tenants; only Microsoft Entra ID and External ID have", a.Issuer)
	}
	return a.in(secureurl.Lower(tenant))
}

// in refuses what the platform answers with AADSTS900023 ("neither a valid DNS
// name, nor a valid external domain"), and keeps slashes out of the URL.
func (a Authority) in(tenant string) (Authority, error) {
	if tenant == consumersID {
		tenant = consumers
	}
	word := a.Kind == Entra && (tenant == common || tenant == organizations || tenant == consumers)
	if !word && !isTenant(tenant) {
		want := "the id or the domain of a tenant"
		if a.Kind == Entra {
			want += ", organizations, common or consumers"
		}
		return Authority{}, fmt.Errorf("\"%s\" is not a tenant; want %s", termsafe.Text(tenant, 80), want)
	}
	if a.V1 && tenant == consumers {
		return Authority{}, errors.New("personal accounts cannot sign in at the v1.0 endpoint; leave Endpoint at its zero value")
	}
	a.Tenant = tenant
	return a.at(tenant), nil
}

func (a Authority) at(path string) Authority {
	a.Issuer = a.origin + "/" + path
	a.Key = a.Kind.String() + ":" + strings.TrimPrefix(a.Issuer, "https://")
	return a
}

// ends refuses the address of an endpoint or document, of which a part would
// be a guess.
func (a Authority) ends(rest []string) error {
	if len(rest) == 0 {
		return nil
	}
	return fmt.Errorf("the path goes on with %q where an authority ends; write %s", strings.Join(rest, "/"), a.Issuer)
}

// segments returns the path in pieces, without the version at its end.
func segments(u *url.URL) (path []string, v2 bool) {
	whole := strings.TrimSuffix(strings.TrimPrefix(secureurl.Lower(u.EscapedPath()), "/"), "/")
	if whole == "" {
		return nil, false
	}
	path = strings.Split(whole, "/")
	if last := len(path) - 1; path[last] == "v2.0" {
		return path[:last], true
	}
	return path, false
}

func isTenant(s string) bool { return isGUID(s) || isDomain(s) }

// isGUID accepts lower case alone, for what it has checked goes into issuers,
// which compare exactly. The nil GUID names nobody (AADSTS900021).
func isGUID(s string) bool {
	if len(s) != 36 || s == "00000000-0000-0000-0000-000000000000" {
		return false
	}
	for i := range len(s) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if c := s[i]; dash != (c == '-') || !dash && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// isDomain wants a dot, without which "login.microsoftonline.com/contoso" would
// be found wrong by the server only.
func isDomain(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' || !isWord(label, "-") {
			return false
		}
	}
	return true
}

func isPolicy(s string) bool { return s != "" && len(s) <= 64 && isWord(s, "-_") }

func isWord(s, marks string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789"+marks) == ""
}
