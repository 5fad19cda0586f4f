package msaltest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// manners is how a platform goes about its endpoints: as the standards have it, or as Microsoft's does. Sessions, tokens,
// codes, devices, keys, pages, faults and the log are the same for both.
type manners interface {
	// endpoints are all that there are, by their paths below an authority.
	endpoints() []endpoint
	// route finds the endpoint of a path below the platform's URL, and whose authority it is below.
	route(c *call, path string)
	// admit ends a request that the endpoint is not for.
	admit(c *call) *answer

	// people are those who may sign in, the likeliest first.
	people(s *state, c *call, hint string) []User
	// readAuthorization returns an authorization request, or the answer that ends it.
	readAuthorization(c *call, form url.Values) (authorization, *answer)
	// declined tells the client that the person said no.
	declined(c *call, req authorization) answer
	// grant signs the user in and sends the client a code.
	grant(c *call, req authorization, user User) answer
	// consents asks for what a device wants, and returns the page that the person gets to see if that can not be had.
	consents(s *state, d *device, user User) *answer
}

func (p *Platform) manners() manners {
	if p.Entra != nil {
		return p.microsoft()
	}
	return standard{p}
}

// standard is the manners of OpenID Connect.
type standard struct{ *Platform }

func (standard) endpoints() []endpoint { return endpoints }

func (m standard) route(c *call, path string) {
	path, below := c.mount(m.Layout, path)
	if !below {
		return
	}
	if i := slices.IndexFunc(endpoints, func(e endpoint) bool { return c.layout.path(e.name, e.path) == path }); i >= 0 {
		c.endpoint = endpoints[i]
	}
}

func (standard) admit(c *call) *answer {
	e := c.endpoint
	if slices.Contains(strings.Fields(e.methods), c.Method) {
		return nil
	}
	a := oauthError(http.StatusMethodNotAllowed, "invalid_request", "this endpoint takes "+e.methods)
	a.header.Set("Allow", strings.ReplaceAll(e.methods, " ", ", "))
	return &a
}

func (m standard) people(s *state, _ *call, hint string) []User {
	users := m.Users
	if users == nil {
		users = []User{avery}
	}
	users, _ = s.likeliest(users, hint)
	return users
}

func (m standard) declined(c *call, req authorization) answer {
	return m.refuse(c, req, &protocolError{"access_denied", "the person said no"})
}

func (standard) consents(*state, *device, User) *answer { return nil }
