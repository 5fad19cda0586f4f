package keys

import (
	"context"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// QuickPassphrase is Passphrase with a file that takes no time to open.
func QuickPassphrase(file string, ask func(context.Context) (string, error)) cache.Keys {
	return newPassphrase(file, ask, 1)
}

// CommandWithin is Command with less patience.
func CommandWithin(wait time.Duration, name string, arg ...string) cache.Keys {
	return command{name, arg, wait}
}
