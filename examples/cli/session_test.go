package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

func TestMatching(t *testing.T) {
	t.Parallel()
	const (
		guids = "11111111-0000-4000-8000-000000000001.aaaaaaaa-0000-4000-8000-000000000001"
		oidc  = "https://idp.example#avery"
	)
	avery := msal.Account{ID: oidc, Username: "avery@idp.example", Email: "a@idp.example"}
	blake := msal.Account{ID: guids, Username: "blake_home.example#EXT#@tenant.example"}
	// Mallory's names are other people's IDs.
	mallory := msal.Account{ID: "https://idp.example#mallory", Username: oidc, Email: guids}
	everybody := []msal.Account{mallory, avery, blake}
	for who, want := range map[string][]msal.Account{
		"":                  everybody,
		oidc:                {avery},
		guids:               {blake},
		mallory.ID:          {mallory},
		"AVERY@idp.example": {avery},
		"A@idp.example":     {avery},
		blake.Username:      {blake},
		"nobody":            nil,
	} {
		require.Equal(t, want, matching(everybody, who), who)
	}
	for _, id := range []string{oidc, guids, "HTTPS://idp.example#avery", "https://idp.example"} {
		alone := mallory
		if id != guids {
			alone.Username = id
		}
		require.Empty(t, matching([]msal.Account{alone}, id), "%s is not signed in", id)
	}
	choice := &severalError{}
	require.ErrorAs(t, several([]msal.Account{mallory, avery}), &choice)
	require.Equal(t, []string{mallory.ID, avery.Username}, choice.names, "what --account takes")
}

// The account of somebody who has signed out is not another one, whatever that one calls itself.
func TestNameLikeID(t *testing.T) {
	t.Parallel()
	w := here(t)
	w.run(t, "login", "--without-terminal")
	w.run(t, "logout")
	id := w.URL + "#avery"
	w.SignInAs(msaltest.User{Subject: "mallory", Username: id, Name: "Avery Example"})
	w.run(t, "login", "--without-terminal")
	out, ok := said(w.command(t, program, "token", "--account", id))
	require.False(t, ok)
	require.Contains(t, out, "nobody is signed in as "+id)
	require.NotContains(t, out, "at-")
}

// A server without a revocation endpoint, such as Microsoft's, is not said to have been told.
func TestServerNotTold(t *testing.T) {
	t.Parallel()
	w := here(t, func(p *msaltest.Platform) {
		p.EditMetadata = func(document map[string]any) { delete(document, "revocation_endpoint") }
	})
	w.run(t, "login", "--without-terminal")
	out, ok := said(w.command(t, program, "logout"))
	require.True(t, ok, out)
	require.Contains(t, out, "✓ Signed out Avery Example <avery@idp.example>, here. The server has no way to be told")
	require.True(t, w.SessionAlive("avery"))
	out, _ = said(w.command(t, program, "whoami"))
	require.Contains(t, out, "sign-in required")
}
