package pictures

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// userCode is the code that the pictures show, that of RFC 8628.
const userCode = "WDJB-MJHT"

// The names of the platform and of an API, for which the certificate of httptest is good.
const idpHost, apiHost = "id.example.com", "api.example.com"

// world is an identity platform and an API with names and a certificate, for programs that go by its environment.
type world struct {
	*msaltest.Platform
	codes chan string // the user codes that the platform made
	env   []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Platform: &msaltest.Platform{URL: "https://" + idpHost}, codes: make(chan string, 1)}
	server := httptest.NewTLSServer(w)
	t.Cleanup(server.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != idpHost+":443" && r.Host != apiHost+":443" {
			http.Error(rw, "this goes nowhere else", http.StatusForbidden)
			return
		}
		tunnel(rw, server.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	certificate := filepath.Join(t.TempDir(), "certificate.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	require.NoError(t, os.WriteFile(certificate, pem.EncodeToMemory(&block), 0o600))
	w.env = []string{"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + certificate}
	return w
}

// tunnel connects a client of the proxy with the address until either side ends.
func tunnel(rw http.ResponseWriter, address string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, buffered, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	go func() {
		_, _ = io.Copy(server, buffered)
		server.Close()
	}()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	_, _ = io.Copy(client, server)
}

var codeMember = regexp.MustCompile(`"user_code":\s*"([^"]+)"`)

// greet is an API. Only the platform can read a token, so it asks there whose it is.
func (w *world) greet(rw http.ResponseWriter, r *http.Request) {
	ask := httptest.NewRequestWithContext(r.Context(), http.MethodGet, w.URL+"/userinfo", nil)
	ask.Header.Set("Authorization", r.Header.Get("Authorization"))
	answer := httptest.NewRecorder()
	w.Platform.ServeHTTP(answer, ask)
	var who struct{ Name string }
	if err := json.Unmarshal(answer.Body.Bytes(), &who); err != nil || answer.Code != http.StatusOK {
		http.Error(rw, "who are you?", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintf(rw, "Hello, %s!\n", who.Name)
}

// ServeHTTP is the platform, but for the user code, which is the same in every run: a code for cameras has it in it.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.Host == apiHost {
		w.greet(rw, r)
		return
	}
	answer := httptest.NewRecorder()
	w.Platform.ServeHTTP(answer, r)
	body := answer.Body.String()
	if code := codeMember.FindStringSubmatch(body); code != nil {
		w.codes <- code[1]
		body = strings.ReplaceAll(body, code[1], userCode)
	}
	for name, values := range answer.Header() {
		rw.Header()[name] = values
	}
	rw.WriteHeader(answer.Code)
	_, _ = io.WriteString(rw, body)
}

var (
	formTag  = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	inputTag = regexp.MustCompile(`<(?:input|button) [^>]*name="([^"]*)" value="([^"]*)"`)
)

// press is a person who opens an address of the platform and presses the button of each page. It returns the last page,
// which has none: the one that the application shows.
func press(ctx context.Context, address string) (header http.Header, page []byte, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	for err == nil {
		var resp *http.Response
		if resp, err = client.Do(req); err != nil {
			break
		}
		page, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", resp.Status, page)
		}
		form := formTag.FindSubmatch(page)
		if err != nil || form == nil {
			return resp.Header, page, err
		}
		values := url.Values{}
		for _, input := range inputTag.FindAllSubmatch(page, -1) {
			if values.Has(html.UnescapeString(string(input[1]))) {
				continue // a second button, with another answer
			}
			values.Add(html.UnescapeString(string(input[1])), html.UnescapeString(string(input[2])))
		}
		req, err = http.NewRequestWithContext(ctx, http.MethodPost, html.UnescapeString(string(form[1])), strings.NewReader(values.Encode()))
		if err == nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.Header.Set("Origin", "null") // what the pages' Referrer-Policy makes of it
			req.Header.Set("Sec-Fetch-Dest", "document")
			req.Header.Set("Sec-Fetch-Mode", "navigate")
			req.Header.Set("Sec-Fetch-Site", "cross-site")
		}
	}
	return nil, nil, err
}
