package keys_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/cache/keys"
)

// A program prints the key.
func ExampleCommand() {
	dir, err := keychain.Dir("myapp") // below the state directory of the person
	if err != nil {
		fmt.Println(err)
		return
	}
	store := cache.Dir(dir, keys.Command("op", "read", "op://vault/myapp/key"))
	_ = store
}

// A KMS unwraps the key.
func ExampleFunc() {
	unwrap := func(ctx context.Context, id string) ([]byte, error) { return nil, errors.New("ask the KMS") }

	store := cache.Dir("/var/lib/myapp/sessions", keys.Func(unwrap))
	_, _, err := store.Get(context.Background(), "a-1")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output: true
}

// A server without a desktop.
func ExampleKernel() {
	dir, err := keychain.Dir("myapp") // below the state directory of the person
	if err != nil {
		fmt.Println(err)
		return
	}
	store := cache.Dir(dir, keys.Kernel("myapp"))
	_ = store
}

// A command line tool on a machine without a keychain. Its person gives the
// passphrase when it starts; everything after that is silent.
func ExamplePassphrase() {
	dir, err := os.MkdirTemp("", "myapp")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ask := func(context.Context) (string, error) {
		fmt.Println("asked") // a tool reads it from the terminal, with golang.org/x/term
		return "correct horse battery staple", nil
	}

	store := cache.Dir(filepath.Join(dir, "sessions"), keys.Passphrase(filepath.Join(dir, "key.age"), ask))
	ctx := context.Background()
	_, err = store.Put(ctx, "a-1", []byte("a session"), "")
	fmt.Println("silent:", errors.Is(err, cache.ErrLocked))
	fmt.Println("unlocked:", store.(cache.Unlocker).Unlock(ctx))
	_, err = store.Put(ctx, "a-1", []byte("a session"), "")
	fmt.Println("silent:", err)
	// Output:
	// silent: true
	// asked
	// unlocked: <nil>
	// silent: <nil>
}

// The passphrase is asked for once until the machine starts again.
func ExampleRemember() {
	ask := func(context.Context) (string, error) { return "correct horse battery staple", nil }

	dir, err := keychain.Dir("myapp") // below the state directory of the person
	if err != nil {
		fmt.Println(err)
		return
	}
	store := cache.Dir(dir, keys.Remember(keys.Kernel("myapp"), keys.Passphrase(dir+".age", ask)))
	_ = store
}
