package msal

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/secureurl"
)

// FuzzParseDevice: whatever a device endpoint answers, what is accepted can be
// printed on one line, leads to https, and is waited for with sane pauses and
// to a near end; what is refused is refused without its code.
func FuzzParseDevice(f *testing.F) {
	const start = `{"device_code":"dc-1","user_code":"ABCD-EFGH","verification_uri":"https://idp.example/activate",`
	for _, body := range []string{
		"{}", "", "[]", start + `"expires_in":900}`, start + `"expires_in":900,"interval":5,"verification_uri_complete":"https://idp.example/activate?c=1"}`,
		start + `"expires_in":"900","interval":"7"}`, start + `"expires_in":1e400,"interval":1e400}`, start + `"expires_in":0.5,"interval":-1}`,
		start + `"expires_in":900,"verification_uri_complete":"https://evil.example/"}`, start + `"expires_in":900,"interval":null}`,
		`{"device_code":"dc-1","user_code":"\u001b[2J","verification_uri":"javascript:alert(1)","expires_in":900}`,
		`{"device_code":"dc-1","user_code":"A","verification_url":"https://idp.example/","expires_in":99999999999,"interval":9223372037}`,
	} {
		f.Add([]byte(body))
	}
	now := time.Now()
	f.Fuzz(func(t *testing.T, body []byte) {
		g, err := (&core{}).parseDevice(body, now)
		if err != nil {
			require.Equal(t, deviceGrant{}, g)
			require.NotContains(t, err.Error(), "dc-1")
			require.NotContains(t, strings.Map(visible, err.Error()), "\x00")
			return
		}
		require.NotEmpty(t, g.code)
		require.NotEmpty(t, g.prompt.UserCode)
		require.NotContains(t, strings.Map(visible, strings.Replace(g.prompt.String(), "\n", "", 1)), "\x00")
		page, err := secureurl.Parse(g.prompt.VerificationURI, false)
		require.NoError(t, err)
		if complete := g.prompt.VerificationURIComplete; complete != "" {
			u, err := secureurl.Parse(complete, false)
			require.NoError(t, err)
			require.Equal(t, page.Host, u.Host)
		}
		require.GreaterOrEqual(t, g.interval, time.Second)
		require.LessOrEqual(t, g.interval, maxInterval)
		require.Greater(t, g.deadline.Sub(now), time.Duration(0))
		require.LessOrEqual(t, g.deadline.Sub(now), maxDeviceLife)
	})
}
