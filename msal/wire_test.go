package msal_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

var updateWire = flag.Bool("update", false, "write testdata/wire anew; read what has changed")

const (
	wireDir    = "testdata/wire"
	wireTenant = "11111111-2222-4333-8444-555555555555"
)

// dialect is a kind of server, with what its requests have to ask for: the
// caller's scopes in the caller's order and case, then the defaults.
type dialect struct {
	platform func(*msaltest.Platform)
	config   func(*msal.Config)
	params   msal.Params
	redirect string   // "": http://127.0.0.1/callback
	ask      []string // by the caller
	first    []string // of ask: all that one token can be for; nil: the whole
	explicit string   // of ask, on the wire
	defaults string   // on the wire
	resource []string // on the wire
	variant  bool     // only what it asks for differs from "oidc" or "entra"
	keeps    bool     // the server has no revocation endpoint
}

var wireScopes = []string{"write", "Mail.Read", "https://api.example/Data"}

const (
	wireExplicit = "write Mail.Read https://api.example/Data"
	wireDefaults = "openid profile email offline_access"
)

var dialects = map[string]dialect{
	"oidc":                {ask: wireScopes, explicit: wireExplicit, defaults: wireDefaults},
	"oidc-defaults-alone": {defaults: wireDefaults, variant: true},
	"oidc-resources": {
		params:   msal.Params{Resources: []string{"https://b.example/", "https://a.example/"}},
		ask:      wireScopes,
		explicit: wireExplicit,
		resource: []string{"https://b.example/", "https://a.example/"},
		defaults: wireDefaults,
		variant:  true,
	},
	"oidc-no-offline": {
		platform: func(p *msaltest.Platform) {
			p.ScopesSupported = []string{"openid", "profile", "email", "write"}
			grantOffline(p)
		},
		ask:      wireScopes,
		explicit: wireExplicit,
		defaults: "openid profile email",
		variant:  true,
	},
	"oidc-unpublished": { // without scopes_supported
		platform: func(p *msaltest.Platform) { p.ScopesSupported = []string{}; grantOffline(p) },
		ask:      wireScopes,
		explicit: wireExplicit,
		defaults: "openid profile email",
		variant:  true,
	},
	"oidc-omit": {
		platform: grantOffline,
		config:   func(cfg *msal.Config) { cfg.OmitScopes = []string{"email", "Offline_Access"} },
		ask:      []string{"write", "Email"}, // what is never sent by itself may be asked for
		explicit: "write Email",
		defaults: "openid profile",
		variant:  true,
	},
	"oidc-merge": {
		config:   func(cfg *msal.Config) { cfg.MergeDefaults = true },
		ask:      []string{"OpenID", "write", "email", "Mail.Read", "EMAIL"},
		explicit: "write Mail.Read",
		defaults: wireDefaults,
		variant:  true,
	},
	"oauth": { // without OpenID Connect
		platform: oauthOnly,
		ask:      wireScopes,
		explicit: wireExplicit,
		defaults: "offline_access",
	},
	"google": {
		platform: func(p *msaltest.Platform) {
			p.Rotation, p.ClientSecret = msaltest.NoRotation, "an-installed-app"
			grantOffline(p)
		},
		config: func(cfg *msal.Config) {
			cfg.Provider.Name, cfg.InstalledAppSecret = "google", "an-installed-app"
		},
		ask:      []string{"https://www.googleapis.com/auth/drive.file"},
		explicit: "https://www.googleapis.com/auth/drive.file",
		defaults: "openid profile email",
	},
	"auth0": { // whose APIs have a parameter of their own (documented), also for a device
		config: func(cfg *msal.Config) {
			cfg.Provider.Name, cfg.Provider.Authorize = "auth0", url.Values{"audience": {"https://a.example/"}, "ui_locales": {"de"}}
		},
		params:   msal.Params{Extra: url.Values{"audience": {"https://b.example/"}, "organization": {"org_1"}}},
		ask:      wireScopes,
		explicit: wireExplicit,
		defaults: wireDefaults,
		variant:  true,
	},
	"entra": {
		platform: asEntra,
		config: func(cfg *msal.Config) {
			cfg.Authority += "/organizations"
			cfg.Provider.Name, cfg.Capabilities = "entra", []string{"cp1"}
		},
		params:   msal.Params{Prompt: "select_account", DomainHint: "organizations"},
		redirect: "http://localhost",
		ask:      []string{"User.Read", "https://graph.microsoft.com/mail.send", "Calendars.Read"},
		explicit: "User.Read https://graph.microsoft.com/mail.send Calendars.Read",
		defaults: wireDefaults,
		keeps:    true,
	},
	"entra-default": {
		platform: asEntra,
		config:   func(cfg *msal.Config) { cfg.Authority += "/common"; cfg.Provider.Name = "entra" },
		redirect: "http://localhost",
		ask:      []string{"https://management.azure.com//.default"}, // of a resource whose name ends in a slash
		explicit: "https://management.azure.com//.default",
		defaults: wireDefaults,
		variant:  true,
	},
	"entra-resources": {
		platform: asEntra,
		config:   func(cfg *msal.Config) { cfg.Authority += "/common"; cfg.Provider.Name = "entra" },
		redirect: "http://localhost",
		ask:      []string{"User.Read", "https://management.azure.com/user_impersonation", "Mail.Read"},
		first:    []string{"User.Read", "Mail.Read"},
		explicit: "User.Read https://management.azure.com/user_impersonation Mail.Read",
		defaults: wireDefaults,
		variant:  true,
	},
	"entra-v1": {
		platform: asEntra,
		config: func(cfg *msal.Config) {
			cfg.Authority += "/" + wireTenant
			cfg.Endpoint, cfg.Provider.Name = msal.V1, "entra"
		},
		redirect: "http://localhost",
		ask:      []string{"https://management.azure.com/user_impersonation"},
		resource: []string{"https://management.azure.com"},
		defaults: "openid",
		keeps:    true,
	},
}

// grantOffline makes p give refresh tokens without being asked to.
func grantOffline(p *msaltest.Platform) {
	p.GrantScopes = func(requested []string) []string { return append(requested, scopes.OfflineAccess) }
	p.ScopeEcho = func(granted []string) string {
		return strings.TrimSuffix(strings.Join(granted, " "), " offline_access")
	}
}

// asEntra makes p Microsoft's, with the tenant whose id the golden files have.
func asEntra(p *msaltest.Platform) {
	p.Rotation = msaltest.KeepOld
	p.Entra = &msaltest.Entra{Tenants: []msaltest.Tenant{{ID: wireTenant}}}
}

// refusals are answers of known servers to a refresh that are no success.
var refusals = map[string]struct {
	dialect string
	msaltest.Fault
}{
	"invalid_grant":  {"oidc", msaltest.Fault{Code: "invalid_grant", Description: "Token has been expired or revoked."}},
	"invalid_client": {"oidc", msaltest.Fault{Status: 401, Code: "invalid_client", Header: http.Header{"WWW-Authenticate": {"Basic"}}}},
	"scope-named":    {"oidc", msaltest.Fault{Code: "invalid_scope", Description: "unknown scope offline_access"}},
	"scope-unnamed":  {"oidc", msaltest.Fault{Code: "invalid_scope"}},
	"throttled":      {"oidc", msaltest.Fault{Status: 429, RetryAfter: "60", Body: `{"error":"slow down, please"}`}},
	"unavailable":    {"oidc", msaltest.Fault{Status: 503, RetryAfter: "Sat, 01 Jan 2000 01:00:30 GMT", Body: "<h1>503</h1>"}},
	"gateway":        {"oidc", msaltest.Fault{Status: 502, Body: "<h1>502</h1>", Times: 2}},
	"cut":            {"oidc", msaltest.Fault{Truncate: 20, Times: 2}},
	"page":           {"oidc", msaltest.Fault{Body: "<title>Wi-Fi</title>", Times: 2}},
	"redirect":       {"oidc", msaltest.Fault{Status: 307, Header: http.Header{"Location": {"https://evil.example/token"}}, Body: "moved"}},
	"no-code":        {"oidc", msaltest.Fault{Status: 400, Body: `{"message":"Bad Request"}`}},
	"success":        {"oidc", msaltest.Fault{Status: 200, Body: `{"error":"invalid_grant"}`}},
	"rapt":           {"google", msaltest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"reauth related error (invalid_rapt)","error_subtype":"invalid_rapt"}`}},
	"bad_token":      {"entra", msaltest.Fault{Code: "invalid_grant", Suberror: "bad_token", Description: "AADSTS50173: The provided grant has expired."}},
	"inactive":       {"entra", msaltest.Fault{Code: "invalid_grant", Description: "AADSTS700082: The refresh token has expired due to inactivity."}},
	"consent":        {"entra", msaltest.Fault{Code: "invalid_grant", Suberror: "consent_required", Description: "AADSTS65001: The user or administrator has not consented."}},
	"claims": {"entra", msaltest.Fault{Code: "interaction_required", Suberror: "basic_action", Description: "AADSTS50076: you must use multi-factor authentication.",
		Claims: `{"access_token":{"capolids":{"essential":true,"values":["c1"]}}}`}},
	"loop": {"entra", msaltest.Fault{Code: "invalid_grant", Description: "AADSTS50196: The server terminated an operation because it encountered a loop."}},
	"codes": {"entra", msaltest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"AADSTS70000: one or more scopes requested are unauthorized or expired.",` +
		`"error_codes":[70000],"timestamp":"2026-01-02 03:04:05Z","trace_id":"t","correlation_id":"c"}`}},
	"strings": {"entra-v1", msaltest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"AADSTS50078: Presented multi-factor authentication has expired.",` +
		`"error_codes":["50078"],"suberror":"basic_action"}`}},
}

// TestWire holds every exchange of every grant with every dialect against its
// golden file, byte for byte.
func TestWire(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(dialects)) {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) {
				d := dialects[name]
				p, w, c := d.client(t)
				z, err := c.Authorize(t.Context(), d.redirectURI(), d.ask...)
				require.NoError(t, err)
				w.take()
				answer := w.browse(t, z)
				golden(t, name+"-authorize", nil, w.take()...)
				token, err := z.Redeem(t.Context(), answer)
				require.NoError(t, err)
				golden(t, name+"-code", nil, w.take()...)

				require.True(t, token.Renewable)
				time.Sleep(time.Until(token.Expiry))
				_, err = c.Token(t.Context(), d.single()...)
				require.NoError(t, err)
				golden(t, name+"-refresh", nil, w.take()...)
				p.AutoApproveAfter = 2
				_, err = c.SignIn(t.Context(), quietDevice, d.single()...)
				require.NoError(t, err)
				heard := w.take()
				golden(t, name+"-device", nil, heard[len(heard)-3]) // before it comes metadata
				if d.variant {
					return
				}
				golden(t, name+"-pending", nil, heard[len(heard)-2])
				golden(t, name+"-poll", nil, heard[len(heard)-1])
				require.NoError(t, c.SignOut(t.Context()))
				if d.keeps {
					require.Empty(t, w.take(), "there is no endpoint to revoke a token at")
					return
				}
				golden(t, name+"-revocation", nil, w.take()...)
			})
		})
	}
}

// imports are dialects in which the move from MSAL is written down.
var imports = []string{"entra", "oidc"}

// TestWireImport: what MSAL holds is sent as any refresh token is.
func TestWireImport(t *testing.T) {
	for _, name := range imports {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) {
				d := dialects[name]
				p, w, c := d.client(t)
				p.Users = []msaltest.User{unifiedAvery}
				config := func(cfg *msal.Config) {
					if d.config != nil {
						d.config(cfg)
					}
				}
				theirs, home := signInElsewhere(t, p, config), unifiedAvery.Subject
				if p.Entra != nil {
					home = unifiedAvery.ObjectID + "." + unifiedAvery.TenantID
				}
				_, err := c.Import(t.Context(), unifiedOf(t, map[string]string{home: theirs}), "User.Read")
				require.NoError(t, err)
				heard := w.take()
				require.Len(t, heard, 3, "metadata, keys, and one request")
				golden(t, name+"-import", nil, heard[2])
			})
		})
	}
}

var quietDevice = msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error { return nil }}

// client makes a platform and a Client of it with whose exchanges w fills.
func (d dialect) client(t *testing.T) (p *msaltest.Platform, w *tape, c *msal.Client) {
	p = msaltest.New(t)
	if d.platform != nil {
		d.platform(p)
	}
	w = &tape{base: p.Client().Transport}
	c = newClient(t, p, func(cfg *msal.Config) {
		cfg.HTTPClient = &http.Client{Transport: w}
		if d.config != nil {
			d.config(cfg)
		}
	})
	return p, w, c.With(d.params)
}

// single is what the caller can ask for in one token.
func (d dialect) single() []string {
	if d.first != nil {
		return d.first
	}
	return d.ask
}

func (d dialect) redirectURI() string {
	if d.redirect != "" {
		return d.redirect
	}
	return "http://127.0.0.1/callback"
}

// TestWireRefused does the same with what servers say when they refuse, and
// with what the program gets to see of it.
func TestWireRefused(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) {
				refusal := refusals[name]
				d := dialects[refusal.dialect]
				p, w, c := d.client(t)
				z, err := c.Authorize(t.Context(), d.redirectURI(), d.ask...)
				require.NoError(t, err)
				token, err := z.Redeem(t.Context(), w.browse(t, z))
				require.NoError(t, err)
				time.Sleep(time.Until(token.Expiry))
				w.take()
				p.Fail("token", refusal.Fault)
				_, err = c.Token(t.Context(), d.ask...)
				golden(t, refusal.dialect+"-refused-"+name, err, w.take()...)
			})
		})
	}
}

// deviceRefusals are answers of servers while a person signs in elsewhere.
var deviceRefusals = map[string]func(*msaltest.Platform){
	"declined":  func(p *msaltest.Platform) { p.Deny() },
	"expired":   func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{Code: "expired_token"}) },
	"slow_down": func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{Code: "slow_down"}) },
	"scope":     func(p *msaltest.Platform) { p.RejectScopes = []string{scopes.OfflineAccess} },
}

// TestWireDeviceRefused: a device code is polled until the answer is final.
func TestWireDeviceRefused(t *testing.T) {
	for name, prepare := range deviceRefusals {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1)
			synctest.Test(t, func(t *testing.T) {
				d := dialects["oidc"]
				p, w, c := d.client(t)
				p.AutoApproveAfter = 1
				prepare(p)
				_, err := c.SignIn(t.Context(), quietDevice, d.ask...)
				golden(t, "oidc-device-refused-"+name, err, w.take()[2:]...) // after metadata and keys
			})
		})
	}
}

// tape is an http.RoundTripper that writes down what passes. Beside line ends
// it adds nothing: without those before "&" a query and a form are as sent.
type tape struct {
	base  http.RoundTripper
	mu    sync.Mutex
	heard []string
}

func (w *tape) RoundTrip(r *http.Request) (*http.Response, error) {
	var b strings.Builder
	address, query, _ := strings.Cut(r.URL.String(), "?")
	fmt.Fprintf(&b, "-- request --\n%s %s\n", r.Method, address)
	if query != "" {
		fmt.Fprintf(&b, "?%s\n", strings.ReplaceAll(query, "&", "\n&"))
	}
	writeHeader(&b, r.Header)
	if r.Body != nil {
		form, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(form))
		fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(string(form), "&", "\n&"))
	}
	resp, err := w.base.RoundTrip(r)
	b.WriteString("-- response --\n")
	if err != nil {
		fmt.Fprintln(&b, err)
	} else {
		body, err := io.ReadAll(resp.Body)
		fmt.Fprintln(&b, resp.Status)
		writeHeader(&b, resp.Header)
		fmt.Fprintf(&b, "\n%s\n", bytes.TrimSpace(body))
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), broken{err}))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heard = append(w.heard, b.String())
	return resp, err
}

// broken ends a body as the one that was read has ended.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	return 0, io.EOF
}

func writeHeader(w io.Writer, h http.Header) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(w, "%s: %s\n", name, strings.Join(h[name], "; "))
	}
}

// take returns what was heard since the last time.
func (w *tape) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	heard := w.heard
	w.heard = nil
	return heard
}

// browse visits the server as a browser does, and returns what it brings back.
func (w *tape) browse(t *testing.T, z *msal.Authorization) url.Values {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, z.URL(), nil)
	require.NoError(t, err)
	resp, err := w.RoundTrip(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	return back.Query()
}

// golden compares exchanges, and the error that came of them, with a file.
func golden(t *testing.T, name string, failed error, exchanges ...string) {
	t.Helper()
	got := strings.Join(exchanges, "")
	if failed != nil {
		got += "-- error --\n" + failed.Error() + "\n"
	}
	file := filepath.Join(wireDir, name+".txt")
	if *updateWire {
		require.NoError(t, os.MkdirAll(wireDir, 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "go test -run TestWire -update ./msal writes it")
	require.Equal(t, string(want), got)
}
