package msaltest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Request is what the platform saw of one request.
type Request struct {
	Endpoint string // "discovery", "keys", "authorize", …; empty: no endpoint has this path
	Method   string
	URL      string // path and query
	Header   http.Header
	Form     url.Values // the body of a POST, else the query
	Body     string     // verbatim: parameters in the order in which they were sent
	Status   int        // of the answer; 0: none was sent, or not yet
	Time     time.Time  // of arrival
}

// Requests returns what has arrived so far, in order of arrival.
func (p *Platform) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Request, len(p.log))
	for i, r := range p.log {
		all[i] = *r
	}
	return all
}

// Count returns the number of requests to the endpoints, or of all requests if none is named.
func (p *Platform) Count(endpoint ...string) int {
	for _, name := range endpoint {
		p.mustKnow("Count", name)
	}
	n := 0
	for _, r := range p.Requests() {
		if len(endpoint) == 0 || slices.Contains(endpoint, r.Endpoint) {
			n++
		}
	}
	return n
}

// TokenRequests returns the requests to the token endpoint with that grant_type; empty: all of them.
func (p *Platform) TokenRequests(grantType string) []Request {
	return slices.DeleteFunc(p.Requests(), func(r Request) bool {
		return r.Endpoint != "token" || grantType != "" && r.Form.Get("grant_type") != grantType
	})
}

// ResetLog forgets the requests so far.
func (p *Platform) ResetLog() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = nil
}

// record logs the request when it arrives, not when it is answered: a test may look while one hangs.
func (p *Platform) record(c *call) *Request {
	entry := &Request{
		Endpoint: c.endpoint.name,
		Method:   c.Method,
		URL:      c.URL.RequestURI(),
		Header:   c.Header.Clone(),
		Form:     c.form,
		Body:     c.body,
		Time:     time.Now(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, entry)
	return entry
}

func (p *Platform) recordStatus(entry *Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry.Status = status
}

// mustKnow ends a test that counts or breaks an endpoint which does not exist: it would pass for the wrong reason.
func (p *Platform) mustKnow(caller, name string) {
	if !slices.ContainsFunc(p.manners().endpoints(), func(e endpoint) bool { return e.name == name }) {
		if p.t != nil {
			p.t.Helper()
		}
		p.fatalf("%s: there is no endpoint %q", caller, name)
	}
}
