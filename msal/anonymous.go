package msal

import (
	"errors"
	"fmt"
)

// What a server that does OAuth 2.0 alone gives (RFC 6749, RFC 8414): access,
// and no word about who gave it.

// errNoOpenID ends nothing: the session waits until the server, or the
// configuration, is again what it was.
var errNoOpenID = errors.New("the session began at an OpenID Provider, and the server is none now, by its metadata or by Config.Provider; correct that, or sign in again")

// anonymous is the one account of such a server. Nobody can say whether the
// next person is the same as the last, so every sign-in replaces what was there.
func (c *core) anonymous() Account {
	return Account{ID: c.authority.AnonymousID(), Issuer: c.authority.Issuer}
}

// checkAnonymous refuses what only an ID token could show, before a person is
// bothered.
func (c *Client) checkAnonymous() error {
	wanted := ""
	switch {
	case c.account != "" && c.account != c.core.anonymous().ID:
		wanted = "that it is the account of For"
	case len(c.core.AllowedTenants) > 0:
		wanted = "the tenant, for AllowedTenants"
	case c.params != nil && c.params.MaxAge > 0:
		wanted = "the age of the sign-in, for Params.MaxAge"
	case c.params != nil && len(c.params.ACRValues) > 0:
		wanted = "how the person signed in, for Params.ACRValues"
	default:
		return nil
	}
	return fmt.Errorf("%s gives no ID tokens, so that nothing would show %s", c.core.Authority, wanted)
}

// unverified returns whose the answer of such a server is. An ID token in it
// was not asked for and cannot be verified: nobody gets to see it.
func (c *core) unverified(got *answer, from origin) (Account, error) {
	got.idToken = ""
	switch account := c.anonymous(); {
	case from.session != nil:
		return from.record.account, nil
	case from.account != "" && from.account != account.ID:
		return Account{}, errNoOpenID
	default:
		return account, nil
	}
}
