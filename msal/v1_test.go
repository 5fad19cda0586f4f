package msal_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// Microsoft's v1.0 endpoint: what it answers in another form.

const management = "https://management.azure.com/user_impersonation"

func newV1(t *testing.T) (*msaltest.Platform, *msal.Client) {
	p := msaltest.New(t)
	asEntra(p)
	return p, newClient(t, p, func(cfg *msal.Config) {
		cfg.Authority += "/" + wireTenant
		cfg.Endpoint, cfg.Provider.Name = msal.V1, "entra"
	})
}

func TestV1Device(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := newV1(t)
		p.AutoApproveAfter, p.DeviceInterval = 3, 7*time.Second
		began := time.Now()
		token, err := c.SignIn(t.Context(), quietDevice, management)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}, gaps(p, began))
		require.Equal(t, time.Hour, token.Expiry.Sub(time.Now().Round(0)))
		for _, poll := range p.TokenRequests("") {
			require.NotEmpty(t, poll.Form.Get("device_code"))
			require.Equal(t, poll.Form.Get("device_code"), poll.Form.Get("code"))
		}
		time.Sleep(time.Until(token.Expiry))
		requireToken(t, c, management)
	})
}

// Nobody has signed an ID token without a signature: no session begins with
// one, and none changes by one.
func TestV1UnsignedIDToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unsigned := func(_ string, answer map[string]any) {
			part := strings.Split(answer["id_token"].(string), ".")
			answer["id_token"] = base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + part[1] + "."
		}
		p, c := newV1(t)
		honest := p.EditToken
		p.EditToken = unsigned
		z, err := c.Authorize(t.Context(), "http://localhost", management)
		require.NoError(t, err)
		_, err = z.Redeem(t.Context(), visit(t, p, z.URL()))
		require.ErrorContains(t, err, `the server's answer is refused: id token: alg is "none" (it is not signed)`)
		accounts, err := c.Accounts(t.Context())
		require.NoError(t, err)
		require.Empty(t, accounts)

		p.EditToken = honest
		token := signIn(t, p, c, management)
		time.Sleep(time.Until(token.Expiry))
		p.EditToken = unsigned
		_, err = c.Token(t.Context(), management)
		require.ErrorContains(t, err, "it is not signed")
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		p.EditToken = honest
		requireToken(t, c, management)
	})
}

// AADSTS90008: the registration lacks what signing in needs. It can be added
// while the session waits.
func TestV1WithoutUserRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, c := newV1(t)
		token := signIn(t, p, c, management)
		fault := msaltest.Fault{Code: "invalid_grant", Description: "AADSTS90008: The user or administrator has not consented to use the application. This happened because it is misconfigured.\r\nTrace ID: x"}
		time.Sleep(time.Until(token.Expiry))
		p.Fail("token", fault)
		_, err := c.Token(t.Context(), management)
		require.ErrorContains(t, err, "has not consented to use the application; signing in needs a permission that is not registered; add the delegated permission User.Read of Microsoft Graph")
		require.Equal(t, msal.ActionFixApp, asServerError(t, err).Action())
		time.Sleep(time.Minute)
		requireToken(t, c, management)

		z, err := c.Authorize(t.Context(), "http://localhost", management)
		require.NoError(t, err)
		p.Fail("token", fault)
		_, err = z.Redeem(t.Context(), visit(t, p, z.URL()))
		require.Equal(t, msal.ActionFixApp, asServerError(t, err).Action())
	})
}
