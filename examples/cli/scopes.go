package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/staysigned/staysigned/scopes"
)

func (a *app) scopes() *cobra.Command {
	c := &cobra.Command{
		Use:   "scopes",
		Short: "Explain what scopes mean",
		Long:  "Explain what scopes mean, and what becomes of them.",
	}
	a.group(c)
	c.AddCommand(a.explain())
	return c
}

func (a *app) explain() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "explain [scope]...",
		Short: "Say what a sign-in with these scopes asks for, and who has to consent",
		Long: "Say what each scope means, what a sign-in would send of them, what goes along by itself, and who has to\n" +
			"consent. It asks no server. It ends with the code with which login would, if that refuses them.",
		Example: "  staysigned scopes explain Mail.Read --catalog graph-delegated-permissions.json",
	}
	c.Flags().StringVar(&file, "catalog", "", "a `file` with the permissions of Microsoft Graph; a few are built in")
	return a.action(c, a.withSession(func(_ context.Context, s *session, scope []string) error {
		catalog, err := loadCatalog(file)
		if err != nil {
			return usage(err)
		}
		e := s.client.Explain(catalog, s.scopes(scope)...)
		if a.flags.json {
			err = a.printJSON(e)
		} else {
			_, err = io.WriteString(a.stdout, e.String())
		}
		if err != nil {
			return err
		}
		return e.Err
	}))
}

// loadCatalog reads the file, if there is one: without, the library knows a few permissions.
func loadCatalog(name string) (*scopes.Catalog, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	catalog, err := scopes.LoadCatalog(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return catalog, nil
}
