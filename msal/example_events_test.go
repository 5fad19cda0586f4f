package msal_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/staysigned/staysigned/msal"
)

// Tracing: all requests to the server, and those of HTTPClient, go through the Transport. It sees secrets in their bodies
// and headers, so it notes where they go, and nothing else.
func ExampleConfig_tracing() {
	client, err := msal.New(msal.Config{
		ClientID:   "my-app",
		Authority:  "https://login.example.com",
		HTTPClient: &http.Client{Transport: traced{http.DefaultTransport}},
	})
	fmt.Println(client != nil, err)
	// Output: true <nil>
}

type traced struct{ http.RoundTripper }

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	begin := time.Now()
	resp, err := t.RoundTripper.RoundTrip(r)
	slog.DebugContext(r.Context(), "request", "host", r.URL.Host, "path", r.URL.Path, "took", time.Since(begin), "failed", err != nil)
	return resp, err
}

// A program that mirrors tokens elsewhere reads its own log: after "refreshed" it asks Token, which has the new one. It asks
// elsewhere than in Handle, which is called during the refresh.
func ExampleConfig_mirror() {
	changed := make(chan struct{}, 1)
	client, err := msal.New(msal.Config{
		ClientID:  "my-app",
		Authority: "https://login.example.com",
		Logger:    slog.New(&changes{slog.Default().Handler(), changed}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	go func() {
		for range changed {
			if token, err := client.Token(ctx, "read"); err == nil {
				_ = token.AccessToken() // … and to its other place
			}
		}
	}()
	_ = client.KeepFresh(ctx, "read")
}

type changes struct {
	slog.Handler
	changed chan<- struct{} // holds one
}

func (c *changes) Enabled(context.Context, slog.Level) bool { return true }

func (c *changes) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "refreshed" || r.Message == "signed in" {
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	if !c.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}
