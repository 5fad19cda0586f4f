package keychain_test

import (
	"context"
	"fmt"

	"github.com/staysigned/staysigned/cache/keychain"
)

// A "doctor" command.
func ExampleDiagnose() {
	fmt.Print(keychain.Diagnose(context.Background(), "myapp"))
}
