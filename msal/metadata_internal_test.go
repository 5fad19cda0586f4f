package msal

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/secureurl"
)

// testdata/metadata-v1.json is what programs in the field have stored of a
// server. It may not change: a change of the format is a new schema with a file
// of its own.
func TestMetadataV1(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/metadata-v1.json")
	require.NoError(t, err)
	store := cache.Memory()
	c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example", Cache: store})
	require.NoError(t, err)
	rev, err := store.Put(t.Context(), c.core.metadataKey(), data, "")
	require.NoError(t, err)

	md := c.core.storedMetadata(t.Context())
	require.NotNil(t, md)
	require.Equal(t, "https://idp.example", md.doc.Issuer)
	require.Equal(t, "https://idp.example/token", md.doc.TokenEndpoint)
	require.Equal(t, "https://idp.example/keys", md.doc.JWKSURI)
	require.Equal(t, time.UnixMilli(1767225600123), md.fetched)
	require.Equal(t, time.UnixMilli(1767225700456), md.keysFetched)
	require.Equal(t, "openid profile email offline_access", md.defaults.String(), "whatever somebody has written about refused ones")
	require.Contains(t, string(md.rawKeys), `"kid":"test-key-1"`)
	require.JSONEq(t, `{"kept":[1,2.50,null]}`, string(md.rest["future"]))

	c.core.storeMetadata(t.Context(), md)
	again, now, err := store.Get(t.Context(), c.core.metadataKey())
	require.NoError(t, err)
	require.NotEqual(t, rev, now)
	require.Equal(t, string(data), string(again), "what a newer version added is kept")
}

// What to ask for is the metadata's and the configuration's to say, never a list that some program has left in the store.
func TestStoredRefusals(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/metadata-v1.json")
	require.NoError(t, err)
	for _, refused := range []string{"openid", "openid email", "email openid profile offline_access"} {
		c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example"})
		require.NoError(t, err)
		md, err := c.core.decodeMetadata([]byte(strings.Replace(string(data), `"refused":"email"`, `"refused":"`+refused+`"`, 1)))
		require.NoError(t, err)
		require.Equal(t, "openid profile email offline_access", md.defaults.String(), refused)
	}
}

// FuzzMetadata: what lies in the store under the server's name is used only if it is of this issuer and sends nobody to a
// place without TLS, and a program that writes it again changes nothing in it.
func FuzzMetadata(f *testing.F) {
	data, err := os.ReadFile("testdata/metadata-v1.json")
	require.NoError(f, err)
	good := string(data)
	for _, edit := range [][2]string{
		{"", ""}, {`"issuer":"https://idp.example"`, `"issuer":"https://evil.example"`}, {`"https://idp.example/token"`, `"http://idp.example/token"`},
		{`"https://idp.example/keys"`, `"https://idp.example/keys#x"`}, {`"schema":1`, `"schema":2`}, {`"kty":"RSA"`, `"kty":"oct"`},
		{`"refused":"email"`, `"refused":"openid email\u2028"`}, {`"refused":"email"`, `"refused":"","refused":""`}, {`"fetched":1767225600123`, `"fetched":-9223372036854775808`},
		{`{"kept":[1,2.50,null]}`, `"<&>\u2028"`}, {`"jwks_uri":`, `"JWKS_URI":`},
	} {
		f.Add([]byte(strings.Replace(good, edit[0], edit[1], 1)))
	}
	store := cache.Memory()
	c, err := New(Config{ClientID: "a-test-client", Authority: "https://idp.example", Cache: store})
	require.NoError(f, err)
	written := func(t *testing.T, md *metadata) []byte {
		c.core.storeMetadata(t.Context(), md)
		data, _, err := store.Get(t.Context(), c.core.metadataKey())
		require.NoError(t, err)
		return data
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		md, err := c.core.decodeMetadata(data)
		if err != nil {
			return
		}
		require.Equal(t, "https://idp.example", md.doc.Issuer)
		for _, endpoint := range []string{md.doc.TokenEndpoint, md.doc.JWKSURI} {
			u, err := secureurl.Parse(endpoint, false)
			require.NoError(t, err)
			require.Equal(t, "https", u.Scheme)
		}
		require.NotNil(t, md.keys)
		require.NotEmpty(t, md.algorithms)
		require.True(t, md.defaults.Has("openid"))
		once := written(t, md)
		again := c.core.storedMetadata(t.Context())
		require.NotNil(t, again)
		require.Equal(t, []time.Time{md.fetched, md.keysFetched}, []time.Time{again.fetched, again.keysFetched})
		var read, kept map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(data, &read))
		require.NoError(t, json.Unmarshal(once, &kept))
		require.Subset(t, slices.Collect(maps.Keys(kept)), slices.Collect(maps.Keys(read)))
		require.Equal(t, string(once), string(written(t, again)))
	})
}
