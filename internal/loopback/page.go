package loopback

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"net/http"
)

//go:embed page_success.html
var successPage []byte

//go:embed page_failure.html
var failurePage []byte

// The application's own page may use inline styles and images within it, and
// nothing that reaches out.
const ownPageStyles = "style-src 'unsafe-inline'; img-src data:"

// page returns the result page and what its content security policy allows.
func (s *Server) page() (page []byte, styles string) {
	page, own := failurePage, s.cfg.Failure
	if s.ok {
		page, own = successPage, s.cfg.Success
	}
	if len(own) > 0 {
		return own, ownPageStyles
	}
	return page, "style-src 'sha256-" + styleHash(page) + "'"
}

// styleHash is the CSP source of the one style element of a built-in page.
func styleHash(page []byte) string {
	_, style, _ := bytes.Cut(page, []byte("<style>"))
	style, _, _ = bytes.Cut(style, []byte("</style>"))
	sum := sha256.Sum256(style)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// response is what goes over the wire for status. It depends on nothing that
// was received, so nothing is reflected.
func (s *Server) response(status int) []byte {
	res := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Close: true}
	styles := "style-src 'none'"
	switch status {
	case http.StatusSeeOther: // never 307, which would post the code again (RFC 9700 section 4.12)
		res.Header.Set("Location", s.published.pagePath())
	case http.StatusMethodNotAllowed:
		res.Header.Set("Allow", s.method())
	case http.StatusOK:
		var page []byte
		page, styles = s.page()
		res.Header.Set("Content-Type", "text/html; charset=utf-8")
		res.Body = io.NopCloser(bytes.NewReader(page))
		res.ContentLength = int64(len(page))
	}
	for name, value := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " + styles,
		"Cache-Control":                "no-store",    // RFC 9700 section 4.3.1
		"Referrer-Policy":              "no-referrer", // section 4.2.4
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		res.Header.Set(name, value)
	}
	var wire bytes.Buffer
	_ = res.Write(&wire) // a bytes.Buffer takes everything
	return wire.Bytes()
}
