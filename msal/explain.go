package msal

import (
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/internal/discovery"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/scopes"
)

// Explain says what each scope of a list means, whose it is and whether an
// administrator must consent to it, and what this Client would do with the list:
// what it would send, add, leave out or refuse, and why. It sends nothing and
// opens no store, and it does not fail: the error with which SignIn, Authorize
// and Token would answer is a field.
//
// catalog knows the permissions of Microsoft Graph; if nil, it is
// scopes.BuiltinCatalog. Of a server that no built-in profile is for, the
// metadata decides which defaults are sent. They are Undecided as long as neither
// Config.Metadata nor an earlier call of this process has told.
//
// What a server has refused before is known if this process has seen it, or has
// used what another one stored. The parameters of a request are those that the
// scopes, Config.Provider and Params bring; who is hinted at is none of them.
func (c *Client) Explain(catalog *scopes.Catalog, scope ...string) scopes.Explanation {
	x := explainer{Client: c, md: c.core.server.known.Load()}
	x.sent, x.undecided = x.defaults()
	authority := c.core.authority
	return scopes.Explain(scope, scopes.Rules{
		Server:    authority.Issuer,
		Defaults:  c.core.defaults,
		Undecided: x.undecided,
		Graph:     authority.Kind == provider.Entra || authority.Kind == provider.CIAM,
		// Documented: in an external tenant "users cannot consent", an administrator does it for them.
		AdminConsents: authority.Kind == provider.CIAM,
		Canonical:     c.core.canonicalName,
		Resource:      authority.Resource,
		Why:           x.why,
		Check:         x.check,
		Requests:      x.requests,
	}, catalog)
}

// explainer answers with the functions that requests are made with.
type explainer struct {
	*Client
	md              *metadata  // nil: nothing is known of the server
	sent, undecided scopes.Set // of the defaults
}

// defaults returns those that requests carry, as far as that is known, and those
// about which only the metadata can tell.
func (x explainer) defaults() (sent, undecided scopes.Set) {
	c := x.core
	if x.md != nil {
		return x.md.defaults, scopes.Set{}
	}
	doc, known := c.given, c.given != nil || c.profile.Defaults != nil
	if doc == nil {
		doc = &discovery.Document{ScopesPublished: true} // with the least that one can say
	}
	sent, _ = scopes.New(c.profile.Sends(c.defaults.Slice(), doc.ScopesSupported, doc.ScopesPublished)...)
	if !known {
		undecided = c.defaults.Without(sent)
	}
	return sent, undecided
}

// check returns the errors that a list is refused with.
func (x explainer) check(scope []string) (err, tokenErr error) {
	q, _, err := x.build(scope)
	if err != nil {
		return err, err
	}
	return nil, q.single(x.core, scope)
}

// requests returns what is sent of a list that is not refused.
func (x explainer) requests(scope []string) []scopes.Request {
	q, _, err := x.build(scope)
	if err != nil {
		return nil
	}
	first := q.first(x.core)
	list := []scopes.Request{
		x.step("authorize", q, (&attempt{client: x.Client, request: q}).front()),
		x.step("redeem", first, url.Values{}),
	}
	for rest := q.explicit.Without(first.explicit); rest.Len() > 0; rest = rest.Without(first.explicit) {
		if q, _, err = x.build(rest.Slice()); err != nil {
			break // part of a sound list is sound
		}
		first = q.first(x.core)
		list = append(list, x.step("refresh", first, url.Values{}))
	}
	return list
}

// step reads what is sent from the form in which it is.
func (x explainer) step(name string, q request, form url.Values) scopes.Request {
	c := x.core
	c.fillScopes(form, q, x.sent)
	r := scopes.Request{Step: name}
	r.Scope, _ = scopes.Parse(form.Get("scope"))
	form.Del("scope")
	if len(form) > 0 {
		r.Parameters = form
	}
	if c.graph(q.resource) || slices.ContainsFunc(q.explicit.Slice(), func(s string) bool { return c.authority.Resource(s) != "" }) {
		r.Resource = q.resource
	}
	return r
}

// why says why a default, or on v1.0 any scope, is not sent.
func (x explainer) why(scope string) string {
	c := x.core
	offline := scope == scopes.OfflineAccess
	switch {
	case c.authority.V1 && offline:
		return "Microsoft's v1.0 endpoint is sent openid alone, and gives a refresh token without being asked"
	case c.authority.V1 && scopes.Defaults().Has(scope):
		return "Microsoft's v1.0 endpoint is sent openid alone"
	case c.authority.V1:
		return "Microsoft's v1.0 endpoint is asked for a resource, and gives what the registration lists for it"
	case !c.defaults.Has(scope) && offline:
		return "Config.OmitScopes names it; without it most servers give no refresh token"
	case !c.defaults.Has(scope):
		return "Config.OmitScopes names it"
	case x.undecided.Has(scope):
		return "the server's metadata decides, which is fetched at sign-in"
	case x.md != nil && x.md.refused.Has(scope):
		return "the server has refused it before"
	}
	reason := "the server's metadata does not say that it takes it"
	if c.Provider.Defaults != nil {
		reason = "Config.Provider.Defaults does not name it"
	} else if c.profile.Defaults != nil {
		reason = "the provider does not take it (profile " + c.profile.Name + ")"
	}
	if offline && len(c.profile.Offline) > 0 {
		reason += "; " + strings.Join(slices.Sorted(maps.Keys(c.profile.Offline)), " and ") + " stand in for it"
	}
	return reason
}
