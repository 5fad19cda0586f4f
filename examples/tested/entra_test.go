package tested

import (
	"errors"
	"testing"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// newEntraApp returns the application as it is in production, address and all, but for the HTTP client; and its API.
func newEntraApp(t *testing.T) (*App, *msaltest.Platform, *msaltest.API) {
	t.Helper()
	idp := msaltest.New(t)
	idp.URL = "https://login.microsoftonline.com"
	idp.Imitate("entra")
	api := idp.NewAPI("https://api.contoso.example", "api://contoso", "Things.Read")
	client, err := msal.New(msal.Config{
		ClientID:     "11111111-2222-3333-4444-555555555555",
		Authority:    "https://login.microsoftonline.com/organizations",
		Capabilities: []string{"cp1"},
		HTTPClient:   idp.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &App{
		Client: client,
		Flow:   msal.Browser{Open: idp.Browse},
		API:    "https://api.contoso.example",
		Path:   "/report",
		Scope:  "api://contoso/Things.Read",
	}, idp, api
}

// The API wants a second factor: the application shows the claims to the server, and the person gives it.
func TestSecondFactor(t *testing.T) {
	app, idp, api := newEntraApp(t)
	if status, err := app.Report(t.Context()); status != "200 OK" || err != nil {
		t.Fatal(status, err)
	}
	api.Challenge(`{"access_token":{"acrs":{"essential":true,"value":"c1"}}}`)
	if status, err := app.Report(t.Context()); status != "200 OK" || err != nil {
		t.Error(status, err)
	}
	if signIns := len(idp.TokenRequests("authorization_code")); signIns != 2 {
		t.Errorf("%d sign-ins", signIns)
	}
}

// Microsoft's errors come by number. What to do about one is its Action: here a policy forbids it, and nobody is asked.
func TestBlocked(t *testing.T) {
	app, idp, _ := newEntraApp(t)
	if _, err := app.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	idp.Fail("token", msaltest.Fault{AADSTS: 53003, Times: -1})
	_, err := app.Client.ForceRefresh().Token(t.Context(), app.Scope)
	refused, said := errors.AsType[*msal.ServerError](err)
	if !said || refused.Action() != msal.ActionGiveUp {
		t.Errorf("%v", err)
	}
}
