package msal

import (
	"cmp"
	"errors"
	"fmt"
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
	x := c.explainer()
	authority := c.core.authority
	return scopes.Explain(scope, scopes.Rules{
		Server:    authority.Issuer,
		Defaults:  c.core.defaults,
		Undecided: x.undecided,
		Graph:     authority.Kind == provider.Entra || authority.Kind == provider.CIAM,
		// Documented: in an external tenant nobody but an administrator can consent.
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
	openID    bool       // what is known says, or does not rule out, that the server is an OpenID Provider
	sent      scopes.Set // defaults that requests carry, by the names that this server has for them
	undecided scopes.Set // and those about which only its metadata can tell
}

func (c *Client) explainer() explainer {
	core := c.core
	send := func(doc *discovery.Document) scopes.Set {
		list := core.profile.Sends(core.defaults.Slice(), doc.ScopesSupported, doc.ScopesPublished, core.openID(doc))
		set, _ := scopes.New(list...) // the names have been checked
		return set
	}
	if md := core.server.known.Load(); md != nil {
		return explainer{Client: c, openID: md.openID, sent: md.defaults}
	}
	if core.given != nil {
		return explainer{Client: c, openID: core.openID(core.given), sent: send(core.given)}
	}
	// The metadata is somewhere between one that lists nothing and one that lists everything.
	least, most := &discovery.Document{ScopesPublished: true}, &discovery.Document{ScopesPublished: true}
	most.ScopesSupported = append(scopes.Defaults().Slice(), core.profile.OfflineScope)
	sent := send(least)
	return explainer{Client: c, openID: core.openID(most), sent: sent, undecided: send(most).Without(sent)}
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
	var order []string
	further := map[string][]string{} // by resource
	for s := range q.explicit.Without(first.explicit).All() {
		r := x.core.resource(x.core.authority.Resource(s))
		if further[r] == nil {
			order = append(order, r)
		}
		further[r] = append(further[r], s)
	}
	for _, r := range order {
		if q, _, err = x.build(further[r]); err == nil { // part of a sound list is sound
			list = append(list, x.step("refresh", q, url.Values{}))
		}
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

// why says why a default, or on v1.0 any scope, is not sent, and why one is that
// nobody named.
func (x explainer) why(scope string) string {
	c, name := x.core, scope
	offline := scope == scopes.OfflineAccess
	if offline {
		name = cmp.Or(c.profile.OfflineScope, scope)
	}
	switch {
	case c.authority.Kind == provider.B2C && scope == c.ClientID:
		return "a token for the application itself: B2C gives none without a resource"
	case c.authority.V1 && offline:
		return "Microsoft's v1.0 endpoint is sent openid alone, and gives a refresh token without being asked"
	case c.authority.V1 && scopes.Defaults().Has(scope):
		return "Microsoft's v1.0 endpoint is sent openid alone"
	case c.authority.V1:
		return "Microsoft's v1.0 endpoint is asked for a resource, and gives what the registration lists for it"
	case scope == c.profile.OfflineScope && !x.undecided.Has(scope):
		return "this server's name for offline_access"
	case !c.defaults.Has(scope) && offline:
		return "Config.OmitScopes names it; without it most servers give no refresh token"
	case x.undecided.Has(scope):
		return "the server's metadata decides, which is fetched at sign-in"
	case !c.defaults.Has(scope):
		return "Config.OmitScopes names it"
	case x.sent.Has(name), x.undecided.Has(name):
		return "its name at this server is " + name
	case !x.openID && !offline:
		return "the server does not do OpenID Connect"
	}
	reason := "the server's metadata does not say that it takes it"
	if c.Provider.Defaults != nil {
		reason = "Config.Provider.Defaults does not name it"
	} else if c.profile.Defaults != nil {
		reason = "the provider is not asked for it (profile " + c.profile.Name + ")"
	}
	switch {
	case offline && len(c.profile.Offline) > 0:
		reason += "; " + strings.Join(slices.Sorted(maps.Keys(c.profile.Offline)), " and ") + " stand in for it"
	case c.Provider.Defaults == nil && c.profile.Defaults != nil:
		reason += "; Config.Provider.Defaults sends it all the same"
	}
	return reason
}

// leftOut adds to the refusal of defaults what becomes of those that are not
// sent either: who names one at Keycloak wants it, and is told how.
func (c *Client) leftOut(err error) error {
	duplicate, ok := errors.AsType[*scopes.DuplicateDefaultError](err)
	if !ok {
		return err
	}
	x := c.explainer()
	for _, scope := range duplicate.Scopes {
		if name := strings.ToLower(scope); c.core.profile.Defaults != nil && !slices.Contains(c.core.profile.Defaults, name) {
			err = fmt.Errorf("%w; %s is not sent here: %s", err, name, x.why(name))
		}
	}
	return err
}
