package tokensource_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-github/v75/github"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// GitHub's API, for the person who is signed in.
func Example() {
	client, err := msal.New(msal.Config{
		ClientID:  "Iv1.0123456789abcdef", // a GitHub App with device flow
		Authority: "https://github.com/login/oauth",
		Cache:     keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	hub := github.NewClient(&http.Client{
		Transport:     &oauth2.Transport{Source: client.TokenSource(context.Background())},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token would go along
	})
	user, _, err := hub.Users.Get(context.Background(), "")
	fmt.Println(user.GetLogin(), err)
}

// api is GitHub's answer to "who am I", for whoever has the token.
type api struct {
	idp  *msaltest.Platform
	seen []string
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.seen = append(a.seen, r.Header.Get("Authorization"))
	_ = json.NewEncoder(w).Encode(map[string]string{"login": "avery"})
}

// The library's client brings the token of the moment, and stops with the session.
func TestGitHub(t *testing.T) {
	t.Parallel()
	idp := msaltest.New(t)
	idp.Imitate("github-app")
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL + "/login/oauth", HTTPClient: idp.Client()})
	require.NoError(t, err)
	token, err := client.SignIn(t.Context(), msal.Browser{Open: idp.Browse})
	require.NoError(t, err)

	a := &api{idp: idp}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	hub := github.NewClient(&http.Client{Transport: &oauth2.Transport{Source: client.TokenSource(t.Context())}})
	hub.BaseURL, err = url.Parse(server.URL + "/")
	require.NoError(t, err)

	user, _, err := hub.Users.Get(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, "avery", user.GetLogin())
	newer, err := client.ForceRefresh().Token(t.Context())
	require.NoError(t, err)
	_, _, err = hub.Users.Get(t.Context(), "")
	require.NoError(t, err)
	require.Equal(t, []string{"Bearer " + token.AccessToken(), "Bearer " + newer.AccessToken()}, a.seen)

	require.NoError(t, client.SignOut(t.Context()))
	_, _, err = hub.Users.Get(t.Context(), "")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.Len(t, a.seen, 2)
}

// With an oauth2.Transport the token goes along to where a redirect leads, unless the client stays; HTTPClient's does not.
func TestRedirect(t *testing.T) {
	t.Parallel()
	idp := &msaltest.Platform{}
	idp.Start()
	t.Cleanup(idp.Close)
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL, InsecureLoopbackHTTP: true})
	require.NoError(t, err)
	token, err := client.SignIn(t.Context(), msal.Browser{Open: idp.Browse})
	require.NoError(t, err)
	other := &api{}
	elsewhere := httptest.NewServer(other)
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusFound))
	t.Cleanup(server.Close)
	transport := &oauth2.Transport{Source: client.TokenSource(t.Context())}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, row := range []struct {
		name   string
		client *http.Client
		seen   []string // elsewhere
	}{
		{"oauth2.Transport", &http.Client{Transport: transport}, []string{"Bearer " + token.AccessToken()}},
		{"that stays", &http.Client{Transport: transport, CheckRedirect: stay}, nil},
		{"HTTPClient", client.HTTPClient(server.URL), []string{""}},
	} {
		other.seen = nil
		resp, err := row.client.Get(server.URL)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, row.seen, other.seen, row.name)
	}
}
