package azcred_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"

	"github.com/staysigned/staysigned/adapters/azcred"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/msal"
)

// Azure's subscriptions of the person who is signed in.
func Example() {
	signedIn, err := msal.New(msal.Config{
		ClientID:     "11111111-2222-3333-4444-555555555555",
		Authority:    "https://login.microsoftonline.com/organizations",
		Capabilities: []string{"cp1"}, // the SDK answers challenges
		Cache:        keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := armsubscriptions.NewClient(azcred.New(signedIn, nil), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	page, err := client.NewListPager(nil).NextPage(ctx)
	if errors.Is(err, msal.ErrSignInRequired) {
		refused, said := errors.AsType[*msal.ServerError](err)
		if said && refused.Claims != "" {
			signedIn = signedIn.WithClaims(refused.Claims) // for this sign-in alone: the credential has the first one
		}
		_, err = signedIn.SignIn(ctx, msal.Browser{}, "https://management.core.windows.net//.default") // two slashes, as the SDK asks
		if err == nil {
			page, err = client.NewListPager(nil).NextPage(ctx)
		}
	}
	fmt.Println(len(page.Value), err)
}
