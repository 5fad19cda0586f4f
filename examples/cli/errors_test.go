package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	refusal := &msal.ServerError{Code: "access_denied", StatusCode: 400}
	for name, row := range map[string]struct {
		err  error
		want exitCode
		next string
	}{
		"anything":               {errors.New("x"), exitError, ""},
		"refused":                {refusal, exitError, ""},
		"usage":                  {usage(errors.New("x")), exitUsage, ""},
		"scope":                  {&scopes.InvalidError{}, exitUsage, ""},
		"default scope":          {&scopes.DuplicateDefaultError{}, exitUsage, ""},
		"signed out":             {msal.ErrSignInRequired, exitSignIn, "run: staysigned login"},
		"refused for good":       {fmt.Errorf("%w: %w", msal.ErrSignInRequired, refusal), exitSignIn, "run: staysigned login"},
		"record that is damaged": {fmt.Errorf("%w: %w", msal.ErrSignInRequired, cache.ErrUnreadable), exitSignIn, "run: staysigned login"},
		"nobody came back":       {msal.ErrSignInTimeout, exitSignIn, "run: staysigned login"},
		"code that has expired": {fmt.Errorf("%w: %w", msal.ErrSignInTimeout, &msal.ServerError{Code: "expired_token"}), exitSignIn,
			"run: staysigned login"},
		"claims": {fmt.Errorf("%w: %w", msal.ErrSignInRequired, &msal.ServerError{Claims: `{"$(x)":"'"}`}), exitSignIn,
			"run: staysigned login --claims eyIkKHgpIjoiJyJ9"},
		"several":                {several([]msal.Account{{ID: "1", Username: "a"}, {ID: "2", Username: "b"}}), exitAccount, "choose one with --account: a, b"},
		"several of one name":    {several([]msal.Account{{ID: "1", Username: "a"}, {ID: "2", Username: "A"}}), exitAccount, "choose one with --account: 1, 2"},
		"server is down":         {&msal.ServerError{StatusCode: 503}, exitUnreachable, ""},
		"authority is no server": {&msal.ServerError{Code: "invalid_tenant", StatusCode: 400}, exitUsage, ""},
		"too often":              {&msal.ServerError{StatusCode: 429}, exitUnreachable, ""},
		"no network":             {&net.OpError{Err: errors.New("x")}, exitUnreachable, "try again later, or see: staysigned doctor"},
		"no answer in time":      {context.DeadlineExceeded, exitUnreachable, "try again later, or see: staysigned doctor"},
		"lost":                   {msal.ErrOutcomeUnknown, exitUnreachable, "try again later, or see: staysigned doctor"},
		"signed out here alone": {fmt.Errorf("%w: %w", msal.ErrNotRevoked, &net.OpError{Err: errors.New("x")}), exitUnreachable,
			"the session ends by itself, or in the settings of your account at the server"},
		"busy":                     {msal.ErrBusy, exitUnreachable, "try again later, or see: staysigned doctor"},
		"locked":                   {cache.ErrLocked, exitStorage, "run: staysigned unlock"},
		"keychain does not answer": {cache.ErrUnavailable, exitStorage, "run: staysigned doctor"},
		"no keychain":              {cache.ErrNoSecureStorage, exitStorage, "keep the key elsewhere: --key kernel, --key passphrase or --key file:PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &app{}
			a.root()
			f := a.judge(t.Context(), fmt.Errorf("msal: token: %w", row.err))
			require.Equal(t, row.want, f.code)
			require.Equal(t, row.next, f.next)
			require.NotContains(t, f.message, "msal: ")
		})
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, exitInterrupted, (&app{}).judge(ended, msal.ErrSignInRequired).code)
}

// The three tables of exit codes, in the help, in README.md and in the program, are one.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	rows := regexp.MustCompile(`(?m)^  (\d+) +(\S+) *(.*)$`).FindAllStringSubmatch(exitHelp, -1)
	require.Len(t, rows, 8)
	for _, row := range rows {
		require.Contains(t, readme(t), strings.ReplaceAll(fmt.Sprintf("\n| %s | %s | %s |\n", row[1], row[2], row[3]), "  ", " "))
		var code exitCode
		_, err := fmt.Sscan(row[1], &code)
		require.NoError(t, err)
		require.Equal(t, row[2], code.name())
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a�[31mb", plain("a\x1b[31mb"))
	require.Equal(t, "one; two", text(errors.Join(errors.New("msal: token: one"), errors.New("msal: shutdown: two"))))
	require.Equal(t, `'it'\''s'`, quoted("it's"))
	require.Equal(t, `'$(x)'`, quoted("$(x)"))
	require.Equal(t, "''", quoted(""))
}

// What nobody sees is escaped in JSON, so that it is the same value and does nothing to a terminal.
func TestVisible(t *testing.T) {
	t.Parallel()
	const seen, hidden = "é 名 \\ \"\ufffd", "\x1b[2J\u009b2J\u202e\x7f\u2028\ufeff\U000e0041\r\n\t"
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer file.Close()
	a := &app{talk: newTalk(file), flags: options{json: true, verbose: true}}
	a.talk.json(seen + hidden)
	a.logger().Warn(seen + hidden)
	said, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	require.Regexp(t, `^[ -~é名\x{fffd}\n]+$`, string(said))
	decoder := json.NewDecoder(bytes.NewReader(said))
	var value string
	require.NoError(t, decoder.Decode(&value))
	require.Equal(t, seen+hidden, value)
	var record struct{ Msg string }
	require.NoError(t, decoder.Decode(&record))
	require.Equal(t, seen+hidden, record.Msg)
}

func TestClock(t *testing.T) {
	t.Parallel()
	for off, want := range map[time.Duration]string{
		0: ok, 59 * time.Second: ok, -59 * time.Second: ok, 2 * time.Minute: note, -2 * time.Minute: note, 6 * time.Minute: bad, -time.Hour: bad,
	} {
		require.Equal(t, want, clockFinding(off).State, off)
	}
	answer := &http.Response{Header: http.Header{"Date": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}}
	c := &clock{transport: fixed{answer}}
	_, err := c.RoundTrip(nil)
	require.NoError(t, err)
	require.InDelta(t, -time.Hour, c.off, float64(30*time.Minute))
}

// fixed is a server that has one answer.
type fixed struct{ answer *http.Response }

func (f fixed) RoundTrip(*http.Request) (*http.Response, error) { return f.answer, nil }

// The library speaks Go, to people who write Go. What reaches a person here does not: every hint that docs/errors.md lists,
// and what the packages that keep keys say.
func TestWords(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "errors.md"))
	require.NoError(t, err)
	hints := regexp.MustCompile(`(?m)^\| (?:AADSTS|AADB2C)[^|]* \| ([^|]*) \|`).FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(hints), 50)
	said := []error{
		&scopes.DuplicateDefaultError{Scopes: []string{"openid"}},
		fmt.Errorf("keychain: keys: %w", cache.ErrNoSecureStorage),
	}
	for _, hint := range hints {
		said = append(said, errors.New(hint[1]))
	}
	for _, err := range said {
		require.NotRegexp(t, `Config\.|Params\.|Browser\b|DeviceCode|Authorization\b|WithClaims|Client\b|(^|: )(cache|keys|keychain|msal): |\b(cache|msal|keys)\.`, text(err))
	}
	require.Equal(t, "no D-Bus: no secure storage on this machine", text(fmt.Errorf("msal: sign in: keychain: keychain: no D-Bus: %w", cache.ErrNoSecureStorage)))
}
