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

// The same program is a job, with the argument login, and the replicas of a deployment. Sessions that it shares are in
// Redis; the key that seals them, and the password, are secrets that the cluster mounts.
func Example_kubernetes() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server := redis.NewClient(&redis.Options{
		Addr:                  "redis:6379",
		Password:              os.Getenv("REDIS_PASSWORD"),
		ContextTimeoutEnabled: true,
		DialerRetries:         1,
	})
	defer server.Close()

	client, err := msal.New(msal.Config{
		ClientID:  "night-shift",
		Authority: "https://login.example.com",
		Cache:     rediscache.New(server, cache.KeyFile("/run/secrets/night-shift/key"), rediscache.Options{}),
		Logger:    slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	if os.Args[len(os.Args)-1] == "login" {
		_, err = client.SignIn(ctx, msal.DeviceCode{}, "reports") // shows the code in the log of the pod
	} else {
		err = client.KeepFresh(ctx, "reports") // beside the goroutines that do the work
	}
	if err != nil && ctx.Err() == nil {
		fmt.Println(err)
	}
}
