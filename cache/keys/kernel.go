package keys

import (
	"fmt"

	"github.com/staysigned/staysigned/cache"
)

// Kernel returns Keys that the Linux kernel keeps in the memory of the machine,
// for servers and for sign-ins over SSH. All processes of the same user find
// them, in containers too, which is no wall here. They are lost when the machine
// starts again, or when the user has been away for long: then a person has to
// sign in, unless [Remember] gets the key from elsewhere.
//
// app tells programs apart: up to 64 letters, digits, dots, underscores and
// hyphens. A key is written once, and nobody can change it. It belongs to the
// user keyring and, where the kernel has such, to the user's persistent keyring,
// which outlives the last process of the user for three days. Sessions need no
// link to either.
//
// Errors to act on: cache.ErrNoSecureStorage, where the kernel has no keyrings,
// or a container forbids them, as Docker does by default; cache.ErrUnavailable,
// when the keys of the user take more room than they may, 20,000 bytes.
func Kernel(app string) cache.Keys { return kernel{app} }

type kernel struct{ app string }

// Provider implements [cache.Provider].
func (k kernel) Provider() string { return "kernel keyring" }

// description is the name of a key, or says why it has none.
func (k kernel) description(id string) (string, error) {
	for _, name := range []string{k.app, id} {
		ok := len(name) > 0 && len(name) <= 64
		for i := 0; ok && i < len(name); i++ {
			c := name[i]
			ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
		}
		if !ok {
			return "", fmt.Errorf("keys: kernel keyring: name %.80q: want up to 64 of A-Z, a-z, 0-9, dot, underscore and hyphen", name)
		}
	}
	return "staysigned:" + k.app + ":" + id, nil
}

// elsewhere is the remedy where the kernel keeps no keys.
const elsewhere = "keep the key elsewhere, with cache.KeyFile or another provider of package keys"
