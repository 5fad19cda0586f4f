package msaltest

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// API is an API that takes the access tokens of a platform with Entra, for tests of what an application does with a claims
// challenge. It is an [http.Handler], for a server of the test's own; [Platform.Client] reaches it at its URL as well.
//
// It refuses tokens that are forged, over, for another resource, or without one of its permissions. Of a user whose
// sessions were revoked it refuses tokens that are older, with a claims challenge, if the client has said that it
// understands one (cp1); others stay good until they are over, as with continuous access evaluation.
type API struct {
	// Handler serves requests with a good token. Nil: the token's scp and the user's Subject, as JSON.
	Handler http.Handler

	platform    *Platform
	url         *url.URL
	resource    Resource
	permissions []string

	mu     sync.Mutex
	wants  string                // claims that a token must have been asked for with
	old    map[*accessToken]bool // what there was when it began to want them
	served []Request
}

// NewAPI makes an API at the URL, which is an origin such as https://api.contoso.example, for tokens of the resource, by
// any of its names, with one of the permissions. No permissions: any token of the resource.
func (p *Platform) NewAPI(address, resource string, permissions ...string) *API {
	if p.t != nil {
		p.t.Helper()
	}
	u, err := url.Parse(address)
	if p.Entra == nil || err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || p.URL != "" && p.isHome(u) {
		p.fatalf("NewAPI: it takes a platform with Entra, and an origin that is not the platform's, not %q", address)
	}
	r, ok := p.microsoft().resource(resource)
	if !ok {
		p.fatalf("NewAPI: there is no resource %q", resource)
	}
	a := &API{platform: p, url: u, resource: r, permissions: permissions}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.apis = append(p.apis, a)
	return a
}

func (p *Platform) allAPIs() []*API {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.apis)
}

// Challenge answers requests from now on with a claims challenge, but for tokens of a sign-in that satisfied these claims,
// which are JSON such as {"access_token":{"acrs":{"essential":true,"value":"c1"}}}. If they want nothing of a person, a
// token that is newer than the challenge will do. Empty: no more challenges.
func (a *API) Challenge(claims string) {
	if !json.Valid([]byte(claims)) && claims != "" {
		a.platform.fatalf("Challenge: the claims are not JSON: %s", claims)
	}
	old := map[*accessToken]bool{} // not a time: clocks of some systems stand still for milliseconds
	s := a.platform.lock()
	for _, t := range s.access {
		old[t] = true
	}
	a.platform.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wants, a.old = claims, old
}

// Requests returns what has arrived so far, in order of arrival.
func (a *API) Requests() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.served)
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, refused := a.judge(r.Header.Get("Authorization"))
	switch {
	case t == nil:
		a.record(r, refused.status)
		refused.write(w)
	case a.Handler != nil:
		a.record(r, http.StatusOK)
		a.Handler.ServeHTTP(w, r)
	default:
		a.record(r, http.StatusOK)
		jsonAnswer(http.StatusOK, map[string]any{"subject": t.session.user.Subject, "scp": strings.Join(t.scopes, " ")}).write(w)
	}
}

func (a *API) record(r *http.Request, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.served = append(a.served, Request{
		Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header.Clone(), Status: status, Time: time.Now(),
	})
}

// judge returns the access token of the request, or what is wrong with it.
func (a *API) judge(authorization string) (*accessToken, answer) {
	scheme, value, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, a.challenge(http.StatusUnauthorized, "", "")
	}
	a.mu.Lock()
	wants, old := a.wants, a.old
	a.mu.Unlock()
	s := a.platform.lock()
	defer a.platform.mu.Unlock()
	t := s.access[digestOf(value)]
	allowed := func(permission string) bool {
		return slices.ContainsFunc(t.scopes, func(s string) bool { return strings.EqualFold(s, permission) })
	}
	switch {
	case t == nil || over(t.expires) || t.api != a.resource.AppID:
		return nil, a.challenge(http.StatusUnauthorized, "invalid_token", "")
	case t.session.revoked && t.capable:
		nbf := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, s.validFrom[t.session.user.Subject].Unix())
		return nil, a.challenge(http.StatusUnauthorized, "insufficient_claims", nbf)
	case !t.satisfies(wants, old):
		return nil, a.challenge(http.StatusUnauthorized, "insufficient_claims", wants)
	case a.permissions != nil && !slices.ContainsFunc(a.permissions, allowed):
		return nil, a.challenge(http.StatusForbidden, "insufficient_scope", "")
	}
	return t, answer{}
}

// satisfies tells whether the person of the token has done what the claims want, or, where they want nothing of a person,
// whether the token is newer than the challenge.
func (t *accessToken) satisfies(wants string, old map[*accessToken]bool) bool {
	demands, _ := readDemands(wants)
	if len(demands) > 0 {
		return len(without(demands, t.session.met)) == 0
	}
	return wants == "" || !old[t]
}

// challenge is what Microsoft's APIs say (recorded).
func (a *API) challenge(status int, code, claims string) answer {
	m := a.platform.microsoft()
	text := fmt.Sprintf(`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="%s"`,
		strings.TrimSuffix(m.home(), "/"), a.resource.AppID)
	if code != "" {
		text += fmt.Sprintf(`, error="%s"`, code)
	}
	if claims != "" {
		text += fmt.Sprintf(`, claims="%s"`, base64.StdEncoding.EncodeToString([]byte(claims)))
	}
	answer := jsonAnswer(status, map[string]any{"error": map[string]string{"code": cmp.Or(code, "InvalidAuthenticationToken")}})
	answer.header.Set("WWW-Authenticate", text)
	return answer
}

// userinfo is Microsoft Graph's, and takes its tokens alone.
func (m microsoft) userinfo(c *call) answer {
	graph := &API{platform: m.Platform, resource: m.graph(), permissions: []string{"openid"}}
	t, refused := graph.judge(c.Header.Get("Authorization"))
	if t == nil {
		return refused
	}
	user := t.session.user
	claims := map[string]any{"sub": m.pairwise(user, t.session.tenant, MicrosoftGraph)}
	if slices.Contains(t.scopes, "profile") && user.Name != "" {
		claims["name"] = user.Name
	}
	if slices.Contains(t.scopes, "email") && user.Email != "" {
		claims["email"] = user.Email
	}
	return jsonAnswer(http.StatusOK, claims)
}
