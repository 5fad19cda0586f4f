package interop

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// file is where MSAL keeps its cache.
type file struct{ data []byte }

func (f *file) Replace(_ context.Context, c cache.Unmarshaler, _ cache.ReplaceHints) error {
	if f.data == nil {
		return nil
	}
	return c.Unmarshal(f.data)
}

func (f *file) Export(_ context.Context, c cache.Marshaler, _ cache.ExportHints) (err error) {
	f.data, err = c.Marshal()
	return err
}

// MSAL for Go signs somebody in and writes its cache. Import takes the session
// over with one request, and MSAL can go on beside it.
func TestImportFromMSAL(t *testing.T) {
	t.Parallel()
	const tenant, object = "11111111-2222-4333-8444-555555555555", "aaaaaaaa-0000-4000-8000-00000000a1a1"
	p := msaltest.New(t)
	p.URL, p.Rotation = "https://login.microsoftonline.com", msaltest.KeepOld
	p.Entra = &msaltest.Entra{Tenants: []msaltest.Tenant{{ID: tenant}}}
	p.Users = []msaltest.User{{Subject: "avery", Username: "avery@contoso.example", TenantID: tenant, ObjectID: object}}
	written := &file{}
	theirs, err := public.New(ClientID,
		public.WithAuthority(p.URL+"/organizations"),
		public.WithHTTPClient(p.Client()), public.WithCache(written))
	require.NoError(t, err)
	const redirect = "http://localhost"
	address, err := theirs.AuthCodeURL(t.Context(), ClientID, redirect,
		[]string{"User.Read", "Mail.Read", "openid", "profile", "email", "offline_access"}) // here MSAL adds none by itself
	require.NoError(t, err)
	verifier := oauth2.GenerateVerifier()
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(address + "&code_challenge_method=S256&code_challenge=" + oauth2.S256ChallengeFromVerifier(verifier))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	back, err := answer.Location()
	require.NoError(t, err)
	signedIn, err := theirs.AcquireTokenByAuthCode(t.Context(), back.Query().Get("code"), redirect, []string{"User.Read"}, public.WithChallenge(verifier))
	require.NoError(t, err)

	ours, err := msal.New(msal.Config{ClientID: ClientID, Authority: p.URL + "/organizations", HTTPClient: p.Client()})
	require.NoError(t, err)
	p.ResetLog()
	accounts, err := ours.Import(t.Context(), written.data, "User.Read")
	require.NoError(t, err)
	require.Len(t, accounts, 1)
	require.Equal(t, signedIn.Account.HomeAccountID, accounts[0].ObjectID+"."+accounts[0].Tenant)
	require.Equal(t, signedIn.Account.PreferredUsername, accounts[0].Username)
	require.Len(t, p.TokenRequests(""), 1)

	p.ResetLog()
	token, err := ours.Token(t.Context(), "User.Read")
	require.NoError(t, err)
	require.True(t, token.Renewable)
	require.WithinDuration(t, time.Now().Add(time.Hour), token.Expiry, 10*time.Minute)
	_, err = ours.Import(t.Context(), written.data, "User.Read")
	require.NoError(t, err)
	require.Zero(t, p.Count())
	_, err = ours.ForceRefresh().Token(t.Context(), "User.Read")
	require.NoError(t, err)
	require.Equal(t, 1, p.Count())

	_, err = theirs.AcquireTokenSilent(t.Context(), []string{"Mail.Read"}, public.WithSilentAccount(signedIn.Account))
	require.NoError(t, err, "MSAL goes on with its own copy")
	require.True(t, p.SessionAlive("avery"))
}
