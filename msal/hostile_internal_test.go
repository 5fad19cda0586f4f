package msal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A token ends by whichever clock says so first: the wall clock goes on while a laptop sleeps, and the monotonic one
// cannot be set back. The moment at which a process's monotonic clock began stands for how much of it has passed.
func TestEitherClockEndsAToken(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := &core{epoch: now.Add(-time.Minute)}
	end := c.deadline(now.Add(time.Hour), now)
	for name, test := range map[string]struct {
		wall, mono time.Duration // how far each has moved since
		ahead      bool
	}{
		"both in time":                          {59 * time.Minute, 59 * time.Minute, true},
		"both late":                             {time.Hour, time.Hour, false},
		"CK-02 set back by a day":               {2*time.Hour - 24*time.Hour, 2 * time.Hour, false},
		"CK-02 set back, and not over yet":      {30*time.Minute - 24*time.Hour, 30 * time.Minute, true},
		"CK-03 set forward by a year":           {365 * 24 * time.Hour, time.Minute, false},
		"CK-04 asleep for two hours":            {2 * time.Hour, 0, false},
		"CK-04 asleep for ten minutes":          {10 * time.Minute, 0, true},
		"CK-05 in the year 2200, after a start": {174 * 365 * 24 * time.Hour, time.Minute, false},
		"CK-05 in 1970: no clock at the start":  {-time.Duration(now.Unix()) * time.Second, time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			then := now.Add(test.wall)
			require.Equal(t, test.ahead, end.ahead(then, c.epoch.Add(test.wall-test.mono)))
		})
	}
}

// The longest challenge, access token, refresh token, and one byte more.
func TestLimits(t *testing.T) {
	t.Parallel()
	fill := func(n int, before, after string) string {
		b := make([]byte, 0, n)
		b = append(b, before...)
		for len(b) < n-len(after) {
			b = append(b, 'a')
		}
		return string(append(b, after...))
	}
	answer := func(member string, n int) string {
		tokens := map[string]string{"access_token": "at", "refresh_token": "rt"}
		tokens[member] = fill(n, "", "")
		return `{"token_type":"Bearer","access_token":"` + tokens["access_token"] + `","refresh_token":"` + tokens["refresh_token"] + `"}`
	}
	parse := func(raw string) error { _, err := (&core{}).parseAnswer([]byte(raw), time.Now()); return err }
	challenge := func(raw string) error { _, err := parseChallenge(raw); return err }
	for name, test := range map[string]struct {
		err error
		ok  bool
	}{
		"limit: access token, 64 KiB":          {parse(answer("access_token", 64<<10)), true},
		"limit: access token, a byte more":     {parse(answer("access_token", 64<<10+1)), false},
		"limit: refresh token, 64 KiB":         {parse(answer("refresh_token", 64<<10)), true},
		"limit: refresh token, a byte more":    {parse(answer("refresh_token", 64<<10+1)), false},
		"limit: claims challenge, 8 KiB":       {challenge(fill(8<<10, `{"a":"`, `"}`)), true},
		"limit: claims challenge, a byte more": {challenge(fill(8<<10+1, `{"a":"`, `"}`)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.ok, test.err == nil, "%v", test.err)
		})
	}
}

// How long a person may take who has been sent to a browser.
func TestBrowserTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ asked, want time.Duration }{
		"limit: browser, 5 min":    {0, 5 * time.Minute},
		"limit: browser, as asked": {time.Hour, time.Hour},
		"negative is nothing":      {-1, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, Browser{Timeout: test.asked}.timeout())
		})
	}
}
