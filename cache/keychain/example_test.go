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
