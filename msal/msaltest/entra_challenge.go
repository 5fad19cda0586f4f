package msaltest

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Policy is a rule of conditional access. Whoever asks for a token of its resource needs more than a password: the person
// gives it when they sign in with a browser in front of them, and a refresh is refused with a claims challenge until then.
type Policy struct {
	ID       string // in claims challenges. Empty: one that follows from Resource
	Resource string // any name of the API that it is about. Empty: every one
	Block    bool   // nothing helps
}

// claimsRequest is the claims parameter (OpenID Connect Core §5.5) as far as access tokens go.
type claimsRequest struct {
	AccessToken map[string]*struct {
		Essential bool     `json:"essential"`
		Value     string   `json:"value"`
		Values    []string `json:"values"`
	} `json:"access_token"`
}

// readDemands returns what a claims parameter wants of the person, as name=value. The client's own abilities (xms_cc) and
// a token that is new (nbf) want nothing.
func readDemands(claims string) (demands []string, ok bool) {
	if claims == "" {
		return nil, true
	}
	var request claimsRequest
	if json.Unmarshal([]byte(claims), &request) != nil {
		return nil, false
	}
	for _, name := range slices.Sorted(maps.Keys(request.AccessToken)) {
		member := request.AccessToken[name]
		if name == "xms_cc" || name == "nbf" || member == nil {
			continue
		}
		for _, value := range append(slices.Clone(member.Values), member.Value) {
			if value != "" {
				demands = append(demands, name+"="+value)
			}
		}
	}
	return demands, true
}

// capable tells whether the client says that it understands claims challenges (cp1).
func capable(claims string) bool {
	var request claimsRequest
	_ = json.Unmarshal([]byte(claims), &request)
	member := request.AccessToken["xms_cc"]
	return member != nil && slices.ContainsFunc(member.Values, func(s string) bool { return strings.EqualFold(s, "cp1") })
}

// demandClaims writes demands as a claims challenge.
func demandClaims(demands []string) string {
	values := map[string][]string{}
	for _, demand := range demands {
		name, value, _ := strings.Cut(demand, "=")
		values[name] = append(values[name], value)
	}
	members := map[string]any{}
	for name, list := range values {
		members[name] = map[string]any{"essential": true, "values": list}
	}
	text, _ := json.Marshal(map[string]any{"access_token": members})
	return string(text)
}

// stepUp asks for a person.
func (m microsoft) stepUp(unmet []string, a asked) *refusal {
	resource := m.graph()
	if len(a.apis) > 0 {
		resource = a.apis[0].resource
	}
	r := m.no(50076, resource.AppID)
	r.claims = demandClaims(unmet)
	return r
}

// about are the policies of a resource.
func (d directory) about(r Resource) (list []Policy) {
	for _, p := range d.policies {
		own, _ := d.resource(p.Resource)
		if p.Resource == "" || own.AppID == r.AppID {
			p.ID = cmp.Or(p.ID, guidOf("policy", strings.ToLower(p.Resource)))
			list = append(list, p)
		}
	}
	return list
}

func (m microsoft) policyDemands(r Resource) (demands []string) {
	for _, p := range m.about(r) {
		if !p.Block {
			demands = append(demands, "capolids="+p.ID)
		}
	}
	return demands
}

func (m microsoft) blocks(r Resource) (Policy, bool) {
	list := m.about(r)
	i := slices.IndexFunc(list, func(p Policy) bool { return p.Block })
	if i < 0 {
		return Policy{}, false
	}
	return list[i], true
}

func (m microsoft) blocked(p Policy) *refusal {
	r := m.no(53003)
	r.claims = demandClaims([]string{"capolids=" + p.ID})
	return r
}
