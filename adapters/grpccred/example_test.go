package grpccred_test

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/staysigned/staysigned/adapters/grpccred"
	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// Every call through the connection brings a token that is valid.
func Example() {
	client, err := msal.New(msal.Config{
		ClientID:  "reporter",
		Authority: "https://login.example.com",
		Cache:     cache.Dir("/var/lib/reporter", cache.KeyFile("/run/secrets/reporter/key")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	conn, err := grpc.NewClient("reports.example.com:443",
		grpc.WithTransportCredentials(credentials.NewTLS(nil)),
		grpc.WithPerRPCCredentials(grpccred.New(client, "reports.read")),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
}
