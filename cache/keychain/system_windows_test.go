package keychain

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/windows"

	"github.com/staysigned/staysigned/cache"
)

func TestExplainCredentialManager(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]error{
		windows.ERROR_NOT_FOUND:             cache.ErrNotFound,
		windows.ERROR_NO_SUCH_LOGON_SESSION: cache.ErrUnavailable,
		windows.ERROR_ACCESS_DENIED:         cache.ErrUnavailable,
		errors.New("other"):                 cache.ErrUnavailable,
	} {
		require.ErrorIs(t, explainCredentialManager(err), want, "%v", err)
	}
	require.ErrorContains(t, explainCredentialManager(windows.ERROR_NO_SUCH_LOGON_SESSION), "KeyFile")
}
