package msal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

type traceKey struct{}

// The context of a TokenSource gives values, and its end means nothing: who
// makes one at the start of a request often keeps it for longer.
func TestTokenSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		traced := ""
		c := newClient(t, p, func(cfg *msal.Config) {
			inner := cfg.HTTPClient.Transport
			cfg.HTTPClient.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				traced, _ = r.Context().Value(traceKey{}).(string)
				return inner.RoundTrip(r)
			})
		})
		first := signIn(t, p, c, "read")
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace-7"))
		scope := []string{"read"}
		source := c.TokenSource(ctx, scope...)
		cancel()
		scope[0] = "changed"

		token, err := source.Token()
		require.NoError(t, err)
		require.Equal(t, first.AccessToken(), token.AccessToken)
		require.Equal(t, "Bearer", token.Type())
		require.Equal(t, first.Expiry, token.Expiry)
		require.True(t, token.Valid())

		time.Sleep(time.Until(first.Expiry))
		p.ResetLog()
		next, err := source.Token()
		require.NoError(t, err)
		require.NotEqual(t, token.AccessToken, next.AccessToken)
		require.Equal(t, "trace-7", traced)
		spent := p.TokenRequests("refresh_token")[0].Form.Get("refresh_token")
		for _, each := range []any{token, next} {
			require.NotContains(t, fmt.Sprintf("%#v", each), "rt-")
			require.NotContains(t, fmt.Sprintf("%#v", each), spent)
		}
		require.Empty(t, next.RefreshToken)
		require.Nil(t, next.Extra("refresh_token"))
		require.Nil(t, next.Extra("id_token"))

		require.NoError(t, c.SignOut(t.Context()))
		_, err = source.Token()
		require.ErrorIs(t, err, msal.ErrSignInRequired)
	})
}

func TestTokenSourceArguments(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	_, err := newClient(t, p).TokenSource(t.Context(), "openid").Token()
	require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
	duplicate, ok := errors.AsType[*scopes.DuplicateDefaultError](err)
	require.True(t, ok)
	require.Equal(t, []string{"openid"}, duplicate.Scopes)
	require.Zero(t, p.Count())
}
