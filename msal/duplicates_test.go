package msal_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

type scopeMethod = func(context.Context, *msal.Client, []string) error

// scopeMethods are all methods that take scopes. Those without an error result
// return a mistake at first use.
var scopeMethods = map[string]scopeMethod{
	"Token": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.Token(ctx, scope...)
		return err
	},
	"SignIn with Browser": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.SignIn(ctx, msal.Browser{Show: func(context.Context, string) error { return errAsked }}, scope...)
		return err
	},
	"SignIn with DeviceCode": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.SignIn(ctx, msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error { return errAsked }}, scope...)
		return err
	},
	"Import": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.Import(ctx, []byte(`{"RefreshToken":{"k":{"home_account_id":"avery","environment":"idp.example","client_id":"`+clientID+`","secret":"rt"}}}`), scope...)
		return err
	},
	"Authorize": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.Authorize(ctx, "http://127.0.0.1/callback", scope...)
		return err
	},
	"HTTPClient": func(ctx context.Context, c *msal.Client, scope []string) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, msaltest.DefaultURL+"/userinfo", nil)
		if err != nil {
			return err
		}
		resp, err := c.HTTPClient(msaltest.DefaultURL, scope...).Do(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	},
	"TokenSource": func(ctx context.Context, c *msal.Client, scope []string) error {
		_, err := c.TokenSource(ctx, scope...).Token()
		return err
	},
	"KeepFresh": func(ctx context.Context, c *msal.Client, scope []string) error {
		return c.KeepFresh(ctx, scope...)
	},
}

// derivations are the ways to come by a Client.
var derivations = map[string]func(*msal.Client, msal.Account) *msal.Client{
	"New":            func(c *msal.Client, _ msal.Account) *msal.Client { return c },
	"For":            func(c *msal.Client, a msal.Account) *msal.Client { return c.For(a) },
	"For a stranger": func(c *msal.Client, _ msal.Account) *msal.Client { return c.For(msal.Account{ID: "stranger"}) },
	"With":           func(c *msal.Client, _ msal.Account) *msal.Client { return c.With(msal.Params{Prompt: "login"}) },
	"WithClaims":     func(c *msal.Client, _ msal.Account) *msal.Client { return c.WithClaims(`{"access_token":{}}`) },
	"ForceRefresh":   func(c *msal.Client, _ msal.Account) *msal.Client { return c.ForceRefresh() },
	"all of them": func(c *msal.Client, a msal.Account) *msal.Client {
		return c.For(a).With(msal.Params{}).WithClaims("{}").ForceRefresh()
	},
	"and in reverse": func(c *msal.Client, a msal.Account) *msal.Client {
		return c.ForceRefresh().WithClaims("{}").With(msal.Params{}).For(a)
	},
	"With a resource": func(c *msal.Client, _ msal.Account) *msal.Client {
		return c.With(msal.Params{Resources: []string{"https://api.example/"}})
	},
}

var errAsked = errors.New("a person was asked")

var duplicates = map[string]struct{ asked, offenders []string }{
	"openid":                      {[]string{"openid"}, []string{"openid"}},
	"profile":                     {[]string{"profile"}, []string{"profile"}},
	"email":                       {[]string{"email"}, []string{"email"}},
	"offline_access":              {[]string{"offline_access"}, []string{"offline_access"}},
	"capitals":                    {[]string{"OPENID"}, []string{"OPENID"}},
	"mixed case":                  {[]string{"oFfLiNe_AcCeSs"}, []string{"oFfLiNe_AcCeSs"}},
	"behind others":               {[]string{"read", "write", "email"}, []string{"email"}},
	"between others":              {[]string{"read", "Profile", "write"}, []string{"Profile"}},
	"all four":                    {[]string{"openid", "profile", "email", "offline_access"}, []string{"openid", "profile", "email", "offline_access"}},
	"several, in two cases":       {[]string{"Email", "read", "email", "OpenID"}, []string{"Email", "email", "OpenID"}},
	"the same twice":              {[]string{"openid", "openid"}, []string{"openid"}},
	"of Graph":                    {[]string{"https://graph.microsoft.com/openid"}, []string{"https://graph.microsoft.com/openid"}},
	"of Graph, in capitals":       {[]string{"HTTPS://GRAPH.MICROSOFT.COM/EMAIL"}, []string{"HTTPS://GRAPH.MICROSOFT.COM/EMAIL"}},
	"of Graph in another cloud":   {[]string{"https://graph.microsoft.us/profile"}, []string{"https://graph.microsoft.us/profile"}},
	"of Graph in China":           {[]string{"https://microsoftgraph.chinacloudapi.cn/offline_access"}, []string{"https://microsoftgraph.chinacloudapi.cn/offline_access"}},
	"of Graph by its id":          {[]string{"00000003-0000-0000-c000-000000000000/offline_access"}, []string{"00000003-0000-0000-c000-000000000000/offline_access"}},
	"plain and of Graph, at once": {[]string{"read", "openid", "https://graph.microsoft.com/email"}, []string{"openid", "https://graph.microsoft.com/email"}},
}

var invalid = map[string]struct {
	asked []string
	index int
}{
	"empty":                 {[]string{""}, 0},
	"two in one":            {[]string{"read", "read write"}, 1},
	"a quotation mark":      {[]string{`re"ad`}, 0},
	"a backslash":           {[]string{"read", "write", `re\ad`}, 2},
	"a line break":          {[]string{"read\r\nX: y"}, 0},
	"a tab":                 {[]string{"read\t"}, 0},
	"NUL":                   {[]string{"re\x00ad"}, 0},
	"not ASCII":             {[]string{"läsen"}, 0},
	"a Kelvin sign":         {[]string{"\u212Aeep"}, 0},
	"no UTF-8":              {[]string{"re\xffad"}, 0},
	"longer than 1 KiB":     {[]string{strings.Repeat("r", 1025)}, 0},
	"invalid and duplicate": {[]string{"openid", "a b"}, 1},
}

// foreign are mistakes that only Microsoft's platform makes of scopes.
var foreign = map[string]struct {
	asked  []string
	index  int
	reason string
	tokens bool // only a token request cannot have it
}{
	".default before a scope":              {[]string{"https://graph.microsoft.com/.default", "Mail.Read"}, 0, "a call of its own", false},
	".default behind a scope":              {[]string{"Mail.Read", "https://graph.microsoft.com/.default"}, 1, "a call of its own", false},
	".default of another resource":         {[]string{"Mail.Read", "https://management.azure.com/.default"}, 1, "a call of its own", false},
	".default in capitals":                 {[]string{"Mail.Read", "https://graph.microsoft.com/.Default"}, 1, "a call of its own", false},
	".default of Graph, bare":              {[]string{".default", "Mail.Read"}, 0, "a call of its own", false},
	".default twice":                       {[]string{"https://vault.azure.net/.default", "https://management.azure.com/.default"}, 0, "a call of its own", false},
	".default of a name that ends in /":    {[]string{"https://management.azure.com//.default", "User.Read"}, 0, "a call of its own", false},
	"two resources":                        {[]string{"User.Read", "https://management.azure.com/user_impersonation"}, 1, "another resource", true},
	".default behind a scope named twice":  {[]string{"Mail.Read", "Mail.Read", "https://graph.microsoft.com/.default"}, 2, "a call of its own", false},
	"two resources, one named twice":       {[]string{"User.Read", "User.Read", "https://management.azure.com/user_impersonation"}, 2, "another resource", true},
	"two resources, Graph behind":          {[]string{"https://management.azure.com/user_impersonation", "User.Read"}, 1, "another resource", true},
	"two resources that differ in a slash": {[]string{"https://management.azure.com/a", "https://management.azure.com//b"}, 1, "another resource", true},
}

// TestDuplicates: a default among the caller's scopes is refused by every
// method of every Client, signed in or not, and costs nothing; under its Graph
// name also where that means nothing, as scopes.Build refuses it.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	for where, q := range quietClients(t) {
		for name, tt := range duplicates {
			t.Run(where.String()+"/"+name, func(t *testing.T) {
				q.refuses(t, tt.asked, scopeMethods, func(err error) {
					require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
					refused, ok := errors.AsType[*scopes.DuplicateDefaultError](err)
					require.True(t, ok, "%v", err)
					require.Equal(t, tt.offenders, refused.Scopes)
					for _, offender := range tt.offenders {
						require.ErrorContains(t, err, offender)
					}
					require.ErrorContains(t, err, "remove them")
				})
			})
		}
	}
}

// TestInvalidScopes: what is no scope is refused in the same way.
func TestInvalidScopes(t *testing.T) {
	t.Parallel()
	for where, q := range quietClients(t) {
		for name, tt := range invalid {
			t.Run(where.String()+"/"+name, func(t *testing.T) {
				q.refuses(t, tt.asked, scopeMethods, refusedAs(t, tt.asked, tt.index, ""))
			})
		}
	}
}

// TestForeignScopes: what the platform would refuse anyway, after a person has
// signed in or a code is spent, is refused before.
func TestForeignScopes(t *testing.T) {
	t.Parallel()
	for where, q := range quietClients(t) {
		for name, tt := range foreign {
			if where.oidc {
				continue
			}
			t.Run(where.String()+"/"+name, func(t *testing.T) {
				methods := maps.Clone(scopeMethods)
				if tt.tokens {
					maps.DeleteFunc(methods, func(name string, _ scopeMethod) bool {
						return strings.HasPrefix(name, "SignIn") || name == "Authorize"
					})
				}
				q.refuses(t, tt.asked, methods, refusedAs(t, tt.asked, tt.index, tt.reason))
			})
		}
	}
}

func refusedAs(t *testing.T, asked []string, index int, reason string) func(error) {
	return func(err error) {
		require.ErrorIs(t, err, scopes.ErrInvalid)
		refused, ok := errors.AsType[*scopes.InvalidError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, asked[index], refused.Scope)
		require.Equal(t, index, refused.Index)
		require.ErrorContains(t, err, reason)
	}
}

// TestBadDerivation: a mistake in an argument of a method that returns no error
// is returned by the first one that does, also through further derivation.
func TestBadDerivation(t *testing.T) {
	t.Parallel()
	methods := maps.Clone(scopeMethods)
	methods["Accounts"] = func(ctx context.Context, c *msal.Client, _ []string) error { _, err := c.Accounts(ctx); return err }
	methods["SignOut"] = func(ctx context.Context, c *msal.Client, _ []string) error { return c.SignOut(ctx) }
	for where, q := range quietClients(t) {
		for want, derive := range map[string]func(*msal.Client) *msal.Client{
			`"scope" is a parameter of the protocol`: func(c *msal.Client) *msal.Client { return c.With(msal.Params{Extra: url.Values{"scope": {"x"}}}) },
			`"STATE" is a parameter of the protocol`: func(c *msal.Client) *msal.Client { return c.With(msal.Params{Extra: url.Values{"STATE": {"x"}}}) },
			"Params.Resources: \"/api\"":             func(c *msal.Client) *msal.Client { return c.With(msal.Params{Resources: []string{"/api"}}) },
			"Params.Resources: \"https://a/#x\"":     func(c *msal.Client) *msal.Client { return c.With(msal.Params{Resources: []string{"https://a/#x"}}) },
			"Params.MaxAge: -1s":                     func(c *msal.Client) *msal.Client { return c.With(msal.Params{MaxAge: -time.Second}) },
			"Params.Tenant: ":                        func(c *msal.Client) *msal.Client { return c.With(msal.Params{Tenant: "../x"}) },
			"claims challenge: not a JSON object":    func(c *msal.Client) *msal.Client { return c.WithClaims("{]}") },
			"claims challenge: neither a JSON":       func(c *msal.Client) *msal.Client { return c.WithClaims("?!") },
			"For: the account has no ID":             func(c *msal.Client) *msal.Client { return c.For(msal.Account{Username: "only the ID counts"}) },
		} {
			t.Run(where.String()+"/"+want, func(t *testing.T) {
				bad := q
				bad.client = derive(q.client)
				bad.refuses(t, []string{"read"}, methods, func(err error) { require.ErrorContains(t, err, want) })
			})
		}
	}
}

// place is where a call is made from.
type place struct{ oidc, signedIn bool }

func (w place) String() string {
	return map[bool]string{true: "oidc", false: "entra"}[w.oidc] + map[bool]string{true: ", signed in", false: ""}[w.signedIn]
}

// quiet is a Client with all that it could do I/O with.
type quiet struct {
	platform *msaltest.Platform
	store    *countingStore
	client   *msal.Client
	account  msal.Account
}

// quietClients makes one for every place. Who is signed in has a token at hand,
// and a hit must not let a mistake through.
func quietClients(t *testing.T) map[place]quiet {
	all := map[place]quiet{}
	for _, w := range []place{{true, false}, {true, true}, {false, false}, {false, true}} {
		q := quiet{platform: msaltest.New(t), store: &countingStore{Store: cache.Memory()}, account: msal.Account{ID: "somebody"}}
		if !w.oidc {
			asEntra(q.platform)
		}
		q.client = newClient(t, q.platform, func(cfg *msal.Config) {
			cfg.Cache = q.store
			if !w.oidc {
				cfg.Authority += "/organizations"
				cfg.Provider.Name = "entra"
			}
		})
		if w.signedIn {
			read := map[bool]string{true: "read", false: "User.Read"}[w.oidc]
			q.account = signIn(t, q.platform, q.client, read).Account
			for _, scope := range [][]string{{read}, {}, {read}, {}} {
				_, err := q.client.Token(t.Context(), scope...)
				require.NoError(t, err)
			}
		}
		all[w] = q
	}
	return all
}

// refuses makes the call with every method and every derivation. Each has to
// end in an error that check accepts, before any I/O.
func (q quiet) refuses(t *testing.T, asked []string, methods map[string]scopeMethod, check func(error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for by, derive := range derivations {
		for name, call := range methods {
			q.platform.ResetLog()
			q.store.calls.Store(0)
			err := call(ctx, derive(q.client, q.account), asked)
			require.Error(t, err, "%s, Client of %s", name, by)
			check(err)
			require.Zero(t, q.platform.Count(), "requests of %s, Client of %s", name, by)
			require.Zero(t, q.store.calls.Load(), "calls of the store of %s, Client of %s", name, by)
		}
	}
}

// countingStore is a store with every ability there is, whose use is counted.
type countingStore struct {
	cache.Store
	calls atomic.Int64
}

func (s *countingStore) Sealed() bool { return true }

func (s *countingStore) Get(ctx context.Context, key string) ([]byte, cache.Rev, error) {
	s.calls.Add(1)
	return s.Store.Get(ctx, key)
}

func (s *countingStore) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	s.calls.Add(1)
	return s.Store.Put(ctx, key, data, prev)
}

func (s *countingStore) Delete(ctx context.Context, key string) error {
	s.calls.Add(1)
	return s.Store.Delete(ctx, key)
}

func (s *countingStore) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	s.calls.Add(1)
	return s.Store.List(ctx, prefix)
}

func (s *countingStore) Lock(ctx context.Context, key string) (func() error, error) {
	s.calls.Add(1)
	return s.Store.Lock(ctx, key)
}

func (s *countingStore) TryLock(ctx context.Context, key string) (func() error, bool, error) {
	s.calls.Add(1)
	return s.Store.(cache.TryLocker).TryLock(ctx, key)
}

func (s *countingStore) Changed(ctx context.Context, key string, since cache.Rev) (bool, error) {
	s.calls.Add(1)
	return s.Store.(cache.Changer).Changed(ctx, key, since)
}

func (s *countingStore) Reserve(context.Context, string, int) error {
	s.calls.Add(1)
	return nil
}

func (s *countingStore) Unlock(context.Context) error {
	s.calls.Add(1)
	return nil
}
