package browser

import (
	"errors"
	"fmt"
	"strings"

	"github.com/staysigned/staysigned/internal/secureurl"
)

// maxTarget bounds an authorization request, which is longer than other URLs:
// claims, scopes and hints are in it.
const maxTarget = 8 << 10

// check returns target as text that begins with https:// (or http://, see Open)
// and in which no shell, script or shortcut that a launcher hands it to finds
// anything but an address. Errors do not show target: it has the state.
func check(target string, loopbackHTTP bool) (string, error) {
	if len(target) > maxTarget {
		return "", fmt.Errorf("address has %d bytes, a browser is started with at most %d", len(target), maxTarget)
	}
	endpoint, query, hasQuery := strings.Cut(target, "?")
	u, err := secureurl.Parse(endpoint, loopbackHTTP)
	if err != nil {
		return "", err
	}
	origin := u.Scheme + "://" + u.Host
	path, ok := strings.CutPrefix(endpoint, origin) // what is launched is what was checked
	if !ok {
		return "", errors.New("address is not written the way it is read")
	}
	if !hasQuery {
		return origin + inert(path), nil
	}
	if err := checkQuery(query); err != nil {
		return "", err
	}
	return origin + inert(path) + "?" + inert(query), nil
}

func checkQuery(query string) error {
	for i := 0; i < len(query); i++ {
		switch c := query[i]; {
		case c <= ' ' || c > '~' || c == '#':
			return fmt.Errorf("address has a control character, a space, a # or a non-ASCII character at byte %d of its query", i)
		case c == '%' && (i+2 >= len(query) || !isHex(query[i+1]) || !isHex(query[i+2])): // %PATH% to Windows
			return fmt.Errorf("address has a broken percent-encoding at byte %d of its query", i)
		}
	}
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// inert percent-encodes all that means something to a shell of any system, but
// "&", which parts the parameters. net/url encodes these bytes too when it
// writes a query: only a server's own query or path can change here.
func inert(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isHex(c) || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~/?:@&=+,%", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
