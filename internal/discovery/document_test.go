package discovery

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secureurl"
)

// entra is a document of Microsoft's public cloud, without what tells nothing.
const entra = `{
  "token_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
  "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
  "jwks_uri": "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
  "response_modes_supported": ["query", "fragment", "form_post"],
  "subject_types_supported": ["pairwise"],
  "id_token_signing_alg_values_supported": ["RS256"],
  "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
  "scopes_supported": ["openid", "profile", "email", "offline_access"],
  "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
  "request_uri_parameter_supported": false,
  "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
  "authorization_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
  "device_authorization_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode",
  "http_logout_supported": true,
  "frontchannel_logout_supported": true,
  "end_session_endpoint": "https://login.microsoftonline.com/organizations/oauth2/v2.0/logout",
  "claims_supported": ["sub", "iss", "cloud_instance_name", "aud", "exp", "iat", "auth_time", "acr", "nonce",
    "preferred_username", "name", "tid", "ver", "at_hash", "c_hash", "email"],
  "kerberos_endpoint": "https://login.microsoftonline.com/organizations/kerberos",
  "tenant_region_scope": null,
  "cloud_instance_name": "microsoftonline.com",
  "msgraph_host": "graph.microsoft.com"
}`

// with returns the smallest useful document with one member changed, as JSON;
// "" leaves the member out.
func with(member, value string) []byte {
	m := map[string]json.RawMessage{
		"issuer":                 json.RawMessage(`"https://idp.example"`),
		"authorization_endpoint": json.RawMessage(`"https://idp.example/authorize"`),
		"token_endpoint":         json.RawMessage(`"https://idp.example/token"`),
		"jwks_uri":               json.RawMessage(`"https://idp.example/keys"`),
	}
	if m[member] = json.RawMessage(value); value == "" {
		delete(m, member)
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, `"`+name+`":`+string(m[name]))
	}
	return []byte("{" + strings.Join(out, ",") + "}")
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestParse(t *testing.T) {
	t.Parallel()
	raw := []byte(entra)
	got, err := Parse(raw, false)
	require.NoError(t, err)
	raw[0] = 'x' // the document keeps a copy
	require.Equal(t, &Document{
		Issuer:                      "https://login.microsoftonline.com/{tenantid}/v2.0",
		AuthorizationEndpoint:       "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize",
		TokenEndpoint:               "https://login.microsoftonline.com/organizations/oauth2/v2.0/token",
		JWKSURI:                     "https://login.microsoftonline.com/organizations/discovery/v2.0/keys",
		DeviceAuthorizationEndpoint: "https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode",
		EndSessionEndpoint:          "https://login.microsoftonline.com/organizations/oauth2/v2.0/logout",
		UserinfoEndpoint:            "https://graph.microsoft.com/oidc/userinfo",
		ScopesSupported:             []string{"openid", "profile", "email", "offline_access"},
		ScopesPublished:             true,
		ResponseModes:               []string{"query", "fragment", "form_post"},
		SigningAlgorithms:           []string{"RS256"},
		Raw:                         []byte(entra),
	}, got)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"DD-02 issuer missing":              {with("issuer", ""), "no issuer"},
		"DD-02 issuer empty":                {with("issuer", `""`), "no issuer"},
		"DD-02 issuer null":                 {with("issuer", `null`), "no issuer"},
		"DD-02 issuer number":               {with("issuer", `1`), "issuer"},
		"DD-02 issuer array":                {with("issuer", `["https://idp.example"]`), "issuer"},
		"DD-02 issuer endless":              {with("issuer", `"https://`+strings.Repeat("a", 3000)+`"`), "2048"},
		"DD-03 endpoint relative":           {with("token_endpoint", `"/token"`), "token_endpoint"},
		"DD-03 endpoint number":             {with("token_endpoint", `1`), "token_endpoint"},
		"DD-04 R-6749-19 http":              {with("authorization_endpoint", `"http://idp.example/authorize"`), "authorization_endpoint"},
		"DD-04 http keys":                   {with("jwks_uri", `"http://idp.example/keys"`), "jwks_uri"},
		"DD-04 http device":                 {with("device_authorization_endpoint", `"http://idp.example"`), "device_authorization_endpoint"},
		"DD-04 http revocation":             {with("revocation_endpoint", `"http://idp.example"`), "revocation_endpoint"},
		"DD-04 http userinfo":               {with("userinfo_endpoint", `"http://idp.example"`), "userinfo_endpoint"},
		"DD-04 loopback http not asked for": {with("token_endpoint", `"http://127.0.0.1:1/token"`), "https is needed"},
		"DD-05 user":                        {with("token_endpoint", `"https://user:hunter2@idp.example/token"`), "user name"},
		"DD-05 R-6749-1 fragment":           {with("authorization_endpoint", `"https://idp.example/authorize#"`), "fragment"},
		"DD-05 control":                     {with("token_endpoint", `"https://idp.example/\u001b]0;x"`), "token_endpoint"},
		"DD-08 javascript":                  {with("authorization_endpoint", `"javascript:alert(1)"`), "https"},
		"DD-08 file":                        {with("authorization_endpoint", `"file:///etc/passwd"`), "https"},
		"DD-08 shell":                       {with("authorization_endpoint", `"https://$(calc).x"`), "authorization_endpoint"},
		"DD-08 option":                      {with("authorization_endpoint", `"-https://x"`), "authorization_endpoint"},
		"LO-03 logout":                      {with("end_session_endpoint", `"javascript:alert(1)"`), "end_session_endpoint"},
		"DD-15 empty":                       {nil, "empty"},
		"DD-15 page":                        {[]byte("<html>sign in to the hotel</html>"), "JSON"},
		"DD-15 array":                       {[]byte(`[]`), "array"},
		"DD-15 null":                        {[]byte(`null`), "no issuer"},
		"DD-16 duplicate":                   {[]byte(`{"issuer":"https://evil.example","issuer":"https://idp.example"}`), "twice"},
		"DD-17 other case":                  {[]byte(`{"ISSUER":"https://idp.example"}`), "no issuer"},
		"DD-18 deep":                        {with("x", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), "nested"},
		"DD-18 many members":                {with("x", manyMembers(100_000)), "1000 members"},
		"DD-18 many elements":               {with("scopes_supported", `[`+strings.Repeat(`"a",`, 1_000_000)+`"b"]`), "100000 elements"},
		"DD-19 invalid UTF-8":               {with("x", "\"\xff\""), "UTF-8"},
		"DD-19 surrogate":                   {with("x", `"\ud800"`), "surrogate"},
		"DD-19 byte order mark":             {append([]byte("\ufeff"), with("", "")...), "byte order mark"},
		"DD-19 trailing":                    {append(with("issuer", `"https://idp.example"`), "{}"...), "not one JSON value"},
		"DD-19 NaN":                         {with("x", `NaN`), "not one JSON value"},
		"scopes not a list":                 {with("scopes_supported", `"openid"`), "scopes_supported"},
		"iss parameter a string":            {with("authorization_response_iss_parameter_supported", `"true"`), "iss_parameter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(c.raw, false)
			require.Nil(t, d)
			require.ErrorContains(t, err, c.want)
			require.Less(t, len(err.Error()), 500)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string][]byte{
		"DD-03 endpoints missing":       []byte(`{"issuer":"https://idp.example"}`),
		"DD-03 endpoint empty":          with("token_endpoint", `""`),
		"DD-03 endpoint null":           with("token_endpoint", `null`),
		"DD-06 endpoint elsewhere":      with("token_endpoint", `"https://oauth2.other.example/token"`),
		"DD-25 private address":         with("token_endpoint", `"https://10.0.0.1:8443/token"`),
		"query":                         with("authorization_endpoint", `"https://idp.example/authorize?p=b2c_1_x"`),
		"DD-17 other case beside":       with("Token_Endpoint", `"http://evil.example"`),
		"unused member of any type":     with("op_policy_uri", `{"a":[1,null]}`),
		"unused member with a bad URL":  with("access_token_issuer", `"http://fs.example/adfs/services/trust"`),
		"iss parameter, RFC 9207":       with("authorization_response_iss_parameter_supported", `true`),
		"issuer that is not a URL here": with("issuer", `"anything, since it is compared"`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(raw, false)
			require.NoError(t, err)
		})
	}
}

func TestParseLoopbackHTTP(t *testing.T) {
	t.Parallel()
	_, err := Parse(with("token_endpoint", `"http://127.0.0.1:1/token"`), true)
	require.NoError(t, err)
	_, err = Parse(with("token_endpoint", `"http://localhost:1/token"`), true)
	require.Error(t, err)
}

func TestNeed(t *testing.T) {
	t.Parallel()
	d, err := Parse(with("jwks_uri", ""), false)
	require.NoError(t, err)
	require.NoError(t, d.Need())
	require.NoError(t, d.Need("authorization_endpoint", "token_endpoint"))
	require.EqualError(t, d.Need("token_endpoint", "jwks_uri", "device_authorization_endpoint"),
		`the metadata of "https://idp.example" has no jwks_uri and no device_authorization_endpoint, so the provider does not offer this`)
	require.Error(t, d.Need("issuer"), "not the member of an endpoint")
}

// TestOpenID: one sign of OpenID Connect is enough.
func TestOpenID(t *testing.T) {
	t.Parallel()
	const oauth = `"issuer":"https://as.example","token_endpoint":"https://as.example/token"`
	for members, want := range map[string]bool{
		``: false,
		`,"scopes_supported":["read","profile","email","offline_access"]`: false,
		`,"scopes_supported":["OpenID"]`:                                  false,
		`,"jwks_uri":"","id_token_signing_alg_values_supported":null`:     false,
		`,"introspection_endpoint":"https://as.example/x"`:                false,
		`,"jwks_uri":"https://as.example/keys"`:                           true,
		`,"userinfo_endpoint":"https://as.example/me"`:                    true,
		`,"id_token_signing_alg_values_supported":["RS256"]`:              true,
		`,"id_token_signing_alg_values_supported":[]`:                     true,
		`,"scopes_supported":["read","openid"]`:                           true,
	} {
		d, err := Parse([]byte("{"+oauth+members+"}"), false)
		require.NoError(t, err)
		require.Equal(t, want, d.OpenID(), members)
	}
}

func TestErrorsShowTheIssuerSafely(t *testing.T) {
	t.Parallel()
	d, err := Parse([]byte(`{"issuer":"https://x\u001b]0;pwn\u0007\u202e`+strings.Repeat("y", 1000)+`"}`), false)
	require.NoError(t, err)
	text := d.Need("token_endpoint").Error()
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\u202e")
	require.Less(t, len(text), 400)
}

// TestScopesPublished keeps "lists none" apart from "does not say".
func TestScopesPublished(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, `null`: false, `[]`: true, `["openid"]`: true} {
		d, err := Parse(with("scopes_supported", value), false)
		require.NoError(t, err)
		require.Equal(t, want, d.ScopesPublished, "%q", value)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(entra), false)
	f.Add(with("token_endpoint", `"http://[::1]:8080/token"`), true)
	f.Add(with("jwks_uri", `"https://idp.example\\@evil.example/"`), false)
	f.Add(with("scopes_supported", `[]`), false)
	f.Fuzz(func(t *testing.T, raw []byte, loopbackHTTP bool) {
		d, err := Parse(raw, loopbackHTTP)
		if err != nil {
			return
		}
		require.NotEmpty(t, d.Issuer)
		for _, e := range d.endpoints() {
			if e.url != "" {
				_, err := secureurl.Parse(e.url, loopbackHTTP)
				require.NoError(t, err, e.name)
			}
			require.Equal(t, e.url != "", d.Need(e.name) == nil, e.name)
		}
		again, err := Parse(d.Raw, loopbackHTTP)
		require.NoError(t, err)
		require.Equal(t, d, again)
		if algorithms, err := d.Algorithms(); err == nil {
			require.NotEmpty(t, algorithms)
			require.Subset(t, asymmetric[:], algorithms)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.SetBytes(int64(len(entra)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse([]byte(entra), false); err != nil {
			b.Fatal(err)
		}
	}
}
