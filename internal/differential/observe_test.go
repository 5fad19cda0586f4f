package differential

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// observation is what a case saw of one client.
type observation struct {
	authorize string // scope of the authorization or device authorization request; "": none
	token     string // scope of each token request
	requests  string // how many of each, in the order of their first
	outcome   string
}

// observe reads what p has been asked since its log was last emptied.
func observe(p *msaltest.Platform, got result) observation {
	o := observation{outcome: got.outcome}
	if len(got.missing) > 0 {
		o.outcome += ", missing " + strings.Join(got.missing, " ")
	}
	var tokens []string
	for _, r := range p.Requests() {
		switch r.Endpoint {
		case "authorize", "device":
			o.authorize = spaced(r.Form)
		case "token":
			if scope := spaced(r.Form); !slices.Contains(tokens, scope) {
				tokens = append(tokens, scope)
			}
		}
	}
	o.token = strings.Join(tokens, "; ")
	o.requests = counted(p)
	return o
}

// spaced shows the spaces that are too many.
func spaced(form url.Values) string {
	scope := strings.ReplaceAll(form.Get("scope"), "  ", " ␣")
	if trimmed := strings.TrimPrefix(scope, " "); trimmed != scope {
		scope = "␣" + trimmed
	}
	return scope
}

func counted(p *msaltest.Platform) string {
	var order []string
	count := map[string]int{}
	for _, r := range p.Requests() {
		if count[r.Endpoint]++; count[r.Endpoint] == 1 {
			order = append(order, r.Endpoint)
		}
	}
	for i, endpoint := range order {
		order[i] = fmt.Sprint(count[endpoint], " ", endpoint)
	}
	return strings.Join(order, ", ")
}
