package loopback

import (
	"errors"
	"net"
	"path"
	"regexp"
	"strings"
	"sync"
)

// A redirect URI that a browser sends back byte for byte: loopback names only
// (RFC 8252 section 7.3), lower case, no port 0, and a path of unreserved
// characters, because browsers rewrite others in ways that differ.
var redirectURI = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^http://(localhost|127\.0\.0\.1|\[::1\])(?::([1-9][0-9]{0,4}))?((?:/[A-Za-z0-9._~-]+)*/?)$`)
})

// redirect is a redirect URI in parts. Port "" means any free one.
type redirect struct{ host, port, path string }

// Check tells what is wrong with a redirect URI, for who has to know before
// anything is done.
func Check(raw string) error {
	_, err := parseRedirect(raw)
	return err
}

func parseRedirect(raw string) (redirect, error) {
	m := redirectURI().FindStringSubmatch(raw)
	// A browser resolves dot segments before it sends a path.
	if m == nil || path.Clean(m[3]+"/x") != strings.TrimSuffix(m[3], "/")+"/x" {
		return redirect{}, errors.New(`redirect address: want "http://localhost", "http://127.0.0.1" or "http://[::1]", then a port and a plain path if they are fixed`)
	}
	return redirect{host: m[1], port: m[2], path: m[3]}, nil
}

func (r redirect) String() string {
	return "http://" + r.host + ":" + r.port + r.path
}

// hostHeader is the only Host that a request for this redirect URI carries. Any
// other means that a name of someone else was made to point here (DNS
// rebinding), or that the request was meant for another service.
func (r redirect) hostHeader() string {
	if r.port == "80" { // browsers leave the default port out
		return r.host
	}
	return r.host + ":" + r.port
}

// requestPath is the path as it stands in the request line, where it is never
// empty (RFC 9112 section 3.2.1).
func (r redirect) requestPath() string {
	if r.path == "" {
		return "/"
	}
	return r.path
}

// pagePath is where the browser is sent for the result page, so that code and
// state leave its address bar.
func (r redirect) pagePath() string { return strings.TrimSuffix(r.requestPath(), "/") + "/done" }

// withPort is r with the port that a listener got.
func (r redirect) withPort(l net.Listener) redirect {
	_, r.port, _ = net.SplitHostPort(l.Addr().String())
	return r
}
