package loopback

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// script is a connection that has sent all it will ever send.
type script struct {
	net.Conn
	*bytes.Reader
}

func (s script) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (script) SetDeadline(time.Time) error   { return nil }
func (s script) Write(p []byte) (int, error) { return len(p), nil }

// offline is a server without listeners, at http://localhost:7/cb.
func offline(formPost bool) *Server {
	return start(Config{FormPost: formPost, Accept: accept}, redirect{"localhost", "7", "/cb"}, nil)
}

func (s *Server) readText(raw string) (int, url.Values) {
	return s.read(script{Reader: bytes.NewReader([]byte(raw))})
}

const ok = "code=c&state=" + state

func get(target string, headers ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: localhost:7\r\n" + strings.Join(append(headers, "\r\n"), "\r\n")
}

func post(target, body string, headers ...string) string {
	if len(headers) == 0 {
		headers = []string{"Content-Type: application/x-www-form-urlencoded", fmt.Sprint("Content-Length: ", len(body))}
	}
	return "POST " + target + " HTTP/1.1\r\nHost: localhost:7\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n" + body
}

func TestQueryRequests(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		raw  string
		want int
	}{
		"genuine":                        {get("/cb?" + ok), 303},
		"genuine from a browser":         {get("/cb?"+ok, "Sec-Fetch-Dest: document", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Upgrade-Insecure-Requests: 1", "Connection: keep-alive"), 303},
		"genuine with unknown ones":      {get("/cb?" + ok + "&scope=a+b&hd="), 303},
		"error":                          {get("/cb?error=access_denied&state=" + state), 303},
		"CB-01 no state":                 {get("/cb?code=c"), 400},
		"CB-02 wrong state":              {get("/cb?code=c&state=x"), 400},
		"CB-02 prefix":                   {get("/cb?code=c&state=" + state[:5]), 400},
		"CB-02 longer":                   {get("/cb?code=c&state=" + state + "x"), 400},
		"CB-02 other case":               {get("/cb?code=c&state=" + strings.ToLower(state)), 400},
		"CB-02 empty":                    {get("/cb?code=c&state="), 400},
		"CB-02 case of the name":         {get("/cb?code=c&State=" + state), 400},
		"CB-07 error without state":      {get("/cb?error=access_denied"), 400},
		"CB-07 error with wrong state":   {get("/cb?error=access_denied&state=x"), 400},
		"neither code nor error":         {get("/cb?state=" + state), 400},
		"CB-08 both":                     {get("/cb?" + ok + "&error=x"), 303}, // the error wins, elsewhere
		"CB-09 two codes":                {get("/cb?" + ok + "&code=c"), 400},
		"CB-09 two states":               {get("/cb?" + ok + "&state=" + state), 400},
		"CB-09 two issuers":              {get("/cb?" + ok + "&iss=a&iss=a"), 400},
		"CB-09 two errors":               {get("/cb?error=a&error=b&state=" + state), 400},
		"CB-09 two of any":               {get("/cb?" + ok + "&x=1&x=1"), 400},
		"CB-09 escaped name":             {get("/cb?" + ok + "&%63ode=d"), 400},
		"CB-12 other host":               {"GET /cb?" + ok + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		"CB-12 other host, our port":     {"GET /cb?" + ok + " HTTP/1.1\r\nHost: evil.example:7\r\n\r\n", 421},
		"CB-12 literal":                  {"GET /cb?" + ok + " HTTP/1.1\r\nHost: 127.0.0.1:7\r\n\r\n", 421},
		"CB-12 other port":               {"GET /cb?" + ok + " HTTP/1.1\r\nHost: localhost:8\r\n\r\n", 421},
		"CB-12 no port":                  {"GET /cb?" + ok + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 421},
		"CB-12 no host":                  {"GET /cb?" + ok + " HTTP/1.1\r\n\r\n", 421},
		"CB-12 HTTP/1.0 without host":    {"GET /cb?" + ok + " HTTP/1.0\r\n\r\n", 421},
		"CB-12 two hosts":                {get("/cb?"+ok, "Host: evil.example"), 400},
		"CB-12 absolute form":            {get("http://localhost:7/cb?" + ok), 404},
		"CB-12 absolute form, other":     {get("http://evil.example/cb?" + ok), 421},
		"CB-13 favicon":                  {get("/favicon.ico"), 404},
		"CB-13 robots":                   {get("/robots.txt"), 404},
		"CB-13 well-known":               {get("/.well-known/appspecific/com.chrome.devtools.json"), 404},
		"CB-13 root":                     {get("/"), 404},
		"CB-13 HEAD":                     {"HEAD /cb?" + ok + " HTTP/1.1\r\nHost: localhost:7\r\n\r\n", 405},
		"CB-13 preflight":                {"OPTIONS /cb?" + ok + " HTTP/1.1\r\nHost: localhost:7\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\r\n", 405},
		"CB-13 PUT":                      {"PUT /cb?" + ok + " HTTP/1.1\r\nHost: localhost:7\r\n\r\n", 405},
		"CB-13 CONNECT":                  {"CONNECT localhost:7 HTTP/1.1\r\nHost: localhost:7\r\n\r\n", 404},
		"CB-13 asterisk":                 {"OPTIONS * HTTP/1.1\r\nHost: localhost:7\r\n\r\n", 404},
		"CB-15 POST in query mode":       {post("/cb", ok), 405},
		"CB-15 POST with query":          {post("/cb?"+ok, ""), 405},
		"CB-17 double slash":             {get("//cb?" + ok), 404},
		"CB-17 slash at the end":         {get("/cb/?" + ok), 404},
		"CB-17 escaped":                  {get("/%63b?" + ok), 404},
		"CB-17 dots":                     {get("/cb/../cb?" + ok), 404},
		"CB-17 path parameter":           {get("/cb;x?" + ok), 404},
		"CB-17 fragment":                 {get("/cb#?" + ok), 404},
		"CB-22 long query":               {get("/cb?" + ok + "&x=" + strings.Repeat("x", 20_000)), 431},
		"CB-22 long header":              {get("/cb?"+ok, "X: "+strings.Repeat("x", 1<<20)), 431},
		"CB-22 many parameters":          {get("/cb?" + ok + strings.Repeat("&", 10_000)), 400},
		"CB-22 bad escape":               {get("/cb?" + ok + "&x=%zz"), 400},
		"CB-22 semicolon":                {get("/cb?state=" + state + ";code=c"), 400},
		"CB-22 semicolon in one":         {get("/cb?" + ok + "&x=1;y=2"), 400},
		"CB-23 two lengths":              {get("/cb?"+ok, "Content-Length: 1", "Content-Length: 2"), 400},
		"CB-23 folded header":            {get("/cb?"+ok, " Host: evil.example"), 421},
		"CB-23 NUL":                      {get("/cb?"+ok, "X: \x00"), 400},
		"CB-25 empty code":               {get("/cb?code=&state=" + state), 400},
		"CB-25 control in code":          {get("/cb?code=a%00b&state=" + state), 400},
		"CB-25 line break in code":       {get("/cb?code=a%0d%0ab&state=" + state), 400},
		"CB-25 line break in issuer":     {get("/cb?iss=a%0ab&" + ok), 400},
		"CB-25 non-ASCII error":          {get("/cb?error=%C3%A4&state=" + state), 400},
		"CB-29 image":                    {get("/cb?"+ok, "Sec-Fetch-Dest: image"), 403},
		"CB-29 frame":                    {get("/cb?"+ok, "Sec-Fetch-Dest: iframe"), 403},
		"CB-29 fetch":                    {get("/cb?"+ok, "Sec-Fetch-Dest: empty", "Origin: https://evil.example"), 403},
		"CB-29 two destinations":         {get("/cb?"+ok, "Sec-Fetch-Dest: document", "Sec-Fetch-Dest: image"), 403},
		"prefetch":                       {get("/cb?"+ok, "Sec-Purpose: prefetch;prerender"), 403},
		"prefetch, old":                  {get("/cb?"+ok, "Purpose: prefetch"), 403},
		"prefetch, very old":             {get("/cb?"+ok, "X-moz: prefetch"), 403},
		"CB-30 web socket":               {get("/cb?"+ok, "Connection: Upgrade", "Upgrade: websocket"), 403},
		"CB-30 HTTP/2":                   {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"CB-30 HTTP/2 by another method": {"GET /cb?" + ok + " HTTP/2.0\r\nHost: localhost:7\r\n\r\n", 505},
		"HTTP/0.9":                       {"GET /cb?" + ok + "\r\n\r\n", 400},
		"no HTTP":                        {"\x00\x01\x02\r\n\r\n", 400},
		"empty line first":               {"\r\n" + get("/cb?"+ok), 400},
		"cut":                            {get("/cb?" + ok)[:40], 400},
		"nothing":                        {"", hangUp},
		"CB-26 TLS":                      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", hangUp},
		"the result page":                {get("/cb/done"), 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := offline(false)
			got, answer := s.readText(tc.raw)
			require.Equal(t, tc.want, got)
			require.Equal(t, got == http.StatusSeeOther, answer != nil)
			got, _ = s.readText(get("/cb?" + ok)) // CB-03: whatever came, the genuine answer still counts
			require.Equal(t, http.StatusSeeOther, got)
		})
	}
}

func TestFormPostRequests(t *testing.T) {
	t.Parallel()
	const form = "Content-Type: application/x-www-form-urlencoded"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(ok), ok)
	for name, tc := range map[string]struct {
		raw  string
		want int
	}{
		"genuine":                   {post("/cb", ok), 303},
		"genuine from a provider":   {post("/cb", ok, form+"; charset=utf-8", fmt.Sprint("Content-Length: ", len(ok)), "Origin: https://idp.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: document"), 303},
		"genuine, origin hidden":    {post("/cb", ok, form, fmt.Sprint("Content-Length: ", len(ok)), "Origin: null"), 303},
		"genuine, large":            {post("/cb", ok+"&id_token="+strings.Repeat("x", 60_000)), 303},
		"CB-15 GET":                 {get("/cb?" + ok), 405},
		"CB-16 code in query too":   {post("/cb?code=c", ok), 400},
		"CB-16 all in query":        {post("/cb?"+ok, ""), 400},
		"CB-16 empty query":         {post("/cb?", ok), 400},
		"CB-25 code too long":       {post("/cb", "state="+state+"&code="+strings.Repeat("c", maxCode+1)), 400},
		"CB-16 no content type":     {post("/cb", ok, fmt.Sprint("Content-Length: ", len(ok))), 415},
		"CB-16 JSON":                {post("/cb", ok, "Content-Type: application/json", fmt.Sprint("Content-Length: ", len(ok))), 415},
		"CB-16 plain":               {post("/cb", ok, "Content-Type: text/plain", fmt.Sprint("Content-Length: ", len(ok))), 415},
		"CB-16 multipart":           {post("/cb", ok, "Content-Type: multipart/form-data; boundary=x", fmt.Sprint("Content-Length: ", len(ok))), 415},
		"CB-16 too large":           {post("/cb", ok+"&x="+strings.Repeat("x", maxBody)), 413},
		"CB-16 10 MB announced":     {post("/cb", ok, form, "Content-Length: 10000000"), 413},
		"CB-16 chunked":             {post("/cb", chunked, form, "Transfer-Encoding: chunked"), 303},
		"CB-16 chunked, too large":  {post("/cb", "20000\r\n"+strings.Repeat("x", 0x20000)+"\r\n0\r\n\r\n", form, "Transfer-Encoding: chunked"), 413},
		"CB-16 no length":           {post("/cb", ok, form), 400},
		"CB-16 cut body":            {post("/cb", ok, form, "Content-Length: 99"), 400},
		"CB-23 odd coding":          {post("/cb", chunked, form, "Transfer-Encoding: gzip, chunked"), 400},
		"CB-09 two codes":           {post("/cb", ok+"&code=d"), 400},
		"CB-02 wrong state":         {post("/cb", "code=c&state=x"), 400},
		"CB-12 other host":          {"POST /cb HTTP/1.1\r\nHost: evil.example\r\n" + form + "\r\nContent-Length: 3\r\n\r\na=b", 421},
		"CB-29 in a frame":          {post("/cb", ok, form, fmt.Sprint("Content-Length: ", len(ok)), "Sec-Fetch-Dest: iframe"), 403},
		"nothing after the request": {post("/cb", ok) + "GET / HTTP/1.1\r\n\r\n", 303},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := offline(true)
			got, answer := s.readText(tc.raw)
			require.Equal(t, tc.want, got)
			if got == http.StatusSeeOther {
				require.Equal(t, "c", answer.Get("code"))
			}
			got, _ = s.readText(post("/cb", ok))
			require.Equal(t, http.StatusSeeOther, got)
		})
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ raw, want string }{
		"nothing":        {"", ""},
		"noise":          {get("/favicon.ico"), ""},
		"preflight":      {"OPTIONS /cb HTTP/1.1\r\nHost: localhost:7\r\n\r\n", ""},
		"other method":   {"HEAD /cb?" + ok + " HTTP/1.1\r\nHost: localhost:7\r\n\r\n", ""},
		"odd method":     {"X" + strings.Repeat("x", 999) + " /cb?" + ok + " HTTP/1.1\r\nHost: localhost:7\r\n\r\n", ""},
		"forged state":   {get("/cb?code=c&state=x"), ""},
		"other host":     {"GET /x?" + ok + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", ""},
		"TLS":            {"\x16\x03\x01", "a browser tried https:// (HTTPS-only mode)"},
		"other path":     {get("/oauth?" + ok), `requests came to another path "/oauth"`},
		"posted":         {post("/oauth", ok), `requests came to another path "/oauth"`},
		"hostile path":   {get("/\u202e\"" + strings.Repeat("x", 500) + "?" + ok), `requests came to another path "/\u202e\"` + strings.Repeat("x", 61) + `"`},
		"escape codes":   {get("/\x1b[2J?" + ok), ""},
		"other mode":     {post("/cb", ok), "an answer came by POST, which is not the response mode that was asked for"},
		"not a redirect": {"DELETE /cb HTTP/1.1\r\nHost: localhost:7\r\n\r\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := offline(false)
			s.readText(tc.raw)
			require.Equal(t, tc.want, s.Hint())
		})
	}
	s := offline(false)
	s.readText("\x16\x03\x01")
	s.readText(get("/oauth?" + ok))
	require.Equal(t, `a browser tried https:// (HTTPS-only mode); requests came to another path "/oauth"`, s.Hint())
}

// TestPageIsForBrowsers: the result page is fetched by the browser that the answer sent there, and by nothing else.
func TestPageIsForBrowsers(t *testing.T) {
	t.Parallel()
	s := offline(false)
	request := func(method string, header http.Header) *http.Request {
		return &http.Request{Method: method, Header: header}
	}
	require.Equal(t, http.StatusNotFound, s.judgePage(request("GET", nil)), "no result yet")
	s.Finish(true)
	require.Equal(t, http.StatusOK, s.judgePage(request("GET", nil)))
	require.Equal(t, http.StatusMethodNotAllowed, s.judgePage(request("POST", nil)))
	require.Equal(t, http.StatusForbidden, s.judgePage(request("GET", http.Header{"Sec-Fetch-Dest": {"iframe"}})))
}

// TestIsAnswer: what lacks a part is none, whatever Accept thinks of it.
func TestIsAnswer(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"state=s&code=c": true, "state=s&error=e": true, "code=c": false, "error=e": false, "state=s": false, "": false,
	} {
		v, err := url.ParseQuery(query)
		require.NoError(t, err)
		require.Equal(t, want, isAnswer(v), query)
	}
}

// TestGate: who is let in, and who goes.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connect := func() *conn {
			ours, theirs := net.Pipe()
			t.Cleanup(func() { theirs.Close() })
			return &conn{Conn: ours, since: time.Now()}
		}
		open := func(c *conn) bool { return c.SetReadDeadline(time.Time{}) == nil }
		g := &gate{}
		browser, second := connect(), connect()
		require.True(t, g.enter(browser))
		g.keep(browser)
		require.True(t, g.enter(second))
		for range maxConns - 2 {
			require.True(t, g.enter(connect()))
		}
		began := time.Now()
		require.True(t, g.enter(connect()))
		require.Equal(t, graceTime, time.Since(began), "nobody is put out before that")
		require.True(t, open(browser), "it brought the answer")
		require.False(t, open(second))

		g.shut()
		require.True(t, open(browser))
		late := connect()
		require.False(t, g.enter(late))
		require.False(t, open(late))
		require.Len(t, g.conns, maxConns)
		g.cut()
	})
}
