package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

func (a *app) logout() *cobra.Command {
	var all, purge bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "Sign out, here and at the server",
		Long: "Forget the session, then ask the server to revoke it. If only that fails the error says that you are signed\n" +
			"out here, and that the server was not told. After any other error the session may still be here.",
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&all, "all", false, "every account of this client and authority")
	c.Flags().BoolVar(&purge, "purge", false, "the same, then remove the whole store and its key, other profiles' sessions too")
	return a.action(c, a.withSession(func(ctx context.Context, s *session, _ []string) error {
		err := s.signOut(ctx, all || purge)
		if purge {
			err = errors.Join(err, s.store.purge(ctx))
		}
		return err
	}))
}

func (s *session) signOut(ctx context.Context, all bool) error {
	accounts, err := s.client.Accounts(ctx)
	if err != nil {
		// The library knows how to forget what cannot be read, as while the keychain is locked.
		return s.client.SignOut(ctx)
	}
	if !all {
		account, err := s.find(ctx)
		if errors.Is(err, msal.ErrSignInRequired) {
			s.talk.say("Nobody is signed in.\n")
			return nil
		}
		if err != nil {
			return err
		}
		accounts = []msal.Account{account}
	}
	for _, account := range accounts {
		e := s.client.For(account).SignOut(ctx)
		switch {
		case e == nil:
			s.talk.say("%s Signed out %s, here and at the server.\n", s.talk.green("✓"), account)
		case errors.Is(e, msal.ErrNotRevoked):
			s.talk.say("%s Signed out %s, but only here.\n", s.talk.bold("!"), account)
		}
		err = errors.Join(err, e)
	}
	return err
}
