package main

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// Microsoft's platform and an API of it: a challenge that a refresh satisfies is not seen, and one that needs a person
// fails with the claims to sign in with.
func TestEntraChallenges(t *testing.T) {
	t.Parallel()
	const contoso, scope = "https://api.contoso.example", "api://contoso/Things.Read"
	idp := msaltest.New(t)
	idp.URL = "https://login.microsoftonline.com"
	idp.Imitate("entra")
	api := idp.NewAPI(contoso, "api://contoso", "Things.Read")
	client, err := msal.New(msal.Config{
		ClientID: "11111111-2222-3333-4444-555555555555", Authority: idp.URL + "/organizations",
		Capabilities: []string{"cp1"}, HTTPClient: idp.Client(),
	})
	require.NoError(t, err)
	_, err = client.SignIn(t.Context(), msal.Browser{Open: idp.Browse}, scope)
	require.NoError(t, err)
	call := func() error {
		_, err := get(t.Context(), client, contoso+"/things", []string{scope})
		return err
	}
	require.NoError(t, call())

	api.Challenge(`{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`)
	require.NoError(t, call())
	require.Len(t, idp.TokenRequests("refresh_token"), 1)

	api.Challenge(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`)
	err = call()
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	refused, said := errors.AsType[*msal.ServerError](err)
	require.True(t, said)
	_, err = client.WithClaims(refused.Claims).SignIn(t.Context(), msal.Browser{Open: idp.Browse}, scope)
	require.NoError(t, err)
	require.NoError(t, call())
	var statuses []int
	for _, r := range api.Requests() {
		statuses = append(statuses, r.Status)
	}
	require.Equal(t, []int{http.StatusOK, http.StatusUnauthorized, http.StatusOK, http.StatusUnauthorized, http.StatusOK}, statuses)
}
