package msal

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/idtoken"
	"github.com/staysigned/staysigned/internal/provider"
	"github.com/staysigned/staysigned/scopes"
)

// origin tells what a token answer answers: a refresh, if session is set, or
// a sign-in.
type origin struct {
	session *session
	record  *record   // as read under the lock,
	rev     cache.Rev // at this revision

	nonce   string // that the ID token must carry; "": a flow without one
	account string // who has to be the one signing in; "": anybody
	locked  bool   // account's lock is held already
}

// maxIssueAge bounds the age of the ID token of a sign-in: it was issued for it.
const maxIssueAge = 24 * time.Hour

// maxPending is how long an answer waits for a server to publish the key that
// signed it.
const maxPending = 10 * time.Minute

// signInLock is how long the end of a sign-in waits for the account's lock.
const signInLock = 10 * time.Second

// accept is where everything ends that makes or continues a session: both
// flows, the refresh, the answer that waited for a key and the move from MSAL.
// It verifies, persists, and only then shows.
func (c *core) accept(ctx context.Context, md *metadata, q request, got *answer, from origin) (Token, error) {
	if q.demand != nil {
		got.claims = q.demand.claims
	}
	account, err := c.verify(ctx, md, q, got, from)
	if errors.Is(err, idtoken.ErrUnknownKey) {
		if from.session != nil && from.record.pending == nil {
			if from, err = from.pend(ctx, q, got); err != nil {
				return Token{}, err
			}
		}
		if md, err = c.fetchKeys(ctx, md); err != nil {
			return Token{}, err
		}
		account, err = c.verify(ctx, md, q, got, from)
		looked := md.keysFetched.After(got.received) // since, and with success
		if errors.Is(err, idtoken.ErrUnknownKey) && from.session != nil && (!looked || time.Since(got.received) < maxPending) {
			return Token{}, fmt.Errorf("the answer waits for its key: %w", err)
		}
	}
	if err != nil {
		from.dismiss(ctx)
		return Token{}, fmt.Errorf("the server's answer is refused: %w", err)
	}
	s, up := from.session, c.continued(q, got, account, from)
	if s == nil {
		s, up = c.session(account.ID), c.signedIn(md, q, got, account)
		if !from.locked {
			// The lock is a courtesy to a refresh under way. If it cannot be had the
			// compare-and-swap decides: a sign-in wins over what began before it.
			wait, cancel := context.WithTimeout(ctx, signInLock)
			_, unlock, err := s.lock(wait, false)
			cancel()
			if err == nil {
				defer func() { _ = unlock(nil) }()
			}
		}
		if from.record, from.rev, err = s.read(ctx); err != nil {
			from.record = nil // what nobody can read is replaced
		}
		if errors.Is(err, errNewerSchema) {
			sn := s.keep(up.apply(nil), from.rev, up, got, err)
			return sn.token(c.entryOf(q, got, account, sn.renewable), c, q), nil
		}
	}
	sn, err := s.save(ctx, from.record, from.rev, up, got)
	if err != nil {
		return Token{}, err
	}
	return sn.token(c.entryOf(q, got, account, sn.renewable), c, q), nil
}

// entryOf is the access token of an answer, also if it is one that no snapshot
// keeps because it expires at once.
func (c *core) entryOf(q request, got *answer, account Account, renewable bool) *entry {
	e := c.entry(c.accessOf(q, got, account, renewable), time.Now())
	return &e
}

// verify checks the ID token of an answer and returns whose it is. An answer
// to a refresh may come without one, and must not be somebody else's (OpenID
// Connect Core 12.2).
func (c *core) verify(ctx context.Context, md *metadata, q request, got *answer, from origin) (Account, error) {
	switch anonymous := from.session != nil && from.record.account.Subject == ""; {
	case anonymous || from.session == nil && !md.openID:
		return c.unverified(got, from)
	case !md.openID:
		return Account{}, errNoOpenID
	}
	if got.idToken == "" {
		if from.session == nil {
			return Account{}, errors.New("it has no ID token though openid was asked for")
		}
		return from.record.account, nil
	}
	check := idtoken.Check{
		Issuer: md.doc.Issuer, ClientID: c.ClientID, TrustedAudiences: c.TrustedAudiences,
		Algorithms: md.algorithms, AccessToken: got.accessToken, Now: got.received,
		Nonce: from.nonce, NonceOptional: from.nonce == "",
	}
	if !got.date.IsZero() {
		check.Now = got.date // our clock may have gone wrong, and that must not end a session
	}
	if c.authority.Kind == provider.Entra || c.authority.Kind == provider.CIAM { // the others' tokens need no tid
		check.IssuerFor = func(tid string) (string, error) { return c.authority.TokenIssuer(md.doc.Issuer, tid) }
	}
	if from.session != nil {
		return c.verifySame(ctx, md, got, check, from.record)
	}
	check.MaxIssueAge = maxIssueAge
	if q.params != nil {
		check.MaxAge, check.ACR = q.params.MaxAge, q.params.ACRValues
	}
	claims, err := md.keys.Verify(ctx, got.idToken, check)
	if err != nil {
		return Account{}, err
	}
	account := accountOf(c.authority, claims)
	switch {
	case len(c.AllowedTenants) > 0 && !containsFold(c.AllowedTenants, claims.TenantID):
		return Account{}, fmt.Errorf("tenant %q is not among AllowedTenants", claims.TenantID)
	case from.account != "" && from.account != account.ID:
		return Account{}, fmt.Errorf("somebody else signed in than the account that was asked for: %w", ErrSignInRequired)
	}
	return account, nil
}

// verifySame checks the ID token of a refresh against that of the sign-in.
func (c *core) verifySame(ctx context.Context, md *metadata, got *answer, check idtoken.Check, r *record) (Account, error) {
	before, err := idtoken.Stored(r.idToken)
	if err != nil {
		return Account{}, err
	}
	check.Nonce, check.NonceOptional = before.Nonce, true
	claims, err := md.keys.Verify(ctx, got.idToken, check)
	if err == nil {
		err = idtoken.SameSubject(before, claims)
	}
	account := r.account // whose it is does not change, only how they are called
	account.Username, account.Name, account.Email = claims.Username, claims.Name, claims.Email
	return account, err
}

// pend stores an answer that cannot be verified yet beside the grant whose
// refresh token it may have used up.
func (o origin) pend(ctx context.Context, q request, got *answer) (origin, error) {
	waits := &pending{answer: got.raw, asked: q.explicit.String(), resource: q.resource, received: got.received}
	if _, err := o.session.save(ctx, o.record, o.rev, update{apply: func(r *record) *record {
		r.pending = waits
		return r
	}}, nil); err != nil {
		return o, err
	}
	generation := o.record.generation
	var err error
	if o.record, o.rev, err = o.session.read(ctx); err == nil && o.record.generation != generation {
		err = errors.New("another sign-in of this account came in between; ask again")
	}
	return o, err
}

// dismiss drops an answer that waited for its key and is not to be trusted.
func (o origin) dismiss(ctx context.Context) {
	if o.session == nil || o.record.pending == nil {
		return
	}
	_, err := o.session.save(ctx, o.record, o.rev, update{apply: func(r *record) *record {
		r.pending = nil
		return r
	}}, nil)
	if err != nil {
		o.session.core.warn("session not stored", o.session, err)
	}
}

// settle deals with an answer that a process stored and did not live to
// verify: it becomes the session, or is dropped.
func (s *session) settle(ctx context.Context, r *record, rev cache.Rev) (*record, cache.Rev, error) {
	explicit, _ := scopes.Parse(r.pending.asked)
	q := request{explicit: explicit, want: s.core.canonical(explicit), resource: r.pending.resource}
	md, err := s.core.metadata(ctx)
	if err == nil && !md.openID {
		err = errNoOpenID
	}
	if err != nil {
		return nil, "", err
	}
	from := origin{session: s, record: r, rev: rev}
	got, err := s.core.parseAnswer(r.pending.answer, r.pending.received)
	if err != nil {
		from.dismiss(ctx)
	} else if _, err = s.core.accept(ctx, md, q, got, from); err != nil {
		if now, _, look := s.read(ctx); look != nil || now.pending != nil {
			return nil, "", err // the keys cannot be had: keep it, and spend nothing
		}
		s.core.warn("refresh failed", s, err)
	}
	return s.read(ctx)
}

// signedIn makes a sign-in's answer the session of its account.
func (c *core) signedIn(md *metadata, q request, got *answer, account Account) update {
	generation, withheld := rand.Text(), c.withheld(md, q, got).String()
	return update{signIn: true, apply: func(r *record) *record {
		if r == nil {
			r = &record{}
		}
		if account.Subject == "" {
			r.grants, r.access = nil, nil // they may be somebody else's
		}
		r.generation, r.account, r.idToken, r.pending = generation, account, got.idToken, nil
		r.addGrant(grant{refreshToken: got.refreshToken, scopes: q.want.String(), withheld: withheld, resource: q.resource}, c.microsoft())
		r.addAccess(c.accessOf(q, got, account, got.refreshToken != ""))
		return r
	}}
}

// withheld returns the scopes of a sign-in that the server did not grant. Its
// refreshes leave them out: "The requested scope MUST NOT include any scope not
// originally granted by the resource owner" (RFC 6749 section 6), and some
// servers refuse the whole request for one. The defaults count only where the
// server reports them at all. Microsoft's platform is asked again, because
// consent may have come since.
//
// A session that began without OpenID Connect goes on so, whatever the server
// has become: the defaults that were not asked for are not. Nor are those without
// which it had to start again, at Microsoft's platform either.
func (c *core) withheld(md *metadata, q request, got *answer) scopes.Set {
	withheld := got.refused
	if !md.openID {
		withheld = withheld.Union(scopes.Defaults().Without(md.defaults)).Without(q.explicit)
	}
	if !got.scopeGiven || c.microsoft() {
		return withheld
	}
	asked, granted := q.explicit, readScope(got.scope)
	if granted.Has(scopes.OpenID) {
		asked = asked.Union(md.defaults)
	}
	return withheld.Union(asked.Without(granted))
}

// continued makes a refresh's answer the continuation of its session. A server
// that sends no new refresh token means the old one to go on (RFC 6749 section 6).
func (c *core) continued(q request, got *answer, account Account, from origin) update {
	if from.session == nil {
		return update{}
	}
	var spent grant
	if g := from.record.grantFor(q); g != nil {
		spent = *g
	}
	gives := cmp.Or(got.refreshToken, spent.refreshToken)
	return update{replaces: spent.refreshToken, gives: gives, apply: func(r *record) *record {
		same := func(g grant) bool { return g.scopes == spent.scopes && g.resource == spent.resource }
		if i := slices.IndexFunc(r.grants, same); i >= 0 {
			r.grants[i].refreshToken = cmp.Or(got.refreshToken, r.grants[i].refreshToken)
			if got.refused.Len() > 0 {
				r.grants[i].withhold(got.refused)
			}
		}
		if got.idToken != "" {
			r.idToken, r.account = got.idToken, account
		}
		r.pending = nil
		r.addAccess(c.accessOf(q, got, account, true))
		return r
	}}
}

// accessOf is the access token of an answer as it is stored.
func (c *core) accessOf(q request, got *answer, account Account, renewable bool) access {
	lifetime := got.lifetime
	if got.undated && !renewable {
		// Nothing replaces it, so it is used until the API does not take it any
		// more. HTTPClient sees that; others call ForceRefresh.
		lifetime = maxLifetime
	}
	a := access{
		token: got.accessToken, tokenType: got.tokenType, resource: q.resource,
		asked: q.want.String(), granted: grantedBy(q, got, account, renewable).String(),
		obtained: got.received, expiry: got.received.Add(lifetime).Round(0),
	}
	margin := min(5*time.Minute, lifetime/10)
	a.refreshAfter = a.expiry.Add(-margin)
	if got.refreshIn > 0 && got.refreshIn < lifetime {
		a.refreshAfter = got.received.Add(got.refreshIn).Round(0)
	}
	return a
}

// grantedBy is the response's scope, or the request's where it is absent (RFC
// 6749 section 5.1), and those defaults that can be seen to be granted:
// servers leave them out, Microsoft always offline_access.
func grantedBy(q request, got *answer, account Account, renewable bool) scopes.Set {
	granted := q.explicit
	if got.scopeGiven {
		granted = readScope(got.scope)
	}
	var seen []string
	if account.Subject != "" {
		seen = append(seen, scopes.OpenID)
	}
	if account.Name != "" {
		seen = append(seen, scopes.Profile)
	}
	if account.Email != "" {
		seen = append(seen, scopes.Email)
	}
	if renewable {
		seen = append(seen, scopes.OfflineAccess)
	}
	inferred, _ := scopes.New(seen...)
	return granted.Union(inferred)
}

// readScope reads a server's scope with patience: what is no scope is left out,
// because the token that came with it is worth more than its label.
func readScope(wire string) scopes.Set {
	if set, err := scopes.Parse(wire); err == nil {
		return set
	}
	var good []string
	for word := range strings.SplitSeq(wire, " ") {
		if _, err := scopes.New(word); err == nil {
			good = append(good, word)
		}
	}
	set, err := scopes.New(good...)
	if err != nil {
		return scopes.Set{}
	}
	return set
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}
