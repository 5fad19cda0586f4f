//go:build !linux

package keys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keys"
)

var ofTheSystem map[string]func(testing.TB, string) cache.Keys

func TestNoKernel(t *testing.T) {
	t.Parallel()
	_, err := keys.Kernel("app").Key(t.Context(), "id")
	require.ErrorIs(t, err, cache.ErrNoSecureStorage)
	require.ErrorContains(t, err, "cache.KeyFile")
	require.ErrorIs(t, keys.Kernel("app").Create(t.Context(), "id", someKey), cache.ErrNoSecureStorage)
	require.NoError(t, keys.Kernel("app").(cache.Remover).Remove(t.Context(), "id"), "it has none")
}
