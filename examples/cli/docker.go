package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/spf13/cobra"
)

func (a *app) docker() *cobra.Command {
	h := &helper{app: a}
	c := &cobra.Command{
		Use:   "docker get|list|store|erase",
		Short: "A credential helper of docker",
		Long: "Answer docker, which gives the registry on standard input. The token is the password. docker finds a helper\n" +
			"by its name: link docker-credential-staysigned to this program, or docker-credential-NAME for the profile\n" +
			"NAME, and set {\"credHelpers\": {\"registry.example.com\": \"staysigned\"}} in ~/.docker/config.json.",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"get", "list", "store", "erase"},
	}
	h.flags(c)
	return a.action(c, a.withSession(func(ctx context.Context, s *session, args []string) error {
		out, err := a.secretOutput()
		if err != nil {
			return err
		}
		r := &registry{helper: h, s: s, ctx: ctx}
		err = credentials.HandleCommand(r, args[0], a.stdin, out)
		if err != nil {
			_, _ = fmt.Fprintln(out, text(err)) // where docker looks for the reason
		}
		if credentials.IsErrCredentialsNotFound(err) {
			return noHosts(r.host) // what a person can do about it
		}
		return err
	}))
}

// registry answers one command of docker, whose interface has no context.
type registry struct {
	*helper
	s    *session
	ctx  context.Context
	host string // that was asked for
}

// Get implements [credentials.Helper].
func (r *registry) Get(serverURL string) (username, secret string, err error) {
	scheme, host := server(serverURL)
	r.host = host
	if !r.serves(r.s, scheme, host) {
		return "", "", credentials.NewErrCredentialsNotFound() // docker goes on without, which may be enough
	}
	token, err := r.s.token(r.ctx, asIs, nil)
	if err != nil {
		return "", "", err
	}
	return r.user(r.s), token.AccessToken(), nil
}

// List implements [credentials.Helper].
func (r *registry) List() (map[string]string, error) {
	if _, err := r.s.find(r.ctx); err != nil {
		return map[string]string{}, nil
	}
	all := map[string]string{}
	for _, host := range append(r.hosts, r.s.profile.Hosts...) {
		all["https://"+host] = r.user(r.s)
	}
	return all, nil
}

// Add implements [credentials.Helper]: docker login has nothing to store.
func (r *registry) Add(*credentials.Credentials) error {
	return errors.New("there is nothing to store; sign in with: " + r.again("login"))
}

// Delete implements [credentials.Helper]: docker logout is for one registry, and a session may be for more.
func (r *registry) Delete(string) error {
	return errors.New("you are still signed in; sign out with: " + r.again("logout"))
}

// server reads what docker calls a server: a URL, or a host. Docker itself speaks http only with this machine.
func server(address string) (scheme, host string) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "https", address
		if loopback(hostOf(rest)) {
			scheme = "http"
		}
	}
	return strings.ToLower(scheme), hostOf(rest)
}

func hostOf(address string) string {
	host, _, _ := strings.Cut(address, "/")
	return host
}
