package msal_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// untouched is a store that no test may use.
type untouched struct{ t *testing.T }

func (s untouched) Sealed() bool { return true }

func (s untouched) Get(context.Context, string) ([]byte, cache.Rev, error) {
	s.t.Error("Get")
	return nil, "", cache.ErrUnavailable
}

func (s untouched) Put(context.Context, string, []byte, cache.Rev) (cache.Rev, error) {
	s.t.Error("Put")
	return "", cache.ErrUnavailable
}

func (s untouched) Delete(context.Context, string) error {
	s.t.Error("Delete")
	return cache.ErrUnavailable
}

func (s untouched) List(context.Context, string) iter.Seq2[string, error] {
	s.t.Error("List")
	return func(func(string, error) bool) {}
}

func (s untouched) Lock(context.Context, string) (func() error, error) {
	s.t.Error("Lock")
	return nil, cache.ErrUnavailable
}

func (s untouched) Unlock(context.Context) error {
	s.t.Error("Unlock")
	return cache.ErrUnavailable
}

// offline is a Config that New accepts, and that fails the test at any I/O.
func offline(t *testing.T) msal.Config {
	return msal.Config{
		ClientID: clientID, Authority: "https://idp.example", Cache: untouched{t},
		HTTPClient: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			t.Errorf("a request: %s", r.URL)
			return nil, http.ErrServerClosed
		})},
	}
}

// plaintext is a store that promises nothing.
type plaintext struct{ cache.Store }

// unsealed is one that says so.
type unsealed struct{ cache.Store }

func (unsealed) Sealed() bool { return false }

const metadata = `{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token","jwks_uri":"https://idp.example/keys"}`

// TestConfigRefused: an error of New names the field, says what is wrong with
// it, and what to do.
func TestConfigRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edit  func(*msal.Config)
		field string
		says  string
	}{
		"no ClientID":                     {func(c *msal.Config) { c.ClientID = "" }, "ClientID", "the server gave it"},
		"ClientID with a line break":      {func(c *msal.Config) { c.ClientID = "a\r\nb" }, "ClientID", `"a\r\nb" holds a character`},
		"ClientID outside ASCII":          {func(c *msal.Config) { c.ClientID = "ä" }, "ClientID", "printable ASCII"},
		"no Authority":                    {func(c *msal.Config) { c.Authority = "" }, "Authority", "https"},
		"Authority without scheme":        {func(c *msal.Config) { c.Authority = "idp.example" }, "Authority", "https"},
		"Authority with http":             {func(c *msal.Config) { c.Authority = "http://idp.example" }, "Authority", "https"},
		"http on this machine, not asked": {func(c *msal.Config) { c.Authority = "http://127.0.0.1:8080" }, "Authority", "https"},
		"http on another, asked":          {func(c *msal.Config) { c.Authority = "http://idp.example"; c.InsecureLoopbackHTTP = true }, "Authority", "127.0.0.1"},
		"http on localhost, asked":        {func(c *msal.Config) { c.Authority = "http://localhost:8080"; c.InsecureLoopbackHTTP = true }, "Authority", "127.0.0.1"},
		"Authority with a query":          {func(c *msal.Config) { c.Authority += "?p=x" }, "Authority", "query"},
		"Authority with a password":       {func(c *msal.Config) { c.Authority = "https://user:hunter2@idp.example" }, "Authority", "user name"},
		"Authority is the document":       {func(c *msal.Config) { c.Authority += "/.well-known/openid-configuration" }, "Authority", "write the issuer"},
		"Microsoft without a tenant":      {func(c *msal.Config) { c.Authority = "https://login.microsoftonline.com" }, "Authority", "append /organizations"},
		"Microsoft's token endpoint":      {func(c *msal.Config) { c.Authority = "https://login.microsoftonline.com/common/oauth2/v2.0/token" }, "Authority", "write https://login.microsoftonline.com/common"},
		"v1.0 elsewhere":                  {func(c *msal.Config) { c.Endpoint = msal.V1 }, "Authority", "leave Endpoint at its zero value"},
		"v1.0 for personal accounts":      {func(c *msal.Config) { c.Authority, c.Endpoint = "https://login.microsoftonline.com/consumers", msal.V1 }, "Authority", "leave Endpoint at its zero value"},
		"v1.0 and v2.0": {func(c *msal.Config) {
			c.Authority, c.Endpoint = "https://login.microsoftonline.com/common/v2.0", msal.V1
		}, "Authority", "drop one of them"},
		"an unknown endpoint":             {func(c *msal.Config) { c.Endpoint = 7 }, "Endpoint", "V1 or V2"},
		"a parameter of the protocol":     {func(c *msal.Config) { c.Provider.Authorize = url.Values{"State": {"x"}} }, "Provider.Authorize", `"State" is a parameter of the protocol`},
		"PKCE switched off":               {func(c *msal.Config) { c.Provider.Authorize = url.Values{"code_challenge": {"x"}} }, "Provider.Authorize", `"code_challenge" is a parameter of the protocol`},
		"Defaults that are none":          {func(c *msal.Config) { c.Provider.Defaults = []string{"openid", "read"} }, "Provider.Defaults", `"read" is none of the defaults`},
		"Defaults without openid":         {func(c *msal.Config) { c.Provider.Defaults = []string{"profile"} }, "Provider.Defaults", "openid"},
		"an unknown provider":             {func(c *msal.Config) { c.Provider.Name = "entraid" }, "Provider.Name", "known are entra,"},
		"a domain for a tenant id":        {func(c *msal.Config) { c.AllowedTenants = []string{"contoso.com"} }, "AllowedTenants", "contoso.com"},
		"a negative Timeout":              {func(c *msal.Config) { c.Timeout = -1 }, "Timeout", "negative"},
		"Cache that promises nothing":     {func(c *msal.Config) { c.Cache = plaintext{cache.Memory()} }, "Cache", "wrap it with cache.Seal, or set InsecurePlaintextCache"},
		"Cache that is not sealed":        {func(c *msal.Config) { c.Cache = unsealed{cache.Memory()} }, "Cache", "msal_test.unsealed does not promise"},
		"OmitScopes of no default":        {func(c *msal.Config) { c.OmitScopes = []string{"email", "read"} }, "OmitScopes", `"read" is none of the defaults openid profile email offline_access`},
		"OmitScopes in one string":        {func(c *msal.Config) { c.OmitScopes = []string{"email profile"} }, "OmitScopes", `"email profile" is none of the defaults`},
		"OmitScopes of openid":            {func(c *msal.Config) { c.OmitScopes = []string{"OpenID"} }, "OmitScopes", "openid cannot be omitted"},
		"Metadata that is none":           {func(c *msal.Config) { c.Metadata = []byte("<html>") }, "Metadata", "JSON"},
		"Metadata without issuer":         {func(c *msal.Config) { c.Metadata = []byte("{}") }, "Metadata", "no issuer"},
		"Metadata of another issuer":      {func(c *msal.Config) { c.Metadata = []byte(strings.Replace(metadata, "idp", "other", 1)) }, "Metadata", `want "https://idp.example"`},
		"Metadata of issuer with a slash": {func(c *msal.Config) { c.Metadata = []byte(strings.Replace(metadata, `example"`, `example/"`, 1)) }, "Metadata", `want "https://idp.example"`},
		"Metadata without an endpoint":    {func(c *msal.Config) { c.Metadata = []byte(`{"issuer":"https://idp.example"}`) }, "Metadata", "no token_endpoint"},
		"Metadata without keys": {func(c *msal.Config) {
			c.Metadata = []byte(`{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token","scopes_supported":["openid"]}`)
		}, "Metadata", "no jwks_uri"},
		"Metadata that leads to a script": {func(c *msal.Config) {
			c.Metadata = []byte(strings.Replace(metadata, "https://idp.example/token", "javascript:alert(1)", 1))
		}, "Metadata", "token_endpoint"},
		"Metadata with issuer twice": {func(c *msal.Config) {
			c.Metadata = []byte(strings.Replace(metadata, "{", `{"issuer":"https://evil.example",`, 1))
		}, "Metadata", "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t)
			tt.edit(&cfg)
			c, err := msal.New(cfg)
			require.Nil(t, c)
			require.ErrorContains(t, err, "msal: new: "+tt.field+": ")
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// TestConfigAccepted: New does no I/O, whatever is set.
func TestConfigAccepted(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*msal.Config){
		"the least":               func(*msal.Config) {},
		"nil everywhere":          func(c *msal.Config) { c.Cache, c.HTTPClient = nil, nil },
		"no store of ours":        func(c *msal.Config) { c.Cache, c.InsecurePlaintextCache = plaintext{cache.Memory()}, true },
		"a Transport that is nil": func(c *msal.Config) { c.HTTPClient = &http.Client{} },
		"this machine":            func(c *msal.Config) { c.Authority, c.InsecureLoopbackHTTP = "http://127.0.0.1:8080", true },
		"this machine's IPv6":     func(c *msal.Config) { c.Authority, c.InsecureLoopbackHTTP = "http://[::1]:8080", true },
		"metadata":                func(c *msal.Config) { c.Metadata = []byte(metadata) },
		"all but openid omitted":  func(c *msal.Config) { c.OmitScopes = []string{"profile", "EMAIL", "Offline_Access", "email"} },
		"Microsoft":               func(c *msal.Config) { c.Authority = "https://login.microsoftonline.com/organizations" },
		"Microsoft's v1.0": func(c *msal.Config) {
			c.Authority, c.Endpoint = "https://login.microsoftonline.com/organizations", msal.V1
		},
		"an ADFS": func(c *msal.Config) { c.Authority, c.Provider.Name = "https://fs.example/adfs", "adfs" },
		"a B2C on its own domain": func(c *msal.Config) {
			c.Authority, c.Provider.Name = "https://login.example/x.onmicrosoft.com/b2c_1_x", "b2c"
		},
		"everything about requests": func(c *msal.Config) {
			c.Capabilities, c.TrustedAudiences, c.AllowedTenants = []string{"cp1"}, []string{"x"}, []string{wireTenant}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t)
			cfg.Logger = slog.New(slog.NewTextHandler(failingWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
			edit(&cfg)
			c, err := msal.New(cfg)
			require.NoError(t, err)
			// Nor do the ways to derive another Client.
			c.With(msal.Params{Prompt: "login"}).For(msal.Account{ID: "x"}).WithClaims("{}").ForceRefresh()
			c.HTTPClient("https://api.example", "read")
			c.TokenSource(t.Context(), "read")
		})
	}
}

type failingWriter struct{ t *testing.T }

func (w failingWriter) Write(line []byte) (int, error) {
	w.t.Errorf("logged: %s", line)
	return len(line), nil
}

// TestConfigIsCopied: what the caller does to its slices and maps afterwards
// changes no request.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	omit, capabilities := []string{"email"}, []string{"cp1"}
	defaults, extra := []string{"openid", "profile", "email"}, url.Values{"hd": {"example.com"}}
	c := newClient(t, p, func(cfg *msal.Config) {
		cfg.OmitScopes, cfg.Capabilities = omit, capabilities
		cfg.Provider = msal.Provider{Defaults: defaults, Authorize: extra}
	})
	params := msal.Params{ACRValues: []string{"1"}, Resources: []string{"https://api.example/"}, Extra: url.Values{"ui": {"x"}}}
	c = c.With(params)
	omit[0], capabilities[0], defaults[1] = "profile", "changed", "changed"
	extra["hd"][0], params.ACRValues[0], params.Resources[0] = "changed", "changed", "changed"
	params.Extra["ui"][0] = "changed"
	z, err := c.Authorize(t.Context(), "http://127.0.0.1/callback", "read")
	require.NoError(t, err)
	u, err := url.Parse(z.URL())
	require.NoError(t, err)
	require.NotContains(t, u.RawQuery, "changed")
	require.Equal(t, "read openid profile", u.Query().Get("scope"))
	require.Equal(t, "example.com", u.Query().Get("hd"))
	require.JSONEq(t, `{"access_token":{"xms_cc":{"values":["cp1"]}}}`, u.Query().Get("claims"))
}

// Of several mistakes in a map the same one is reported each time.
func TestMistakesInOrder(t *testing.T) {
	t.Parallel()
	wrong := url.Values{"state": {"x"}, "nonce": {"x"}, "code": {"x"}, "claims": {"x"}}
	cfg := offline(t)
	c, err := msal.New(cfg)
	require.NoError(t, err)
	cfg.Provider = msal.Provider{Authorize: wrong, Offline: wrong}
	for range 20 {
		_, err := c.With(msal.Params{Extra: wrong}).Token(t.Context(), "read")
		require.ErrorContains(t, err, `Params.Extra: "claims" is`)
		_, err = msal.New(cfg)
		require.ErrorContains(t, err, `Provider.Authorize: "claims" is`)
	}
}
