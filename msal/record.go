package msal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/scopes"
)

// recordSchema is the version of a stored session. A program that meets a
// greater one leaves the record alone.
const recordSchema = 1

// maxAccess bounds the access tokens of a record; the oldest go first.
const maxAccess = 50

// record is a session as the store keeps it: one account of one client at one
// authority. It exists only while a session is read or written; what the hit
// path needs is in a snapshot.
type record struct {
	generation string // of the sign-in; a refresh that began before it must not overwrite it
	account    Account
	person     members // what else was stored of it
	idToken    string  // as received, verified before it came here
	grants     []grant
	access     []access
	pending    *pending
	rest       members
}

// grant is what a sign-in gained: a refresh token and what it is good for.
type grant struct {
	refreshToken string
	scopes       string // asked for, canonical
	withheld     string // asked for, defaults included, and not granted
	resource     string
	thumbprint   string // of the key that the refresh token is bound to; empty: none
	rest         members
}

// access is an access token and what it was asked for.
type access struct {
	token        string
	tokenType    string
	asked        string // canonical, without the defaults
	granted      string // as the server wrote it, with the defaults that can be seen to be
	resource     string
	obtained     time.Time
	expiry       time.Time
	refreshAfter time.Time
	rest         members
}

// pending is a token answer that could not be verified yet because the key of
// its ID token had to be fetched first. The refresh token that it answers may
// be spent, so it is stored before anything else can go wrong.
type pending struct {
	answer   json.RawMessage
	asked    string // as the caller wrote it
	resource string
	received time.Time
	rest     members
}

var errNewerSchema = errors.New("the session was written by a newer version of the package; update this program")

// members are those of a JSON object. take removes one; what is left is kept
// and written back, so that an older program does not destroy what a newer one
// stored.
type members map[string]json.RawMessage

func take[T any](m members, name string, v *T, err *error) {
	raw, ok := m[name]
	if !ok {
		return
	}
	delete(m, name)
	if e := decode(raw, v); e != nil && *err == nil {
		*err = fmt.Errorf("member %q: %w", name, e)
	}
}

// decode is json.Unmarshal for a part of a record that was checked as a whole.
// What records consist of is neither scanned again at each depth nor given to
// reflection, whose first use in a process takes as long as all else of a read.
func decode(raw json.RawMessage, v any) error {
	switch v := v.(type) {
	case *string:
		if raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 {
			*v = string(raw[1 : len(raw)-1])
			return nil
		}
	case *int64:
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			*v = n
			return nil
		}
	case *members:
		if raw[0] == '{' {
			*v = members{}
			for quoted, part := range strictjson.Parts(raw) {
				var name string
				_ = decode(quoted, &name) // it is a string
				(*v)[name] = part
			}
			return nil
		}
	case *[]members:
		if raw[0] == '[' {
			for _, part := range strictjson.Parts(raw) {
				var m members
				if err := decode(part, &m); err != nil {
					return err
				}
				*v = append(*v, m)
			}
			return nil
		}
	}
	return json.Unmarshal(raw, v) // null, escapes, and errors that say what was found
}

// put adds a member unless it has the zero value of its type.
func put[T comparable](m members, name string, v T) {
	var zero T
	if v != zero {
		m[name], _ = json.Marshal(v) // strings, integers and structs of them always encode
	}
}

// Times are in milliseconds: seconds cannot tell which of two tokens is the later.
func takeTime(m members, name string, t *time.Time, err *error) {
	var ms int64
	take(m, name, &ms, err)
	*t = time.UnixMilli(ms)
}

// decodeRecord reads the record of an account, or of anybody if that is "". A
// store that does not bind what it keeps to its name may bring another's.
func decodeRecord(data []byte, account string) (*record, error) {
	err := strictjson.Check(data)
	if err != nil {
		return nil, err
	}
	var m members
	if err := decode(data, &m); err != nil {
		return nil, err
	}
	var schema int64
	take(m, "schema", &schema, &err)
	if schema > recordSchema {
		return nil, errNewerSchema
	}
	r := &record{}
	var grants, tokens []members
	var waiting members
	take(m, "generation", &r.generation, &err)
	take(m, "account", &r.person, &err)
	take(m, "id_token", &r.idToken, &err)
	take(m, "grants", &grants, &err)
	take(m, "access", &tokens, &err)
	take(m, "pending", &waiting, &err)
	r.rest = m
	for name, field := range fields(&r.account) {
		take(r.person, name, field, &err)
	}
	for _, g := range grants {
		r.grants = append(r.grants, decodeGrant(g, &err))
	}
	for _, a := range tokens {
		r.access = append(r.access, decodeAccess(a, &err))
	}
	if waiting != nil {
		r.pending = decodePending(waiting, &err)
	}
	if err == nil && (schema < 1 || r.account.ID == "") {
		err = errors.New("no schema or no account")
	}
	if err == nil && account != "" && account != r.account.ID {
		err = errors.New("it is another account's")
	}
	return r, err
}

// fields are the members of an account.
func fields(a *Account) iter.Seq2[string, *string] {
	return func(yield func(string, *string) bool) {
		_ = yield("id", &a.ID) && yield("username", &a.Username) && yield("name", &a.Name) && yield("email", &a.Email) &&
			yield("issuer", &a.Issuer) && yield("subject", &a.Subject) && yield("tenant", &a.Tenant) && yield("object_id", &a.ObjectID)
	}
}

func decodeGrant(m members, err *error) (g grant) {
	take(m, "refresh_token", &g.refreshToken, err)
	take(m, "scopes", &g.scopes, err)
	take(m, "withheld", &g.withheld, err)
	take(m, "resource", &g.resource, err)
	take(m, "key_thumbprint", &g.thumbprint, err)
	g.rest = m
	return g
}

func decodeAccess(m members, err *error) (a access) {
	take(m, "token", &a.token, err)
	take(m, "type", &a.tokenType, err)
	take(m, "asked", &a.asked, err)
	take(m, "granted", &a.granted, err)
	take(m, "resource", &a.resource, err)
	takeTime(m, "obtained", &a.obtained, err)
	takeTime(m, "expires", &a.expiry, err)
	takeTime(m, "refresh_after", &a.refreshAfter, err)
	a.rest = m
	return a
}

func decodePending(m members, err *error) *pending {
	p := &pending{}
	take(m, "answer", &p.answer, err)
	take(m, "asked", &p.asked, err)
	take(m, "resource", &p.resource, err)
	takeTime(m, "received", &p.received, err)
	p.rest = m
	return p
}

func (r *record) encode() ([]byte, error) {
	var err error
	m, person := members{}, members{}
	maps.Copy(m, r.rest)
	maps.Copy(person, r.person)
	put(m, "schema", recordSchema)
	put(m, "generation", r.generation)
	put(m, "id_token", r.idToken)
	for name, field := range fields(&r.account) {
		person[name], _ = json.Marshal(*field) // also if it is empty
	}
	if m["account"], err = json.Marshal(person); err != nil {
		return nil, err
	}
	grants, tokens := []members{}, []members{}
	for _, g := range r.grants {
		o := members{}
		maps.Copy(o, g.rest)
		put(o, "refresh_token", g.refreshToken)
		put(o, "scopes", g.scopes)
		put(o, "withheld", g.withheld)
		put(o, "resource", g.resource)
		put(o, "key_thumbprint", g.thumbprint)
		grants = append(grants, o)
	}
	for _, a := range r.access {
		o := members{}
		maps.Copy(o, a.rest)
		put(o, "token", a.token)
		put(o, "type", a.tokenType)
		put(o, "asked", a.asked)
		put(o, "granted", a.granted)
		put(o, "resource", a.resource)
		put(o, "obtained", a.obtained.UnixMilli())
		put(o, "expires", a.expiry.UnixMilli())
		put(o, "refresh_after", a.refreshAfter.UnixMilli())
		tokens = append(tokens, o)
	}
	if m["grants"], err = json.Marshal(grants); err != nil {
		return nil, err
	}
	if m["access"], err = json.Marshal(tokens); err != nil {
		return nil, err
	}
	if p := r.pending; p != nil {
		o := members{}
		maps.Copy(o, p.rest)
		o["answer"] = p.answer
		put(o, "asked", p.asked)
		put(o, "resource", p.resource)
		put(o, "received", p.received.UnixMilli())
		if m["pending"], err = json.Marshal(o); err != nil {
			return nil, err
		}
	}
	return json.Marshal(m)
}

// grantFor chooses the refresh token for a request: one that covers it, else
// the latest, because a server may allow scopes that were never asked for. It
// brings a token for the audience that the sign-in has named: if a refresh names
// another one, it is answered all the same (documented of Auth0), with a token
// for the wrong API.
func (r *record) grantFor(q request) *grant {
	var latest *grant
	_, audience, named := strings.Cut(" "+q.resource, " "+audiencePrefix)
	for i := range r.grants {
		g := &r.grants[i]
		switch {
		case g.refreshToken == "", named && !strings.HasSuffix(" "+g.resource, " "+audiencePrefix+audience):
		case len(r.grants) == 1 || g.covers(q):
			return g
		default:
			latest = g
		}
	}
	return latest
}

// covers tells whether all of q was asked for when the grant was made.
func (g *grant) covers(q request) bool {
	asked, err := scopes.Parse(g.scopes)
	return err == nil && g.resource == q.resource && asked.Covers(q.want)
}

// withhold has later refreshes do without what the server has refused.
func (g *grant) withhold(refused scopes.Set) {
	if withheld, err := scopes.Parse(g.withheld); err == nil {
		g.withheld = withheld.Union(refused).String()
	}
}

// leaveOut takes out of a request what the server did not grant before.
func (g *grant) leaveOut(q request, defaults scopes.Set) (request, scopes.Set) {
	if g.withheld != "" {
		withheld, _ := scopes.Parse(g.withheld)
		q.explicit, defaults = q.explicit.Without(withheld), defaults.Without(withheld)
	}
	return q, defaults
}

// addGrant records the refresh token of a sign-in in place of the grants that
// it covers. Microsoft's refresh tokens serve every resource: there is one.
func (r *record) addGrant(g grant, microsoft bool) {
	mine, _ := scopes.Parse(g.scopes)
	r.grants = slices.DeleteFunc(r.grants, func(old grant) bool {
		if microsoft || old.refreshToken == "" {
			return true
		}
		theirs, err := scopes.Parse(old.scopes)
		return err != nil || old.resource == g.resource && mine.Covers(theirs)
	})
	r.grants = append(r.grants, g)
}

// addAccess records an access token in place of those that it covers and of
// those that are over.
func (r *record) addAccess(a access) {
	r.access = slices.DeleteFunc(r.access, func(old access) bool {
		return !old.expiry.After(a.obtained) || old.resource == a.resource && coversWords(a.asked, old.asked)
	})
	r.access = append(r.access, a)
	if n := len(r.access) - maxAccess; n > 0 {
		r.access = slices.Delete(r.access, 0, n)
	}
}

// coversWords tells whether each scope of part is in whole. An empty request
// is covered by an empty one only: its token is one for the defaults alone.
func coversWords(whole, part string) bool {
	if whole == "" || part == "" {
		return whole == part
	}
	have := strings.Fields(whole)
	for _, s := range strings.Fields(part) {
		if !slices.Contains(have, s) {
			return false
		}
	}
	return true
}
