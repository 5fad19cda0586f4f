package msal

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
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
	require.Equal(t, "email", md.refused.String())
	require.Equal(t, "openid profile offline_access", md.defaults.String())
	require.Contains(t, string(md.rawKeys), `"kid":"test-key-1"`)
	require.JSONEq(t, `{"kept":[1,2.50,null]}`, string(md.rest["future"]))

	c.core.storeMetadata(t.Context(), md)
	again, now, err := store.Get(t.Context(), c.core.metadataKey())
	require.NoError(t, err)
	require.NotEqual(t, rev, now)
	require.Equal(t, string(data), string(again), "what a newer version added is kept")
}
