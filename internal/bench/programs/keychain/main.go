// Keychain is the program staysigned with its key in the keychain of the system, which is the default for programs that people
// run.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/internal/bench/programs/reroute"
	"github.com/staysigned/staysigned/msal"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	server := flag.String("server", "", "address")
	client, authority := flag.String("client", "", "client ID"), flag.String("authority", "", "of the platform")
	flag.Parse()
	c, err := msal.New(msal.Config{
		ClientID: *client, Authority: *authority, HTTPClient: reroute.Client(*server), Cache: keychain.New("staysigned-bench"),
	})
	if err != nil {
		return err
	}
	token, err := c.Token(context.Background(), flag.Args()...)
	if err != nil {
		return err
	}
	fmt.Println(len(token.AccessToken()))
	_, err = io.Copy(io.Discard, os.Stdin) // who measures may want to look
	return err
}
