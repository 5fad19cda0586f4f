package interop

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"

	"github.com/staysigned/staysigned/msal"
)

// TestMain makes the test binary its own second program: with a store to open it takes a token from it and prints how
// many requests that cost.
func TestMain(m *testing.M) {
	dir, child := os.LookupEnv(childDir)
	if !child {
		os.Exit(m.Run())
	}
	sent, err := takeToken(os.Getenv(childIssuer), durableStore{dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	fmt.Println(sent)
}

func takeToken(issuer string, store durableStore) (sent int, err error) {
	traffic := &Traffic{}
	client, err := msal.New(msal.Config{
		ClientID:             ClientID,
		Authority:            issuer,
		Cache:                store.open(),
		HTTPClient:           &http.Client{Transport: traffic},
		InsecureLoopbackHTTP: true,
	})
	if err != nil {
		return 0, err
	}
	_, err = client.Token(context.Background(), "notes.read")
	return len(traffic.Take()), err
}
