package main

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

func (a *app) logout() *cobra.Command {
	var all, purge bool
	c := &cobra.Command{
		Use:   "logout",
		Short: "Sign out, here and at the server",
		Long: "Forget the session, then ask the server to revoke it, if it has a way to be asked: Microsoft's has none, and\n" +
			"then this says so. If only that fails the error says that you are signed out here, and that the server was\n" +
			"not told. After any other error the session may still be here.",
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&all, "all", false, "every account of this client and authority")
	c.Flags().BoolVar(&purge, "purge", false, "the same, then remove the whole store and its key, other profiles' sessions too")
	server := &told{}
	run := a.withSession(func(ctx context.Context, s *session, _ []string) error {
		err := s.signOut(ctx, all || purge, server)
		if purge {
			err = errors.Join(err, s.store.purge(ctx))
		}
		return err
	})
	return a.action(c, func(ctx context.Context, args []string) error {
		a.transport = server
		return run(ctx, args)
	})
}

// told is a transport that knows whether the server was told of a sign-out. To a server that has no way to be told (RFC 7009)
// the library says nothing, and that is no error: many have none. What a sign-out posts tells the server.
type told struct{ posts atomic.Int32 }

// RoundTrip implements [http.RoundTripper].
func (t *told) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		t.posts.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (s *session) signOut(ctx context.Context, all bool, server *told) error {
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
		before := server.posts.Load()
		e := s.client.For(account).SignOut(ctx)
		switch {
		case e == nil && server.posts.Load() == before:
			s.talk.say("%s Signed out %s, here. The server has no way to be told, or gave no refresh token: the session there ends by itself, or in the settings of your account.\n",
				s.talk.green("✓"), account)
		case e == nil:
			s.talk.say("%s Signed out %s, here and at the server.\n", s.talk.green("✓"), account)
		case errors.Is(e, msal.ErrNotRevoked):
			s.talk.say("%s Signed out %s, but only here.\n", s.talk.bold("!"), account)
		}
		err = errors.Join(err, e)
	}
	return err
}
