package loopback

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzRequest: an answer is delivered only from a request of the right method,
// to the right path and host, whose parameters, split by other means, are
// single and have the state. All else gets one of a few fixed refusals.
func FuzzRequest(f *testing.F) {
	for _, raw := range []string{
		get("/cb?" + ok), get("/cb?error=x&state=" + state), get("/cb?" + ok + "&code=d"), get("/cb?code=c&state=%73-Yq0zR5N1f8"),
		post("/cb", ok), post("/cb?x", ok), post("/cb", "3\r\na=b\r\n0\r\n\r\n", "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"),
		"\x16\x03\x01", "PRI * HTTP/2.0\r\n\r\n", "GET http://localhost:7/cb?" + ok + " HTTP/1.1\r\n\r\n", get("/cb/done"), "",
	} {
		f.Add(raw, false)
		f.Add(raw, true)
	}
	refusals := []int{hangUp, 400, 403, 404, 405, 413, 415, 421, 431, 505}
	f.Fuzz(func(t *testing.T, raw string, formPost bool) {
		s := offline(formPost)
		status, answer := s.readText(raw)
		if len(s.Hint()) > 500 || strings.ContainsFunc(s.Hint(), func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("hint %q", s.Hint())
		}
		if status != http.StatusSeeOther {
			if answer != nil || !slices.Contains(refusals, status) {
				t.Fatalf("status %d with %v", status, answer)
			}
			return
		}
		start := "GET /cb?"
		if formPost {
			start = "POST /cb "
		}
		if !strings.HasPrefix(raw, start) || !strings.Contains(raw, "localhost:7") {
			t.Fatalf("accepted %q", raw)
		}
		if !formPost {
			target, _, _ := strings.Cut(raw[len(start):], " ")
			requireSingle(t, target, answer)
		}
		if answer.Get("state") != state || !answer.Has("code") && !answer.Has("error") {
			t.Fatalf("accepted %v", answer)
		}
		for name, values := range answer {
			if len(values) != 1 {
				t.Fatalf("%s has %d values", name, len(values))
			}
		}
	})
}

func requireSingle(t *testing.T, query string, answer url.Values) {
	seen := map[string]string{}
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if _, twice := seen[name]; twice || err1 != nil || err2 != nil {
			t.Fatalf("accepted %q", query)
		}
		seen[name] = value
	}
	for name, value := range seen {
		if answer.Get(name) != value || len(seen) != len(answer) {
			t.Fatalf("%q became %v", query, answer)
		}
	}
}
