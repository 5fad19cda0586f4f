package interop

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/staysigned/staysigned/msal"
	"github.com/stretchr/testify/require"
)

func TestSignOut(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)
	client, traffic := newClient(t, p, newStore(t).open())
	signIn(t, p, client, chrome.Person(t), "alice")
	traffic.Take()

	require.NoError(t, client.SignOut(t.Context()))
	require.Contains(t, traffic.Take(), "POST /token/revocation")
	require.False(t, spend(t, p, traffic.RefreshTokens()[0]), "the provider was told")

	_, err := client.Token(t.Context(), "notes.read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.Empty(t, traffic.Take(), "there is nothing to ask the provider for")
	accounts, err := client.Accounts(t.Context())
	require.NoError(t, err)
	require.Empty(t, accounts)
}

func TestRevokedByOthers(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)
	client, traffic := newClient(t, p, nil)
	token := signIn(t, p, client, chrome.Person(t), "alice")
	status := post(t, p.Issuer+"/token/revocation", url.Values{"token": traffic.RefreshTokens()})
	require.Equal(t, http.StatusOK, status)

	_, err := client.ForceRefresh().Token(t.Context(), "notes.read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	requireServerError(t, err, "invalid_grant")
	accounts, err := client.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []msal.Account{token.Account}, accounts, "the account stays, for the hint of the next sign-in")

	traffic.Take()
	signIn(t, p, client, chrome.Person(t), "alice")
	require.Equal(t, "alice", whose(t, p, client))
}
