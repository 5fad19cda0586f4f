package msal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// starting returns the option to change what the device endpoint of p answers;
// nil deletes a member.
func starting(p *msaltest.Platform, members map[string]any) func(*msal.Config) {
	return func(cfg *msal.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			resp, err := p.Client().Transport.RoundTrip(r)
			if err != nil || r.URL.Path != "/device" || resp.StatusCode != http.StatusOK {
				return resp, err
			}
			var answer map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				return nil, err
			}
			edited(members)("", answer)
			body, err := json.Marshal(answer)
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(string(body))), int64(len(body))
			return resp, err
		})}
	}
}

// silently is a DeviceCode that shows nothing.
var silently = msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error { return nil }}

// gaps returns when the token endpoint was polled: how long after began, then
// how long after each other.
func gaps(p *msaltest.Platform, began time.Time) (between []time.Duration) {
	for _, r := range p.TokenRequests("") {
		between = append(between, r.Time.Sub(began))
		began = r.Time
	}
	return between
}

func requireNoDeviceCode(t testing.TB, p *msaltest.Platform, err error) {
	t.Helper()
	for _, r := range p.TokenRequests("") {
		require.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), r.Form.Get("device_code"))
	}
	require.NotContains(t, err.Error(), "dc-")
}

func TestDeviceCode_DV17_R8628_2_R8628_7_R8628_9(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.ClientSecret = "installed"
		c := newClient(t, p, func(cfg *msal.Config) { cfg.InstalledAppSecret = "installed" })
		var prompt msal.DevicePrompt
		began := time.Now()
		token, err := c.SignIn(t.Context(), msal.DeviceCode{Show: func(_ context.Context, shown msal.DevicePrompt) error {
			prompt = shown
			time.AfterFunc(12*time.Second, func() { p.Approve(shown.UserCode) })
			return nil
		}}, "read")
		require.NoError(t, err)
		require.Equal(t, "avery", token.Account.Subject)
		require.Equal(t, []time.Duration{5 * time.Second, 5 * time.Second, 5 * time.Second}, gaps(p, began))
		again, err := c.Token(t.Context(), "read")
		require.NoError(t, err)
		require.Equal(t, token.AccessToken(), again.AccessToken())

		start := p.Requests()[2] // after metadata and keys
		require.Equal(t, "device", start.Endpoint)
		require.Equal(t, "client_id=a-test-client&client_secret=installed&scope=read+openid+profile+email+offline_access", start.Form.Encode())
		poll := p.TokenRequests("")[0].Form
		require.Regexp(t, `^dc-`, poll.Get("device_code"))
		poll.Del("device_code")
		require.Equal(t, "client_id=a-test-client&client_secret=installed&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code", poll.Encode())

		require.Equal(t, p.URL+"/activate", prompt.VerificationURI) // all of it, and the person opens it
		require.Equal(t, prompt.VerificationURI+"?user_code="+prompt.UserCode, prompt.VerificationURIComplete)
		require.Equal(t, "idp.example", prompt.Issuer)
		require.Equal(t, 15*time.Minute, prompt.Expiry.Sub(began))
		require.Zero(t, p.Count("verification"))
		for _, says := range []string{prompt.VerificationURI, prompt.UserCode, "idp.example", "Only continue if you started this yourself"} {
			require.Contains(t, prompt.String(), says)
		}
	})
}

func TestDeviceInterval(t *testing.T) {
	for name, tc := range map[string]struct {
		interval any
		want     time.Duration
	}{
		"DV-01 R-8628-1 none":               {nil, 5 * time.Second},
		"DV-05 -1":                          {-1, 5 * time.Second},
		"DV-05 0":                           {0, 5 * time.Second},
		"DV-05 too small":                   {0.001, 5 * time.Second},
		"DV-05 9223372037":                  {9223372037, 300 * time.Second},
		"DV-05 limit: poll interval, 300 s": {300, 300 * time.Second},
		"DV-05 limit: poll interval, a second more": {301, 300 * time.Second},
		"DV-05 limit: poll interval, 1 s":           {1, time.Second},
		"DV-05 limit: poll interval, less":          {0.999, 5 * time.Second},
		"DV-05 1e30":                                {raw("1e30"), 300 * time.Second},
		"DV-05 1e400":                               {raw("1e400"), 5 * time.Second},
		"DV-05 string":                              {"7", 7 * time.Second},
		"DV-05 other string":                        {"soon", 5 * time.Second},
		"DV-05 2.5":                                 {2.5, 2500 * time.Millisecond},
		"DV-05 null":                                {raw("null"), 5 * time.Second},
		"DV-05 true":                                {true, 5 * time.Second},
		"DV-05 object":                              {raw("{}"), 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.NoSlowDown, p.AutoApproveAfter = true, 2
				began := time.Now()
				_, err := newClient(t, p, starting(p, map[string]any{"interval": tc.interval})).SignIn(t.Context(), silently, "read")
				require.NoError(t, err)
				require.Equal(t, []time.Duration{tc.want, tc.want}, gaps(p, began))
			})
		})
	}
}

// What lengthens the interval, for good, and ends nothing.
func TestDeviceGoesOn(t *testing.T) {
	const second = time.Second
	hotel := msaltest.Fault{Body: "<html>welcome to the hotel</html>"}
	for name, tc := range map[string]struct {
		fault msaltest.Fault
		times int
		want  []time.Duration
	}{
		"DV-02 R-8628-3 slow_down":    {msaltest.Fault{Code: "slow_down"}, 3, []time.Duration{5 * second, 10 * second, 15 * second, 20 * second, 20 * second}},
		"DV-02 slow_down, later":      {msaltest.Fault{Code: "slow_down", RetryAfter: "60"}, 1, []time.Duration{5 * second, 60 * second, 10 * second}},
		"DV-03 pending":               {msaltest.Fault{Code: "authorization_pending"}, 10, []time.Duration{5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second, 5 * second}},
		"DV-08 R-8628-4 not reached":  {msaltest.Fault{CutBefore: true}, 3, []time.Duration{5 * second, 10 * second, 20 * second, 40 * second, 40 * second}},
		"DV-08 cut":                   {msaltest.Fault{Cut: true}, 1, []time.Duration{5 * second, 10 * second}},
		"DV-08 hangs":                 {msaltest.Fault{Hang: true}, 1, []time.Duration{5 * second, 40 * second}},
		"DV-08 500":                   {msaltest.Fault{Status: 500}, 1, []time.Duration{5 * second, 10 * second, 10 * second}},
		"DV-08 502":                   {msaltest.Fault{Status: 502}, 1, []time.Duration{5 * second, 10 * second, 10 * second}},
		"DV-08 503, later":            {msaltest.Fault{Status: 503, RetryAfter: "60"}, 1, []time.Duration{5 * second, 60 * second, 10 * second}},
		"DV-08 429":                   {msaltest.Fault{Status: 429, RetryAfter: "1"}, 1, []time.Duration{5 * second, 10 * second, 10 * second}},
		"DV-08 unavailable":           {msaltest.Fault{Code: "temporarily_unavailable"}, 1, []time.Duration{5 * second, 10 * second, 10 * second}},
		"DV-08 captive portal":        {hotel, 1, []time.Duration{5 * second, 10 * second, 10 * second}},
		"DV-08 long outage":           {msaltest.Fault{CutBefore: true}, 7, []time.Duration{5 * second, 10 * second, 20 * second, 40 * second, 80 * second, 160 * second, 300 * second, 300 * second, 300 * second}},
		"DV-08 slow_down is not less": {msaltest.Fault{Code: "slow_down"}, 59, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.NoSlowDown, p.DeviceLife, p.AutoApproveAfter = true, 24*time.Hour, 2
				tc.fault.Times = tc.times
				p.Fail("token", tc.fault)
				began := time.Now()
				_, err := newClient(t, p, starting(p, map[string]any{"expires_in": 3600})).SignIn(t.Context(), silently, "read")
				if tc.want == nil { // an hour of slow_down: each wait is at least the one before
					require.Equal(t, "expired_token", asServerError(t, err).Code)
					require.IsNonDecreasing(t, gaps(p, began))
					return
				}
				require.NoError(t, err)
				require.Equal(t, tc.want, gaps(p, began))
			})
		})
	}
}

// A machine that has lost its network for a while has sent nothing.
func TestDeviceOffline_DV08(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 1
		began := time.Now()
		c := newClient(t, p, func(cfg *msal.Config) {
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.URL.Path == "/token" && time.Since(began) < 10*time.Second {
					return nil, errors.New("network is unreachable")
				}
				return p.Client().Transport.RoundTrip(r)
			})}
		})
		_, err := c.SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
		require.Equal(t, []time.Duration{15 * time.Second}, gaps(p, began))
	})
}

// What ends the wait at once.
func TestDeviceStops(t *testing.T) {
	for name, fault := range map[string]msaltest.Fault{
		"denied":        {Code: "access_denied"},
		"expired":       {Code: "expired_token"},
		"used up":       {Code: "invalid_grant"},
		"unknown":       {Code: "new_in_some_version"},
		"client":        {Status: 401, Code: "invalid_client"},
		"scope":         {Code: "invalid_scope", Description: "email"},
		"TR-20 no code": {Status: 400, Body: `{"message":"no"}`},
		"TR-30":         {Status: 307, Body: "{}", Header: http.Header{"Location": {"https://evil.example/"}}},
	} {
		t.Run("DV-04 R-8628-5 "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Fail("token", fault)
				_, err := newClient(t, p).SignIn(t.Context(), silently, "read")
				require.ErrorContains(t, err, "msal: sign in: ")
				require.Equal(t, name == "expired", errors.Is(err, msal.ErrSignInTimeout))
				if fault.Code != "" {
					require.Equal(t, fault.Code, asServerError(t, err).Code)
				}
				requireNoDeviceCode(t, p, err)
				require.Equal(t, 1, p.Count("token"))
				require.Equal(t, 1, p.Count("device"), "a person's decision is not asked for twice")
			})
		})
	}
}

// The code ends when the server said, by our clock, at most in an hour.
func TestDeviceExpires(t *testing.T) {
	for name, tc := range map[string]struct {
		life any
		want time.Duration
	}{
		"DV-06 R-8628-6 number":                    {61, 61 * time.Second},
		"DV-06 string":                             {"900", 15 * time.Minute},
		"DV-06 limit: device code, beyond an hour": {99999999999, time.Hour},
		"DV-06 limit: device code, an hour":        {3600, time.Hour},
		"DV-06 short":                              {1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.DeviceLife = 24 * time.Hour
				began := time.Now()
				_, err := newClient(t, p, starting(p, map[string]any{"expires_in": tc.life})).SignIn(t.Context(), silently, "read")
				require.Equal(t, "expired_token", asServerError(t, err).Code)
				require.ErrorIs(t, err, msal.ErrSignInTimeout)
				require.Equal(t, tc.want, time.Since(began))
				require.LessOrEqual(t, p.Count("token"), int(tc.want/(5*time.Second)))
				require.Equal(t, 1, p.Count("device"))
			})
		})
	}
}

// What the server gives is taken, though it comes late.
func TestDeviceAnswersLate_DV12(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.DeviceLife, p.AutoApproveAfter = 6*time.Second, 1
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second})
		_, err := newClient(t, p).SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
	})
}

func TestDeviceCancelled(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*msaltest.Platform)
		after   time.Duration
	}{
		"DV-09 in the request": {func(p *msaltest.Platform) { p.Fail("device", msaltest.Fault{Hang: true}) }, time.Second},
		"DV-09 in the wait":    {func(*msaltest.Platform) {}, 7 * time.Second},
		"DV-09 in a poll":      {func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{Hang: true}) }, 6 * time.Second},
		"DV-09 before":         {func(*msaltest.Platform) {}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				tc.prepare(p)
				ctx, cancel := context.WithCancelCause(t.Context())
				changed := errors.New("the person changed their mind")
				time.AfterFunc(tc.after, func() { cancel(changed) })
				if tc.after == 0 {
					cancel(changed)
				}
				began := time.Now()
				_, err := newClient(t, p).SignIn(ctx, silently, "read")
				require.ErrorIs(t, err, changed)
				require.NotErrorIs(t, err, msal.ErrSignInTimeout)
				require.Equal(t, tc.after, time.Since(began))
				requireNoDeviceCode(t, p, err)
			})
		})
	}
}

// Answers that cannot be shown or waited for are refused at once.
func TestHostileDeviceAnswers(t *testing.T) {
	t.Parallel()
	set := func(name string, v any) map[string]any { return map[string]any{name: v} }
	for name, tc := range map[string]struct {
		set  map[string]any
		says string
	}{
		"DV-07 nothing":             {map[string]any{"device_code": nil, "user_code": nil, "verification_uri": nil, "expires_in": nil, "interval": nil}, "device_code"},
		"R-8628-1 no device_code":   {set("device_code", nil), "device_code"},
		"R-8628-1 no user_code":     {set("user_code", nil), "user_code"},
		"R-8628-1 no address":       {set("verification_uri", nil), "verification_uri"},
		"DV-06 no expires_in":       {set("expires_in", nil), "expires_in"},
		"DV-06 0":                   {set("expires_in", 0), "expires_in"},
		"DV-06 negative":            {set("expires_in", -1), "device response"},
		"DV-10 script":              {set("verification_uri", "javascript:alert(1)"), "verification_uri"},
		"DV-10 http":                {set("verification_uri", "http://idp.example/activate"), "verification_uri"},
		"DV-10 file":                {set("verification_uri", "file:///etc/passwd"), "verification_uri"},
		"DV-10 userinfo":            {set("verification_uri", "https://idp.example@evil.example/"), "verification_uri"},
		"DV-10 10 kB":               {set("verification_uri", "https://idp.example/"+strings.Repeat("a", 10_000)), "verification_uri"},
		"DV-10 escape":              {set("verification_uri", "https://idp.example/\x1b[2J"), "verification_uri"},
		"DV-11 escape":              {set("user_code", "\x1b[2JABCD"), "user_code"},
		"DV-11 bidi":                {set("user_code", "AB\u202eCD"), "user_code"},
		"DV-11 another line":        {set("user_code", "ABCD\nEnter your password:"), "user_code"},
		"DV-11 10 kB":               {set("user_code", strings.Repeat("A", 10_000)), "user_code"},
		"DV-11 empty":               {set("user_code", ""), "user_code"},
		"device_code without limit": {set("device_code", "dc-"+strings.Repeat("a", 1<<17)), "device_code"},
		"an error":                  {set("error", "unauthorized_client"), "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			shown := msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error {
				t.Error("shown")
				return nil
			}}
			_, err := newClient(t, p, starting(p, tc.set)).SignIn(t.Context(), shown, "read")
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "\x1b")
			requireNoDeviceCode(t, p, err)
			require.Zero(t, p.Count("token"))
		})
	}
}

func TestOddDeviceAnswers(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough was shown")
	for name, tc := range map[string]struct {
		set      map[string]any
		complete bool
	}{
		"DV-10 Google's spelling":       {map[string]any{"verification_uri": nil, "verification_url": "https://idp.example/activate"}, true},
		"DV-13 another host":            {map[string]any{"verification_uri_complete": "https://idp.example.evil.example/activate"}, false},
		"DV-13 script":                  {map[string]any{"verification_uri_complete": "javascript:alert(1)"}, false},
		"DV-13 R-8628-7 none":           {map[string]any{"verification_uri_complete": nil}, false},
		"page elsewhere, both together": {map[string]any{"verification_uri": "https://activate.example/", "verification_uri_complete": "https://activate.example/?c=1"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			var shown msal.DevicePrompt
			_, err := newClient(t, p, starting(p, tc.set)).SignIn(t.Context(), msal.DeviceCode{Show: func(_ context.Context, prompt msal.DevicePrompt) error {
				shown = prompt
				return enough
			}}, "read")
			require.ErrorIs(t, err, enough)
			require.ErrorContains(t, err, "DeviceCode.Show")
			require.Zero(t, p.Count("token"))
			require.Equal(t, tc.complete, shown.VerificationURIComplete != "")
			require.NotEmpty(t, shown.VerificationURI)
			require.NotEmpty(t, shown.UserCode)
		})
	}
}

// A default that the server refuses is left out before a person is asked.
func TestDeviceStartsAgainWithoutARefusedDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.RejectScopes, p.AutoApproveAfter = []string{"profile"}, 1
		c := newClient(t, p)
		shown := 0
		flow := msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error { shown++; return nil }}
		_, err := c.SignIn(t.Context(), flow, "read")
		require.NoError(t, err)
		require.Equal(t, []int{2, 1, 1}, []int{p.Count("device"), shown, p.Count("token")})
		p.RejectScopes = []string{"read"}
		p.ResetLog()
		_, err = c.SignIn(t.Context(), flow, "read")
		require.Equal(t, "invalid_scope", asServerError(t, err).Code)
		require.Equal(t, []int{1, 1}, []int{p.Count("device"), shown}, "what is not a default of ours is not left out")
		p.RejectScopes = []string{"email", "read"}
		p.ResetLog()
		_, err = c.SignIn(t.Context(), flow, "read")
		require.Equal(t, "invalid_scope", asServerError(t, err).Code)
		require.Equal(t, []int{1, 1}, []int{p.Count("device"), shown}, "nor a default that is named beside one of the caller's")
	})
}

// Two people, two codes, no cross-over; and who was not asked for is refused.
func TestDeviceInParallel_AC02_DV15(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		as := func(u msaltest.User) msal.DeviceCode {
			return msal.DeviceCode{Show: func(_ context.Context, prompt msal.DevicePrompt) error {
				p.SignInAs(u)
				p.Approve(prompt.UserCode)
				return nil
			}}
		}
		blakes := make(chan msal.Token, 1)
		go func() {
			token, err := c.SignIn(t.Context(), as(blake), "read")
			if err != nil {
				t.Error(err)
			}
			blakes <- token
		}()
		synctest.Wait()
		token, err := c.SignIn(t.Context(), as(avery), "read")
		require.NoError(t, err)
		require.Equal(t, "avery", token.Account.Subject)
		require.Equal(t, "blake", (<-blakes).Account.Subject)
		_, err = c.For(token.Account).SignIn(t.Context(), as(blake), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	})
}

// Without Show the prompt goes to standard error, once and whole.
func TestDevicePromptOnStandardError_DV14(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer func(was *os.File) { os.Stderr = was }(os.Stderr)
	os.Stderr = w
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 1
		_, err := newClient(t, p).SignIn(t.Context(), msal.DeviceCode{}, "read")
		require.NoError(t, err)
	})
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.Regexp(t, `^To sign in, open https://idp.example/activate and enter the code [A-Z]{4}-[A-Z]{4}\.\nOnly continue .*\n$`, string(text))
}

func TestDeviceNotOffered(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.EditMetadata = func(m map[string]any) { delete(m, "device_authorization_endpoint") }
	_, err := newClient(t, p).SignIn(t.Context(), silently, "read")
	require.ErrorContains(t, err, "device_authorization_endpoint")
}

// A device code is for one API (Microsoft). Signing in for another one leaves
// the first as it is.
func TestDeviceCodeForEachAPI(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, c := dialects["entra-resources"].client(t)
		p.AutoApproveAfter = 1
		apis := []string{"User.Read", azure + "//user_impersonation"}
		for _, api := range apis {
			_, err := c.SignIn(t.Context(), silently, api)
			require.NoError(t, err)
		}
		for range 3 {
			seen := map[string]bool{}
			for _, api := range apis {
				token, err := c.Token(t.Context(), api)
				require.NoError(t, err)
				require.Empty(t, token.Missing)
				seen[token.AccessToken()] = true
			}
			require.Len(t, seen, 2)
			time.Sleep(2 * time.Hour)
		}
		p.ResetLog()
		_, err := c.SignIn(t.Context(), silently, apis...)
		require.ErrorContains(t, err, "sign in once for each")
		require.Empty(t, p.Requests())
	})
}
