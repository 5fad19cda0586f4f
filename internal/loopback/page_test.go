package loopback

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func parseResponse(t *testing.T, s *Server, status int) (*http.Response, string) {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(s.response(status))), nil)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(body)
}

func TestEveryResponseIsGuarded_CB14_R6749_22_R9700_7(t *testing.T) {
	t.Parallel()
	s := offline(false)
	for _, status := range []int{200, 303, 400, 403, 404, 405, 413, 415, 421, 431, 505} {
		res, body := parseResponse(t, s, status)
		h := res.Header
		require.Equal(t, status, res.StatusCode)
		require.True(t, strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "))
		require.NotContains(t, h.Get("Content-Security-Policy"), "script")
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", h.Get("Cache-Control"))
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"))
		require.Equal(t, "DENY", h.Get("X-Frame-Options"))
		require.Equal(t, "same-origin", h.Get("Cross-Origin-Opener-Policy"))
		require.True(t, res.Close)
		for name := range h {
			require.False(t, strings.HasPrefix(name, "Access-Control-"), name)
		}
		require.Equal(t, status == 200, body != "", "only the result has a body")
		require.Equal(t, status == 303, h.Get("Location") == "/cb/done") // a path of ours
	}
	res, _ := parseResponse(t, s, 405)
	require.Equal(t, "GET", res.Header.Get("Allow"))
}

func TestBuiltInPages_R6749_20(t *testing.T) {
	t.Parallel()
	for _, ok := range []bool{true, false} {
		s := offline(false)
		s.ok = ok
		res, page := parseResponse(t, s, 200)
		require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
		require.Equal(t, ok, strings.Contains(page, "You are signed in"))
		require.Equal(t, !ok, strings.Contains(page, "You are not signed in"))
		require.Contains(t, page, "Never share the address of this page.")
		for _, want := range []string{`<meta name="viewport"`, "color-scheme: light dark", "prefers-color-scheme: dark", "prefers-reduced-motion", `<html lang="en">`} {
			require.Contains(t, page, want)
		}
		for _, foreign := range []string{"<script", "javascript:", "//", "url(", "@import", "src=", "href=", " style=", "{{"} {
			require.NotContains(t, page, foreign)
		}
		require.NotRegexp(t, `\son\w+\s*=`, page)
		require.Equal(t, 1, strings.Count(page, "<style"), "the policy allows one")
		style := page[strings.Index(page, "<style>")+len("<style>") : strings.Index(page, "</style>")]
		sum := sha256.Sum256([]byte(style))
		require.Contains(t, res.Header.Get("Content-Security-Policy"), "; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
}

func TestOwnPages(t *testing.T) {
	t.Parallel()
	s := start(Config{Success: []byte("<b>yes</b>"), Failure: []byte("<b>no</b>")}, redirect{"localhost", "7", ""}, nil)
	_, page := parseResponse(t, s, 200)
	require.Equal(t, "<b>no</b>", page)
	s.ok = true
	res, page := parseResponse(t, s, 200)
	require.Equal(t, "<b>yes</b>", page)
	policy := res.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "style-src 'unsafe-inline'; img-src data:")
	s.cfg.Success = []byte{} // as an empty file is embedded
	_, page = parseResponse(t, s, 200)
	require.Contains(t, page, "You are signed in")
}
