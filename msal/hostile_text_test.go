package msal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// hostileText does something to a terminal, to a log and to a reader.
const hostileText = "no\x1b[2J\x1b]0;pwn\a\r\nlevel=INFO msg=\"signed in\"\u202egnp\u200b\u0085\x7f<script>"

// requireTame demands one line that a terminal shows as it is.
func requireTame(t *testing.T, text string) {
	t.Helper()
	require.True(t, utf8.ValidString(text))
	for _, r := range text {
		require.True(t, r == ' ' || unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S), "%q in %q", r, text)
	}
	require.Less(t, len(text), 2000)
}

// raw writes what it is told to log as it is, one record on a line: who counts lines counts events.
type rawLog struct{ strings.Builder }

func (*rawLog) Enabled(context.Context, slog.Level) bool { return true }
func (l *rawLog) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *rawLog) WithGroup(string) slog.Handler          { return l }
func (l *rawLog) Handle(_ context.Context, r slog.Record) error {
	fmt.Fprintf(l, "%s %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(l, " %s=%v", a.Key, a.Value); return true })
	fmt.Fprintln(l)
	return nil
}

// Who has signed in can be told to a terminal, whatever they are called. What is stored is what the server wrote: a program
// with windows shows it well.
func TestHostileNames_TE01_TE02_TE03_TE07(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	p.Users = []msaltest.User{{Subject: "avery", Username: hostileText + "@idp.example", Name: hostileText, Email: hostileText}}
	token := signIn(t, p, newClient(t, p), "read")
	require.Equal(t, hostileText, token.Account.Name)
	require.Equal(t, hostileText+"@idp.example", token.Account.Username)
	for _, text := range []string{
		token.Account.String(), fmt.Sprint(token.Account), fmt.Sprintf("%+v", token.Account), fmt.Sprintf("%v", &token.Account),
		fmt.Sprint([]msal.Account{token.Account}), fmt.Sprintf("%q", token.Account.Name),
	} {
		requireTame(t, text)
		require.Contains(t, text, `[2J`, "it can be seen")
	}
	for want, a := range map[string]msal.Account{
		"Avery Example <avery@idp.example>":  {ID: "x", Username: "avery@idp.example", Name: "Avery Example", Email: "a@example.com"},
		"avery@idp.example":                  {ID: "x", Email: "avery@idp.example"},
		"avery":                              {ID: "x", Username: "avery", Name: "avery"},
		"https://idp.example":                {ID: "https://idp.example"},
		"Ёлка \\u{200d} 山田 <x>":              {ID: "x", Name: "Ёлка \u200d 山田"},
		strings.Repeat("n", 197) + "... <x>": {ID: "x", Name: strings.Repeat("n", 1000)},
	} {
		require.Equal(t, want, a.String())
	}
}

// Text of a server, wherever it may stand, comes out as one tame line, in errors and in the log.
func TestHostileText(t *testing.T) {
	quoted := func(s string) string {
		b, err := json.Marshal(s)
		require.NoError(t, err)
		return string(b)
	}
	redeem := func(t *testing.T, p *msaltest.Platform, c *msal.Client, prepare func(callback map[string][]string)) error {
		z, callback := begin(t, p, c, "read")
		prepare(callback)
		_, err := z.Redeem(t.Context(), callback)
		return err
	}
	refused := `{"error":` + quoted("no"+hostileText) + `,"error_description":` + quoted(hostileText) + `,"suberror":` + quoted(hostileText) +
		`,"error_uri":` + quoted(hostileText) + `,"correlation_id":` + quoted(hostileText) + `}`
	for name, provoke := range map[string]func(t *testing.T, p *msaltest.Platform, c *msal.Client) error{
		"LG-10 TE-04 R-6749-12 token endpoint": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			return redeem(t, p, c, func(map[string][]string) { p.Fail("token", msaltest.Fault{Status: 400, Body: refused}) })
		},
		"LG-10 TE-04 R-6749-12 R-6749-21 redirect": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			return redeem(t, p, c, func(v map[string][]string) {
				v["error"], v["error_description"], v["error_uri"] = []string{"x" + hostileText}, []string{hostileText}, []string{hostileText}
			})
		},
		"LG-10 R-6749-21 iss of the redirect": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			return redeem(t, p, c, func(v map[string][]string) { v["iss"] = []string{hostileText} })
		},
		"LG-10 kid": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditToken = func(_ string, answer map[string]any) {
				answer["id_token"] = reheaded(`{"alg":"RS256","kid":`+quoted(hostileText)+`}`, strangers)(answer["id_token"].(string))
			}
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 alg": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditToken = func(_ string, answer map[string]any) {
				answer["id_token"] = reheaded(`{"alg":`+quoted(hostileText)+`}`, strangers)(answer["id_token"].(string))
			}
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 iss": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			forgery{claims: set("iss", hostileText)}.apply(p)
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 sub": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			forgery{claims: set("sub", hostileText)}.apply(p)
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 aud": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			forgery{claims: set("aud", []string{hostileText})}.apply(p)
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 token_type": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditToken = edited(map[string]any{"token_type": hostileText})
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 a member's name": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.Fail("token", msaltest.Fault{Body: `{` + quoted(hostileText) + `:1,` + quoted(hostileText) + `:2}`})
			return redeem(t, p, c, func(map[string][]string) {})
		},
		"LG-10 issuer of the metadata": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditMetadata = func(m map[string]any) { m["issuer"] = "https://x/" + hostileText }
			_, err := c.Authorize(t.Context(), testRedirect, "read")
			return err
		},
		"LG-10 endpoint of the metadata": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditMetadata = func(m map[string]any) { m["token_endpoint"] = "https://x/" + hostileText }
			_, err := c.Authorize(t.Context(), testRedirect, "read")
			return err
		},
		"LG-10 algorithms of the metadata": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			p.EditMetadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{hostileText} }
			_, err := c.Authorize(t.Context(), testRedirect, "read")
			return err
		},
		"LG-10 a refresh": func(t *testing.T, p *msaltest.Platform, c *msal.Client) error {
			signIn(t, p, c, "read")
			p.Fail("token", msaltest.Fault{Status: 400, Body: refused})
			_, err := c.ForceRefresh().Token(t.Context(), "read")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, lines := msaltest.New(t), &rawLog{}
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Logger = slog.New(lines) })
			err := provoke(t, p, c)
			require.Error(t, err)
			requireTame(t, err.Error())
			for line := range strings.Lines(lines.String()) {
				requireTame(t, strings.TrimSuffix(line, "\n"))
				require.Regexp(t, `^(INFO|WARN) `, line)
			}
		})
	}
}

// How much of what a server says is shown.
func TestServerTextIsBounded(t *testing.T) {
	t.Parallel()
	for name, runes := range map[string]int{"TE-04 limit: description shown, 500": 500, "TE-04 limit: description shown, one more": 501} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := (&msal.ServerError{Code: "invalid_request", Description: strings.Repeat("ä", runes)}).Error()
			require.True(t, strings.HasPrefix(text, "server said invalid_request: "))
			require.Equal(t, runes == 500, strings.Count(text, "ä") == 500)
			require.Equal(t, runes != 500, strings.Contains(text, "..."))
		})
	}
}

// Where a device code sends a person is written so that it can be told from another place.
func TestDevicePages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ address, says string }{
		"TE-05 a letter of another alphabet": {"https://idр.example/activate", "verification_uri"},
		"TE-05 the same in ASCII":            {"https://xn--id-vlc.example/activate", ""},
		"TE-05 right to left":                {"https://idp.example/\u202eetavitca", "verification_uri"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			p.AutoApproveAfter = 1
			enough := fmt.Errorf("enough was shown")
			var shown msal.DevicePrompt
			flow := msal.DeviceCode{Show: func(_ context.Context, prompt msal.DevicePrompt) error { shown = prompt; return enough }}
			_, err := newClient(t, p, starting(p, map[string]any{"verification_uri": test.address})).SignIn(t.Context(), flow, "read")
			if test.says != "" {
				require.ErrorContains(t, err, test.says)
				require.NotErrorIs(t, err, enough)
				requireTame(t, err.Error())
				return
			}
			require.ErrorIs(t, err, enough)
			require.Contains(t, shown.String(), test.address)
		})
	}
}

// printed returns what a function writes to standard output, standard error, and the loggers of the standard library.
func printed(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	var logged bytes.Buffer
	stdout, stderr, logger, writer := os.Stdout, os.Stderr, slog.Default(), log.Writer()
	os.Stdout, os.Stderr = w, w
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug - 10})))
	log.SetOutput(&logged)
	defer func() {
		os.Stdout, os.Stderr = stdout, stderr
		slog.SetDefault(logger)
		log.SetOutput(writer)
		r.Close()
	}()
	do()
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(text) + logged.String()
}

// everything is what befalls a session: a sign-in by code and by device, refreshes that fail, a refusal, a sign-out.
func everything(t *testing.T, edit ...func(*msal.Config)) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.AutoApproveAfter = 1
		p.SignInAs(msaltest.User{Subject: "sub-7f3a", Username: "user-7f3a@example.com", Name: "Name 7f3a", Email: "mail-7f3a@example.com", TenantID: "7f3a0000-0000-4000-8000-000000000001", ObjectID: "oid-7f3a"})
		store := &brokenStore{Store: cache.Memory()}
		c := newClient(t, p, append(edit, func(cfg *msal.Config) { cfg.Cache = store })...)
		signIn(t, p, c, "read")
		token, err := c.SignIn(t.Context(), silently, "read")
		require.NoError(t, err)
		time.Sleep(time.Until(token.RefreshAfter))
		p.Fail("token", msaltest.Fault{Status: 503})
		requireToken(t, c, "read")
		time.Sleep(time.Until(token.Expiry))
		store.put = func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }
		requireToken(t, c, "read")
		store.put = nil
		p.Fail("token", msaltest.Fault{Code: "interaction_required", Description: "AADSTS50076"})
		_, err = c.ForceRefresh().Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.NoError(t, c.SignOut(t.Context()))
	})
}

// A library that nobody gave a logger says nothing at all. Not parallel: it takes the standard streams.
func TestSilence(t *testing.T) {
	for name, edit := range map[string]func(*msal.Config){"LG-11 DV-14 no logger": func(cfg *msal.Config) {}} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, printed(t, func() { everything(t, edit) }))
		})
	}
}

// Where a request goes is the API's to say, with a link to the next page: the error that refuses it shows that host in ASCII.
func TestHTTPClientShowsHosts(t *testing.T) {
	t.Parallel()
	_, c, _ := online(t, ok)
	for name, test := range map[string]struct{ address, shows string }{
		"TE-01 control characters": {"https://evil%C2%9B2J%E2%80%AE.example/", `"https://evil\u009b2j\u202e.example:443"`},
		"TE-05 another alphabet":   {"https://%D0%B0pi.example/", `"https://\u0430pi.example:443"`},
		"TE-04 endless":            {"https://" + strings.Repeat("a", 1<<16) + "/", `"https://aaaa`},
		"TE-01 what is no text":    {"https://%FF%9B.example/", `"https://\ufffd\ufffd.example:443"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.HTTPClient(api, "read").Get(test.address)
			err = errors.Unwrap(err) // net/http's own part has the address as it was given, escaped
			require.ErrorContains(t, err, "the request goes to "+test.shows)
			require.ErrorContains(t, err, "its token is for "+api+":443")
			require.Less(t, len(err.Error()), 400)
			requireTame(t, err.Error())
		})
	}
}

// The log tells sessions apart and does not say whose they are.
func TestLogNamesNobody_LG12_R8628_8(t *testing.T) {
	lines := &rawLog{}
	everything(t, func(cfg *msal.Config) { cfg.Logger = slog.New(lines) })
	for _, event := range []string{"signed in", "refreshed", "refresh failed", "session not stored", "sign-in required", "signed out"} {
		require.Contains(t, lines.String(), event)
	}
	require.NotContains(t, strings.ToLower(lines.String()), "7f3a")
	require.NotContains(t, lines.String(), "dc-", "the beginning of a device code")
	require.NotContains(t, lines.String(), "eyJ")
}

// A laptop sleeps for twenty minutes while somebody types a code: no burst of polls, and a clean end.
func TestDeviceSleeps_DV16(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.DeviceLife = time.Hour
		asleep := false
		c := newClient(t, p, starting(p, map[string]any{"expires_in": 900}), func(cfg *msal.Config) {
			inner := cfg.HTTPClient.Transport
			cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := inner.RoundTrip(r)
				if r.URL.Path == "/token" && !asleep {
					asleep = true
					time.Sleep(20 * time.Minute) // nothing runs, so no timeout does anything
				}
				return resp, err
			})}
		})
		began := time.Now()
		_, err := c.SignIn(t.Context(), silently, "read")
		require.Equal(t, "expired_token", asServerError(t, err).Code)
		require.Equal(t, 1, p.Count("token"))
		require.Equal(t, 20*time.Minute+5*time.Second, time.Since(began))
	})
}
