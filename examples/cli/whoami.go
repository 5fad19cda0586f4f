package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) whoami() *cobra.Command {
	var claims bool
	c := &cobra.Command{
		Use:   "whoami",
		Short: "Print who is signed in",
		Long: "Print the user name of the account. It asks no server; with --claims it may, and prints the claims of\n" +
			"the verified ID token.",
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&claims, "claims", false, "the claims of the ID token, in JSON")
	return a.action(c, a.withSession(func(ctx context.Context, s *session, _ []string) error {
		if claims {
			token, err := s.token(ctx, asIs, nil)
			if err != nil {
				return err
			}
			var all json.RawMessage
			if err := token.Claims(&all); err != nil {
				return err
			}
			return a.printJSON(all)
		}
		account, err := s.find(ctx)
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.printJSON(account)
		}
		_, err = fmt.Fprintln(a.stdout, called(account))
		return err
	}))
}
