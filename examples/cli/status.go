package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

// accountStatus is whether an account gives a token without asking anybody.
type accountStatus struct {
	Account   msal.Account `json:"account"`
	ExpiresOn *time.Time   `json:"expires_on,omitempty"`
	Renewable bool         `json:"renewable"`
	Error     *failure     `json:"error,omitempty"`
}

func (a *app) status() *cobra.Command {
	c := &cobra.Command{
		Use:   "status [scope]...",
		Short: "Say whether a token can be had, and for how long",
		Long: "Say which settings are in force, who is signed in, and whether each gives a token now. It ends with the\n" +
			"code with which \"staysigned token\" would. That may cost one request for each account.",
	}
	return a.action(c, a.withSession(func(ctx context.Context, s *session, scope []string) error {
		all, err := s.client.Accounts(ctx)
		if err != nil {
			return err
		}
		mine := matching(all, s.profile.Account)
		states := make([]accountStatus, len(mine))
		for i, account := range mine {
			states[i].Account = account
			token, failed := s.client.For(account).Token(ctx, s.scopes(scope)...)
			if failed != nil {
				f := a.judge(ctx, failed)
				states[i].Error, err = &f, failed
				continue
			}
			expiry := token.Expiry.UTC().Truncate(time.Second)
			states[i].ExpiresOn, states[i].Renewable = &expiry, token.Renewable
		}
		if len(mine) != 1 {
			_, err = s.find(ctx) // that there is nobody, or a choice to make
		}
		if e := a.printStatus(s, states); e != nil {
			return e
		}
		return err
	}))
}

func (a *app) printStatus(s *session, states []accountStatus) error {
	if a.flags.json {
		return a.printJSON(map[string]any{
			"profile": s.profile.name, "authority": s.profile.Authority, "client_id": s.profile.ClientID,
			"store": s.store.dir, "key": s.store.kind, "accounts": states,
		})
	}
	line := func(name, value string) { a.print(11, "%-10s %s\n", name, plain(value)) }
	line("profile", cmp.Or(s.profile.name, "none"))
	line("authority", s.profile.Authority)
	line("client", s.profile.ClientID)
	line("sessions", s.store.String())
	for _, state := range states {
		line("account", state.Account.String())
		line("token", state.String())
	}
	return nil
}

func (s accountStatus) String() string {
	if s.Error != nil {
		return "none: " + s.Error.message
	}
	life := fmt.Sprintf("valid until %s (%s left)", s.ExpiresOn.Local().Format("15:04"), left(time.Until(*s.ExpiresOn)))
	if s.Renewable {
		return life + ", then renewed without you"
	}
	return life + ", then you sign in again"
}
