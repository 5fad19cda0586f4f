package loopback

import (
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

const maxCode = 16 << 10

// judge decides what req is. Whatever it refuses leaves no trace but a hint.
func (s *Server) judge(req *http.Request) (status int, answer url.Values) {
	// The raw request target is compared, not the decoded path: there is one
	// way to write it.
	path, query, hasQuery := strings.Cut(req.RequestURI, "?")
	switch {
	case req.ProtoMajor != 1:
		return http.StatusHTTPVersionNotSupported, nil
	case req.Host != s.published.hostHeader():
		return http.StatusMisdirectedRequest, nil
	case path == s.published.pagePath():
		return s.judgePage(req), nil
	case path != s.published.requestPath():
		if resemblesAnswer(req.Method, query) {
			s.hints.note(func(h *hints) { h.path = path })
		}
		return http.StatusNotFound, nil
	case req.Method != s.method():
		if resemblesAnswer(req.Method, query) {
			s.hints.note(func(h *hints) { h.mode = req.Method })
		}
		return http.StatusMethodNotAllowed, nil
	case !isNavigation(req.Header):
		return http.StatusForbidden, nil
	case s.cfg.FormPost && hasQuery: // parameters beside the body: none of ours, and two sources to disagree
		return http.StatusBadRequest, nil
	case s.cfg.FormPost:
		if status, query = readForm(req); status != http.StatusOK {
			return status, nil
		}
	}
	return s.judgeAnswer(query)
}

// method is that of the response mode that was asked for. A provider that
// answers in another way is refused: a code in the address bar is what
// form_post keeps out of histories and of the hands of phishers.
func (s *Server) method() string {
	if s.cfg.FormPost {
		return http.MethodPost
	}
	return http.MethodGet
}

// judgePage gives the result page out only when there is a result.
func (s *Server) judgePage(req *http.Request) int {
	select {
	case <-s.outcome:
	default:
		return http.StatusNotFound
	}
	switch {
	case req.Method != http.MethodGet:
		return http.StatusMethodNotAllowed
	case !isNavigation(req.Header):
		return http.StatusForbidden
	}
	return http.StatusOK
}

// isNavigation refuses what is not a person's browser going to the address:
// prefetches and previews, images, frames and scripts of other pages, upgrades
// to another protocol. It thins out noise; the gate is the state. Origin says
// nothing here: a form post comes from the provider's site, and some browsers
// keep the header through redirects.
func isNavigation(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Moz", "Upgrade"} {
		if len(h[name]) > 0 {
			return false
		}
	}
	dest := strings.Join(h["Sec-Fetch-Dest"], ",")
	return dest == "" || dest == "document"
}

// readForm returns the form of a POST, undecoded.
func readForm(req *http.Request) (status int, form string) {
	kind, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return http.StatusUnsupportedMediaType, ""
	}
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody+1))
	switch {
	case len(body) > maxBody || req.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge, ""
	case err != nil:
		return http.StatusBadRequest, ""
	}
	return http.StatusOK, string(body)
}

func (s *Server) judgeAnswer(raw string) (int, url.Values) {
	// ParseQuery refuses what URL.Query drops in silence: bad escapes and
	// semicolons.
	answer, err := url.ParseQuery(raw)
	if err != nil || !isAnswer(answer) || !s.cfg.Accept(answer) {
		return http.StatusBadRequest, nil
	}
	return http.StatusSeeOther, answer
}

// isAnswer reports whether v has the form of an authorization response (RFC
// 6749 sections 4.1.2 and 4.1.2.1): a code or an error, and a state. "Request
// and response parameters MUST NOT be included more than once" (section 3.1):
// of two codes or two states, who knows which one another reader took.
func isAnswer(v url.Values) bool {
	for name, values := range v {
		if len(values) != 1 {
			return false
		}
		switch name {
		case "code", "state", "error", "iss":
			if !isVisible(values[0]) {
				return false
			}
		}
	}
	return v.Has("state") && (v.Has("code") || v.Has("error")) && len(v.Get("code")) <= maxCode
}

// isVisible reports whether s is not empty and has only what these parameters
// may have: %x20-7E (appendix A).
func isVisible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r > 0x7e })
}

// resemblesAnswer tells a provider's answer gone astray from the icons and
// robots.txt that browsers ask for.
func resemblesAnswer(method, query string) bool {
	v, _ := url.ParseQuery(query)
	return method == http.MethodPost ||
		method == http.MethodGet && v.Has("state") && (v.Has("code") || v.Has("error"))
}
