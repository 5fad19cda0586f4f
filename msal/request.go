package msal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/scopes"
)

// request is what a caller asks for, found to be sound.
type request struct {
	explicit scopes.Set // as the caller wrote them, without the defaults
	want     scopes.Set // the same as they are compared
	resource string     // whose access token: on Microsoft that of the scopes, elsewhere see target
	audience string     // Microsoft: resource as the caller wrote it
	demand   *demand
	params   *Params
}

// request checks the scopes of a call and adds nothing yet. It runs before
// any I/O: a mistake must not cost an authorization code or a refresh token.
func (c *Client) request(scope []string) (request, error) {
	q, merged, err := c.build(scope)
	if len(merged) > 0 {
		c.core.Logger.LogAttrs(context.Background(), slog.LevelDebug, "default scopes passed explicitly", slog.Any("scopes", merged))
	}
	return q, err
}

// build is request for one that need not be made. merged are the defaults that
// MergeDefaults takes out of scope.
func (c *Client) build(scope []string) (q request, merged []string, err error) {
	q = request{demand: c.demand, params: c.params}
	if c.err != nil {
		return q, nil, c.err
	}
	all, err := scopes.Build(scope, c.core.defaults)
	if dup := (*scopes.DuplicateDefaultError)(nil); c.core.MergeDefaults && errors.As(err, &dup) {
		merged = dup.Scopes
		rest := slices.DeleteFunc(slices.Clone(scope), func(s string) bool { return slices.Contains(merged, s) })
		all, err = scopes.Build(rest, c.core.defaults)
	}
	if err != nil {
		return q, merged, c.leftOut(err)
	}
	q.explicit = all.Without(c.core.defaults)
	q.want = q.explicit
	if c.core.microsoft() {
		err = q.microsoft(c.core, scope)
	} else {
		q.resource = q.target(c.core)
	}
	return q, merged, err
}

// sound is a list of scopes and the request that it was found to make. Most
// programs ask for the same of every account, so one copy serves all of them.
type sound struct {
	scope   []string
	request request
}

// maxSound bounds what is remembered for a program that makes up its scopes.
const maxSound = 64

// silent is request for Token, which asks for one access token.
func (c *Client) silent(scope []string) (request, error) {
	var known []sound
	if list := c.core.sound.Load(); list != nil && !c.derived {
		known = *list
	}
	for i := range known {
		if slices.Equal(known[i].scope, scope) {
			return known[i].request, nil
		}
	}
	q, err := c.request(scope)
	if err == nil {
		err = q.single(c.core, scope)
	}
	if err == nil && !c.derived && len(known) < maxSound {
		// Of two that come at once one is remembered, and the other the next time.
		next := append(slices.Clip(known), sound{slices.Clone(scope), q})
		c.core.sound.Store(&next)
	}
	return q, err
}

// target tells tokens apart where scopes do not: by the resource indicators, and
// by the audience that some providers have in their place.
func (q request) target(c *core) string {
	var names []string
	if q.params != nil {
		names = slices.Clone(q.params.Resources)
	}
	if a := q.extra(c).Get("audience"); a != "" {
		names = append(names, audiencePrefix+url.QueryEscape(a))
	}
	return strings.Join(names, " ")
}

// audiencePrefix begins the last word of a target that has an audience, and no
// resource indicator, which is an absolute URI.
const audiencePrefix = "audience="

// microsoft applies the rules of Microsoft's endpoints: a scope names a
// permission, and X/.default stands alone, because the server refuses it beside
// named scopes. asked is the caller's list, for errors.
func (q *request) microsoft(c *core, asked []string) error {
	q.want = c.canonical(q.explicit)
	q.audience = c.authority.Graph()
	first := true
	for s := range q.explicit.All() {
		if reason := c.authority.Misspelt(s); reason != "" {
			return &scopes.InvalidError{Scope: s, Index: slices.Index(asked, s), Reason: reason}
		}
		if isDotDefault(c.canonicalName(s)) && q.explicit.Len() > 1 {
			return &scopes.InvalidError{Scope: s, Index: slices.Index(asked, s), Reason: "stands for all permissions of its resource and cannot be combined with named scopes; ask for it in a call of its own"}
		}
		if r := c.authority.Resource(s); r != "" && first {
			q.audience, first = r, false
		}
	}
	if own, err := scopes.New(c.ClientID); err == nil && first && c.authority.Kind == provider.B2C {
		// A token for the client itself: without a resource B2C gives none at all.
		q.explicit = own.Union(q.explicit)
		q.want, q.audience = c.canonical(q.explicit), c.ClientID
	}
	q.resource = c.resource(q.audience)
	switch {
	case c.authority.V1:
		return q.v1(c, asked, !first)
	case c.authority.Kind == provider.B2C: // AADB2C90146: a sign-in cannot span resources either
		return q.single(c, asked)
	}
	return nil
}

// v1 applies those of the v1.0 endpoint: each request is about one resource,
// also that of a sign-in.
func (q *request) v1(c *core, asked []string, named bool) error {
	if err := q.single(c, asked); err != nil || q.params == nil || len(q.params.Resources) == 0 {
		return err
	}
	resource := q.params.Resources[0]
	if len(q.params.Resources) > 1 || named && c.resource(resource) != q.resource {
		return fmt.Errorf("%w: Params.Resources %q: the v1.0 endpoint gives a token for one resource, that of the scopes", scopes.ErrInvalid, q.params.Resources)
	}
	q.audience, q.resource = resource, c.resource(resource)
	return nil
}

// isDotDefault tells whether a canonical scope is X/.default: what was
// consented to, whatever it is.
func isDotDefault(canonical string) bool { return strings.HasSuffix(canonical, "/.default") }

// resource brings the name of a resource into the form in which it is compared.
func (c *core) resource(name string) string {
	if name == "" {
		return ""
	}
	return c.authority.Resource(c.authority.Canonical(name + "/.default"))
}

// single refuses a request for a token of two resources: an access token has
// one audience. asked is the caller's list, for errors.
func (q request) single(c *core, asked []string) error {
	if !c.microsoft() {
		return nil
	}
	for s := range q.explicit.All() {
		if r := c.authority.Resource(s); r != "" && c.resource(r) != q.resource {
			return &scopes.InvalidError{Scope: s, Index: slices.Index(asked, s), Reason: "belongs to another resource (" + r + ") than those before it (" + q.audience + "); ask for each resource in a call of its own"}
		}
	}
	return nil
}

// first leaves of a sign-in over several resources what a token request may
// name: the scopes of one.
func (q request) first(c *core) request {
	if !c.microsoft() || q.single(c, nil) == nil {
		return q
	}
	mine := slices.DeleteFunc(q.explicit.Slice(), func(s string) bool {
		r := c.authority.Resource(s)
		return r != "" && c.resource(r) != q.resource
	})
	q.explicit, _ = scopes.New(mine...) // a part of a valid set is valid
	q.want = c.canonical(q.explicit)
	return q
}

// key tells flights for different tokens apart.
func (q request) key() string {
	key := q.want.String() + "\x00" + q.resource
	if q.demand != nil {
		key += fmt.Sprintf("\x00%s\x00%d", q.demand.claims, q.demand.after) // later is another demand
	}
	return key
}

// form is a token request, or the start of one, with all that does not depend
// on the grant (RFC 6749 section 4.1.3, RFC 8628 section 3.1). A public client
// sends client_id in the body and never authenticates.
func (c *core) form(q request, defaults scopes.Set) (url.Values, error) {
	form := url.Values{"client_id": {c.ClientID}}
	c.fillScopes(form, q, defaults)
	if q.demand != nil || len(c.Capabilities) > 0 {
		if err := c.addClaims(form, q.demand); err != nil {
			return nil, err
		}
	}
	if c.InstalledAppSecret != "" {
		form.Set("client_secret", c.InstalledAppSecret)
	}
	return form, nil
}

// extra are further parameters with which somebody signs in, the caller's over
// the provider's. Documented of Auth0: its device endpoint takes an audience as
// its authorization endpoint does.
func (q request) extra(c *core) url.Values {
	v := url.Values{}
	maps.Copy(v, c.profile.Authorize)
	if q.params != nil {
		maps.Copy(v, q.params.Extra)
	}
	return v
}

// fillScopes adds what a request asks for. Microsoft's v1.0 endpoint knows
// resources and ignores scopes, openid apart.
func (c *core) fillScopes(form url.Values, q request, defaults scopes.Set) {
	if q.params != nil {
		for _, r := range q.params.Resources {
			form.Add("resource", r)
		}
	}
	if c.authority.V1 {
		form.Set("scope", scopes.OpenID)
		if !form.Has("resource") {
			form.Set("resource", q.audience)
		}
		return
	}
	if all := q.explicit.Union(defaults); all.Len() > 0 {
		form.Set("scope", all.String())
	}
}

// grantedV1 is canonical for the scopes of an answer of the v1.0 endpoint, which
// says of which resource they are in another place.
func (c *core) grantedV1(granted scopes.Set, resource string) scopes.Set {
	list := granted.Slice()
	for i := range list {
		list[i] = c.authority.Granted(resource, list[i])
	}
	if set, err := scopes.New(list...); err == nil {
		granted = set
	}
	return c.canonical(granted)
}

// graph tells whether resource is Microsoft Graph, whose tokens serve a
// request for the defaults alone.
func (c *core) graph(resource string) bool {
	return c.authority.Graph() != "" && resource == c.resource(c.authority.Graph())
}
