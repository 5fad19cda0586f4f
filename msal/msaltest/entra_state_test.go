package msaltest_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// Sessions, grants and what people have done for conditional access outlive the process.
func TestEntraState(t *testing.T) {
	bubble(t, func(t *testing.T, _ *msaltest.Platform, _ *app) {
		file := filepath.Join(t.TempDir(), "state.json")
		start := func() (*msaltest.Platform, *app) {
			return newEntra(t, func(p *msaltest.Platform) {
				p.StateFile = file
				p.Entra.Policies = []msaltest.Policy{{Resource: "api://contoso"}}
				p.Entra.Apps = []msaltest.App{{ClientID: client, SPA: []string{localapp}}, {ClientID: other}}
			})
		}
		p, a := start()
		r := a.post("/token", entraForm(a.codeFor("scope", readThings+mine, "claims", cp1), "claims", cp1))
		grants := p.Grants()

		p, a = start()
		require.Equal(t, grants, p.Grants())
		p.NewAPI(things, "api://contoso")
		ok, _ := a.call(r.str("access_token"))
		require.Equal(t, 200, ok.status)
		next := a.renew(r.str("refresh_token"), "claims", cp1)
		require.Equal(t, "api://contoso/Things.Read", next.str("scope"), next.body)
		require.Empty(t, a.landed(a.visit("prompt", "none", "scope", readThings)).Get("error"), "the browser's session too")
		p.Entra.Apps[0].SPA, p.Entra.Apps[0].RedirectURIs = nil, []string{localapp}
		v1 := a.v1("common").enter("", "resource", "https://graph.microsoft.com")
		require.NotEmpty(t, v1)

		p, a = start()
		require.NotEmpty(t, a.v1("common").renew(v1.str("refresh_token")).str("access_token"))
		time.Sleep(24 * time.Hour)
		require.Equal(t, 700084, a.renew(next.str("refresh_token")).number(), "what kind of application it was")
		time.Sleep(90 * 24 * time.Hour)
		p.Entra.Apps = nil
		require.Equal(t, 700082, a.v1("common").renew(v1.str("refresh_token")).number(), "and when it was given")
	})
}
