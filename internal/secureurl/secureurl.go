// Package secureurl is the one gate for a URL that comes from configuration or
// from a server: before a request goes there and before a browser opens it.
//
// The rules are held against the text as it was written, not against what a
// parser made of it. A browser, a proxy, a shell and net/url each repair other
// mistakes in other ways; a URL without any is the same URL to all of them.
package secureurl

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// MaxLen is the longest URL accepted, in bytes.
const MaxLen = 2048

// Parse returns raw as a URL if it is an absolute https URL that all software
// reads the same way. With loopbackHTTP also http is accepted, to the IP
// literals 127.0.0.1 and [::1] alone: a name such as localhost is whatever the
// resolver says.
//
// A query is accepted, also an empty one; who forbids it looks at RawQuery and
// ForceQuery. The errors show a host at most, and that only once it is known to
// be one: never a user name, a password, a path or a query.
func Parse(raw string, loopbackHTTP bool) (*url.URL, error) {
	if err := checkCharacters(raw); err != nil {
		return nil, err
	}
	scheme, rest, _ := strings.Cut(raw, "://")
	if scheme != "https" && scheme != "http" {
		// Also for HTTPS://: issuers are compared byte by byte, so one spelling.
		return nil, errors.New("url does not begin with https:// (in lower case)")
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	host, err := checkAuthority(authority)
	if err != nil {
		return nil, err
	}
	if scheme == "http" && !(loopbackHTTP && (host == "127.0.0.1" || host == "[::1]")) {
		return nil, fmt.Errorf("url of %s is http, https is needed (InsecureLoopbackHTTP permits http for the IP literals 127.0.0.1 and [::1] alone)", host)
	}
	if err := checkPath(path); err != nil {
		return nil, fmt.Errorf("url of %s: %w", host, err)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != scheme || u.Host != authority || u.User != nil || u.Opaque != "" {
		return nil, fmt.Errorf("url of %s is not one that every program reads alike", host)
	}
	return u, nil
}

// Lower returns s with the capitals of ASCII in lower case, for comparing
// schemes, hosts and what has their letters. Unicode's rules would make U+212A,
// the Kelvin sign, a k and U+0130 an i, and of a foreign host ours: what such a
// host is dialled as, IDNA decides.
func Lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// checkCharacters admits what RFC 3986 section 2 lets stand in a URL, but no "#".
func checkCharacters(raw string) error {
	switch {
	case raw == "":
		return errors.New("url is empty, want https://…")
	case len(raw) > MaxLen:
		return fmt.Errorf("url has %d bytes, at most %d are accepted", len(raw), MaxLen)
	}
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '#':
			// RFC 6749 sections 3.1 and 3.2: an endpoint URI MUST NOT include one.
			return errors.New("url has a fragment (#), also an empty one is not accepted")
		case c == '\\': // a slash to browsers, but not to net/url: two hosts
			return errors.New(`url has a backslash, want "/"`)
		case c >= 0x80:
			return fmt.Errorf("url has a non-ASCII character at byte %d; write a host in its xn-- form, the rest percent-encoded", i)
		case c <= ' ' || c == 0x7f || strings.IndexByte("\"<>^`{|}", c) >= 0:
			return fmt.Errorf("url has the character %+q at byte %d, which no URL may hold", rune(c), i)
		case c == '%' && !isEscape(raw[i:]):
			return fmt.Errorf("url has a percent sign at byte %d that encodes nothing, or a control character", i)
		}
	}
	return nil
}

// isEscape reports whether s begins with a percent-encoded octet that is not a
// control: %00 cuts strings short in C, %0d%0a writes header lines.
func isEscape(s string) bool {
	if len(s) < 3 {
		return false
	}
	n, err := strconv.ParseUint(s[1:3], 16, 8)
	return err == nil && n >= ' ' && n != 0x7f
}

// checkAuthority returns the host of "host" or "host:port". The rest of the
// authority is in no error: what looks like a port may be half of a password.
func checkAuthority(authority string) (host string, err error) {
	if strings.Contains(authority, "@") {
		return "", errors.New("url has a user name or password before the host; remove it")
	}
	host, port := authority, ""
	if i := strings.LastIndexByte(authority, ':'); i > strings.LastIndexByte(authority, ']') {
		host, port = authority[:i], authority[i+1:]
		// ":0443" is 443 to one parser and octal or an error to another.
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return "", errors.New("url has a port that is not a number from 1 to 65535 without leading zeros")
		}
	}
	switch {
	case host == "":
		return "", errors.New("url has no host")
	case host[0] == '[':
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || host != "["+addr.String()+"]" || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" {
			return "", errors.New("url has something else in brackets than an IPv6 address in its shortest form")
		}
		return host, nil
	}
	return host, checkName(host)
}

// checkName accepts a host name of RFC 1123 section 2.1, with the underscore
// that names in private networks have, or an IPv4 address. Capitals stay: whether
// "IDP.example" is the issuer is for the comparison with its document to say.
func checkName(host string) error {
	if len(host) > 253 {
		return errors.New("url has a host of more than 253 bytes")
	}
	label := ""
	for label = range strings.SplitSeq(host, ".") {
		switch {
		case label == "":
			return errors.New("url has a host with an empty part; a dot at the end is not accepted either")
		case len(label) > 63:
			return errors.New("url has a host with a part of more than 63 bytes")
		case label[0] == '-' || label[len(label)-1] == '-':
			return errors.New("url has a host with a hyphen at the edge of a part")
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "":
			return errors.New("url has a host with something else in it than letters, digits and hyphens")
		}
	}
	// What ends in a number is an IPv4 address to a browser, in all forms of
	// inet_aton: 2130706433, 0x7f.1 and 127.1 are all this machine.
	if strings.Trim(label, "0123456789") == "" || strings.HasPrefix(strings.ToLower(label), "0x") {
		if addr, err := netip.ParseAddr(host); err != nil || !addr.Is4() {
			return errors.New("url has a numeric host that is not an IPv4 address as four decimal numbers")
		}
	}
	return nil
}

// checkPath refuses dot segments in every spelling that some server undoes:
// "/tenant/../other" passes a look at its beginning and asks elsewhere. "/a//b"
// and "/a;x" are odd, but mean one thing.
func checkPath(path string) error {
	path, _, _ = strings.Cut(path, "?")
	plain, err := url.PathUnescape(path)
	if err != nil {
		return errors.New("the path has a broken percent-encoding")
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(plain, `\`, "/"), "/") {
		segment, _, _ = strings.Cut(segment, ";") // "..;" is ".." to servlet containers
		if segment == "." || segment == ".." {
			return errors.New(`the path has a "." or ".." segment; write the path that it leads to`)
		}
	}
	return nil
}
