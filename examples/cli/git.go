package main

import (
	"bufio"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/msal"
)

func (a *app) git() *cobra.Command {
	h := &helper{app: a}
	c := &cobra.Command{
		Use:   "git get|store|erase",
		Short: "A credential helper of git",
		Long: "Answer git, which gives the server on standard input (gitcredentials(7)). The token is the password. When\n" +
			"the server has refused it, git says erase, and the next get has a new one; nobody is signed out.",
		Example:   "  git config --global credential.https://git.example.com.helper '!staysigned credential git --host git.example.com'",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"get", "store", "erase"},
	}
	h.flags(c)
	return a.action(c, a.withSession(func(ctx context.Context, s *session, args []string) error {
		q, err := readGit(a.stdin)
		if err != nil {
			return usage(err)
		}
		switch args[0] {
		case "get":
			return h.gitGet(ctx, s, q)
		case "erase":
			return h.gitErase(ctx, s, q)
		}
		return nil // "a helper should silently ignore operations it does not know", and store is none of ours
	}))
}

func (h *helper) gitGet(ctx context.Context, s *session, q gitQuestion) error {
	if !h.serves(s, q.protocol, q.host) {
		return nil // another helper may
	}
	out, err := h.secretOutput()
	if err != nil {
		return err
	}
	token, err := s.token(ctx, asIs, nil)
	if err != nil {
		// Without this git would go on to ask for a password, which nobody has.
		_, _ = fmt.Fprint(out, "quit=1\n")
		return err
	}
	user := q.username
	if user == "" {
		user = h.user(s)
	}
	_, err = fmt.Fprintf(out, "username=%s\npassword=%s\npassword_expiry_utc=%d\n", user, token.AccessToken(), token.Expiry.Unix())
	return err
}

// gitErase replaces a token that the server did not take, if it is the one that is still in use.
func (h *helper) gitErase(ctx context.Context, s *session, q gitQuestion) error {
	if !h.serves(s, q.protocol, q.host) {
		return nil
	}
	token, err := s.token(ctx, asIs, nil)
	if err != nil || subtle.ConstantTimeCompare([]byte(token.AccessToken()), []byte(q.password)) == 0 {
		return err
	}
	_, err = s.token(ctx, (*msal.Client).ForceRefresh, nil)
	return err
}

// gitQuestion is what git says of the server. The password is the one that it erases.
type gitQuestion struct{ protocol, host, username, password string }

// maxGit is more than git ever says.
const maxGit = 1 << 20

// readGit reads lines of the form name=value, to an empty one. They end in LF alone: where a reader takes CR or NUL for an
// end as well, a URL that has one in it means another server to it than to git.
func readGit(r io.Reader) (q gitQuestion, err error) {
	limited := &io.LimitedReader{R: r, N: maxGit}
	for lines := bufio.NewReader(limited); ; {
		line, err := lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			return gitQuestion{}, err
		case limited.N <= 0: // and a name that is cut is another one
			return gitQuestion{}, errors.New("git says too much")
		case line == "":
			return q, nil
		}
		name, value, ok := strings.Cut(line, "=")
		switch {
		case !ok:
			return gitQuestion{}, errors.New("a line from git has no \"=\"")
		case strings.ContainsAny(line, "\r\x00"):
			return gitQuestion{}, errors.New("a line from git has a CR or NUL in it")
		}
		switch name {
		case "protocol":
			q.protocol = value
		case "host":
			q.host = value
		case "username":
			q.username = value
		case "password":
			q.password = value
		}
	}
}
