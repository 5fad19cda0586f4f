package msaltest

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// redirectAllowed tells whether a client may be answered there.
func (p *Platform) redirectAllowed(uri string) bool {
	if p.RedirectURIs != nil {
		return p.isRegistered(p.RedirectURIs, uri)
	}
	u, ok := redirectURI(uri)
	return ok && (u.Scheme == "https" && u.Host != "" || isLoopback(u))
}

// isRegistered tells whether the URI is one of the list.
func (p *Platform) isRegistered(list []string, uri string) bool {
	u, ok := redirectURI(uri)
	return ok && slices.ContainsFunc(list, func(one string) bool {
		return one == uri || !p.ExactPorts && isLoopback(u) && withoutPort(one) == withoutPort(uri)
	})
}

// redirectURI reads what could be one at all.
func redirectURI(uri string) (*url.URL, bool) {
	u, err := url.Parse(uri)
	return u, err == nil && u.Scheme != "" && u.User == nil && !strings.Contains(uri, "#")
}

// isLoopback tells whether the URI leads back to the person's own machine, where a native app takes any free port
// (RFC 8252 §7.3 and, for localhost, what most providers allow beyond it).
func isLoopback(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "http" && (host == "localhost" || net.ParseIP(host).IsLoopback())
}

func withoutPort(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || !isLoopback(u) {
		return uri
	}
	u.Host = u.Hostname()
	return u.String()
}

// reply sends the parameters to the client in the way that it asked for.
func (p *Platform) reply(req authorization, issuer string, params url.Values) answer {
	if req.state != "" {
		params.Set("state", req.state)
	}
	if !p.OmitIss {
		params.Set("iss", issuer) // RFC 9207 §2: in error responses too
	}
	if req.mode == "form_post" {
		return formPostPage(req.redirectURI, params)
	}
	return redirect(withQuery(req.redirectURI, params))
}

// withQuery keeps a query that the URI has (RFC 6749 §3.1.2: it "MUST be retained").
func withQuery(uri string, params url.Values) string {
	if len(params) == 0 {
		return uri
	}
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + params.Encode()
}

// redirect uses 303, after which no browser repeats a POST with what was typed into it (RFC 9700 §4.12).
func redirect(to string) answer {
	return answer{status: http.StatusSeeOther, header: http.Header{
		"Location":        {to},
		"Cache-Control":   {"no-store"},
		"Referrer-Policy": {"no-referrer"},
	}}
}
