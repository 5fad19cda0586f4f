package msal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Import takes over the sessions that a program has had with MSAL, so that the
// switch signs nobody out. unified is what MSAL has stored, in whichever
// language: the file, or what its extension keeps in the keychain of macOS or
// in libsecret, or on Windows the file sealed with DPAPI, which only the person
// who is logged in there can have opened. Import never writes it.
//
// Of the accounts of this client (or its family) that the authority signs in,
// those that have a session here already are left alone, whether it was imported
// before or not. For each other one the refresh token is sent, once, with the
// scopes given and the defaults; the answer is verified and stored as that of a
// sign-in is. On a Client of For only that account is taken over. A server that
// rotates refresh tokens strictly has then spent the one that MSAL holds, so
// MSAL has to sign in again; Microsoft's platform lets both go on.
//
// It returns the accounts that have a session now, in the order of Accounts;
// none is no error. What is wrong with the file is an *ImportError before
// anything is sent. What keeps one account from being taken over is another, and
// does not stop the others; if it is ErrSignInRequired only a person can help.
// Cancelling ctx ends the wait, and what is on its way is brought to its end, as
// with Token.
//
// Config.Cache has to outlive the process, or the sessions end with it: the
// copies that MSAL has may be spent by then. A server that gives no ID token
// with a refresh is refused, because nothing else says whose the session is, and
// the refresh token that was sent is spent there all the same.
//
// Import is for the move: after a SignOut it would sign the person in again from
// a file that is still there. Remove the file when Import has succeeded and
// returned everybody who should be there.
func (c *Client) Import(ctx context.Context, unified []byte, scope ...string) ([]Account, error) {
	accounts, err := c.takeOver(ctx, unified, scope)
	if err != nil {
		err = fmt.Errorf("msal: import: %w", err)
	}
	return accounts, err
}

// ImportError is why Import did not take something over. Several come joined:
// errors.As finds the first, errors.Is looks into all.
type ImportError struct {
	Account Account // whose session; ID, Username and Name, as far as the file tells. Zero: nobody's, the file is at fault
	Err     error

	session string // names the account where it must not be known who it is
}

func (e *ImportError) Error() string {
	if e.session == "" {
		return "this is no cache of MSAL that can be used: " + e.Err.Error()
	}
	return "session " + e.session + ": " + e.Err.Error()
}

func (e *ImportError) Unwrap() error { return e.Err }

func (c *Client) takeOver(ctx context.Context, data []byte, scope []string) ([]Account, error) {
	q, err := c.request(scope)
	if err == nil {
		err = q.single(c.core, scope)
	}
	if err != nil {
		return nil, err
	}
	u, err := parseUnified(data)
	if err != nil {
		return nil, &ImportError{Err: fmt.Errorf("%w; nothing was sent: pass what MSAL has stored as it is, or let people sign in", err)}
	}
	tokens := u.serving(c.core)
	if len(tokens) == 0 {
		return nil, nil
	}
	md, err := c.core.metadata(ctx)
	if err == nil && !md.openID {
		err = fmt.Errorf("%s gives no ID tokens, so that nothing would prove whose the sessions are; let people sign in", c.core.Authority)
	}
	if err != nil {
		return nil, err
	}
	var accounts []Account
	var failed []error
	done := map[string]bool{}
	for _, token := range tokens {
		owner, ok := u.owner(c.core, md.doc.Issuer, token)
		if !ok || done[owner.ID] || c.account != "" && c.account != owner.ID {
			continue
		}
		done[owner.ID] = true
		s := c.core.session(owner.ID)
		account, err := s.inherit(ctx, q, token.Secret)
		if err != nil {
			failed = append(failed, &ImportError{Account: owner, Err: err, session: s.key})
			continue
		}
		accounts = append(accounts, account)
	}
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.ID, b.ID) })
	return accounts, errors.Join(failed...)
}

// inherit makes a refresh token of MSAL's a session, unless there is one.
func (s *session) inherit(ctx context.Context, q request, refreshToken string) (Account, error) {
	if ctx.Err() != nil {
		return Account{}, context.Cause(ctx)
	}
	t, err := s.fly(ctx, "import", false, func(ctx context.Context) (Token, error) {
		t, err := s.adopt(ctx, q, refreshToken)
		if err != nil {
			s.core.warn("import failed", s, err)
		}
		return t, err
	})
	if err == nil {
		err = t.Warning // in memory only: whoever now removed the file could lose the session
	}
	return t.Account, err
}

// adopt holds the account's lock from the look into the store to the end: of
// many that import at once one sends the refresh token, and the others find its
// session.
func (s *session) adopt(ctx context.Context, q request, refreshToken string) (t Token, err error) {
	ctx, release, err := s.lock(ctx, false)
	if err != nil {
		return Token{}, err
	}
	defer func() { err = release(err) }()
	r, _, err := s.read(ctx)
	switch {
	case err == nil && r.renewable():
		return Token{Account: r.account, Warning: s.memoryOnly()}, nil
	case err != nil && !errors.Is(err, ErrSignInRequired):
		return Token{}, err
	}
	md, err := s.prepare(ctx, r, time.Now().Add(-signInAge))
	if err != nil {
		return Token{}, err
	}
	form, err := s.core.form(q, md.defaults)
	if err != nil {
		return Token{}, err
	}
	got, err := s.exchange(ctx, md, q, form, refreshToken)
	if refused := (*ServerError)(nil); errors.As(err, &refused) && !errors.Is(err, ErrOutcomeUnknown) {
		if refused.refusedScopes() { // as in spend: what was granted to MSAL is not known
			return Token{}, refused.unasked()
		}
		return Token{}, refused.required()
	}
	if err != nil {
		return Token{}, err
	}
	if got.refreshToken == "" {
		got.refreshToken = refreshToken // it goes on (RFC 6749 section 6)
	}
	ctx = context.WithoutCancel(ctx)
	t, err = s.core.accept(ctx, md, q, got, origin{account: s.bound.account, locked: true})
	if err == nil {
		s.core.welcome(ctx, t)
	}
	return t, err
}

// renewable tells whether a record has a refresh token.
func (r *record) renewable() bool {
	return slices.ContainsFunc(r.grants, func(g grant) bool { return g.refreshToken != "" })
}
