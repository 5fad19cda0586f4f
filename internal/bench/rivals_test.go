package bench

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/auth"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	extension "github.com/AzureAD/microsoft-authentication-extensions-for-go/cache"
	"github.com/AzureAD/microsoft-authentication-extensions-for-go/cache/accessor/file"
	msalgocache "github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// rival is one way for a Go program to have a token, used as well as its API allows.
type rival struct {
	name string
	hit  func(i, set int) error // a token for account i and a scope set, all of which are cached; i and set are 0 where
	flat bool                   // the rival knows neither accounts nor scopes
}

// The rivals' names, as the report shows them.
const (
	oursBound     = "**staysigned**, `For(account)` kept"
	oursEach      = "**staysigned**, `For(account)` each time"
	oursDir       = "**staysigned**, sealed directory"
	msalMemory    = "MSAL Go, in memory"
	msalFile      = "MSAL Go, one file"
	msalExtension = "MSAL Go, official extension"
	azDevice      = "azidentity, DeviceCodeCredential"
	xoauth2       = "x/oauth2, ReuseTokenSource"
	googleAuth    = "cloud.google.com/go/auth, cached provider"
)

// each asks for an account every time, as a server does that serves many.
func each(tb testing.TB, c *msal.Client, accounts []msal.Account, sets int) rival {
	scopes := scopeSets(sets)
	warm(tb, c, accounts, scopes)
	return rival{name: oursEach, hit: func(i, set int) error {
		_, err := c.For(accounts[i]).Token(context.Background(), scopes[set]...)
		return err
	}}
}

// bound keeps the Client of each account.
func bound(tb testing.TB, c *msal.Client, accounts []msal.Account, sets int) rival {
	scopes := scopeSets(sets)
	warm(tb, c, accounts, scopes)
	clients := make([]*msal.Client, len(accounts))
	for i, a := range accounts {
		clients[i] = c.For(a)
	}
	return rival{name: oursBound, hit: func(i, set int) error {
		_, err := clients[i].Token(context.Background(), scopes[set]...)
		return err
	}}
}

func scopeSets(sets int) [][]string {
	list := make([][]string, sets)
	for set := range list {
		list[set] = []string{scopeOf(set)}
	}
	return list
}

// warm reads every record, and then lets all look-ups become complete.
func warm(tb testing.TB, c *msal.Client, accounts []msal.Account, scopes [][]string) {
	for range 2 {
		for _, a := range accounts {
			for _, scope := range scopes {
				_, err := c.For(a).Token(tb.Context(), scope...)
				require.NoError(tb, err)
			}
		}
	}
}

// newMSAL is MSAL Go over a cache, without instance discovery: it is warm, and nobody is to wait for it.
func (p *provider) newMSAL(tb testing.TB, store msalgocache.ExportReplace) public.Client {
	options := []public.Option{public.WithAuthority(authority), public.WithHTTPClient(p.client()), public.WithInstanceDiscovery(false)}
	if store != nil {
		options = append(options, public.WithCache(store))
	}
	c, err := public.New(clientID, options...)
	require.NoError(tb, err)
	return c
}

// joinMSAL signs person i in through MSAL Go, with tokens for so many scope sets.
func (p *provider) joinMSAL(tb testing.TB, c public.Client, i, sets int) public.Account {
	p.consent(tb, i)
	address, err := c.AuthCodeURL(tb.Context(), clientID, redirect, []string{scopeOf(0), "openid", "profile", "email", "offline_access"})
	require.NoError(tb, err)
	verifier := oauth2.GenerateVerifier()
	back := p.visit(tb, i, address+"&code_challenge_method=S256&code_challenge="+oauth2.S256ChallengeFromVerifier(verifier))
	got, err := c.AcquireTokenByAuthCode(tb.Context(), back.Get("code"), redirect, []string{scopeOf(0)}, public.WithChallenge(verifier))
	require.NoError(tb, err)
	for set := range sets {
		_, err := c.AcquireTokenSilent(tb.Context(), []string{scopeOf(set)}, public.WithSilentAccount(got.Account))
		require.NoError(tb, err)
	}
	return got.Account
}

// crowdMSAL is the cache of MSAL Go with n accounts, made as crowd makes ours.
func (p *provider) crowdMSAL(tb testing.TB, n, sets int) []byte {
	kept := &written{}
	p.joinMSAL(tb, p.newMSAL(tb, kept), 0, sets)
	var kinds map[string]map[string]json.RawMessage
	require.NoError(tb, json.Unmarshal(kept.data, &kinds))
	var all strings.Builder
	for _, kind := range []string{"AccessToken", "RefreshToken", "IdToken", "Account", "AppMetadata"} {
		all.WriteString(`,"` + kind + `":{`)
		comma := ""
		for i := range n {
			if kind == "AppMetadata" && i > 0 {
				break
			}
			for key, entry := range kinds[kind] {
				all.WriteString(comma + `"` + strings.ReplaceAll(key+`":`+string(entry), objectID(0), objectID(i)))
				comma = ","
			}
		}
		all.WriteString("}")
	}
	return []byte("{" + all.String()[1:] + "}")
}

// msalRival asks for accounts of a cache.
func msalRival(tb testing.TB, name string, c public.Client, sets int) rival {
	accounts, err := c.Accounts(tb.Context())
	require.NoError(tb, err)
	slices.SortFunc(accounts, func(a, b public.Account) int { return strings.Compare(a.HomeAccountID, b.HomeAccountID) })
	scopes := scopeSets(sets)
	r := rival{name: name, hit: func(i, set int) error {
		_, err := c.AcquireTokenSilent(context.Background(), scopes[set], public.WithSilentAccount(accounts[i]))
		return err
	}}
	require.NoError(tb, r.hit(len(accounts)-1, sets-1))
	return r
}

// written is a cache that is only written.
type written struct{ data []byte }

func (w *written) Replace(context.Context, msalgocache.Unmarshaler, msalgocache.ReplaceHints) error {
	return nil
}

func (w *written) Export(_ context.Context, c msalgocache.Marshaler, _ msalgocache.ExportHints) (err error) {
	w.data, err = c.Marshal()
	return err
}

// loaded is a cache that is read once: what MSAL Go then does, it does in memory.
type loaded struct {
	data []byte
	done bool
}

func (l *loaded) Replace(_ context.Context, c msalgocache.Unmarshaler, _ msalgocache.ReplaceHints) error {
	if l.done {
		return nil
	}
	l.done = true
	return c.Unmarshal(l.data)
}

func (l *loaded) Export(context.Context, msalgocache.Marshaler, msalgocache.ExportHints) error {
	return nil
}

// plainFile keeps the cache in a file as the sample of MSAL Go does.
type plainFile string

func (f plainFile) Replace(_ context.Context, c msalgocache.Unmarshaler, _ msalgocache.ReplaceHints) error {
	data, err := os.ReadFile(string(f))
	if err != nil {
		return err
	}
	return c.Unmarshal(data)
}

func (f plainFile) Export(_ context.Context, c msalgocache.Marshaler, _ msalgocache.ExportHints) error {
	data, err := c.Marshal()
	if err != nil {
		return err
	}
	return os.WriteFile(string(f), data, 0o600)
}

// newExtension keeps the cache in a file through the official extension: with a lock, and a file whose time tells
// whether it has to be read again.
func newExtension(path string) (msalgocache.ExportReplace, error) {
	storage, err := file.New(path)
	if err != nil {
		return nil, err
	}
	return extension.New(storage, path+".time")
}

// newAzure is azidentity's credential for people, which keeps its token in memory, after whoever comes first has
// signed in.
func (p *provider) newAzure(tb testing.TB) func(context.Context) error {
	credential, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: azcore.ClientOptions{Transport: p.client()}, ClientID: clientID, TenantID: msaltest.DefaultTenant,
		DisableInstanceDiscovery: true, DisableAutomaticAuthentication: true,
		UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
			p.Approve(m.UserCode)
			return nil
		},
	})
	require.NoError(tb, err)
	options := policy.TokenRequestOptions{Scopes: []string{scopeOf(0)}}
	_, err = credential.Authenticate(tb.Context(), &options)
	require.NoError(tb, err)
	return func(ctx context.Context) error {
		_, err := credential.GetToken(ctx, options)
		return err
	}
}

func (p *provider) azureRival(tb testing.TB) rival {
	p.consent(tb, 0)
	get := p.newAzure(tb)
	return rival{name: azDevice, flat: true, hit: func(int, int) error { return get(context.Background()) }}
}

// source refreshes with x/oauth2.
func (p *provider) source(client *http.Client, refreshToken string) oauth2.TokenSource {
	config := oauth2.Config{ClientID: clientID, Endpoint: oauth2.Endpoint{
		TokenURL: authority + "/oauth2/v2.0/token", AuthStyle: oauth2.AuthStyleInParams,
	}}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, client)
	return config.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken})
}

// Both of these keep one token; accounts and scopes are the affair of whoever made them.

func (p *provider) oauth2Rival(tb testing.TB, refreshToken string) rival {
	source := oauth2.ReuseTokenSource(nil, p.source(p.client(), refreshToken))
	r := rival{name: xoauth2, flat: true, hit: func(int, int) error {
		_, err := source.Token()
		return err
	}}
	require.NoError(tb, r.hit(0, 0))
	return r
}

func (p *provider) googleRival(tb testing.TB, refreshToken string) rival {
	cached := newGoogle(p.source(p.client(), refreshToken))
	r := rival{name: googleAuth, flat: true, hit: func(int, int) error {
		_, err := cached.Token(context.Background())
		return err
	}}
	require.NoError(tb, r.hit(0, 0))
	return r
}

func newGoogle(source oauth2.TokenSource) auth.TokenProvider {
	return auth.NewCachedTokenProvider(&fromSource{source}, nil)
}

// fromSource gives cloud.google.com/go/auth its tokens: its own provider for people wants the secret of a client.
type fromSource struct{ oauth2.TokenSource }

func (s *fromSource) Token(context.Context) (*auth.Token, error) {
	t, err := s.TokenSource.Token()
	if err != nil {
		return nil, err
	}
	return &auth.Token{Value: t.AccessToken, Type: t.TokenType, Expiry: t.Expiry}, nil
}

// refreshToken signs person i in and returns a refresh token.
func (p *provider) refreshToken(tb testing.TB, i int) string {
	kept := &written{}
	p.joinMSAL(tb, p.newMSAL(tb, kept), i, 0)
	return refreshTokenIn(tb, kept.data)
}

func refreshTokenIn(tb testing.TB, cache []byte) string {
	var kinds struct {
		RefreshToken map[string]struct {
			Secret string `json:"secret"`
		}
	}
	require.NoError(tb, json.Unmarshal(cache, &kinds))
	for _, entry := range kinds.RefreshToken {
		return entry.Secret
	}
	require.Fail(tb, "no refresh token")
	return ""
}
