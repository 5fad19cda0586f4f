package msal

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/internal/wire"
	"github.com/staysigned/staysigned/scopes"
)

// Client is an OAuth 2.0 public client (RFC 6749 section 2.1): an application
// that people sign in to and that cannot keep a secret from them. Make one
// with New and keep it: it holds what makes the next call cheap. All methods
// may be called from many goroutines at once.
//
// For, With, WithClaims and ForceRefresh derive a Client that shares
// everything with the one it came from.
type Client struct {
	core    *core
	account string                  // "": the only one that is signed in
	session atomic.Pointer[session] // where account's tokens are, once found
	derived bool                    // by more than the account: params, demand or err may be set
	params  *Params                 // nil: none
	demand  *demand                 // nil: any token with the scopes will do
	err     error                   // a bad argument of a method that returns no error: reported at first use
}

// demand is what a token must satisfy beyond its scopes.
type demand struct {
	claims string    // claims challenge, a JSON object; "": none
	since  time.Time // only a token obtained later will do,
	after  uint64    // where in this process later means a greater number of core.answers
	known  *snapshot // and none of these, whatever the clock of another host says about when; nil: none was known
}

// knew tells whether a token was known when the demand was made.
func (d *demand) knew(e *entry) bool {
	if d.known == nil {
		return false
	}
	for i := range d.known.entries {
		if d.known.entries[i].access.Reveal() == e.access.Reveal() {
			return true
		}
	}
	return false
}

// Params are what rarely varies in a request. The zero value of each field
// sends nothing.
type Params struct {
	Prompt     string        // login, consent, select_account, none, create
	LoginHint  string        // whom to sign in; For(account) gives it by itself
	DomainHint string        // Microsoft: which organization
	Tenant     string        // Microsoft: a tenant instead of the authority's
	MaxAge     time.Duration // sign in again if the last time is longer ago (OpenID Connect Core 3.1.2.1)
	ACRValues  []string      // authentication context classes, in order of preference; the ID token of a sign-in has to name one of them
	Resources  []string      // RFC 8707 resource indicators, absolute URIs

	// Extra holds further parameters of the authorization request or device
	// authorization request, none of the protocol's own. An audience tells tokens
	// apart as Resources do: who has signed in with one asks for tokens with the
	// same one, and signs in once for each. Nothing else in Extra tells them apart.
	Extra url.Values
}

// New checks cfg, copies it, and returns a Client. It does no I/O: an
// application starts also while the server is down.
func New(cfg Config) (*Client, error) {
	s, err := cfg.validate()
	if err != nil {
		return nil, fmt.Errorf("msal: new: %w", err)
	}
	return &Client{core: newCore(s, wire.New(s.HTTPClient, s.Timeout, s.InsecureLoopbackHTTP))}, nil
}

// core is what a Client and all that derive from it share.
type core struct {
	settings
	wire     *wire.Client
	prefix   string // of the store keys of this authority and client
	sessions index
	only     atomic.Pointer[session] // the one account, where it was found to be the only one
	sound    atomic.Pointer[[]sound] // what Token was asked for before, whoever's it was
	server   server
	flights  *flights      // also of the other tenants, so that Shutdown waits for all
	answers  atomic.Uint64 // counts the token answers of this process
	signOuts atomic.Uint64 // and its sign-outs
	epoch    time.Time     // where its monotonic clock counts from
	root     *core         // of New
	tenants  sync.Map      // of root: authority key → *core, for Params.Tenant
	named    atomic.Int64  // of root: so many of them since those without a session were left out
}

func newCore(s settings, w *wire.Client) *core {
	c := &core{
		settings: s,
		wire:     w,
		prefix:   "a-" + hash(s.authority.Key, s.ClientID) + "-",
		flights:  &flights{},
		epoch:    time.Now(),
	}
	c.root = c
	c.server.turn = make(chan struct{}, 1)
	return c
}

// hash names a tuple in a store key. Lengths keep ("a", "bc") and ("ab", "c")
// apart; 160 bits keep everything else apart.
func hash(part ...string) string {
	h := sha256.New()
	for _, p := range part {
		_, _ = fmt.Fprintf(h, "%d:%s,", len(p), p) // a hash takes everything
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:20]))
}

// For returns a Client for one account; only its ID is read. Its Token and
// SignOut concern that account, its SignIn hints at it and refuses anybody
// else. For an account in use it allocates nothing.
//
// An Account without an ID, such as a look-up that found nothing gives, is
// nobody: the first method that returns an error says so, before any I/O.
func (c *Client) For(a Account) *Client {
	if a.ID == "" {
		d := c.derive()
		d.err = errNobody
		return d
	}
	s := c.core.sessions.find(a.ID)
	if s != nil && !c.derived {
		return &s.bound
	}
	d := c.derive()
	d.derived = c.derived
	d.account = a.ID
	d.session.Store(s)
	return d
}

// errNobody: without it a look-up that found nothing would get the token of
// whoever is the only one signed in, and sign them out.
var errNobody = errors.New("For: the account has no ID, so it is nobody's; use one of Accounts")

func (c *Client) derive() *Client {
	d := &Client{core: c.core, account: c.account, derived: true, params: c.params, demand: c.demand, err: c.err}
	d.session.Store(c.session.Load())
	return d
}

// With returns a Client whose requests carry p, which replaces that of c as a
// whole. A mistake in p is reported by the first method that returns an error,
// before any I/O, also if p is replaced in its turn.
func (c *Client) With(p Params) *Client {
	d := c.derive()
	d.params = &Params{
		Prompt: p.Prompt, LoginHint: p.LoginHint, DomainHint: p.DomainHint, Tenant: p.Tenant, MaxAge: p.MaxAge,
		ACRValues: append([]string(nil), p.ACRValues...), // of an empty list nil: none was asked for
		Resources: slices.Clone(p.Resources), Extra: provider.CloneValues(p.Extra),
	}
	if err := p.check(); err != nil {
		d.err = err
		return d
	}
	core := c.core.root
	if p.Tenant != "" {
		var err error
		if core, err = core.tenant(p.Tenant); err != nil {
			d.err = err
			return d
		}
	}
	if core != c.core {
		d.move(core)
	}
	return d
}

// move makes c, which is new, a Client of another tenant. That has sessions of
// its own and counts its own answers: what is newer by the count of one says
// nothing about a token of the other.
func (c *Client) move(to *core) {
	c.core = to
	c.session.Store(nil)
	if c.demand != nil {
		c.demand = c.later(c.demand.claims)
	}
}

// protocol are the parameters that the package sends itself. Taking them from
// elsewhere would send them twice or switch off a protection (RFC 6749 section 3.1).
func protocol(name string) bool {
	switch strings.ToLower(name) {
	case "client_id", "client_secret", "response_type", "redirect_uri", "scope", "state", "nonce", "code", "code_challenge",
		"code_challenge_method", "code_verifier", "grant_type", "refresh_token", "claims", "request", "request_uri", "response_mode":
		return true
	}
	return false
}

// hasField tells whether Params has a field for a parameter.
func hasField(name string) bool {
	switch strings.ToLower(name) {
	case "prompt", "login_hint", "domain_hint", "max_age", "acr_values", "resource":
		return true
	}
	return false
}

func (p Params) check() error {
	for _, name := range slices.Sorted(maps.Keys(p.Extra)) {
		if values := p.Extra[name]; len(values) != 1 {
			return fmt.Errorf("Params.Extra: %q has %d values; a parameter is sent once (RFC 6749 section 3.1)", name, len(values))
		}
		if protocol(name) || hasField(name) {
			return fmt.Errorf("Params.Extra: %q is a parameter of the protocol; where it may vary there is a field or option for it", name)
		}
	}
	for _, r := range p.Resources {
		// RFC 8707 section 2: an absolute URI without a fragment.
		u, err := url.Parse(r)
		if err != nil || !u.IsAbs() || strings.Contains(r, "#") {
			return fmt.Errorf("Params.Resources: %q is not an absolute URI without a fragment", shown(r))
		}
	}
	if p.MaxAge < 0 {
		return fmt.Errorf("Params.MaxAge: %v is negative", p.MaxAge)
	}
	return nil
}

// tenant returns root's core for the same application in another tenant of the
// same cloud. Each has its own sessions: tokens say which tenant they are of.
func (c *core) tenant(name string) (*core, error) {
	a, err := c.authority.WithTenant(name)
	if err != nil {
		return nil, fmt.Errorf("Params.Tenant: %w", err)
	}
	if a.Key == c.authority.Key {
		return c, nil
	}
	if known, ok := c.tenants.Load(a.Key); ok {
		return known.(*core), nil
	}
	s := c.settings
	s.authority, s.given = a, nil
	fresh := newCore(s, c.wire)
	fresh.root, fresh.flights = c, c.flights
	known, before := c.tenants.LoadOrStore(a.Key, fresh)
	if !before && c.named.Add(1) > maxNamed {
		c.forgetTenants(a.Key)
	}
	return known.(*core), nil
}

// maxNamed is how many tenants are remembered for no more than their names. An
// API names tenants, too: package azcred passes them on.
const maxNamed = 100

// forgetTenants leaves out the tenants in which nobody is signed in. A Client of
// one goes on, and what it stores the next one finds in the store.
func (c *core) forgetTenants(but string) {
	c.named.Store(1)
	c.tenants.Range(func(key, tenant any) bool {
		if key != but && tenant.(*core).sessions.empty() {
			c.tenants.Delete(key)
		}
		return true
	})
}

// ForceRefresh returns a Client that takes no token obtained before this call.
// Its first Token refreshes, and a thousand callers share one refresh. Use it
// when a server refuses a token that ought to be valid. MSAL calls it force
// refresh.
func (c *Client) ForceRefresh() *Client {
	claims := ""
	if c.demand != nil {
		claims = c.demand.claims
	}
	return c.demanding(c.later(claims))
}

// demanding returns a Client whose tokens satisfy d.
func (c *Client) demanding(d *demand) *Client {
	derived := c.derive()
	derived.demand = d
	return derived
}

// later is the demand for a token obtained from now on.
func (c *Client) later(claims string) *demand {
	return &demand{claims: claims, since: time.Now(), after: c.core.answers.Load(), known: c.known()}
}

// known is what this process knows of the account's session, or nil.
func (c *Client) known() *snapshot {
	s := c.session.Load()
	switch {
	case s != nil:
	case c.account != "":
		s = c.core.sessions.find(c.account)
	default:
		s = c.core.only.Load()
	}
	if s == nil {
		return nil
	}
	return s.snap.Load()
}

// WithClaims returns a Client whose tokens satisfy the claims challenge of a
// resource server: the claims of its WWW-Authenticate header, as JSON or in
// base64, or ServerError.Claims. Only a token obtained after this call does.
// Token tries a refresh; where that is not enough it returns
// ErrSignInRequired, and SignIn on the same Client shows the challenge to the
// server. It is kept in memory only. A challenge that is not a JSON object, or
// that has no place for Config.Capabilities, is reported by the first method
// that returns an error, before any I/O.
func (c *Client) WithClaims(challenge string) *Client {
	claims, err := parseChallenge(challenge)
	if err == nil {
		_, err = c.core.claimsParameter(claims)
	}
	d := c.demanding(c.later(claims))
	if d.err == nil {
		d.err = err
	}
	return d
}

// microsoft tells whether refresh tokens serve all resources and errors carry
// suberrors.
func (c *core) microsoft() bool { return c.authority.Kind != provider.OIDC }

// canonical brings scopes into the form in which they are compared and stored.
func (c *core) canonical(s scopes.Set) scopes.Set {
	if !c.microsoft() {
		return s
	}
	list := s.Slice()
	for i := range list {
		list[i] = c.canonicalName(list[i])
	}
	set, err := scopes.New(list...)
	if err != nil {
		return s
	}
	return set
}

func (c *core) canonicalName(scope string) string {
	if !c.microsoft() {
		return scope
	}
	return c.authority.Canonical(scope)
}
