package msal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/wire"
	"github.com/staysigned/staysigned/scopes"
)

// Flow is a way for a person to sign in: Browser or DeviceCode. There are no
// others (RFC 9700 section 2): no password grant, no implicit grant, no
// embedded web view.
type Flow interface {
	check(c *Client, scope []string) error // whether the flow can do this, before any I/O
	signIn(ctx context.Context, a *attempt) (Token, error)
}

// SignIn asks a person to sign in and returns a token for the scopes. With no
// scopes it signs in without access to an API. On a Client of For it hints at
// that account and refuses anybody else.
//
// Ask for a scope when it is needed: tokens for the scopes of earlier sign-ins
// of the account go on. One token with several scopes takes a sign-in with all
// of them; only Microsoft adds what was consented to before (documented). At
// a server that does not say who has signed in (see Account) the session
// replaces the earlier one.
//
// Errors to act on: *ServerError, such as access_denied when the person
// refused; ErrSignInTimeout; scopes.ErrDuplicateDefault and scopes.ErrInvalid,
// which come before any I/O; cache.ErrLocked and cache.ErrNoSecureStorage, which
// come before the browser opens.
//
// MSAL calls it AcquireTokenInteractive and AcquireTokenByDeviceCode.
func (c *Client) SignIn(ctx context.Context, flow Flow, scope ...string) (Token, error) {
	t, err := c.signIn(ctx, flow, scope)
	if err != nil {
		return Token{}, fmt.Errorf("msal: sign in: %w", err)
	}
	return t, nil
}

func (c *Client) signIn(ctx context.Context, flow Flow, scope []string) (Token, error) {
	if flow == nil {
		return Token{}, errors.New("no flow; pass msal.Browser{} or msal.DeviceCode{}")
	}
	if err := flow.check(c, scope); err != nil {
		return Token{}, err
	}
	a, err := c.attempt(ctx, scope)
	if err != nil {
		return Token{}, err
	}
	t, err := flow.signIn(ctx, a)
	md := a.md
	for _, drop := range a.tries(err) {
		a.md, a.refused, a.acted = md.without(drop), drop, false
		if t, err = flow.signIn(ctx, a); err == nil {
			a.client.core.warnOfRefused(ctx, a.md, drop)
		}
		if a.acted || !refusesScopes(err) {
			break
		}
	}
	return t, err
}

// attempt is one sign-in on its way.
type attempt struct {
	client *Client
	request
	md      *metadata
	hint    string     // whom to sign in; "": anybody
	acted   bool       // a person has
	refused scopes.Set // defaults without which it has started again
}

// attempt prepares a sign-in: all that can fail without a person, fails
// before one is bothered.
func (c *Client) attempt(ctx context.Context, scope []string) (*attempt, error) {
	q, err := c.request(scope)
	if err != nil {
		return nil, err
	}
	if store, ok := c.core.Cache.(cache.Unlocker); ok {
		if err := store.Unlock(ctx); err != nil {
			return nil, err
		}
	}
	md, err := c.core.metadataSince(ctx, time.Now().Add(-signInAge))
	if err != nil {
		return nil, err
	}
	if !md.openID {
		if err := c.checkAnonymous(); err != nil {
			return nil, err
		}
	}
	return &attempt{client: c, request: q, md: md, hint: c.hint(ctx)}, nil
}

// hint is whom to sign in: the caller's word, or the name of the account that
// c is for, if the store has it.
func (c *Client) hint(ctx context.Context) string {
	if c.params != nil && c.params.LoginHint != "" {
		return c.params.LoginHint
	}
	if c.account == "" {
		return ""
	}
	s, err := c.find(ctx)
	if err != nil {
		return ""
	}
	sn, err := s.load(ctx)
	if err != nil {
		return ""
	}
	return sn.account.Username
}

// tries returns the defaults to leave out, one set for each time that the flow
// starts again, if the server has refused scopes before a person got to see
// anything. Keycloak refuses offline_access when they are done (reported), to a
// person who may have no offline token, and gives a refresh token without.
//
// What helps counts for this sign-in and its session, and is remembered for no
// other: what comes with a redirect is the word of anybody who has seen its state,
// and what a server says may be about this person or this registration.
func (a *attempt) tries(err error) []scopes.Set {
	refused, ok := errors.AsType[*ServerError](err)
	switch {
	case !ok:
	case !a.acted:
		return a.md.refusedBy(refused, a.explicit)
	case refused.refusedOffline() && a.md.defaults.Has(scopes.OfflineAccess):
		offline, _ := scopes.New(scopes.OfflineAccess)
		return []scopes.Set{offline}
	}
	return nil
}

// warnOfRefused tells whoever configures the application what costs a request
// each time.
func (c *core) warnOfRefused(ctx context.Context, md *metadata, drop scopes.Set) {
	c.Logger.WarnContext(ctx, "default scopes refused by the server", "scopes", drop.String(), "issuer", md.doc.Issuer)
}

// refusesScopes tells whether another try without others may help.
func refusesScopes(err error) bool {
	refused, ok := errors.AsType[*ServerError](err)
	return ok && refused.refusedScopes()
}

// redeem exchanges what a person's consent gave, a code or a device code, for
// the session. The request is sent once whatever happens: a server may revoke
// everything when a code comes twice (RFC 6749 section 4.1.2).
func (a *attempt) redeem(ctx context.Context, grant url.Values, nonce string) (Token, error) {
	a.acted = true
	core := a.client.core
	q := a.request.first(core)
	form, err := core.form(q, a.md.defaults)
	if err != nil {
		return Token{}, err
	}
	for name, values := range grant {
		form[name] = values
	}
	answer, err := core.post(ctx, a.md.doc.TokenEndpoint, form, nil)
	if err != nil {
		return Token{}, err
	}
	return a.finish(ctx, q, answer, nonce)
}

// finish makes a token response the session.
func (a *attempt) finish(ctx context.Context, q request, from wire.Answer, nonce string) (Token, error) {
	core := a.client.core
	got, err := core.parseAnswer(from.Body, time.Now())
	if err != nil {
		return Token{}, err
	}
	got.refused = a.refused
	// A clock that is minutes off keeps nobody out. One that is more off is an error that says how much: there is a person
	// who can set it.
	if from.Date.Sub(got.received).Abs() < maxClockSkew {
		got.date = from.Date
	}
	// The person is done; from here on a cancelled context would only lose
	// what they did.
	ctx = context.WithoutCancel(ctx)
	t, err := core.accept(ctx, a.md, q, got, origin{nonce: nonce, account: a.client.account})
	if err == nil {
		core.welcome(ctx, t)
	}
	return t, err
}

// welcome notes that t is of a new session.
func (c *core) welcome(ctx context.Context, t Token) {
	s := c.session(t.Account.ID)
	if c.only.Load() != s {
		c.only.Store(nil) // there may be two now
	}
	c.event(ctx, "signed in", s)
}

// front returns the parameters of a request that a person gets to see, beyond
// those of the protocol. What the provider has to ask for so that it gives a
// refresh token, prompt=consent, is asked for beside what the caller wants; only
// none stands alone.
func (a *attempt) front() url.Values {
	v := a.client.core.profile.Parameters(a.client.core.defaults.Slice())
	p := a.params
	if p == nil {
		p = &Params{}
	}
	for name, values := range p.Extra {
		v[name] = values
	}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	prompt := strings.Fields(p.Prompt)
	if needed := v.Get("prompt"); needed != "" && len(prompt) > 0 && !slices.Contains(prompt, needed) && !slices.Contains(prompt, "none") {
		prompt = append(prompt, needed)
	}
	set("prompt", strings.Join(prompt, " "))
	set("login_hint", a.hint)
	set("domain_hint", p.DomainHint)
	if p.MaxAge > 0 {
		set("max_age", fmt.Sprint(int64(p.MaxAge/time.Second)))
	}
	set("acr_values", strings.Join(p.ACRValues, " "))
	return v
}
