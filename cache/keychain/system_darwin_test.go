package keychain

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

func TestExplainSecurity(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]error{
		44: cache.ErrNotFound, 36: cache.ErrLocked, 51: cache.ErrLocked, 128: cache.ErrLocked,
		50: cache.ErrNoSecureStorage, 1: cache.ErrUnavailable,
	} {
		exit := exec.Command("/bin/sh", "-c", fmt.Sprint("exit ", code)).Run()
		require.ErrorIs(t, explainSecurity(exit), want, "%d", code)
	}
	require.ErrorIs(t, explainSecurity(errors.New("no such file")), cache.ErrUnavailable)
}
