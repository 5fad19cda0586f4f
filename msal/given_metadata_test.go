package msal_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// Metadata that one program was given is its own business: another one over the same store neither sends its code where
// that says, nor does the one with pinned keys believe those that the other has fetched. Programs with the same
// metadata share its keys.
func TestGivenMetadataIsNotShared_DD26(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		member, value string
		firstIsGiven  bool
		first, second []string // requests for keys and tokens
	}{
		"the code goes to the server's own endpoint":   {"token_endpoint", "https://gateway.example/token", true, []string{"idp.example/keys", "gateway.example/token"}, []string{"idp.example/keys", "idp.example/token"}},
		"the keys come from where the metadata has it": {"jwks_uri", "https://pinned.example/keys", false, []string{"idp.example/keys", "idp.example/token"}, []string{"pinned.example/keys", "idp.example/token"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			given := discoveryOf(t, p)
			given[tc.member] = tc.value
			raw, err := json.Marshal(given)
			require.NoError(t, err)
			store := cache.Memory()
			requests := func(withMetadata bool, id string) (hosts []string) {
				c := newClient(t, p, func(cfg *msal.Config) {
					cfg.Cache, cfg.ClientID = store, id
					cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						if r.URL.Path == "/keys" || r.URL.Path == "/token" {
							hosts = append(hosts, r.URL.Host+r.URL.Path)
						}
						r = r.Clone(r.Context())
						r.URL.Host = "idp.example"
						r.Host = ""
						return p.Client().Transport.RoundTrip(r)
					})}
					if withMetadata {
						cfg.Metadata = raw
					}
				})
				signIn(t, p, c, "read")
				return hosts
			}
			require.Equal(t, tc.first, requests(tc.firstIsGiven, "one"))
			require.Equal(t, tc.second, requests(!tc.firstIsGiven, "another"))
			require.Equal(t, tc.first[1:], requests(tc.firstIsGiven, "a third"), "its keys are known")
			require.Equal(t, tc.second[1:], requests(!tc.firstIsGiven, "a fourth"), "its keys are known")
		})
	}
}

// discoveryOf returns the platform's document.
func discoveryOf(t testing.TB, p *msaltest.Platform) (document map[string]any) {
	t.Helper()
	address, err := url.JoinPath(p.URL, ".well-known/openid-configuration")
	require.NoError(t, err)
	resp, err := p.Client().Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&document))
	return document
}
