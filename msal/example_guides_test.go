package msal_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
	"github.com/staysigned/staysigned/cache/keys"
	"github.com/staysigned/staysigned/msal"
)

// A command line tool with commands: "login" asks a person, "logout" forgets, and all others ask nobody.
func Example_commands() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"), // signed in also the next time it runs
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "myapp:", err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	var token msal.Token
	switch os.Args[len(os.Args)-1] {
	case "login":
		token, err = client.SignIn(ctx, msal.Browser{}, "User.Read")
	case "logout":
		err = client.SignOut(ctx)
	default:
		token, err = client.Token(ctx, "User.Read")
	}
	switch {
	case errors.Is(err, msal.ErrSignInRequired):
		fmt.Fprintln(os.Stderr, "myapp: nobody is signed in; run: myapp login")
	case err != nil:
		fmt.Fprintln(os.Stderr, "myapp:", err)
	case token.Account.ID != "":
		fmt.Println("signed in:", token.Account)
	}
}

// What a script that calls a tool can do about an error, as an exit status.
func Example_exitStatus() {
	status := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, msal.ErrSignInRequired):
			return 3 // a person has to sign in
		case errors.Is(err, msal.ErrAccountRequired):
			return 4 // say which account
		case errors.Is(err, cache.ErrLocked), errors.Is(err, cache.ErrNoSecureStorage), errors.Is(err, cache.ErrUnavailable):
			return 6 // the sessions or their key cannot be had
		}
		return 1
	}
	fmt.Println(status(fmt.Errorf("report: %w", msal.ErrSignInRequired)))
	// Output: 3
}

// A daemon under systemd: its key is a credential, its sessions are in its state directory.
func Example_service() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	key := cache.KeyFile(filepath.Join(os.Getenv("CREDENTIALS_DIRECTORY"), "key"))
	client, err := msal.New(msal.Config{
		ClientID:  "night-shift",
		Authority: "https://login.example.com",
		Cache:     cache.Dir(filepath.Join(os.Getenv("STATE_DIRECTORY"), "sessions"), key),
		Logger:    slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	_, err = client.Token(ctx, "reports")
	if errors.Is(err, msal.ErrSignInRequired) { // the first time
		_, err = client.SignIn(ctx, msal.DeviceCode{}, "reports")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.KeepFresh(ctx, "reports"); errors.Is(err, msal.ErrSignInRequired) {
		fmt.Println("somebody has to sign in:", err)
	}
}

// Over SSH: no browser, no keychain. The person signs in on another device, and the Linux kernel keeps the key.
func Example_ssh() {
	dir, err := keychain.Dir("myapp") // below the state directory of the person
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     cache.Dir(dir, keys.Kernel("myapp")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer client.Shutdown(ctx)

	token, err := client.Token(ctx, "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) {
		token, err = client.SignIn(ctx, msal.DeviceCode{}, "User.Read")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.Account)
}

// At the desktop and over SSH: the keychain where it can be had, else the kernel, each with sessions of its own.
func Example_anywhere() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	var store cache.Store = keychain.New("myapp")
	none := keychain.Diagnose(ctx, "myapp").Err
	if errors.Is(none, cache.ErrNoSecureStorage) || errors.Is(none, cache.ErrLocked) && msal.NoBrowser() != "" {
		dir, err := keychain.Dir("myapp")
		if err != nil {
			fmt.Println(err)
			return
		}
		store = cache.Dir(dir+"-kernel", keys.Kernel("myapp"))
	}
	if err := store.(cache.Unlocker).Unlock(ctx); err != nil { // the keychain may ask for its password
		fmt.Println(err)
		return
	}
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     store,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Shutdown(context.WithoutCancel(ctx))

	token, err := client.Token(ctx, "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) {
		var flow msal.Flow = msal.Browser{}
		if msal.NoBrowser() != "" {
			flow = msal.DeviceCode{}
		}
		token, err = client.SignIn(ctx, flow, "User.Read")
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.Account)
}

// Is the daemon well? As long as KeepFresh runs it is, and asking costs no request.
func Example_health() {
	client, err := msal.New(msal.Config{
		ClientID:  "night-shift",
		Authority: "https://login.example.com",
		Cache:     cache.Dir("/var/lib/night-shift/sessions", cache.KeyFile("/run/secrets/night-shift/key")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fresh, end := context.WithCancelCause(context.Background())
	go func() { end(client.KeepFresh(fresh, "reports")) }()

	http.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := context.Cause(fresh); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

// Over SSH with the browser of the machine in front of the person, which comes back through the connection.
func Example_forwardedPort() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background(), msal.Browser{
		RedirectURI: "http://localhost:8400",
		Open: func(_ context.Context, url string) error {
			_, err := fmt.Fprintln(os.Stderr, "open on your own machine:", url)
			return err
		},
	}, "User.Read")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("signed in:", token.Account)
}

// A desktop application: the person can cancel, sees the address if no browser comes up, and a page of the application's.
func Example_desktop() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"),
		Logger:    slog.Default(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancelButton := cancel // what the dialog's button calls
	defer cancelButton()

	done := make(chan error, 1)
	go func() { // the window goes on
		_, err := client.SignIn(ctx, msal.Browser{
			Show: func(_ context.Context, url string) error {
				fmt.Println("If no browser has opened, go to", url) // in the dialog
				return nil
			},
			Page:    []byte(`<!doctype html><title>Done</title><p>Signed in. Go back to My App.`),
			Timeout: 3 * time.Minute,
		}, "User.Read")
		done <- err
	}()
	switch err := <-done; {
	case errors.Is(err, context.Canceled):
		fmt.Println("the person has changed their mind")
	case err != nil:
		fmt.Println(err)
	}
}

// The accounts of a menu, of which the application remembers one.
func Example_accounts() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	remembered := "" // an Account.ID, from the application's settings

	accounts, err := client.Accounts(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, account := range accounts {
		if remembered == "" {
			remembered = account.ID // somebody chose it in the menu
		}
		fmt.Println(account, account.ID == remembered)
	}
	current := client.For(msal.Account{ID: remembered})
	token, err := current.Token(ctx, "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) { // hints at this account, and refuses another one
		token, err = current.SignIn(ctx, msal.Browser{}, "User.Read")
	}
	fmt.Println(token.Account, err)
}

// One more account: without a hint the server would sign in who is signed in already.
func Example_addAccount() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	another := client.With(msal.Params{Prompt: "select_account"})
	token, err := another.SignIn(context.Background(), msal.Browser{}, "User.Read")
	fmt.Println(token.Account, err)
}

// The same person in another organization, as a guest there.
func Example_anotherTenant() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	there := client.With(msal.Params{Tenant: "fabrikam.com"})
	token, err := there.Token(ctx, "User.Read")
	if errors.Is(err, msal.ErrSignInRequired) {
		token, err = there.SignIn(ctx, msal.Browser{}, "User.Read")
	}
	fmt.Println(token.Account.Tenant, err)
}

// The application is uninstalled, or told to forget everybody.
func Example_forgetAll() {
	store := keychain.New("myapp")
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     store,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	accounts, err := client.Accounts(ctx)
	for _, account := range accounts {
		err = errors.Join(err, client.For(account).SignOut(ctx)) // tells the server
	}
	err = errors.Join(err, store.Purge(ctx)) // and nothing stays, the key neither
	if err != nil {
		fmt.Println(err)
	}
}

// An API of Microsoft's, with continuous access evaluation: an answer may ask for a new sign-in, at any time.
func Example_api() {
	client, err := msal.New(msal.Config{
		ClientID:     "11111111-2222-3333-4444-555555555555",
		Authority:    "https://login.microsoftonline.com/organizations",
		Capabilities: []string{"cp1"}, // this program can handle a claims challenge
		Cache:        keychain.New("myapp"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	defer client.Shutdown(ctx)
	graph := client.HTTPClient("https://graph.microsoft.com", "User.Read")

	resp, err := graph.Get("https://graph.microsoft.com/v1.0/me")
	if errors.Is(err, msal.ErrSignInRequired) {
		again := client
		if refused, said := errors.AsType[*msal.ServerError](err); said && refused.Claims != "" {
			again = client.WithClaims(refused.Claims)
		}
		if _, err = again.SignIn(ctx, msal.Browser{}, "User.Read"); err == nil {
			resp, err = graph.Get("https://graph.microsoft.com/v1.0/me")
		}
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// Two APIs: a person consents to both at once, and each gets tokens of its own.
func Example_twoAPIs() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const manage = "https://management.azure.com/user_impersonation"
	if _, err := client.SignIn(context.Background(), msal.Browser{}, "User.Read", manage); err != nil {
		fmt.Println(err)
		return
	}
	graph := client.HTTPClient("https://graph.microsoft.com", "User.Read")
	azure := client.HTTPClient("https://management.azure.com", manage)
	for _, get := range []func() (*http.Response, error){
		func() (*http.Response, error) { return graph.Get("https://graph.microsoft.com/v1.0/me") },
		func() (*http.Response, error) {
			return azure.Get("https://management.azure.com/subscriptions?api-version=2022-12-01")
		},
	} {
		resp, err := get()
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close()
	}
}

// In a container: the key is mounted, and the sessions are on a volume.
func Example_container() {
	client, err := msal.New(msal.Config{
		ClientID:  "11111111-2222-3333-4444-555555555555",
		Authority: "https://login.microsoftonline.com/organizations",
		Cache:     cache.Dir("/var/lib/myapp/sessions", cache.KeyFile("/run/secrets/myapp/key")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.SignIn(context.Background(), msal.DeviceCode{}, "User.Read")
	fmt.Println(token.Account, err)
}
