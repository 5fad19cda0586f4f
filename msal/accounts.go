package msal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// Accounts returns the accounts of this client and authority that the store
// has, also those that have to sign in again, in the order of their IDs. It
// reads each record, several at a time.
//
// MSAL calls it Accounts, or getAllAccounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	if c.err != nil {
		return nil, fmt.Errorf("msal: accounts: %w", c.err)
	}
	accounts, err := c.core.accounts(ctx)
	if err != nil {
		return accounts, fmt.Errorf("msal: accounts: %w", err)
	}
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.ID, b.ID) })
	return accounts, nil
}

// readers is how many records are read at once: enough for processors and for
// a store on another machine, and few for either.
const readers = 8

func (c *core) accounts(ctx context.Context) (accounts []Account, failed error) {
	var mu sync.Mutex // of the results
	note := func(a Account, err error) (goOn bool) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err == nil:
			accounts = append(accounts, a)
		case errors.Is(err, ErrSignInRequired), errors.Is(err, errNewerSchema):
			// One record that nobody can read, or only a newer version, must not hide the others.
		case failed == nil:
			failed = err
		}
		return failed == nil
	}
	var reading sync.WaitGroup
	turns := make(chan bool, readers) // of whoever may read; false: no more
	for range readers {
		turns <- true
	}
	for key, err := range c.Cache.List(ctx, c.prefix) {
		if err != nil {
			note(Account{}, err)
			break
		}
		if !<-turns {
			break
		}
		reading.Go(func() { turns <- note(c.stored(ctx, key)) })
	}
	reading.Wait()
	return accounts, failed
}

// stored returns the account of a record.
func (c *core) stored(ctx context.Context, key string) (Account, error) {
	s, err := c.open(ctx, key)
	if err != nil {
		return Account{}, err
	}
	sn, err := s.load(ctx)
	if err != nil {
		return Account{}, err
	}
	return sn.account, nil
}

// SignOut forgets the account: its record is deleted under the lock that
// refreshes hold, so that none brings it back, and then the server is asked to
// revoke the refresh tokens (RFC 7009), where it offers that. An account that
// is not there is no error. MSAL calls it RemoveAccount, and does not tell the
// server.
//
// ErrNotRevoked means that the record is gone and only the server was not told.
// After any other error it may still be in the store. No error means that the
// record is gone, and not that a server has been told: one that publishes no
// revocation endpoint, such as Microsoft's platform, cannot be. What it gave
// stays valid there until it expires, for whoever has a copy; a person ends it in
// the settings of their account.
func (c *Client) SignOut(ctx context.Context) error {
	if err := c.signOut(ctx); err != nil {
		return fmt.Errorf("msal: sign out: %w", err)
	}
	return nil
}

func (c *Client) signOut(ctx context.Context) error {
	if c.err != nil {
		return c.err
	}
	s, err := c.find(ctx)
	switch {
	case err == nil:
	case c.account != "":
		s = c.core.newSession(c.account) // delete what cannot be read, too
	case errors.Is(err, cache.ErrUnreadable) || errors.Is(err, cache.ErrLocked) || errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrNoSecureStorage):
		return notRevoked(c.core.deleteOnly(ctx), unread(err))
	case errors.Is(err, ErrSignInRequired):
		return nil
	default:
		return err
	}
	dead, untold, err := s.forget(ctx)
	for _, token := range dead {
		untold = errors.Join(untold, c.core.revoke(ctx, token))
	}
	return notRevoked(err, untold)
}

// notRevoked is what a sign-out ends with: kept says why the record may still
// be here, untold why the server was not told.
func notRevoked(kept, untold error) error {
	switch {
	case kept != nil:
		return errors.Join(fmt.Errorf("the session is still in the store: %w", kept), untold)
	case untold != nil:
		return fmt.Errorf("%w: %w", ErrNotRevoked, untold)
	}
	return nil
}

// unread is why the refresh tokens of a record are not known, nil if there is no
// record. Nobody has to sign in for what cannot be read: it goes.
func unread(err error) error {
	switch {
	case errors.Is(err, cache.ErrUnreadable):
		return cache.ErrUnreadable
	case errors.Is(err, ErrSignInRequired):
		return nil
	}
	return err
}

// forget deletes the record and returns its refresh tokens, or why they are not
// known.
func (s *session) forget(ctx context.Context) (dead []string, untold, err error) {
	// If the lock cannot be had, the record goes all the same: a refresh under
	// way will find it gone and drop its answer.
	wait, cancel := context.WithTimeout(ctx, signInLock)
	_, unlock, err := s.lock(wait, false)
	cancel()
	if err == nil {
		defer func() { _ = unlock(nil) }()
	}
	r, _, err := s.read(ctx)
	if err == nil || errors.Is(err, errTenant) {
		for _, g := range r.grants {
			if g.refreshToken != "" {
				dead = append(dead, g.refreshToken)
			}
		}
	}
	untold = unread(err)
	if err := s.core.Cache.Delete(ctx, s.key); err != nil {
		return dead, untold, err
	}
	s.core.signOuts.Add(1) // who has read the record and not yet remembered it sees this, see open
	// The one that is known is s, unless s was made to delete what cannot be read.
	if known := s.core.sessions.find(s.bound.account); known != nil {
		known.end()
		s.core.sessions.remove(s.bound.account, known)
		s.core.only.CompareAndSwap(known, nil)
	}
	s.end()
	s.core.event(ctx, "signed out", s)
	return dead, untold, nil
}

// deleteOnly deletes the one record there is, which cannot be read now.
func (c *core) deleteOnly(ctx context.Context) error {
	key, _, err := c.onlyKey(ctx)
	switch {
	case errors.Is(err, ErrSignInRequired):
		return nil
	case err != nil:
		return err
	}
	return c.Cache.Delete(ctx, key)
}

// revoke tells the server that a refresh token is no longer needed. The answer
// to a token it does not know is a success (RFC 7009 section 2.2).
func (c *core) revoke(ctx context.Context, token string) error {
	if err := c.server.resting(time.Since(c.epoch)); err != nil {
		return err
	}
	md, err := c.metadata(ctx)
	if err != nil {
		return err
	}
	if md.doc.RevocationEndpoint == "" {
		return nil
	}
	form := url.Values{"client_id": {c.ClientID}, "token": {token}, "token_type_hint": {"refresh_token"}}
	if c.InstalledAppSecret != "" {
		form.Set("client_secret", c.InstalledAppSecret)
	}
	return c.notify(ctx, md.doc.RevocationEndpoint, form)
}

// Shutdown waits until the refreshes that outlived their callers have stored
// their answers, and tries once more to store what a store would not take.
// Call it before the program ends; without it a new refresh token may be lost
// between the network and the disk. It returns when ctx ends.
func (c *Client) Shutdown(ctx context.Context) error {
	if err := c.core.shutdown(ctx); err != nil {
		return fmt.Errorf("msal: shutdown: %w", err)
	}
	return nil
}

func (c *core) shutdown(ctx context.Context) error {
	err := c.flights.wait(ctx)
	tenants := map[*core]bool{c.root: true, c: true} // c may be forgotten by now
	c.root.tenants.Range(func(_, other any) bool {
		tenants[other.(*core)] = true
		return true
	})
	for tenant := range tenants {
		for s := range tenant.sessions.all() {
			if s.unsaved.Load() == nil {
				continue
			}
			if sn, e := s.saveAgain(ctx); e == nil && sn.warning != nil {
				err = errors.Join(err, sn.warning)
			}
		}
	}
	return err
}
