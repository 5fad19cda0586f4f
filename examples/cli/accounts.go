package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

func (a *app) accounts() *cobra.Command {
	c := &cobra.Command{
		Use:   "accounts",
		Short: "List who is signed in",
		Long:  "List the accounts that are signed in, also those whose session has ended since. It asks no server.",
		Args:  cobra.NoArgs,
	}
	return a.action(c, a.withSession(func(ctx context.Context, s *session, _ []string) error {
		all, err := s.client.Accounts(ctx)
		if err != nil {
			return err
		}
		if a.flags.json {
			return a.printJSON(append([]msal.Account{}, all...)) // not null
		}
		if len(all) == 0 {
			a.talk.say("Nobody is signed in.\n")
			return nil
		}
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "ACCOUNT\tNAME\tID")
		for _, account := range all {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", called(account), plain(account.Name), plain(account.ID))
		}
		return table.Flush()
	}))
}
