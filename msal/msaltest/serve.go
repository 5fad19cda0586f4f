package msaltest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// endpoint is one of the platform's addresses. Its serve function does what the request asks and returns the answer
// as a value, so that a fault can lose or bend it afterwards.
type endpoint struct {
	name    string // in the log and for Fail
	path    string // below the issuer
	methods string
	serve   func(*Platform, *call) answer
}

const (
	discoveryPath  = "/.well-known/openid-configuration"
	oauthPath      = "/.well-known/oauth-authorization-server" // RFC 8414 §3
	keysPath       = "/keys"
	authorizePath  = "/authorize"
	signInPath     = "/signin"
	tokenPath      = "/token"
	devicePath     = "/device"
	verifyPath     = "/activate"
	revocationPath = "/revoke"
	logoutPath     = "/logout"
	userinfoPath   = "/userinfo"
)

var endpoints = []endpoint{
	{"discovery", discoveryPath, "GET", (*Platform).discovery},
	{"discovery", oauthPath, "GET", (*Platform).discovery},
	{"keys", keysPath, "GET", (*Platform).jwks},
	{"authorize", authorizePath, "GET POST", (*Platform).authorize},
	{"signin", signInPath, "POST", (*Platform).signIn},
	{"token", tokenPath, "POST", (*Platform).token},
	{"device", devicePath, "POST", (*Platform).startDevice},
	{"verification", verifyPath, "GET POST", (*Platform).activate},
	{"revocation", revocationPath, "POST", (*Platform).revocation},
	{"logout", logoutPath, "GET POST", (*Platform).logout},
	{"userinfo", userinfoPath, "GET POST", (*Platform).userinfo},
}

// A browser asks for this of every host it visits; that says nothing about the application under test.
const faviconPath = "/favicon.ico"

// call is a request on its way through the platform.
type call struct {
	*http.Request
	endpoint endpoint
	issuer   string     // as discovery publishes it
	base     string     // what the paths of the endpoints are appended to
	layout   Layout     // which they are
	entra    entraCall  // what else there is with Entra
	form     url.Values // the body of a POST, else the query
	body     string     // verbatim
	err      error      // why there is no form
}

// answer is what an endpoint says. A missing part of the body is promised by Content-Length and never sent.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	missing int
}

// ServeHTTP implements [http.Handler].
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, a := range p.allAPIs() {
		if a.url.Host == r.Host {
			a.ServeHTTP(w, r)
			return
		}
	}
	c := p.open(r)
	entry := p.record(c)
	fault, faulty := p.nextFault(c.endpoint.name)
	var a answer
	if !faulty || fault.takesEffect() {
		a = p.serve(c)
		if err := p.keep(); err != nil {
			if p.t != nil {
				p.errorf("%v", err) // a program has a full disk, and no bug
			}
			a = page(http.StatusInternalServerError, "The platform cannot remember this", err.Error())
		}
	}
	if faulty && fault.AADSTS != 0 {
		a = p.microsoft().scripted(c, fault)
	}
	if faulty {
		a = fault.bend(r.Context(), a)
	}
	p.recordStatus(entry, a.status)
	a.write(w)
}

// open reads the request and finds out what it is for.
func (p *Platform) open(r *http.Request) *call {
	const limit = 1 << 20 // far more than any protocol message
	raw, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	c := &call{Request: r, body: string(raw), err: err}
	if r.Method == http.MethodPost {
		c.form, c.err = parseForm(r.Header, c.body, err)
	} else {
		c.form = r.URL.Query()
	}
	p.route(c)
	return c
}

func parseForm(h http.Header, body string, err error) (url.Values, error) {
	if err != nil {
		return nil, err
	}
	if media, _, _ := strings.Cut(h.Get("Content-Type"), ";"); media != "application/x-www-form-urlencoded" {
		return nil, errors.New("the body is not application/x-www-form-urlencoded")
	}
	return url.ParseQuery(body)
}

// route splits the path into issuer and endpoint. The endpoint stays empty if there is none.
func (p *Platform) route(c *call) {
	c.issuer = p.issuer(c.Request)
	c.base = strings.TrimSuffix(c.issuer, "/")
	root, _ := url.Parse(c.base)
	if path, below := strings.CutPrefix(p.Layout.appended(root.Path, c.URL.Path), root.Path); below {
		p.manners().route(c, path)
	}
}

// self is the address that the request was sent to, without a query.
func (c *call) self() string {
	root, _ := url.Parse(c.base)
	return root.Scheme + "://" + root.Host + c.URL.Path
}

// home is URL, or what stands in for it: the address that the first request was sent to. Empty: none was.
func (p *Platform) home() string {
	if p.URL != "" {
		return p.URL
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.host
}

// issuer is home, which the first request may decide.
func (p *Platform) issuer(r *http.Request) string {
	if p.URL != "" {
		return p.URL
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.host == "" {
		p.host = "http://" + r.Host
		if r.TLS != nil {
			p.host = "https://" + r.Host
		}
	}
	return p.host
}

// serve does what the request asks.
func (p *Platform) serve(c *call) answer {
	if err := p.misused(); err != nil {
		p.errorf("%v", err)
		return page(http.StatusInternalServerError, "The platform is misconfigured", err.Error())
	}
	if c.endpoint.serve == nil || p.leavesOut(c.endpoint.name) {
		return p.unknown(c)
	}
	if stop := p.manners().admit(c); stop != nil {
		return *stop
	}
	return p.dress(c, c.endpoint.serve(p, c))
}

// leavesOut tells whether the platform is told to have no such endpoint. Its metadata names none, so a client that asks
// has built the address.
func (p *Platform) leavesOut(endpoint string) bool {
	switch endpoint {
	case "device", "verification":
		return p.NoDevice
	case "keys", "userinfo", "logout":
		return p.NoOpenID
	}
	return false
}

// unknown answers a request that no endpoint is for: the application built a URL that it should have read from the
// metadata.
func (p *Platform) unknown(c *call) answer {
	if p.t != nil && !p.AllowUnknown && !strings.HasSuffix(c.URL.Path, faviconPath) {
		p.errorf("unexpected request: %s %s (set AllowUnknown if it is meant)", c.Method, c.URL)
	}
	return notFound()
}

func notFound() answer { return page(http.StatusNotFound, "Not found", "There is no such page here.") }

// single returns an error if a parameter comes twice, which RFC 6749 §3.1 and §3.2 forbid: servers differ in which
// of the two they read. RFC 8707 §2 allows several resources.
func (c *call) single() error {
	if c.err != nil {
		return c.err
	}
	for name, values := range c.form {
		if len(values) > 1 && name != "resource" {
			return errors.New("the parameter " + strconv.Quote(name) + " comes more than once")
		}
	}
	return nil
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat)) // of a test's clock, where it has one
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)+a.missing))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client is gone: nobody is left to tell
	if a.missing > 0 {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // what net/http offers to end a connection in the middle of an answer
	}
}

// jsonAnswer must not be stored by caches: RFC 6749 §5.1 wants it for everything that may contain a secret.
func jsonAnswer(status int, v any) answer {
	body, err := json.Marshal(v)
	if err != nil {
		panic("msaltest: an Edit function left something that is not JSON: " + err.Error())
	}
	return answer{status: status, body: body, header: http.Header{
		"Content-Type":  {"application/json"},
		"Cache-Control": {"no-store"},
		"Pragma":        {"no-cache"},
	}}
}

// oauthError is the error answer of RFC 6749 §5.2.
func oauthError(status int, code, description string) answer {
	return jsonAnswer(status, map[string]string{"error": code, "error_description": description})
}
