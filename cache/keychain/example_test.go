package keychain_test

import (
	"context"
	"fmt"

	"github.com/staysigned/staysigned/cache/keychain"
)

// The store of a desktop program, for msal.Config.Cache.
func ExampleNew() {
	store := keychain.New("myapp")
	fmt.Println(store.Sealed())
	// Output: true
}

// A "doctor" command.
func ExampleDiagnose() {
	fmt.Print(keychain.Diagnose(context.Background(), "myapp"))
}

// How do I tell people where their sessions are, and remove all of it, the key included?
func ExampleStore_Purge() {
	dir, err := keychain.Dir("myapp")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("removing", dir)
	if err := keychain.New("myapp").Purge(context.Background()); err != nil {
		fmt.Println(err)
	}
}
