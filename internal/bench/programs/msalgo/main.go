// Msalgo prints the length of a token that MSAL Go has cached, from a file that is kept as its sample does, or through
// the official extension.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	extension "github.com/AzureAD/microsoft-authentication-extensions-for-go/cache"
	"github.com/AzureAD/microsoft-authentication-extensions-for-go/cache/accessor/file"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"github.com/staysigned/staysigned/internal/bench/programs/reroute"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	path, official, discovery := flag.String("file", "", "of the cache"), flag.Bool("extension", false, "through the extension"), flag.Bool("discovery", true, "of instances, the default")
	server, client, authority := flag.String("server", "", "address"), flag.String("client", "", "client ID"), flag.String("authority", "", "of the platform")
	flag.Parse()
	var store cache.ExportReplace = plain(*path)
	if *official {
		storage, err := file.New(*path)
		if err != nil {
			return err
		}
		if store, err = extension.New(storage, *path+".time"); err != nil {
			return err
		}
	}
	c, err := public.New(*client, public.WithAuthority(*authority), public.WithHTTPClient(reroute.Client(*server)),
		public.WithCache(store), public.WithInstanceDiscovery(*discovery))
	if err != nil {
		return err
	}
	accounts, err := c.Accounts(context.Background())
	if err != nil {
		return err
	}
	if len(accounts) == 0 {
		return errors.New("nobody is signed in")
	}
	got, err := c.AcquireTokenSilent(context.Background(), flag.Args(), public.WithSilentAccount(accounts[0]))
	if err != nil {
		return err
	}
	fmt.Println(len(got.AccessToken))
	_, err = io.Copy(io.Discard, os.Stdin) // who measures may want to look
	return err
}

type plain string

func (f plain) Replace(_ context.Context, c cache.Unmarshaler, _ cache.ReplaceHints) error {
	data, err := os.ReadFile(string(f))
	if err != nil {
		return err
	}
	return c.Unmarshal(data)
}

func (f plain) Export(_ context.Context, c cache.Marshaler, _ cache.ExportHints) error {
	data, err := c.Marshal()
	if err != nil {
		return err
	}
	return os.WriteFile(string(f), data, 0o600)
}
