package msaltest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestLog(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	a := newApp(t, p)
	token := a.signIn().str("refresh_token")
	a.refresh(token)
	p.Fail("token", msaltest.Fault{Cut: true})
	_, err := a.try("/token", refreshment("x"))
	require.Error(t, err)

	all := p.Requests()
	require.Len(t, all, 4)
	require.Equal(t, "authorize", all[0].Endpoint)
	require.Equal(t, "GET", all[0].Method)
	require.Equal(t, "/authorize?"+authorization().Encode(), all[0].URL)
	require.Equal(t, everything, all[0].Form.Get("scope"))
	require.Equal(t, 303, all[0].Status)
	require.Equal(t, refreshment(token).Encode(), all[2].Body, "verbatim")
	require.Equal(t, 200, all[2].Status)
	require.Zero(t, all[3].Status, "nothing was answered")

	require.Equal(t, 4, p.Count())
	require.Equal(t, 3, p.Count("token"))
	require.Equal(t, 4, p.Count("token", "authorize"))
	require.Len(t, p.TokenRequests("refresh_token"), 2)
	require.Len(t, p.TokenRequests(""), 3)
	p.ResetLog()
	require.Zero(t, p.Count())
}

// Golden files of a wire need the same bytes every time.
func TestSeededRunsAreEqual(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256"} {
		run := func() string {
			cryptotest.SetGlobalRandom(t, 7)
			var wire strings.Builder
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Algorithm, p.AutoApproveAfter = algorithm, 1
				a := newApp(t, p)
				signedIn := a.signIn()
				device := a.startDevice()
				for _, r := range []reply{signedIn, a.refresh(signedIn.str("refresh_token")), device, a.poll(device)} {
					fmt.Fprintln(&wire, r.status, r.header, r.body)
				}
				for _, r := range p.Requests() {
					fmt.Fprintln(&wire, r.Method, r.URL, r.Body, r.Status, r.Time)
				}
			})
			return wire.String()
		}
		require.Equal(t, run(), run(), algorithm)
	}
}
