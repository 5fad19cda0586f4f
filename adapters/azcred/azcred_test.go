package azcred_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/adapters/azcred"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

const (
	arms     = "https://management.azure.com"
	armScope = "https://management.core.windows.net//.default" // what the SDK asks for
	nbf      = `{"access_token":{"nbf":{"essential":true,"value":"1635527790"}}}`
	acrs     = `{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`
)

// azure is a Microsoft platform with Azure's resource manager.
func azure(t *testing.T) (*msaltest.Platform, *msaltest.API) {
	p := msaltest.New(t)
	p.URL = "https://login.microsoftonline.com"
	p.Imitate("entra")
	api := p.NewAPI(arms, arms)
	api.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"value":[{"subscriptionId":"s-1","displayName":"Production"}]}`)
	})
	return p, api
}

func newClient(t *testing.T, p *msaltest.Platform, capability ...string) *msal.Client {
	c, err := msal.New(msal.Config{
		ClientID: "11111111-2222-3333-4444-555555555555", Authority: p.URL + "/organizations",
		HTTPClient: p.Client(), Capabilities: capability,
	})
	require.NoError(t, err)
	return c
}

func signIn(t *testing.T, p *msaltest.Platform, c *msal.Client, scope ...string) msal.Token {
	token, err := c.SignIn(t.Context(), msal.Browser{Open: p.Browse}, scope...)
	require.NoError(t, err)
	return token
}

func subscriptions(t *testing.T, p *msaltest.Platform, c azcore.TokenCredential) *armsubscriptions.Client {
	client, err := armsubscriptions.NewClient(c, &arm.ClientOptions{ClientOptions: policy.ClientOptions{
		Cloud: cloud.AzurePublic, Transport: p.Client(),
	}})
	require.NoError(t, err)
	return client
}

func names(ctx context.Context, c *armsubscriptions.Client) (names []string, err error) {
	for pager := c.NewListPager(nil); pager.More(); {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return names, err
		}
		for _, s := range page.Value {
			names = append(names, *s.DisplayName)
		}
	}
	return names, nil
}

// A client of Azure's resource manager works, says that it understands challenges,
// and after one tries again with a token that is newer.
func TestResourceManager(t *testing.T) {
	t.Parallel()
	p, api := azure(t)
	c := newClient(t, p, "cp1")
	signIn(t, p, c, armScope)
	client := subscriptions(t, p, azcred.New(c, nil))
	p.ResetLog()
	got, err := names(t.Context(), client)
	require.NoError(t, err)
	require.Equal(t, []string{"Production"}, got)
	require.Zero(t, p.Count("token"), "the token of the sign-in serves")

	api.Challenge(nbf)
	got, err = names(t.Context(), client)
	require.NoError(t, err)
	require.Equal(t, []string{"Production"}, got)
	refreshes := p.TokenRequests("refresh_token")
	require.Len(t, refreshes, 1)
	require.JSONEq(t, `{"access_token":{"nbf":{"essential":true,"value":"1635527790"},"xms_cc":{"values":["cp1"]}}}`,
		refreshes[0].Form.Get("claims"))
	require.Equal(t, []int{200, 401, 200}, statuses(api))
}

// What a refresh does not satisfy ends the call at once, with all that the
// sign-in needs, and after it the same client goes on.
func TestChallengeForPerson(t *testing.T) {
	t.Parallel()
	p, api := azure(t)
	c := newClient(t, p, "cp1")
	signIn(t, p, c, armScope)
	client := subscriptions(t, p, azcred.New(c, nil))
	_, err := names(t.Context(), client)
	require.NoError(t, err)

	api.Challenge(acrs)
	p.ResetLog()
	_, err = names(t.Context(), client)
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	var refused *msal.ServerError
	require.ErrorAs(t, err, &refused)
	require.JSONEq(t, `{"access_token":{"acrs":{"essential":true,"values":["c1"]}}}`, refused.Claims)
	require.Len(t, p.TokenRequests("refresh_token"), 1, "and no retries")

	signIn(t, p, c.WithClaims(refused.Claims), armScope)
	got, err := names(t.Context(), client)
	require.NoError(t, err)
	require.Equal(t, []string{"Production"}, got)
}

// The pipeline for bearer tokens, over TLS on a socket: it asks again when the
// token is due, and many callers share what one gets.
func TestPipeline(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.Header.Get("Authorization")]++
	}))
	t.Cleanup(server.Close)
	p, _ := azure(t)
	c := newClient(t, p, "cp1")
	token := signIn(t, p, c, armScope)
	bearer := runtime.NewBearerTokenPolicy(azcred.New(c.For(token.Account), nil), []string{armScope}, nil)
	pipeline := runtime.NewPipeline("test", "v1", runtime.PipelineOptions{PerRetry: []policy.Policy{bearer}},
		&policy.ClientOptions{Transport: server.Client()})
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			req, err := runtime.NewRequest(t.Context(), http.MethodGet, server.URL)
			if err == nil {
				var resp *http.Response
				if resp, err = pipeline.Do(req); err == nil {
					err = resp.Body.Close()
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	require.Equal(t, map[string]int{"Bearer " + token.AccessToken(): 20}, seen)
}

// The SDK learns when to ask again, and what it then gets is fresh.
func TestTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := azure(t)
		p.AccessTokenLife, p.RefreshIn = time.Hour, 20*time.Minute
		c := newClient(t, p, "cp1")
		token := signInWithoutSocket(t, p, c)
		credential := azcred.New(c, nil)
		got, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{EnableCAE: true, Scopes: []string{armScope}})
		require.NoError(t, err)
		require.Equal(t, azcore.AccessToken{Token: token.AccessToken(), ExpiresOn: token.Expiry, RefreshOn: token.RefreshAfter}, got)
		require.WithinDuration(t, time.Now().Add(20*time.Minute), got.RefreshOn, 3*time.Minute)
		time.Sleep(25 * time.Minute)
		again, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{EnableCAE: true, Scopes: []string{armScope}})
		require.NoError(t, err)
		require.NotEqual(t, got.Token, again.Token)
	})
}

// What GetToken is asked for decides which client, which tenant, and whether there is an answer.
func TestOptions(t *testing.T) {
	t.Parallel()
	p, _ := azure(t)
	cae, plain := newClient(t, p, "cp1"), newClient(t, p)
	fromCAE, fromPlain := signIn(t, p, cae, armScope), signIn(t, p, plain, armScope)
	both, one := azcred.New(cae, plain), azcred.New(cae, nil)
	nobody := azcred.New(newClient(t, p, "cp1"), nil)
	const elsewhere = "99999999-0000-4000-8000-000000000001"
	for name, tc := range map[string]struct {
		credential azcore.TokenCredential
		options    policy.TokenRequestOptions
		want       string
		is         error
		says       string
	}{
		"CAE":               {both, policy.TokenRequestOptions{EnableCAE: true}, fromCAE.AccessToken(), nil, ""},
		"no CAE":            {both, policy.TokenRequestOptions{}, fromPlain.AccessToken(), nil, ""},
		"no client for it":  {one, policy.TokenRequestOptions{}, "", nil, "without CAE"},
		"its tenant":        {one, policy.TokenRequestOptions{EnableCAE: true, TenantID: fromCAE.Account.Tenant}, fromCAE.AccessToken(), nil, ""},
		"another tenant":    {one, policy.TokenRequestOptions{EnableCAE: true, TenantID: elsewhere}, "", nil, elsewhere},
		"no tenant":         {one, policy.TokenRequestOptions{EnableCAE: true, TenantID: "a/b\n"}, "", nil, `"a/b\n"`},
		"nobody":            {nobody, policy.TokenRequestOptions{EnableCAE: true}, "", msal.ErrSignInRequired, ""},
		"nobody's tenant":   {nobody, policy.TokenRequestOptions{EnableCAE: true, TenantID: elsewhere}, "", msal.ErrSignInRequired, ""},
		"claims, no JSON":   {one, policy.TokenRequestOptions{EnableCAE: true, Claims: "[]"}, "", nil, "claims challenge"},
		"a default's scope": {one, policy.TokenRequestOptions{EnableCAE: true, Scopes: []string{"openid"}}, "", scopes.ErrDuplicateDefault, "openid"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.options.Scopes == nil {
				tc.options.Scopes = []string{armScope}
			}
			p.ResetLog()
			got, err := tc.credential.GetToken(t.Context(), tc.options)
			require.Equal(t, tc.want, got.Token)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
			if tc.want == "" {
				require.ErrorContains(t, err, tc.says)
			} else {
				require.NoError(t, err)
			}
			require.Zero(t, p.Count("token"))
		})
	}
}

// An API that names a tenant does not choose who the program acts as: neither another person who is signed in there, nor
// the same one as a guest, whom nothing tells apart from that.
func TestTenantNamedByAPI(t *testing.T) {
	t.Parallel()
	p, other := twoTenants(t)
	c := newClient(t, p, "cp1")
	home := signIn(t, p, c, armScope)
	p.SignInAs(p.Users[1])
	there := signIn(t, p, c.With(msal.Params{Tenant: other}), armScope)
	require.NotEqual(t, home.Account.Username, there.Account.Username)
	require.Equal(t, other, there.Account.Tenant)
	p.ResetLog()
	for name, client := range map[string]*msal.Client{"the only one": c, "chosen": c.For(home.Account)} {
		for _, claims := range []string{"", nbf} {
			got, err := azcred.New(client, nil).GetToken(t.Context(), policy.TokenRequestOptions{
				EnableCAE: true, TenantID: other, Scopes: []string{armScope}, Claims: claims,
			})
			require.ErrorContains(t, err, other, name)
			require.NotErrorIs(t, err, msal.ErrSignInRequired, "no sign-in would help")
			require.Empty(t, got.Token, name)
		}
	}
	for _, r := range p.Requests() {
		require.NotContains(t, r.URL, other)
	}
}

// byTenant is how a program works in several tenants.
type byTenant map[string]azcore.TokenCredential

func (b byTenant) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	credential, ok := b[o.TenantID]
	if !ok {
		return azcore.AccessToken{}, fmt.Errorf("nobody signs in at tenant %q", o.TenantID)
	}
	return credential.GetToken(ctx, o)
}

// A credential for another tenant is for the session there, and its challenges are.
func TestOtherTenant(t *testing.T) {
	t.Parallel()
	p, other := twoTenants(t)
	p.Entra.Tenants[1].Guests = []string{"avery"}
	c := newClient(t, p, "cp1")
	guest := c.With(msal.Params{Tenant: other})
	home, there := signIn(t, p, c, armScope), signIn(t, p, guest, armScope)
	credential := byTenant{"": azcred.New(c, nil), other: azcred.New(guest, nil)}
	for tenant, want := range map[string]string{"": home.AccessToken(), other: there.AccessToken()} {
		o := policy.TokenRequestOptions{EnableCAE: true, TenantID: tenant, Scopes: []string{armScope}}
		got, err := credential.GetToken(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, want, got.Token)
		o.Claims = nbf
		newer, err := credential.GetToken(t.Context(), o)
		require.NoError(t, err)
		require.NotEqual(t, want, newer.Token)
	}
}

// twoTenants is a platform with avery in one tenant and blake in the other.
func twoTenants(t *testing.T) (p *msaltest.Platform, other string) {
	other = "22222222-0000-4000-8000-000000000002"
	p, _ = azure(t)
	p.Entra.Tenants = []msaltest.Tenant{{ID: msaltest.DefaultTenant}, {ID: other}}
	p.Users = []msaltest.User{
		{Subject: "avery", Username: "avery@a.example", TenantID: msaltest.DefaultTenant, ObjectID: "aaaaaaaa-0000-4000-8000-000000000001"},
		{Subject: "blake", Username: "blake@b.example", TenantID: other, ObjectID: "aaaaaaaa-0000-4000-8000-000000000002"},
	}
	return p, other
}

func statuses(api *msaltest.API) (list []int) {
	for _, r := range api.Requests() {
		list = append(list, r.Status)
	}
	return list
}

// signInWithoutSocket plays the browser: a bubble has no sockets.
func signInWithoutSocket(t *testing.T, p *msaltest.Platform, c *msal.Client) msal.Token {
	z, err := c.Authorize(t.Context(), "http://localhost", armScope)
	require.NoError(t, err)
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(z.URL())
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	token, err := z.Redeem(t.Context(), back.Query())
	require.NoError(t, err)
	return token
}
