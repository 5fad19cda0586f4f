//go:build !(linux || netbsd || openbsd || darwin || windows || (freebsd && cgo) || (dragonfly && cgo))

package keychain

import (
	"context"
	"fmt"

	"github.com/zalando/go-keyring"

	"github.com/staysigned/staysigned/cache"
)

// system has no keychain, and go-keyring says so.
func system() chain {
	return chain{
		get:     keyring.Get,
		set:     keyring.Set,
		remove:  keyring.Delete,
		ready:   func(context.Context) error { return nil },
		unlock:  func(context.Context) error { return nil },
		explain: func(err error) error { return err },
		look: func(context.Context) ([]Place, error) {
			return []Place{{Name: "keychain", State: "none on this system"}},
				fmt.Errorf("keychain: none on this system; %s: %w", elsewhere, cache.ErrNoSecureStorage)
		},
	}
}
