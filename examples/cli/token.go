package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

func (a *app) token() *cobra.Command {
	var header, show, refresh bool
	var claims string
	c := &cobra.Command{
		Use:   "token [scope]...",
		Short: "Print an access token, for a program",
		Long: "Print an access token. It asks nobody: if only a sign-in can give one, it ends with code 3.\n" +
			"A token is not for a screen: where standard output is a terminal it wants --show.",
		Example: "  staysigned token --header | curl -H @- https://graph.microsoft.com/v1.0/me\n" +
			"  TOKEN=$(staysigned token User.Read) || exit",
	}
	c.Flags().BoolVar(&header, "header", false, "as the header \"Authorization: Bearer ...\"")
	c.Flags().BoolVar(&show, "show", false, "on a terminal, too")
	c.Flags().BoolVar(&refresh, "force-refresh", false, "a new one, also if the present one is valid")
	c.Flags().StringVar(&claims, "claims", "", "one that satisfies the claims `challenge` of an API, as JSON or in base64")
	return a.action(c, a.withSession(func(ctx context.Context, s *session, scope []string) error {
		if header && a.flags.json {
			return usage(errors.New("--header or --json, not both"))
		}
		out, err := a.secretOutput()
		if err != nil && !show {
			return fmt.Errorf("%w, or say --show", err)
		}
		token, err := s.token(ctx, func(client *msal.Client) *msal.Client {
			if refresh {
				client = client.ForceRefresh()
			}
			if claims != "" {
				client = client.WithClaims(claims)
			}
			return client
		}, scope)
		if err != nil {
			return err
		}
		switch {
		case a.flags.json:
			return json.NewEncoder(visible{out}).Encode(tokenJSON(token))
		case header:
			_, err = fmt.Fprintf(out, "Authorization: %s %s\n", token.Type, token.AccessToken())
		default:
			_, err = fmt.Fprintln(out, token.AccessToken())
		}
		return err
	}))
}

// secretOutput is where a token may be written to. That nobody sees it by accident is the one reason why it can not be:
// it would stay in the scroll-back, in a recording, in a shared screen.
func (a *app) secretOutput() (io.Writer, error) {
	if isTerminal(a.stdout) {
		return a.stdout, usage(errors.New("standard output is a terminal, where the token would stay to be read; pipe it to a program"))
	}
	return a.stdout, nil
}

// tokenJSON has the names of RFC 6749 section 5.1, and what is of use beyond them.
func tokenJSON(t msal.Token) any {
	return struct {
		AccessToken string       `json:"access_token"`
		TokenType   string       `json:"token_type"`
		ExpiresIn   int          `json:"expires_in"`
		ExpiresOn   time.Time    `json:"expires_on"`
		Scope       string       `json:"scope"`
		Missing     string       `json:"missing_scope,omitempty"`
		Account     msal.Account `json:"account"`
	}{
		t.AccessToken(), t.Type, int(time.Until(t.Expiry).Seconds()), t.Expiry.UTC().Truncate(time.Second),
		t.Scopes.String(), t.Missing.String(), t.Account,
	}
}

// print writes lines for a person, which go on at the indent if the terminal is too narrow for them.
func (a *app) print(indent int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if isTerminal(a.stdout) {
		text = fold(text, width(a.stdout), indent)
	}
	_, _ = io.WriteString(a.stdout, text)
}

// printJSON writes an answer.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(visible{a.stdout})
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
