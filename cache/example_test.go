package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/staysigned/staysigned/cache"
)

// A daemon without a keychain keeps its key in a file that only it can read,
// such as a mounted secret.
func ExampleDir() {
	dir, err := os.MkdirTemp("", "sessions")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o400); err != nil {
		panic(err)
	}

	store := cache.Dir(filepath.Join(dir, "store"), cache.KeyFile(key))
	rev, err := store.Put(context.Background(), "a-1", []byte("a session"), "")
	fmt.Println(rev != "", err)
	data, same, err := store.Get(context.Background(), "a-1")
	fmt.Println(string(data), same == rev, err)
	// Output:
	// true <nil>
	// a session true <nil>
}

// A secret that Kubernetes mounts, or any other file that somebody else made.
func ExampleKeyFile() {
	store := cache.Dir("sessions", cache.KeyFile("/run/secrets/myapp/key"))
	_, _, err := store.Get(context.Background(), "a-1")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output: true
}

// A credential that systemd unseals: LoadCredentialEncrypted=myapp.key
func ExampleKeyFile_systemd() {
	key := filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "myapp.key")
	store := cache.Dir("sessions", cache.KeyFile(key))
	_, _, err := store.Get(context.Background(), "a-1")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output: true
}
