//go:build linux || darwin

package cachetest_test

import (
	"testing"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/cachetest"
)

func TestMyStore(t *testing.T) {
	cachetest.Run(t, func(t testing.TB, space string) cache.Store {
		return OpenMyStore(space)
	})
}
