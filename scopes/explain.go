package scopes

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// An Explanation says what becomes of a list of scopes: what each of them means,
// what is sent, and what is refused and why. [Explain] makes one from rules, and
// msal.Client.Explain from those that the client goes by.
//
// Its String is for people. A program reads the fields or their JSON, in which a
// [Set] is its wire form and an error its text.
type Explanation struct {
	Server       string      `json:"server,omitempty"`      // whom the requests go to
	Scopes       []Explained `json:"scopes"`                // the caller's, one for each that was passed, then the defaults that were not, then what else is sent
	Sent         Set         `json:"sent"`                  // by the authorization request; empty if the list is refused
	Undecided    Set         `json:"undecided,omitzero"`    // defaults that may go along with Sent: the server's metadata decides at sign-in
	AdminConsent Set         `json:"adminConsent,omitzero"` // those of Sent to which nobody but an administrator can consent, as far as is known
	Requests     []Request   `json:"requests,omitempty"`    // in the order in which they are made; none if the list is refused
	Err          error       `json:"-"`                     // why every method refuses the list, for errors.As; in JSON "error"
	TokenErr     error       `json:"-"`                     // why one token cannot be for all of the list, or Err; in JSON "tokenError"
}

// Explained is one scope of an [Explanation].
type Explained struct {
	Scope        string      `json:"scope"`                // as the caller wrote it, not fit for a terminal
	Canonical    string      `json:"canonical,omitempty"`  // as the server compares it; "" if it is invalid
	Explicit     bool        `json:"explicit"`             // the caller passed it
	Kind         Kind        `json:"kind"`                 // what it is,
	Meaning      string      `json:"meaning,omitempty"`    // and what it is for, in a few words
	Resource     string      `json:"resource,omitempty"`   // whose it is, in canonical form; "" for defaults, and where scopes have none
	Permission   *Permission `json:"permission,omitempty"` // of Microsoft Graph; nil if it is none or the catalog has it not
	AdminConsent bool        `json:"adminConsent"`         // an administrator must consent to it; false also where that is not known
	Verdict      Verdict     `json:"verdict"`              // what becomes of it,
	Reason       string      `json:"reason,omitempty"`     // and why, where that is not plain
}

// Kind says what a scope is.
type Kind string

const (
	KindDefault    Kind = "default"  // openid, profile, email or offline_access, in any spelling
	KindGraph      Kind = "graph"    // a permission of Microsoft Graph, in any cloud
	KindOther      Kind = "other"    // a permission whose meaning its resource or server alone knows
	KindDotDefault Kind = ".default" // all of a resource that the application's registration lists
	KindInvalid    Kind = "invalid"  // not a scope
)

// Verdict says what becomes of a scope.
type Verdict string

const (
	Sent      Verdict = "sent"      // as the caller wrote it
	Added     Verdict = "added"     // by the client
	Merged    Verdict = "merged"    // sent once, although it was named again
	LeftOut   Verdict = "left out"  // not sent, although nothing is wrong with it
	Undecided Verdict = "undecided" // the server's metadata decides at sign-in
	Refused   Verdict = "refused"   // the list has to do without it
	Withheld  Verdict = "withheld"  // not sent, because something else is refused
)

// Request is what goes on the wire of a list of scopes.
type Request struct {
	// Step is "authorize" for the browser's request, "redeem" for the token
	// request after it and for the start of a device flow, and "refresh" for the
	// first token of each further resource.
	Step       string              `json:"step"`
	Resource   string              `json:"resource,omitempty"`   // whose token it is about, in canonical form; "" where tokens have none
	Scope      Set                 `json:"scope"`                // the parameter of this name; empty: it is not sent
	Parameters map[string][]string `json:"parameters,omitempty"` // that go along with it; none of the protocol's own
}

// Rules are what a client and its server make of scopes. The zero Rules are of
// a client that adds nothing, at a server whose scopes mean nothing to others.
type Rules struct {
	Server        string // for people
	Defaults      Set    // what the client takes for its own: what it adds, if nothing speaks against it
	Undecided     Set    // those of Defaults about which only the server's metadata can tell
	Graph         bool   // the defaults, and what has no resource, are permissions of Microsoft Graph
	AdminConsents bool   // people cannot consent at all

	// Canonical brings a scope into the form in which it is compared. If nil, with
	// Graph lower case, and the defaults alone; otherwise it is in that form.
	Canonical func(scope string) string
	// Resource names whose permission a canonical scope is. If nil, with Graph
	// what is before the last slash, otherwise nothing.
	Resource func(canonical string) string
	// Why says why a default, or a scope that is not refused, is not sent. If nil,
	// there is no telling.
	Why func(scope string) string
	// Check says why a list is refused by every method, and why one token cannot
	// be for all of it. If nil, Build does both.
	Check func(scope []string) (err, tokenErr error)
	// Requests says what is sent of a list that is not refused: the authorization
	// request, the token request, and one for each further resource. If nil, the
	// first, with what Build returns.
	Requests func(scope []string) []Request
}

// Explain says what becomes of the scopes that a caller passes to a client of
// these rules. It does not fail: what is wrong with the list is what it explains.
// If catalog is nil, it is [BuiltinCatalog].
func Explain(scope []string, rules Rules, catalog *Catalog) Explanation {
	if catalog == nil {
		catalog = BuiltinCatalog()
	}
	x := explainer{rules: rules.complete(), catalog: catalog}
	x.e.Server = rules.Server
	if x.e.Err, x.e.TokenErr = x.rules.Check(scope); x.e.Err == nil {
		x.e.Undecided = rules.Undecided
		x.e.Requests = x.rules.Requests(scope)
	}
	if len(x.e.Requests) > 0 {
		x.e.Sent = x.e.Requests[0].Scope
	}
	x.explicit(scope)
	x.defaults()
	x.others()
	var admin []string
	for _, s := range x.e.Scopes {
		if name := x.wire(s.Scope); s.AdminConsent && x.e.Sent.Has(name) {
			admin = append(admin, name)
		}
	}
	x.e.AdminConsent = newSet(admin)
	return x.e
}

// complete puts in what nil stands for.
func (r Rules) complete() Rules {
	if r.Canonical == nil {
		r.Canonical = func(scope string) string {
			if !r.Graph {
				return scope
			}
			return cmp.Or(defaultName(scope), strings.ToLower(scope))
		}
	}
	if r.Resource == nil {
		r.Resource = func(scope string) string {
			if !r.Graph || IsDefault(scope) {
				return ""
			}
			if i := strings.LastIndexByte(scope, '/'); i > 0 {
				return scope[:i]
			}
			return graphResources[0]
		}
	}
	if r.Why == nil {
		r.Why = func(string) string { return "" }
	}
	if r.Check == nil {
		r.Check = func(scope []string) (err, tokenErr error) {
			_, err = Build(scope, r.Defaults)
			return err, err
		}
	}
	if r.Requests == nil {
		r.Requests = func(scope []string) []Request {
			sent, _ := Build(scope, r.Defaults) // Check has found it sound
			return []Request{{Step: "authorize", Scope: sent}}
		}
	}
	return r
}

// explainer is an Explanation in the making.
type explainer struct {
	rules   Rules
	catalog *Catalog
	e       Explanation
}

// explicit explains the caller's scopes.
func (x *explainer) explicit(scope []string) {
	reasons, before := x.refused(scope), make(map[string]bool, len(scope))
	for i, s := range scope {
		d := x.describe(s)
		d.Explicit = true
		if d.Verdict, d.Reason = Refused, reasons[i]; d.Reason == "" {
			d.Verdict, d.Reason = x.verdict(d)
		}
		if d.Verdict == Sent && before[s] {
			d.Verdict, d.Reason = Merged, "named before, and sent once"
		}
		before[s] = true
		x.e.Scopes = append(x.e.Scopes, d)
	}
}

// defaults explains those that the caller did not name.
func (x *explainer) defaults() {
	for name := range Defaults().All() {
		if slices.ContainsFunc(x.e.Scopes, func(d Explained) bool {
			return d.Kind == KindDefault && d.Canonical == name && (x.taken(d.Scope) != "" || !x.rules.Defaults.Has(name))
		}) {
			continue
		}
		d := x.describe(name)
		if d.Verdict, d.Reason = x.verdict(d); d.Verdict == Sent {
			d.Verdict = Added
		}
		x.e.Scopes = append(x.e.Scopes, d)
	}
}

// others explains what else the client sends, such as a default by a name that
// only this server has for it.
func (x *explainer) others() {
	said := make(map[string]bool, len(x.e.Scopes))
	for _, d := range x.e.Scopes {
		said[x.wire(d.Scope)] = true
	}
	for name := range x.e.Sent.Union(x.e.Undecided).All() {
		if said[name] {
			continue
		}
		d := x.describe(name)
		if d.Verdict, d.Reason = x.verdict(d); d.Verdict == Sent {
			d.Verdict, d.Reason = Added, x.rules.Why(name)
		}
		x.e.Scopes = append(x.e.Scopes, d)
	}
}

// refused finds the scopes for which a list is refused, by their places in it.
// First each is asked about alone, so that all are found and not only the one
// that the list's error is about; then what is left is asked about together.
func (x *explainer) refused(scope []string) map[int]string {
	reasons := map[int]string{}
	var rest []string
	var places []int
	for i, s := range scope {
		reason := fault(s)
		if err, _ := x.rules.Check([]string{s}); reason == "" && err != nil {
			reason = x.blame(s, err)
		}
		if reason != "" {
			reasons[i] = reason
			continue
		}
		rest, places = append(rest, s), append(places, i)
	}
	err, _ := x.rules.Check(rest)
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		all := x.kind(invalid.Scope) == KindDotDefault // each is beside the others
		for i, s := range rest {
			if i == invalid.Index || all && x.kind(s) == KindDotDefault {
				reasons[places[i]] = invalid.Reason
			}
		}
	}
	return reasons
}

// blame returns the reason for which a scope is refused that was asked about
// alone, or "" if the reason is not the scope.
func (x *explainer) blame(scope string, err error) string {
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		return invalid.Reason
	}
	if !errors.Is(err, ErrDuplicateDefault) {
		return ""
	}
	name := x.wire(scope)
	for _, r := range x.rules.Requests(nil)[:1] {
		if why := x.rules.Why(name); why != "" && !r.Scope.Has(name) && !x.rules.Undecided.Has(name) {
			return "naming it does not have it sent; " + why
		}
	}
	return "every request carries it anyway: remove it"
}

// taken returns the default for which the client takes a scope of the caller's,
// or "". It is not sent as the caller wrote it.
func (x *explainer) taken(scope string) string {
	if name := defaultName(scope); x.rules.Defaults.Has(name) {
		return name
	}
	return ""
}

// wire returns what is sent for a scope, if anything is.
func (x *explainer) wire(scope string) string { return cmp.Or(x.taken(scope), scope) }

// kind returns what a scope is.
func (x *explainer) kind(scope string) Kind {
	canonical := x.rules.Canonical(scope)
	resource := x.rules.Resource(canonical)
	switch {
	case fault(scope) != "":
		return KindInvalid
	case x.taken(scope) != "", Defaults().Has(canonical):
		return KindDefault
	case resource != "" && strings.HasSuffix(canonical, "/.default"), canonical == ".default" && x.rules.Graph:
		return KindDotDefault
	case isGraph(resource):
		return KindGraph
	}
	return KindOther
}

// describe says what a scope means, whatever becomes of it.
func (x *explainer) describe(scope string) Explained {
	d := Explained{Scope: scope, Kind: x.kind(scope)}
	if d.Kind == KindInvalid {
		return d
	}
	d.Canonical = x.rules.Canonical(scope)
	d.Resource = x.rules.Resource(d.Canonical)
	switch d.Kind {
	case KindDefault:
		if name := x.taken(scope); name != "" {
			d.Canonical = name
		}
		d.Resource, d.Meaning = "", meanings[d.Canonical]
	case KindDotDefault:
		d.Meaning = "all permissions of the resource that the application's registration lists"
	case KindOther:
		d.Meaning = "what it allows, only the server knows"
		if d.Resource != "" {
			d.Meaning = "what it allows, only its resource knows"
		}
	}
	d.AdminConsent = x.rules.AdminConsents
	if d.Kind == KindGraph || d.Kind == KindDefault && x.rules.Graph {
		if p, ok := x.catalog.Lookup(d.Canonical); ok {
			d.Permission = &p
			d.AdminConsent = d.AdminConsent || p.AdminConsentRequired
		}
	}
	if d.Kind == KindGraph {
		d.Meaning = x.graphMeaning(d)
	}
	return d
}

// meanings are of the defaults, at any server.
var meanings = map[string]string{
	OpenID:        "an ID token, without which nobody is known to have signed in",
	Profile:       "the person's name",
	Email:         "the person's address, if there is one",
	OfflineAccess: "a refresh token; without it the session ends with the access token",
}

// graphMeaning is what an administrator reads of a permission. A catalog does
// not know whether it is whole, so of one that it has not it says no more than
// that. AADSTS650053 for a name that Graph does not know is reported by users.
func (x *explainer) graphMeaning(d Explained) string {
	if d.Permission != nil {
		return d.Permission.DisplayText
	}
	hint := ""
	if like := x.catalog.similar(d.Canonical[strings.LastIndexByte(d.Canonical, '/')+1:]); like != "" {
		hint = " (did you mean " + like + "?)"
	}
	return fmt.Sprintf("not among the %d permissions of the catalog%s; if Graph has none of this name, sign-in fails with AADSTS650053", len(x.catalog.byName), hint)
}

// verdict says what becomes of a scope for which the list is not refused.
func (x *explainer) verdict(d Explained) (Verdict, string) {
	name := x.wire(d.Scope)
	switch {
	case x.e.Err != nil:
		return Withheld, ""
	case x.e.Undecided.Has(name):
		return Undecided, x.rules.Why(name)
	case !x.e.Sent.Has(name):
		return LeftOut, x.rules.Why(name)
	case d.Explicit && x.taken(name) != "":
		return Merged, "every request carries it anyway: it is sent once"
	case len(x.e.Requests) > 1 && !x.e.Requests[1].Scope.Has(name):
		return Sent, "a token is for one resource: this one's is asked for later"
	}
	return Sent, ""
}

// MarshalJSON writes the errors as what they say.
func (e Explanation) MarshalJSON() ([]byte, error) {
	type fields Explanation // without this method
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	return json.Marshal(struct {
		fields
		Error      string `json:"error,omitempty"`
		TokenError string `json:"tokenError,omitempty"`
	}{fields(e), text(e.Err), text(e.TokenErr)})
}
