//go:build !linux

package keys

import (
	"context"
	"fmt"
	"runtime"

	"github.com/staysigned/staysigned/cache"
)

func (k kernel) Key(context.Context, string) ([]byte, error) { return nil, noKernel() }

func (k kernel) Create(context.Context, string, []byte) error { return noKernel() }

// Remove implements [cache.Remover]: what is not there is no error.
func (k kernel) Remove(context.Context, string) error { return nil }

func noKernel() error {
	return fmt.Errorf("keys: %s has no kernel keyring, Linux does; %s: %w", runtime.GOOS, elsewhere, cache.ErrNoSecureStorage)
}
