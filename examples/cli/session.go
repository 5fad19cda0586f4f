package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/staysigned/staysigned/msal"
)

// session is the library's client with the settings of this run.
type session struct {
	client  *msal.Client
	store   *store
	profile profile
	talk    *talk
}

// open makes the client. It does no I/O but to read the settings.
func (a *app) open() (*session, error) {
	p, err := a.flags.loadProfile()
	if err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	st, err := a.openStore(p)
	if err != nil {
		return nil, err
	}
	cfg := a.config(p)
	cfg.Cache = st.Store
	if a.transport != nil {
		cfg.HTTPClient = &http.Client{Transport: a.transport}
	}
	client, err := msal.New(cfg)
	if err != nil {
		return nil, usage(err)
	}
	return &session{client, st, p, a.talk}, nil
}

// config is all that the library has to know.
func (a *app) config(p profile) msal.Config {
	return msal.Config{
		ClientID:             p.ClientID,
		Authority:            p.Authority,
		Logger:               a.logger(),
		OmitScopes:           p.OmitScopes,
		Provider:             msal.Provider{Name: p.Provider},
		InstalledAppSecret:   p.InstalledAppSecret,
		InsecureLoopbackHTTP: a.flags.insecureLoopbackHTTP,
	}
}

// close waits for a refresh that is on its way: its answer may be the only copy of the next refresh token. After
// Ctrl-C it says what it waits for.
func (s *session) close(ctx context.Context) error {
	if ctx.Err() != nil {
		note := time.AfterFunc(time.Second, func() {
			s.talk.say("Finishing a refresh that is on its way, so that you stay signed in. Ctrl-C again ends it at once.\n")
		})
		defer note.Stop()
	}
	return s.client.Shutdown(context.WithoutCancel(ctx))
}

// chosen is the client for the account that was chosen, or else for the only one.
func (s *session) chosen(ctx context.Context) (*msal.Client, error) {
	if s.profile.Account == "" {
		return s.client, nil
	}
	account, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	return s.client.For(account), nil
}

// find is the account that was chosen, or else the only one.
func (s *session) find(ctx context.Context) (msal.Account, error) {
	all, err := s.client.Accounts(ctx)
	found := matching(all, s.profile.Account)
	switch {
	case len(found) == 1 && (err == nil || s.profile.Account != ""):
		return found[0], nil
	case err != nil:
		return msal.Account{}, err
	case len(found) > 1:
		return msal.Account{}, several(found)
	case s.profile.Account != "":
		return msal.Account{}, fmt.Errorf("%w: nobody is signed in as %s", msal.ErrSignInRequired, s.profile.Account)
	}
	return msal.Account{}, msal.ErrSignInRequired
}

// anID is what IDs of accounts look like: an issuer, most often with a subject, or two GUIDs of Microsoft's.
var anID = regexp.MustCompile(`(?i)^(https?://|[0-9a-f-]{36}\.[0-9a-f-]{36}$)`)

// matching are the accounts that who means: all of them if it is empty. An ID means one account, also if that is not here:
// there are servers at which people write their user names themselves, and somebody may write an ID.
func matching(accounts []msal.Account, who string) (found []msal.Account) {
	for _, a := range accounts {
		switch {
		case a.ID == who:
			return []msal.Account{a}
		case who == "" || !anID.MatchString(who) && (strings.EqualFold(a.Username, who) || strings.EqualFold(a.Email, who)):
			found = append(found, a)
		}
	}
	return found
}

// scopes are those of the command line, else those of the profile.
func (s *session) scopes(given []string) []string {
	if len(given) > 0 {
		return given
	}
	return s.profile.Scopes
}

// token returns a token without asking anybody: no browser, no prompt.
func (s *session) token(ctx context.Context, derive func(*msal.Client) *msal.Client, scope []string) (msal.Token, error) {
	client, err := s.chosen(ctx)
	if err != nil {
		return msal.Token{}, &personError{err, scope}
	}
	token, err := derive(client).Token(ctx, s.scopes(scope)...)
	if errors.Is(err, msal.ErrSignInRequired) {
		return msal.Token{}, &personError{err, scope}
	}
	if errors.Is(err, msal.ErrAccountRequired) {
		return msal.Token{}, s.whichOf(ctx, err)
	}
	if err == nil && token.Warning != nil {
		s.talk.say("%s: the session could not be kept, and may end here: %s\n", program, text(token.Warning))
	}
	return token, err
}

// asIs is for a client that has nothing special to ask for.
func asIs(c *msal.Client) *msal.Client { return c }

// whichOf adds to the error that there are several accounts which ones.
func (s *session) whichOf(ctx context.Context, err error) error {
	all, _ := s.client.Accounts(ctx) // those that can be read
	if len(all) < 2 {
		return err
	}
	return several(all)
}
