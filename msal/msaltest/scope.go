package msaltest

import (
	"slices"
	"strconv"
	"strings"
)

// rejected complains about the scopes that the platform is told to refuse, by name, as a client needs it that wants
// to go on without them.
func (p *Platform) rejected(scopes []string) *protocolError {
	var bad []string
	for _, scope := range scopes {
		if slices.Contains(p.RejectScopes, scope) {
			bad = append(bad, scope)
		}
	}
	if bad == nil {
		return nil
	}
	return &protocolError{"invalid_scope", "these scopes are not supported: " + strings.Join(bad, " ")}
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
			return nil, &protocolError{"invalid_scope", "the scope " + strconv.Quote(one) + " has not been granted"}
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
