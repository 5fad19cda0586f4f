package interop

import (
	"testing"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
	"github.com/stretchr/testify/require"
)

func TestBrowser(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)

	for _, mode := range []string{"", "form_post", "query"} {
		t.Run("response_mode="+mode, func(t *testing.T) {
			client, traffic := newClient(t, p, nil)
			alice := chrome.Person(t)
			token, err := client.SignIn(t.Context(), msal.Browser{
				ResponseMode: mode,
				Open:         alice.Opens(LogsIn("alice"), Consents(), Leaves(p.Issuer)),
			}, "notes.read")
			require.NoError(t, err)
			alice.Waits()
			title, text := alice.Page("signed-in")
			t.Logf("the result page %q:\n%s", title, text)
			require.NotEmpty(t, title)
			require.NotEmpty(t, text)

			require.ElementsMatch(t, []string{"GET /.well-known/openid-configuration", "GET /jwks", "POST /token"}, traffic.Take())
			requireAlice(t, p, token)

			again, err := client.Token(t.Context(), "notes.read")
			require.NoError(t, err)
			require.Equal(t, token.AccessToken(), again.AccessToken())
			require.Empty(t, traffic.Take(), "a valid token costs no request")

			require.Equal(t, "alice", whose(t, p, client), "the provider takes the token")
		})
	}
}

func requireAlice(t *testing.T, p *Provider, token msal.Token) {
	t.Helper()
	require.Equal(t, "Bearer", token.Type)
	require.True(t, token.Renewable)
	require.Zero(t, token.Missing.Len(), "missing: %s", token.Missing)
	for _, scope := range []string{"notes.read", scopes.OpenID, scopes.Profile, scopes.Email, scopes.OfflineAccess} {
		require.True(t, token.Scopes.Has(scope), "%s is not in %s", scope, token.Scopes)
	}
	require.WithinDuration(t, time.Now().Add(time.Hour), token.Expiry, time.Minute)
	require.Equal(t, "alice", token.Account.Username)
	require.Equal(t, "alice Example", token.Account.Name)
	require.Equal(t, p.Issuer, token.Account.Issuer)

	var claims struct {
		Iss   string `json:"iss"`
		Aud   string `json:"aud"`
		Sub   string `json:"sub"`
		Email string `json:"email"`
		Nonce string `json:"nonce"`
	}
	require.NoError(t, token.Claims(&claims))
	require.Equal(t, p.Issuer, claims.Iss)
	require.Equal(t, ClientID, claims.Aud)
	require.Equal(t, "alice", claims.Sub)
	require.Equal(t, "alice@example.test", claims.Email)
	require.NotEmpty(t, claims.Nonce)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)

	t.Run("the person cancels", func(t *testing.T) {
		client, _ := newClient(t, p, nil)
		person := chrome.Person(t)
		_, err := client.SignIn(t.Context(), msal.Browser{Open: person.Opens(Cancels(), Leaves(p.Issuer))}, "notes.read")
		requireServerError(t, err, "access_denied")
		person.Waits()
		title, text := person.Page("refused")
		t.Logf("the result page %q:\n%s", title, text)
	})

	t.Run("nobody is signed in and nobody may be asked", func(t *testing.T) {
		client, _ := newClient(t, p, nil)
		person := chrome.Person(t)
		_, err := client.With(msal.Params{Prompt: "none"}).
			SignIn(t.Context(), msal.Browser{Open: person.Opens(Leaves(p.Issuer))}, "notes.read")
		requireServerError(t, err, "login_required")
	})

	// The provider must not redirect to an address that it does not know (RFC 6749 section 3.1.2.4), so the client
	// hears nothing and can only guess.
	t.Run("the redirect is not registered", func(t *testing.T) {
		client, traffic := newClient(t, p, nil)
		_, err := client.SignIn(t.Context(), msal.Browser{
			RedirectURI: "http://127.0.0.1/elsewhere",
			Timeout:     5 * time.Second,
			Open:        chrome.Person(t).Opens(Sees("redirect_uri")),
		}, "notes.read")
		require.ErrorContains(t, err, "/elsewhere within 5s", "what it waited for")
		require.ErrorContains(t, err, "redirect URI", "what may have to be registered")
		require.NotContains(t, traffic.Take(), "POST /token")
	})
}

func requireServerError(t *testing.T, err error, code string) {
	t.Helper()
	var said *msal.ServerError
	require.ErrorAs(t, err, &said)
	require.Equal(t, code, said.Code)
}

func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)
	client, traffic := newClient(t, p, nil)
	alice := signIn(t, p, client, chrome.Person(t), "alice").Account
	bob := signIn(t, p, client, chrome.Person(t), "bob").Account

	accounts, err := client.Accounts(t.Context())
	require.NoError(t, err)
	require.ElementsMatch(t, []msal.Account{alice, bob}, accounts)
	_, err = client.Token(t.Context(), "notes.read")
	require.ErrorIs(t, err, msal.ErrAccountRequired)

	traffic.Take()
	require.Equal(t, "alice", whose(t, p, client.For(alice)))
	require.Equal(t, "bob", whose(t, p, client.For(bob)))
	require.NotContains(t, traffic.Take(), "POST /token")

	// Signing in again for alice while bob sits at the keyboard must not make alice's session bob's.
	_, err = client.For(alice).SignIn(t.Context(), msal.Browser{
		Open: chrome.Person(t).Opens(LogsIn("bob"), Consents(), Leaves(p.Issuer)),
	}, "notes.read")
	require.Error(t, err)
	require.Equal(t, "alice", whose(t, p, client.For(alice)))

	require.NoError(t, client.For(alice).SignOut(t.Context()))
	_, err = client.For(bob).ForceRefresh().Token(t.Context(), "notes.read")
	require.NoError(t, err, "bob's session is his own")
	require.Equal(t, "bob", whose(t, p, client), "one account is left, so none has to be chosen")
}
