package interop

import (
	"context"
	"testing"

	"github.com/staysigned/staysigned/msal"
	"github.com/stretchr/testify/require"
)

// Every poll is 5 s after the one before: this provider names no interval, and "if no value is provided, clients MUST
// use 5 as the default" (RFC 8628 section 3.2).
func TestDeviceCode(t *testing.T) {
	t.Parallel()
	p, chrome := StartProvider(t), StartChrome(t)

	t.Run("typed in on another device", func(t *testing.T) {
		t.Parallel()
		client, traffic := newClient(t, p, nil)
		person := chrome.Person(t)
		token, err := client.SignIn(t.Context(), msal.DeviceCode{Show: func(ctx context.Context, prompt msal.DevicePrompt) error {
			return person.Opens(Enters(prompt.UserCode), Confirms(), LogsIn("alice"), Consents(), Sees("Sign-in Success"))(ctx, prompt.VerificationURI)
		}}, "notes.read")
		require.NoError(t, err)
		require.Equal(t, "alice", token.Account.Username)
		require.True(t, token.Renewable)
		traffic.Take()
		_, err = client.ForceRefresh().Token(t.Context(), "notes.read")
		require.NoError(t, err)
		require.Equal(t, []string{"POST /token"}, traffic.Take())
		require.Equal(t, "alice", whose(t, p, client))
	})

	t.Run("the code came with the address", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, p, nil)
		person := chrome.Person(t)
		token, err := client.SignIn(t.Context(), msal.DeviceCode{Show: func(ctx context.Context, prompt msal.DevicePrompt) error {
			return person.Opens(Confirms(), LogsIn("bob"), Consents(), Sees("Sign-in Success"))(ctx, prompt.VerificationURIComplete)
		}})
		require.NoError(t, err)
		require.Equal(t, "bob", token.Account.Username)
	})

	t.Run("the person denies", func(t *testing.T) {
		t.Parallel()
		client, _ := newClient(t, p, nil)
		person := chrome.Person(t)
		_, err := client.SignIn(t.Context(), msal.DeviceCode{Show: func(ctx context.Context, prompt msal.DevicePrompt) error {
			return person.Opens(Aborts(), Sees("interrupted"))(ctx, prompt.VerificationURIComplete)
		}}, "notes.read")
		requireServerError(t, err, "access_denied")
	})

	t.Run("the application's way to show it fails", func(t *testing.T) {
		t.Parallel()
		client, traffic := newClient(t, p, nil)
		_, err := client.SignIn(t.Context(), msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error {
			return context.Canceled
		}}, "notes.read")
		require.ErrorIs(t, err, context.Canceled)
		require.NotContains(t, traffic.Take(), "POST /token", "nobody can have confirmed")
	})
}

func TestDeviceCodeExpires(t *testing.T) {
	t.Parallel()
	p := StartProvider(t, "DC_TTL=6")
	client, _ := newClient(t, p, nil)
	_, err := client.SignIn(t.Context(), msal.DeviceCode{Show: func(context.Context, msal.DevicePrompt) error { return nil }}, "notes.read")
	require.Error(t, err)
	require.ErrorContains(t, err, "expired")
}
