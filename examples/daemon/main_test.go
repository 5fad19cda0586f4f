package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/scopes"
)

// events returns the messages of a log in JSON.
func events(t *testing.T, log *bytes.Buffer) (messages []string) {
	t.Helper()
	for decoder := json.NewDecoder(log); decoder.More(); {
		var record struct{ Msg string }
		require.NoError(t, decoder.Decode(&record))
		messages = append(messages, record.Msg)
	}
	return messages
}

func TestNeedsPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		require.Equal(t, exitNeedsPerson, run(t.Context(), &log, []string{"-demo"}))
		require.Equal(t, []string{
			"sign in", "signed in", "refreshed", "refreshed", "refreshed", "sign-in required", "a person has to sign in",
		}, events(t, &log))
	})
}

func TestToldToStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		var log bytes.Buffer
		require.Zero(t, run(ctx, &log, []string{"-demo"}))
		require.Equal(t, []string{"sign in", "signed in", "refreshed", "stopped"}, events(t, &log))
	})
}

func TestStatus(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Zero(t, status(ended, context.Canceled, quiet))
	for _, row := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), exitFailed},
		{&net.OpError{Op: "dial", Err: errors.New("no route to host")}, exitFailed},
		{&msal.ServerError{StatusCode: http.StatusServiceUnavailable}, exitFailed},
		{&msal.ServerError{Code: "access_denied"}, exitFailed},
		{&msal.ServerError{Code: "invalid_tenant"}, exitUsage},
		{&scopes.InvalidError{}, exitUsage},
		{msal.ErrSignInTimeout, exitNeedsPerson},
		{fmt.Errorf("%w: %w", msal.ErrSignInRequired, &msal.ServerError{Code: "invalid_scope"}), exitNeedsPerson},
	} {
		require.Equal(t, row.want, status(t.Context(), fmt.Errorf("msal: sign in: %w", row.err), quiet), row.err)
	}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		want int
		says string
	}{
		"help":             {[]string{"-h"}, 0, "-client-id"},
		"unknown flag":     {[]string{"-demon"}, exitUsage, "-demon"},
		"no flags":         {nil, exitUsage, "ClientID"},
		"no issuer":        {[]string{"-client-id", "x"}, exitUsage, "Authority"},
		"a default scope":  {[]string{"-client-id", "x", "-issuer", "https://idp.example", "-api", "openid"}, exitUsage, "openid"},
		"an issuer by IP":  {[]string{"-client-id", "x", "-issuer", "http://10.0.0.1"}, exitUsage, "Authority"},
		"not a real scope": {[]string{"-client-id", "x", "-issuer", "https://idp.example", "-api", `a"b`}, exitUsage, "scope"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			require.Equal(t, row.want, run(t.Context(), &log, row.args), log.String())
			require.Contains(t, log.String(), row.says)
		})
	}
}
