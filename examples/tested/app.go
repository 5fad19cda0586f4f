// Package tested is an application small enough to read, and its tests show how to test one: against an identity platform
// that runs inside the test. docs/testing.md goes through them.
package tested

import (
	"context"
	"errors"
	"net/http"

	"github.com/staysigned/staysigned/msal"
)

// App fetches a report for the person who is signed in.
type App struct {
	Client *msal.Client
	Flow   msal.Flow // how a person signs in
	API    string    // origin of the API,
	Path   string    // and where the report is
	Scope  string
}

// Report asks the API, and if it must, a person.
func (a *App) Report(ctx context.Context) (status string, err error) {
	status, err = a.fetch(ctx)
	if !errors.Is(err, msal.ErrSignInRequired) {
		return status, err
	}
	client := a.Client
	if refused, said := errors.AsType[*msal.ServerError](err); said && refused.Claims != "" {
		client = client.WithClaims(refused.Claims)
	}
	if _, err := client.SignIn(ctx, a.Flow, a.Scope); err != nil {
		return "", err
	}
	return a.fetch(ctx)
}

func (a *App) fetch(ctx context.Context) (status string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.API+a.Path, nil)
	if err != nil {
		return "", err
	}
	resp, err := a.Client.HTTPClient(a.API, a.Scope).Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	return resp.Status, nil
}
