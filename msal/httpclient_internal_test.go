package msal

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestChallenged: the answer of the authorization server is shared by all who
// waited for it, so the claims of one API are put into a copy.
func TestChallenged(t *testing.T) {
	t.Parallel()
	shared := &ServerError{Code: "invalid_grant", Suberror: "basic_action"}
	err := challenged(fmt.Errorf("msal: token: %w: %w", ErrSignInRequired, shared), "{}")
	require.ErrorIs(t, err, ErrSignInRequired)
	refused, ok := errors.AsType[*ServerError](err)
	require.True(t, ok)
	require.Equal(t, &ServerError{Code: "invalid_grant", Suberror: "basic_action", Claims: "{}"}, refused)
	require.Empty(t, shared.Claims)

	plain := fmt.Errorf("msal: token: %w", ErrSignInRequired)
	require.Equal(t, plain, challenged(plain, ""))
}
