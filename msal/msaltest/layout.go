package msaltest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Layout says where the endpoints of a platform are. An application that reads the metadata does not care; one that puts
// addresses together, or a provider whose issuer is elsewhere, needs it. The zero value: /authorize, /token and so on
// below the URL.
type Layout struct {
	// Mount is the path between the URL and the endpoints. A star stands for any one segment, so that "/*/*" serves every
	// tenant and policy. Empty: none.
	Mount string
	// Issuer is the path that the issuer has after the URL. Empty: what is mounted.
	Issuer string
	// Paths are those of endpoints below Mount, by the names that the log uses. An endpoint that is not named keeps its
	// own. The metadata of RFC 8414 is where that says, by the issuer.
	Paths map[string]string
}

// appended brings the metadata's path of RFC 8414 §3.1, "inserted between the host component and the path", into the
// form that all other paths have. root is the path of the URL.
func (l Layout) appended(root, path string) string {
	issuer, ok := strings.CutPrefix(path, oauthPath)
	switch {
	case !ok:
		return path
	case l.Issuer != "" && issuer == root+strings.TrimSuffix(l.Issuer, "/") && !strings.Contains(l.Mount, "*"):
		return root + l.Mount + oauthPath
	default:
		return issuer + oauthPath
	}
}

// mount puts what is mounted into the addresses of the call, and returns the path that is left. It is false if the path
// is not below a mount.
func (c *call) mount(l Layout, path string) (rest string, below bool) {
	c.layout = l
	at := ""
	for want := range strings.SplitSeq(strings.TrimPrefix(l.Mount, "/"), "/") {
		if want == "" {
			break // nothing is mounted
		}
		have, after, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if have == "" || want != "*" && want != have {
			return "", false
		}
		at, path = at+"/"+have, "/"+after
	}
	if issuer := cmp.Or(l.Issuer, at); issuer != "" {
		c.issuer = c.base + issuer
	}
	c.base += at
	return path, true
}

// path returns where an endpoint is whose own path it is.
func (l Layout) path(name, own string) string {
	if own == oauthPath {
		return own
	}
	return cmp.Or(l.Paths[name], own)
}

// at is the address of an endpoint.
func (c *call) at(name, own string) string { return c.base + c.layout.path(name, own) }

func (l Layout) misused() error {
	if l.Mount != "" && (!strings.HasPrefix(l.Mount, "/") || strings.HasSuffix(l.Mount, "/")) {
		return fmt.Errorf("the Layout's Mount is %q, want it to begin with a slash and to end with none", l.Mount)
	}
	if l.Issuer != "" && !strings.HasPrefix(l.Issuer, "/") {
		return fmt.Errorf("the Layout's Issuer is %q, want a path", l.Issuer)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Paths)) {
		if !slices.ContainsFunc(endpoints, func(e endpoint) bool { return e.name == name }) {
			return fmt.Errorf("the Layout moves %q, which is no endpoint", name)
		}
		if !strings.HasPrefix(l.Paths[name], "/") {
			return fmt.Errorf("the Layout moves %q to %q, want a path", name, l.Paths[name])
		}
	}
	return nil
}
