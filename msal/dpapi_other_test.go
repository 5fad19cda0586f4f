//go:build !windows

package msal

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nobody but Windows opens what it has sealed.
func TestUnprotect(t *testing.T) {
	t.Parallel()
	c, err := New(Config{ClientID: "app", Authority: "https://idp.example"})
	require.NoError(t, err)
	_, err = c.Import(t.Context(), append(dpapiHeader[:len(dpapiHeader):len(dpapiHeader)], "sealed"...))
	_, ok := errors.AsType[*ImportError](err)
	require.True(t, ok, "%v", err)
	require.ErrorContains(t, err, "DPAPI of Windows: run this there")
}
