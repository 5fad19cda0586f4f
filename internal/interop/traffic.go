package interop

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// Traffic is a transport that remembers what a client asked and which refresh tokens it was given.
type Traffic struct {
	mu       sync.Mutex
	requests []string
	refresh  []string
}

// RoundTrip sends the request by the default transport.
func (w *Traffic) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests = append(w.requests, r.Method+" "+r.URL.Path)
	if err != nil || r.URL.Path != "/token" {
		return answer, err
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(body))
	var token struct {
		RefreshToken string `json:"refresh_token"`
	}
	if json.Unmarshal(body, &token) == nil && token.RefreshToken != "" {
		w.refresh = append(w.refresh, token.RefreshToken)
	}
	return answer, err
}

// Take returns the requests since the last Take, as in "POST /token".
func (w *Traffic) Take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.requests
	w.requests = nil
	return taken
}

// RefreshTokens returns every refresh token that was handed out so far, oldest first.
func (w *Traffic) RefreshTokens() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.refresh...)
}
