package msaltest

import (
	"slices"
	"strconv"
	"strings"
)

const invalidScope = "invalid_scope"

// oidcScopes are those of OpenID Connect that the platform knows.
var oidcScopes = []string{"openid", "profile", "email", "offline_access"}

// rejected complains about the scopes that the platform is told to refuse, by name, as a client needs it that wants
// to go on without them.
func (p *Platform) rejected(scopes []string) *protocolError {
	refused, _ := p.judge(scopes)
	if refused == nil {
		return nil
	}
	return &protocolError{invalidScope, "these scopes are not supported: " + strings.Join(refused, " ")}
}

// judge splits the scopes of a request into those that it is refused for, and the others.
func (p *Platform) judge(scopes []string) (refused, others []string) {
	for _, scope := range scopes {
		if slices.Contains(p.RejectScopes, scope) || p.KnownScopes != nil && !slices.Contains(p.KnownScopes, scope) {
			refused = append(refused, scope)
		} else {
			others = append(others, scope)
		}
	}
	if resources := resourcesOf(others); refused == nil && p.OneResource && len(resources) > 1 {
		for _, scope := range scopes {
			if resourceOf(scope) != "" {
				refused = append(refused, scope)
			}
		}
		others = slices.DeleteFunc(others, func(scope string) bool { return resourceOf(scope) != "" })
	}
	return refused, others
}

// resourceOf is what a scope belongs to with OneResource; empty for the scopes of OpenID Connect.
func resourceOf(scope string) string {
	if i := strings.LastIndexByte(scope, '/'); i >= 0 {
		return scope[:i]
	}
	if slices.Contains(oidcScopes, scope) {
		return ""
	}
	return scope
}

// resourcesOf lists each once.
func resourcesOf(scopes []string) (list []string) {
	for _, scope := range scopes {
		if r := resourceOf(scope); r != "" && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	return list
}

// granted is what a person who says yes says yes to.
func (p *Platform) granted(requested []string) []string {
	if p.GrantScopes == nil {
		return requested
	}
	return p.GrantScopes(slices.Clone(requested))
}

// narrow returns the scopes of a refreshed access token: those asked for, or all of the session's if none are
// (RFC 6749 §6: the request "MUST NOT include any scope not originally granted").
func narrow(granted []string, scope string) ([]string, *protocolError) {
	asked := strings.Fields(scope)
	if len(asked) == 0 {
		return granted, nil
	}
	for _, one := range asked {
		if !slices.Contains(granted, one) {
			return nil, &protocolError{invalidScope, "the scope " + strconv.Quote(one) + " has not been granted"}
		}
	}
	return asked, nil
}

// within returns those of the session's scopes that are asked for at the redemption of a code, or all. The person has
// had their say by then, and neither RFC 6749 §4.1.3 nor RFC 8628 §3.4 knows a scope that could be refused here; some
// clients repeat what they asked for, of which less may have been granted.
func within(granted []string, scope string) []string {
	asked := strings.Fields(scope)
	return slices.DeleteFunc(slices.Clone(granted), func(one string) bool {
		return len(asked) > 0 && !slices.Contains(asked, one)
	})
}

func (p *Platform) echo(granted []string) string {
	if p.ScopeEcho != nil {
		return p.ScopeEcho(slices.Clone(granted))
	}
	return strings.Join(granted, " ")
}
