package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// credential are the protocols by which other programs ask for a token. None of them asks a person or opens a browser.
func (a *app) credential() *cobra.Command {
	c := &cobra.Command{
		Use:   "credential",
		Short: "Give tokens to kubectl, git and docker",
		Long:  "Speak the protocols by which kubectl, git and docker ask for a credential. None of these asks a person.",
	}
	a.group(c)
	c.AddCommand(a.kubernetes(), a.git(), a.docker())
	return c
}

// helper is what git and docker have in common: they name a server, and only those that the person has named get the
// token. Without that, a repository that includes another one from somewhere else would carry it there.
type helper struct {
	*app
	hosts    []string
	username string
}

func (h *helper) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&h.hosts, "host", nil, "`hosts` that get the token; those of the profile if none is given")
	c.Flags().StringVar(&h.username, "username", "", "the user `name` that goes along; the profile's, or oauth2")
}

// serves tells whether the token is for this server, given as git and docker give it.
func (h *helper) serves(s *session, scheme, host string) bool {
	hosts := h.hosts
	if len(hosts) == 0 {
		hosts = s.profile.Hosts
	}
	if !slices.ContainsFunc(hosts, func(mine string) bool { return lower(mine) == lower(host) }) {
		return false
	}
	return scheme == "https" || h.app.flags.insecureLoopbackHTTP && scheme == "http" && loopback(host)
}

// lower lowers ASCII alone, as DNS does. To Unicode a Kelvin sign is a "k", too; but it is in the name of another host.
func lower(host string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r - 'A' + 'a'
		}
		return r
	}, host)
}

func (h *helper) user(s *session) string {
	switch {
	case h.username != "":
		return h.username
	case s.profile.Username != "":
		return s.profile.Username
	}
	return "oauth2"
}

// loopback tells whether host, with or without a port, is an address of this machine.
func loopback(host string) bool {
	u, err := url.Parse("http://" + host)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return err == nil && address.IsLoopback()
}

// noHosts is the advice of a helper that serves nobody.
func noHosts(host string) error {
	return usage(fmt.Errorf("%q gets no token: name it with --host, or in the profile's hosts", plain(host)))
}
