package msaltest

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Fault is something that goes wrong once, or Times times. Its fields combine: what they have in common is the order
// in which they act, which is effect, Delay, Hang, cut, answer.
//
// A fault that brings its own answer (Status, Code, Body or RetryAfter) keeps the request from taking effect, as a
// server does that refuses; After lets it take effect first, as a gateway does that lost the answer. Every other
// fault lets the request take effect, but for CutBefore. Effect means: codes are used up, refresh tokens are spent.
type Fault struct {
	Status      int         // 0: 400 with Code, 503 with RetryAfter alone, else 200
	AADSTS      int         // with Entra: the error of that number, with its words and its status
	Code        string      // error, of an OAuth error answer (RFC 6749 §5.2)
	Description string      // error_description
	Suberror    string      // suberror, of Microsoft's platform
	Claims      string      // claims, likewise: a claims challenge
	Body        string      // instead of an OAuth error
	ContentType string      // of Body. Empty: application/json if it begins with a brace, else text/html
	RetryAfter  string      // the header, verbatim: seconds, a date, or nonsense
	Header      http.Header // more of them, such as the Location of a redirect that no client should follow

	After     bool          // the request takes effect although the fault answers it
	Delay     time.Duration // before the answer; ends early when the client leaves
	Hang      bool          // no answer until the client leaves
	Cut       bool          // the connection ends without an answer
	CutBefore bool          // likewise, and the request has not taken effect
	Truncate  int           // only so many bytes of the body arrive of those that Content-Length promises; negative: none

	Times int // 0: once; negative: until Heal
}

// queued is a fault and how often it will still happen.
type queued struct {
	endpoint string
	Fault
}

// Fail queues a fault for the next request to the endpoint that no earlier fault takes. The endpoints have the names
// that the log uses; empty: whichever comes next.
//
// Over real sockets net/http's own client sends a GET again if a kept-alive connection is cut before the answer; a
// POST it does not.
func (p *Platform) Fail(endpoint string, f Fault) {
	if endpoint != "" {
		p.mustKnow("Fail", endpoint)
	}
	if f.Times == 0 {
		f.Times = 1
	}
	if _, known := aadsts[f.AADSTS]; f.AADSTS != 0 && (p.Entra == nil || !known) {
		p.fatalf("Fail: AADSTS%d is not known, or Entra is not set", f.AADSTS)
	}
	if !f.answers() && f.Delay <= 0 && !f.Hang && !f.Cut && !f.CutBefore && f.Truncate == 0 {
		p.fatalf("Fail: the fault for %q does nothing", endpoint)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, &queued{endpoint, f})
}

// Heal forgets the faults that have not happened yet.
func (p *Platform) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = nil
}

// nextFault takes the first fault that is meant for the endpoint.
func (p *Platform) nextFault(endpoint string) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range p.faults {
		if q.Times != 0 && (q.endpoint == "" || q.endpoint == endpoint) {
			q.Times--
			return q.Fault, true
		}
	}
	return Fault{}, false
}

func (f Fault) answers() bool {
	return f.Status != 0 || f.AADSTS != 0 || f.Code != "" || f.Body != "" || f.RetryAfter != ""
}

func (f Fault) takesEffect() bool { return !f.CutBefore && (f.After || !f.answers()) }

// bend turns the answer into what the client gets. It does not return if that is nothing.
func (f Fault) bend(ctx context.Context, a answer) answer {
	if f.answers() && f.AADSTS == 0 {
		a = f.answer()
	}
	wait(ctx, f.Delay)
	if f.Hang {
		<-ctx.Done()
	}
	if f.Hang || f.Cut || f.CutBefore {
		panic(http.ErrAbortHandler)
	}
	if f.Truncate != 0 {
		whole := a.body
		a.body = whole[:min(max(f.Truncate, 0), len(whole))]
		a.missing = max(len(whole)-len(a.body), 1)
	}
	return a
}

func (f Fault) answer() answer {
	a := answer{status: cmp.Or(f.Status, http.StatusOK), body: []byte(f.Body), header: http.Header{}}
	if f.Body == "" {
		a = f.oauthError()
	} else if f.ContentType != "" {
		a.header.Set("Content-Type", f.ContentType)
	} else if f.Body[0] == '{' {
		a.header.Set("Content-Type", "application/json")
	} else {
		a.header.Set("Content-Type", "text/html; charset=utf-8")
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}

func (f Fault) oauthError() answer {
	if f.Code == "" {
		// A server that only has a status is not the OAuth server but something before it.
		status := cmp.Or(f.Status, http.StatusServiceUnavailable)
		return page(status, http.StatusText(status), "This is what a gateway says when it has nothing to say.")
	}
	members := map[string]string{"error": f.Code}
	for name, value := range map[string]string{
		"error_description": f.Description, "suberror": f.Suberror, "claims": f.Claims,
	} {
		if value != "" {
			members[name] = value
		}
	}
	return jsonAnswer(cmp.Or(f.Status, http.StatusBadRequest), members)
}

// wait returns when the time has passed or the client has left.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
