package msaltest

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// refusal is a no of Microsoft's platform, before it is told to anybody.
type refusal struct {
	number      int
	description string // without the ids at its end
	code        string // empty: the number's
	suberror    string // empty: the number's
	claims      string // a claims challenge
}

func (m microsoft) no(number int, args ...any) *refusal {
	return &refusal{number: number, description: fmt.Sprintf("AADSTS%d: %s", number, fmt.Sprintf(aadsts[number].text, args...))}
}

// body is the error as clients get to see it, in members that are strings but for error_codes (recorded).
func (m microsoft) body(c *call, r *refusal) map[string]any {
	row, now, separator := aadsts[r.number], timestamp(time.Now()), " "
	if m.Entra.LineBreaks {
		separator = "\r\n"
	}
	members := map[string]any{
		"error": cmp.Or(r.code, row.at[c.endpoint.name], row.code),
		"error_description": strings.Join([]string{
			r.description, "Trace ID: " + c.entra.trace, "Correlation ID: " + c.entra.correlation, "Timestamp: " + now,
		}, separator),
		"error_codes":    []int{r.number},
		"timestamp":      now,
		"trace_id":       c.entra.trace,
		"correlation_id": c.entra.correlation,
	}
	if row.uri {
		members["error_uri"] = strings.TrimSuffix(m.home(), "/") + fmt.Sprintf("/error?code=%d", r.number)
	}
	if suberror := cmp.Or(r.suberror, row.suberror); suberror != "" {
		members["suberror"] = suberror
	}
	if r.claims != "" {
		members["claims"] = r.claims
	}
	return members
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// tell answers a client that reads JSON.
func (m microsoft) tell(c *call, r *refusal) answer {
	row := aadsts[r.number]
	a := jsonAnswer(cmp.Or(row.status, http.StatusBadRequest), m.body(c, r))
	suberror := "0" // the number that stands for a suberror is not known
	a.header.Set("x-ms-clitelem", fmt.Sprintf("1,%d,%s,%s,", r.number, suberror, c.entra.tokenAge))
	return a
}

// page tells the person, where the client can not be told.
func (m microsoft) page(c *call, r *refusal) answer {
	return page(http.StatusBadRequest, "Sorry, but we're having trouble signing you in.", m.body(c, r)["error_description"].(string))
}

// refuse tells the client through its redirect URI.
func (m microsoft) refuse(c *call, req authorization, r *refusal) answer {
	params := url.Values{}
	for name, value := range m.body(c, r) {
		if text, ok := value.(string); ok && slices.Contains([]string{"error", "error_description", "error_uri", "claims"}, name) {
			params.Set(name, text)
		}
	}
	return m.reply(c, req, params)
}

// sign adds the headers that Microsoft's answers have (recorded).
func (m microsoft) sign(c *call, a answer) {
	a.header.Set("x-ms-request-id", c.entra.trace)
	if strings.EqualFold(c.Header.Get("return-client-request-id"), "true") {
		a.header.Set("client-request-id", c.entra.correlation)
	}
	if a.header.Get("Content-Type") == "application/json" {
		a.header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if c.endpoint.name == "token" || c.endpoint.name == "device" {
		a.header.Set("Cache-Control", "no-store, no-cache")
		a.header.Set("Expires", "-1")
		if a.header.Get("x-ms-clitelem") == "" {
			a.header.Set("x-ms-clitelem", "1,0,0,,")
		}
	}
}

// scripted is what a fault with a number says, where and how the endpoint would say it.
func (m microsoft) scripted(c *call, f Fault) answer {
	r := &refusal{number: f.AADSTS, code: f.Code, suberror: f.Suberror, claims: f.Claims}
	blanks := slices.Repeat([]any{"…"}, strings.Count(aadsts[f.AADSTS].text, "%"))
	r.description = cmp.Or(f.Description, m.no(f.AADSTS, blanks...).description)
	var a answer
	switch c.endpoint.name {
	case "authorize":
		req, stop := m.readAuthorization(c, c.form)
		if stop != nil {
			return *stop
		}
		a = m.refuse(c, req, r)
	case "signin", "logout", "adminconsent", "verification":
		a = m.page(c, r)
	default:
		a = m.tell(c, r)
	}
	m.sign(c, a)
	if f.Status != 0 {
		a.status = f.Status
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = values
	}
	if f.RetryAfter != "" {
		a.header.Set("Retry-After", f.RetryAfter)
	}
	return a
}
