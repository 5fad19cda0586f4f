package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) unlock() *cobra.Command {
	c := &cobra.Command{
		Use:   "unlock",
		Short: "Open the keychain, or give the passphrase",
		Long: "Get the key to the sessions, asking you if need be: the keychain asks for its password, and a key with a\n" +
			"passphrase for that. No other command does but login, so that none asks in the middle of a script.",
		Args: cobra.NoArgs,
	}
	return a.action(c, a.withSession(func(ctx context.Context, s *session, _ []string) error {
		if err := s.store.unlock(ctx); err != nil {
			return err
		}
		a.talk.say("%s The key to %s can be had.\n", a.talk.green("✓"), plain(tilde(s.store.dir)))
		return nil
	}))
}
