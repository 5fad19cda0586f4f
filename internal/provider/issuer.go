package provider

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/internal/termsafe"
)

const (
	openidSuffix = "/.well-known/openid-configuration"
	oauthSuffix  = "/.well-known/oauth-authorization-server"

	// tenantID is what Microsoft's documents have in their issuer in place of a
	// tenant when they are for many.
	tenantID = "{tenantid}"
)

// MetadataURLs returns where the authority's metadata may be, in the order to
// try. A document counts only if AcceptsIssuer likes its issuer.
func (a Authority) MetadataURLs() []string {
	switch {
	case a.Kind == OIDC:
		issuer := strings.TrimSuffix(a.Issuer, "/")
		scheme, rest, _ := strings.Cut(issuer, "://")
		host, path, _ := strings.Cut(rest, "/")
		if path != "" {
			path = "/" + path
		}
		return []string{
			issuer + openidSuffix,                      // OpenID Connect Discovery section 4.1
			scheme + "://" + host + oauthSuffix + path, // RFC 8414 section 3.1: "inserted ... between the host component and the path"
		}
	case a.Kind == ADFS, a.V1:
		return []string{a.Issuer + openidSuffix}
	default:
		return []string{a.Issuer + "/v2.0" + openidSuffix}
	}
}

// AcceptsIssuer checks the issuer of the authority's metadata. It must be the
// authority byte for byte: without that any document could speak for any
// issuer (OpenID Connect Discovery section 4.3, RFC 8414 section 3.3). Microsoft
// deviates, in the forms below and in no other.
func (a Authority) AcceptsIssuer(documentIssuer string) error {
	if _, ok := a.tenantOf(documentIssuer); ok {
		return nil
	}
	return fmt.Errorf("the metadata is of issuer \"%s\", want %s", termsafe.Text(withoutPassword(documentIssuer), 200), a.wanted())
}

// withoutPassword makes an issuer that nobody should have written fit to be shown.
func withoutPassword(issuer string) string {
	if !strings.Contains(issuer, "@") {
		return issuer
	}
	if u, err := url.Parse(issuer); err == nil {
		return u.Redacted()
	}
	return "(not a URL)"
}

// TokenIssuer returns what iss has to be in an ID token under metadata with
// that issuer, where tid is the token's claim: Entra and External ID send it in
// every ID token, for other kinds it is not looked at.
//
// What is put into the template becomes what iss is compared with, so tid has
// to be a tenant id and nothing else.
func (a Authority) TokenIssuer(documentIssuer, tid string) (string, error) {
	tenant, ok := a.tenantOf(documentIssuer)
	switch {
	case !ok:
		return "", a.AcceptsIssuer(documentIssuer)
	case a.Kind != Entra && a.Kind != CIAM:
		return documentIssuer, nil
	case tid == "":
		return "", errors.New("the id token has no tid claim, want the id of its tenant")
	case !isGUID(tid):
		return "", fmt.Errorf("the id token's tid is \"%s\", want a tenant id: a GUID in lower case", termsafe.Text(tid, 80))
	case tenant == tenantID:
		return strings.Replace(documentIssuer, tenantID, tid, 1), nil
	case tenant != tid:
		return "", fmt.Errorf("the id token is of tenant %s, want %s", tid, tenant)
	}
	return documentIssuer, nil
}

// AccountID names an account of the authority. Address and user name are never
// part of it: they change hands (OpenID Connect Core section 5.7).
//
// Microsoft's sub differs between applications and its oid between tenants;
// tid and oid together are the pair that stays. Elsewhere it is iss and sub,
// apart from each other whatever sub holds, for an issuer has no fragment.
func (a Authority) AccountID(iss, sub, tid, oid string) string {
	if a.Kind == Entra || a.Kind == CIAM || a.Kind == B2C {
		if tid, oid := secureurl.Lower(tid), secureurl.Lower(oid); isGUID(tid) && isGUID(oid) {
			return tid + "." + oid
		}
	}
	return iss + "#" + sub
}

// AnonymousID names the account of a server that does not say who signs in.
// It is none that AccountID can return: it has no fragment, and is no pair of
// GUIDs.
func (a Authority) AnonymousID() string { return a.Issuer }

// HomeAccountID returns the AccountID of the account that MSAL calls home, if an
// authority with metadata of that issuer signs it in. MSAL's name of an account
// is uid.utid, object and tenant in the tenant that it is at home in, or sub at
// a server that does not say. What it is at B2C does not follow from it.
func (a Authority) HomeAccountID(documentIssuer, home string) (id string, ok bool) {
	switch {
	case a.Kind == B2C || home == "":
		return "", false
	case a.Kind != Entra && a.Kind != CIAM:
		return a.AccountID(documentIssuer, home, "", ""), true
	}
	uid, utid, _ := strings.Cut(secureurl.Lower(home), ".")
	_, err := a.TokenIssuer(documentIssuer, utid)
	if err != nil || !isGUID(uid) || a.Tenant == organizations && utid == consumersID {
		return "", false
	}
	return a.AccountID("", "", utid, uid), true
}

// InCloud tells whether environment, a host as MSAL notes it with each token,
// is the authority's or another name of the same cloud.
func (a Authority) InCloud(environment string) bool {
	host := strings.TrimSuffix(secureurl.Lower(environment), ":443")
	if c, known := cloudOf(a.Host); known && a.Kind == Entra {
		return slices.Contains(c.hosts, host)
	}
	return host == strings.TrimSuffix(a.Host, ":443")
}

// tenantOf returns what issuer has in the tenant's place, a GUID or the
// template, and whether the authority may have that issuer.
func (a Authority) tenantOf(issuer string) (tenant string, ok bool) {
	switch a.Kind {
	case OIDC:
		return "", issuer != "" && issuer == a.Issuer
	case ADFS, B2C: // which write a host or policy as an administrator once did
		issuer = secureurl.Lower(issuer)
	}
	for _, form := range a.issuers() {
		if tenant, ok := fill(form, issuer); ok && a.allows(tenant) {
			return tenant, true
		}
	}
	return "", false
}

// issuers returns the forms that the issuer has in Microsoft's documents, with
// the template where they have the tenant.
func (a Authority) issuers() []string {
	switch {
	case a.Kind == Entra && a.V1:
		return []string{a.sts + "/" + tenantID + "/"}
	case a.Kind == Entra:
		return []string{a.sts + "/" + tenantID + "/v2.0"}
	case a.Kind == CIAM: // the first also on domains of the customer's
		return []string{"https://" + tenantID + ciamDomain + "/" + tenantID + "/v2.0", a.origin + "/" + tenantID + "/v2.0"}
	case a.Kind == B2C: // the second if the policy's "issuer claim" is set to be so
		return []string{a.origin + "/" + tenantID + "/v2.0/", a.origin + "/tfp/" + tenantID + "/" + a.Policy + "/v2.0/"}
	default:
		return []string{a.Issuer}
	}
}

// fill finds the tenant with which form is issuer.
func fill(form, issuer string) (tenant string, ok bool) {
	i := strings.Index(form, tenantID)
	if i < 0 || form == issuer {
		return tenantID, form == issuer
	}
	if len(issuer) < i+36 {
		return "", false
	}
	tenant = issuer[i : i+36]
	return tenant, isGUID(tenant) && strings.ReplaceAll(form, tenantID, tenant) == issuer
}

// allows tells whose document may stand for the authority: only one for many
// tenants has the template. A domain is known by its tenant's id to the
// platform alone, so there the document, which came from the host asked, says
// which one it is, and TokenIssuer holds tokens to it.
func (a Authority) allows(tenant string) bool {
	switch {
	case a.Kind == ADFS:
		return true
	case a.Kind == Entra && (a.Tenant == common || a.Tenant == organizations):
		return tenant == tenantID
	case a.Tenant == consumers:
		return tenant == consumersID
	case isGUID(a.Tenant):
		return tenant == a.Tenant
	default:
		return tenant != tenantID
	}
}

// wanted shows the forms for an error.
func (a Authority) wanted() string {
	tenant := a.Tenant
	switch {
	case a.Kind == OIDC:
		return `"` + a.Issuer + `"`
	case tenant == common || tenant == organizations:
		tenant = tenantID
	case tenant == consumers:
		tenant = consumersID
	case !isGUID(tenant):
		tenant = "<tenant id>"
	}
	return `"` + strings.ReplaceAll(strings.Join(a.issuers(), `" or "`), tenantID, tenant) + `"`
}
