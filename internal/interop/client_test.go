package interop

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/stretchr/testify/require"
)

// newClient returns a client of the provider and what it sends. Without prompt=consent this provider drops
// offline_access silently, as OpenID Connect Core 1.0 section 11 allows.
func newClient(t *testing.T, p *Provider, store cache.Store) (*msal.Client, *Traffic) {
	t.Helper()
	traffic := &Traffic{}
	client, err := msal.New(msal.Config{
		ClientID:             ClientID,
		Authority:            p.Issuer,
		Cache:                store,
		HTTPClient:           &http.Client{Transport: traffic},
		InsecureLoopbackHTTP: true,
	})
	require.NoError(t, err)
	return client.With(msal.Params{Prompt: "consent"}), traffic
}

// signIn signs a new person in and returns the token.
func signIn(t *testing.T, p *Provider, client *msal.Client, person *Person, name string) msal.Token {
	t.Helper()
	token, err := client.SignIn(t.Context(), msal.Browser{
		Open: person.Opens(LogsIn(name), Consents(), Leaves(p.Issuer)),
	}, "notes.read")
	require.NoError(t, err)
	person.Waits()
	return token
}

// expire waits until the provider no longer takes the token: its clock is real.
func expire(token msal.Token) { <-time.After(time.Until(token.Expiry)) }

// post is somebody who has got hold of a refresh token: no client of ours.
func post(t *testing.T, endpoint string, form url.Values) int {
	t.Helper()
	form.Set("client_id", ClientID)
	answer, err := http.PostForm(endpoint, form)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// spend tries a refresh token out and reports whether the provider takes it.
func spend(t *testing.T, p *Provider, refreshToken string) bool {
	t.Helper()
	status := post(t, p.Issuer+"/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}})
	require.Contains(t, []int{http.StatusOK, http.StatusBadRequest}, status)
	return status == http.StatusOK
}

// whose asks the provider whom the client's token stands for.
func whose(t *testing.T, p *Provider, client *msal.Client) string {
	t.Helper()
	answer, err := client.HTTPClient(p.Issuer, "notes.read").Get(p.Issuer + "/me")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	var info struct{ Sub string }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&info))
	return info.Sub
}
