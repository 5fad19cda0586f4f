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
	store := cache.Dir("/var/lib/myapp/sessions", cache.KeyFile("/run/secrets/myapp/key"))
	_, _, err := store.Get(context.Background(), "a-1")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output: true
}

// A credential that systemd unseals: LoadCredentialEncrypted=myapp.key
func ExampleKeyFile_systemd() {
	key := filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "myapp.key")
	store := cache.Dir(filepath.Join(os.Getenv("STATE_DIRECTORY"), "sessions"), cache.KeyFile(key))
	_, _, err := store.Get(context.Background(), "a-1")
	fmt.Println(errors.Is(err, cache.ErrNotFound))
	// Output: true
}

// I have a store of my own. How do I keep sessions out of it in plaintext? Seal it: what it gets says nothing.
func ExampleSeal() {
	dir, err := os.MkdirTemp("", "key")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("k", 32)), 0o400); err != nil {
		panic(err)
	}

	mine := cache.Memory() // a database, say
	store := cache.Seal(mine, cache.KeyFile(key))
	ctx := context.Background()
	if _, err := store.Put(ctx, "a-1", []byte("a session"), ""); err != nil {
		fmt.Println(err)
		return
	}
	inside, _, err := mine.Get(ctx, "a-1")
	fmt.Println("in plaintext:", strings.Contains(string(inside), "a session"), err)
	data, _, err := store.Get(ctx, "a-1")
	fmt.Println(string(data), err)
	// Output:
	// in plaintext: false <nil>
	// a session <nil>
}

// Two writers have read the same record. What happens to the second one? It is told, and nothing is lost.
func ExampleStore() {
	store := cache.Memory()
	ctx := context.Background()
	rev, err := store.Put(ctx, "a-1", []byte("first"), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = store.Put(ctx, "a-1", []byte("second"), rev)
	fmt.Println(err)
	_, err = store.Put(ctx, "a-1", []byte("from what is gone"), rev)
	fmt.Println(errors.Is(err, cache.ErrConflict))
	data, _, err := store.Get(ctx, "a-1")
	fmt.Println(string(data), err)
	// Output:
	// <nil>
	// true
	// second <nil>
}
