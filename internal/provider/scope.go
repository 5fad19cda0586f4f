package provider

import (
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/scopes"
)

// Canonical returns the form in which a scope is compared and stored. On
// Microsoft's platform letter case means nothing, and
//
//	User.Read
//	https://graph.microsoft.com/user.read
//	00000003-0000-0000-c000-000000000000/User.Read
//
// are one scope, of which answers echo any. Elsewhere a scope is what it is
// (RFC 6749 section 3.3: case-sensitive).
//
// The four default scopes are bare in all their spellings. Two slashes in a row
// stay: the resource then has a name that ends in one, which is another name.
func (a Authority) Canonical(scope string) string {
	if a.Kind == OIDC {
		return scope
	}
	scope = secureurl.Lower(scope)
	if a.graph == "" { // B2C and ADFS: a bare name is not one of Graph's
		return scope
	}
	resource, name := split(scope)
	if resource == "" && !isXbox(name) || a.isGraph(resource) {
		scope = a.graph + "/" + name
	}
	if scopes.IsDefault(scope) {
		return name
	}
	return scope
}

// Resource returns which resource a scope belongs to, as the scope spells it:
// compare Resource(Canonical(s)), send Resource(s), for the audience of a v1.0
// token is spelled as it was asked. It is "" for the four default scopes, which
// go with any resource, and for providers whose scopes have none.
func (a Authority) Resource(scope string) string {
	if a.Kind == OIDC || a.Kind == ADFS && !strings.Contains(scope, "/") {
		return ""
	}
	if c := a.Canonical(scope); !strings.Contains(c, "/") && scopes.IsDefault(c) {
		return ""
	}
	switch resource, name := split(scope); {
	case resource != "":
		return resource
	case a.Kind == B2C: // a client id alone asks for a token for the client itself
		return name
	case isXbox(name):
		return "xboxlive"
	default:
		return a.graph
	}
}

// Graph returns the resource that a scope without one belongs to, "" where
// there is none such.
func (a Authority) Graph() string { return a.graph }

// Misspelt says what is wrong with a scope that names no permission of
// Microsoft's platform, and which the platform would refuse after somebody has
// signed in (AADSTS70011, 650053). "": nothing that can be seen.
//
// A permission of one's own may have a comma in it, and no other character
// that people put between scopes.
func (a Authority) Misspelt(scope string) string {
	if a.graph == "" {
		return ""
	}
	resource, name := split(scope)
	_, afterScheme, isURL := strings.Cut(scope, "://")
	host, _, below := strings.Cut(afterScheme, "/")
	ofGraph := resource == "" || a.isGraph(secureurl.Lower(resource))
	switch {
	case strings.Contains(resource, ",") || strings.Contains(name, ",") && ofGraph:
		return "has a comma in it; pass each scope as an argument of its own"
	case isURL && (host == "" || !below || name == "") || name == "" ||
		resource == "" && (isGUID(secureurl.Lower(name)) || strings.HasPrefix(secureurl.Lower(name), "urn:")):
		return "names a resource and no permission; append /.default, for all that was consented to, or a permission"
	}
	return ""
}

// Granted returns a scope of an answer as it was asked for. The v1.0 endpoint
// leaves out the resource, which there is another member of the answer.
func (a Authority) Granted(resource, scope string) string {
	if !a.V1 || strings.Contains(scope, "/") || scopes.IsDefault(scope) {
		return scope
	}
	return resource + "/" + scope
}

// split cuts at the last slash: "https://management.azure.com//.default" is
// .default of "https://management.azure.com/".
func split(scope string) (resource, name string) {
	i := strings.LastIndexByte(scope, '/')
	return scope[:max(i, 0)], scope[i+1:]
}

// isGraph knows a lower-case resource as the cloud's Graph. Those of other
// clouds stay apart: the audience of their tokens is another.
func (a Authority) isGraph(resource string) bool {
	resource = strings.TrimSuffix(resource, "/")
	return resource == a.graph || resource == graphID
}

// isXbox: these bare names belong to Xbox Live, not to Graph.
func isXbox(name string) bool { return strings.HasPrefix(secureurl.Lower(name), "xboxlive.") }
