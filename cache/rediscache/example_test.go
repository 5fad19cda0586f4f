package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/rediscache"
	"github.com/staysigned/staysigned/msal"
)

// Every replica of a daemon runs this. They share one session, in which
// somebody has signed in once, through any of them.
func Example() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server := redis.NewClient(&redis.Options{
		Addr:                  "redis.internal:6379",
		Username:              "night-shift",
		Password:              os.Getenv("REDIS_PASSWORD"),
		ContextTimeoutEnabled: true, // a server that hangs holds nobody up
		DialerRetries:         1,
	})
	defer server.Close()

	client, err := msal.New(msal.Config{
		ClientID:  "night-shift",
		Authority: "https://login.example.com",
		Cache:     rediscache.New(server, cache.KeyFile("/run/secrets/session-key"), rediscache.Options{}),
		Logger:    slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	err = client.KeepFresh(ctx, "reports")
	if errors.Is(err, msal.ErrSignInRequired) {
		fmt.Println("somebody has to sign in:", err)
	}
}
