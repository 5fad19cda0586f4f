package msal_test

import (
	"net/url"
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

var (
	avery  = msaltest.User{Subject: "avery", Username: "avery@idp.example", Name: "Avery Example", Email: "avery@idp.example", TenantID: "11111111-0000-4000-8000-000000000001"}
	blake  = msaltest.User{Subject: "blake", Username: "blake@idp.example", Name: "Blake Example", TenantID: "22222222-0000-4000-8000-000000000002"}
	people = []msaltest.User{avery, blake}
)

func query(t testing.TB, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Query()
}

// A client for one account hints at it, also in a process that has only its ID,
// and takes nobody else.
func TestSignInForAnAccount_AC02(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	store := cache.Memory()
	with := func(cfg *msal.Config) { cfg.Cache = store }
	first := signIn(t, p, newClient(t, p, with), "read")
	require.Equal(t, "avery", first.Account.Subject)

	c := newClient(t, p, with)
	one := c.For(msal.Account{ID: first.Account.ID})
	z, err := one.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	require.Equal(t, avery.Username, query(t, z.URL()).Get("login_hint"))
	z, err = one.With(msal.Params{LoginHint: "chosen"}).Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	require.Equal(t, "chosen", query(t, z.URL()).Get("login_hint"))
	z, err = c.Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	require.NotContains(t, query(t, z.URL()), "login_hint")
	z, err = c.For(msal.Account{ID: "unknown"}).Authorize(t.Context(), testRedirect, "read")
	require.NoError(t, err)
	require.NotContains(t, query(t, z.URL()), "login_hint")

	p.SignInAs(blake)
	z, callback := begin(t, p, one, "read")
	_, err = z.Redeem(t.Context(), callback)
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.ErrorContains(t, err, "somebody else")
	accounts, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []msal.Account{first.Account}, accounts)
	token, err := one.Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, first.AccessToken(), token.AccessToken())

	p.SignInAs(avery)
	z, callback = begin(t, p, one, "read")
	token, err = z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	require.NotEqual(t, first.AccessToken(), token.AccessToken())
	require.Equal(t, first.Account, token.Account)
}

func TestAllowedTenants(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	c := newClient(t, p, func(cfg *msal.Config) {
		cfg.AllowedTenants = []string{"99999999-0000-4000-8000-00000000000f", avery.TenantID}
	})
	p.SignInAs(blake)
	z, callback := begin(t, p, c, "read")
	_, err := z.Redeem(t.Context(), callback)
	require.ErrorContains(t, err, `tenant "`+blake.TenantID+`" is not among AllowedTenants`)
	requireNobody(t, c)
	p.SignInAs(avery)
	require.Equal(t, avery.TenantID, signIn(t, p, c, "read").Account.Tenant)
}

// A session that another client has stored, or this one before the list was shorter, is none of this client's. It stays in
// the store, and who is allowed is the only one there is.
func TestAllowedTenantsOfSessions_MS05(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	store := cache.Memory()
	client := func(allowed ...string) *msal.Client {
		return newClient(t, p, func(cfg *msal.Config) { cfg.Cache, cfg.AllowedTenants = store, allowed })
	}
	p.SignInAs(blake)
	stranger := signIn(t, p, client(), "read").Account
	c := client(avery.TenantID)
	before := p.Count()
	for _, asks := range []*msal.Client{c, c.ForceRefresh(), c.For(stranger), c.For(stranger).ForceRefresh(), client(avery.TenantID)} {
		_, err := asks.Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	}
	_, err := c.For(stranger).Token(t.Context(), "read")
	require.ErrorContains(t, err, "AllowedTenants")
	requireNobody(t, c)
	require.NoError(t, c.SignOut(t.Context()))
	require.Equal(t, before, p.Count())
	requireToken(t, client(), "read")

	p.SignInAs(avery)
	require.Equal(t, avery.Subject, signIn(t, p, c, "read").Account.Subject)
	token, err := client(avery.TenantID).Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, avery.Subject, token.Account.Subject)

	require.NoError(t, c.For(stranger).SignOut(t.Context()), "by its name it is signed out, here and at the server")
	require.False(t, p.SessionAlive("blake"))
	require.Equal(t, 1, p.Count("revocation"))
	_, err = client().For(stranger).Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
}

// What is not a default of ours, or cannot be left out, is not left out.
func TestRefusedScopeStands(t *testing.T) {
	t.Parallel()
	for _, refused := range []string{"read", "openid"} {
		t.Run(refused, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.RejectScopes = []string{refused}
			c := newClient(t, p)
			for range 2 {
				z, callback := begin(t, p, c, "read")
				require.Equal(t, "read openid profile email offline_access", query(t, z.URL()).Get("scope"))
				_, err := z.Redeem(t.Context(), callback)
				require.Equal(t, "invalid_scope", asServerError(t, err).Code)
			}
		})
	}
}

func TestSignInRefusesBeforeIO(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	browser := msal.Browser{ResponseMode: "fragment"}
	for name, tc := range map[string]struct {
		client *msal.Client
		flow   msal.Flow
		scope  string
		is     error
		says   string
	}{
		"no flow":          {c, nil, "read", nil, "msal.Browser{}"},
		"response mode":    {c, browser, "read", nil, `ResponseMode "fragment"`},
		"redirect URI":     {c, msal.Browser{RedirectURI: "https://localhost/cb"}, "read", nil, "Browser.RedirectURI: "},
		"browser, default": {c, msal.Browser{}, "openid", scopes.ErrDuplicateDefault, "openid"},
		"device, default":  {c, msal.DeviceCode{}, "PROFILE", scopes.ErrDuplicateDefault, "PROFILE"},
		"device, invalid":  {c, msal.DeviceCode{}, "a\tb", scopes.ErrInvalid, ""},
		"extra":            {c.With(msal.Params{Extra: url.Values{"code_verifier": {"x"}}}), msal.Browser{}, "read", nil, "Params.Extra"},
		"challenge":        {c.WithClaims("!"), msal.DeviceCode{}, "read", nil, "claims challenge"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.client.SignIn(t.Context(), tc.flow, tc.scope)
			require.ErrorContains(t, err, "msal: sign in: ")
			require.ErrorContains(t, err, tc.says)
			if tc.is != nil {
				require.ErrorIs(t, err, tc.is)
			}
		})
	}
	require.Zero(t, p.Count())
}

// Resource indicators and claims go to both endpoints (RFC 8707 section 2,
// OpenID Connect Core 5.5).
func TestSignInCarriesDemands(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Capabilities = []string{"cp1"} })
	resources := []string{"https://api.example/a b", "urn:x:y"}
	demanding := c.WithClaims(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`).With(msal.Params{Resources: resources})
	z, callback := begin(t, p, demanding, "read")
	want := `{"access_token":{"acrs":{"essential":true,"value":"c1"},"xms_cc":{"values":["cp1"]}}}`
	require.JSONEq(t, want, query(t, z.URL()).Get("claims"))
	require.Equal(t, resources, query(t, z.URL())["resource"])
	p.ResetLog()
	_, err := z.Redeem(t.Context(), callback)
	require.NoError(t, err)
	require.JSONEq(t, want, p.Requests()[0].Form.Get("claims"))
	require.Equal(t, resources, p.Requests()[0].Form["resource"])
	_, err = demanding.Token(t.Context(), "read")
	require.NoError(t, err)
	require.Equal(t, 1, p.Count(), "the sign-in satisfied the challenge")
}

// CO-02: what a person never comes back to costs nothing.
func TestAbandonedSignIns(t *testing.T) {
	p := msaltest.New(t)
	c := newClient(t, p)
	before := runtime.NumGoroutine()
	var abandoned [1000]weak.Pointer[msal.Authorization]
	for i := range abandoned {
		z, err := c.Authorize(t.Context(), testRedirect, "read")
		require.NoError(t, err)
		abandoned[i] = weak.Make(z)
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
	runtime.GC()
	held := 0
	for _, w := range abandoned {
		if w.Value() != nil {
			held++
		}
	}
	require.LessOrEqual(t, held, 1)
	runtime.KeepAlive(c)
}
