// Package azcred gives the sessions of package msal to the Azure SDK for Go: an
// azcore.TokenCredential for people who are signed in.
//
//	client, err := armsubscriptions.NewClient(azcred.New(signedIn, nil), nil)
//
// It asks nobody. Where a person is needed the SDK's call fails, after no
// further try, with msal.ErrSignInRequired for errors.Is, and a *msal.ServerError
// for errors.As where the server said why. Sign in with the msal.Client that the
// credential was made from, through WithClaims if the ServerError has Claims, and
// call again.
package azcred

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/staysigned/staysigned/msal"
)

// New returns a credential for the account of a Client; with several accounts,
// make one for each from Client.For.
//
// The clients of the Azure SDK ask for tokens with continuous access evaluation
// (CAE), and answer its challenges. Those come from cae, whose
// Config.Capabilities have "cp1". Such a token may live for a day, because an API
// that no longer wants it says so, and whoever does not understand that is locked
// out meanwhile. So a request with EnableCAE unset goes to plain, a Client
// without capabilities and with another Cache, as one session has one set of
// tokens. If plain is nil such requests fail: few programs make any.
//
//	cae:   msal.Config{..., Cache: keychain.New("myapp"), Capabilities: []string{"cp1"}}
//	plain: msal.Config{..., Cache: keychain.New("myapp-plain")}
//
// A person signs in with each of the two. Nothing here can tell one from the
// other: if they are swapped, all is well until an API challenges.
//
// A credential is for one tenant, that of the account. A request for another one
// fails, whoever is signed in there: the SDK passes on the tenant that an API
// names in a challenge, and the account there may be another person's. For a
// second tenant make a second credential, from Client.With(Params{Tenant}), and
// choose among them by policy.TokenRequestOptions.TenantID.
func New(cae, plain *msal.Client) azcore.TokenCredential {
	return &credential{cae, plain}
}

type credential struct{ cae, plain *msal.Client }

// GetToken implements azcore.TokenCredential. Claims are a challenge that only a
// token obtained from now on satisfies.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	client := c.cae
	if !o.EnableCAE {
		client = c.plain
	}
	if client == nil {
		return azcore.AccessToken{}, errors.New("azcred: the request is for a token without CAE; give New a second client, without the capability cp1")
	}
	if o.Claims != "" {
		client = client.WithClaims(o.Claims)
	}
	t, err := client.Token(ctx, o.Scopes...)
	if err != nil {
		return azcore.AccessToken{}, fmt.Errorf("azcred: %w", err)
	}
	if o.TenantID != "" && !strings.EqualFold(o.TenantID, t.Account.Tenant) {
		return azcore.AccessToken{}, fmt.Errorf("azcred: the request is for tenant %.80q, and the account is of %q; give the program a credential of its own for that tenant",
			o.TenantID, t.Account.Tenant)
	}
	return azcore.AccessToken{Token: t.AccessToken(), ExpiresOn: t.Expiry, RefreshOn: t.RefreshAfter}, nil
}
