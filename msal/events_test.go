package msal_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// The life of a session in its log: names, levels and attributes are what
// programs search for, and neither a token nor a person's name is in it.
func TestEventsOfASession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := msaltest.New(t)
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
		token := signIn(t, p, c, "read")
		_, err := c.ForceRefresh().Token(t.Context(), "read")
		require.NoError(t, err)
		p.Fail("token", msaltest.Fault{Status: 500, Code: "server_error"})
		_, err = c.ForceRefresh().Token(t.Context(), "read")
		require.Error(t, err)
		p.RevokeAll()
		_, err = c.ForceRefresh().Token(t.Context(), "read")
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.NoError(t, c.SignOut(t.Context()))

		for _, hidden := range []string{token.AccessToken(), token.Account.Username, token.Account.Name, token.Account.Subject + `"`} {
			require.NotContains(t, log.String(), hidden)
		}
		for _, want := range []struct{ msg, level string }{
			{"signed in", "INFO"}, {"refreshed", "INFO"}, {"refresh failed", "WARN"}, {"sign-in required", "WARN"}, {"signed out", "INFO"},
		} {
			line, err := log.ReadBytes('\n')
			require.NoError(t, err)
			var got map[string]any
			require.NoError(t, json.Unmarshal(line, &got))
			require.Equal(t, want.msg, got["msg"])
			require.Equal(t, want.level, got["level"])
			attributes := []string{"level", "msg", "session", "time"}
			if want.level == "WARN" {
				attributes = append([]string{"error"}, attributes...)
			}
			require.Equal(t, attributes, slices.Sorted(maps.Keys(got)), want.msg)
		}
		require.Empty(t, log.String())
	})
}
