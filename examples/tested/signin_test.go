package tested

import (
	"errors"
	"testing"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// newApp returns the application with a platform in place of its server. The platform's own /userinfo is the API.
func newApp(t *testing.T, idp *msaltest.Platform) *App {
	t.Helper()
	client, err := msal.New(msal.Config{ClientID: "my-app", Authority: idp.URL, HTTPClient: idp.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return &App{
		Client: client,
		Flow:   msal.Browser{Open: idp.Browse}, // a person who presses Continue
		API:    idp.URL,
		Path:   "/userinfo",
		Scope:  "read",
	}
}

// The first report asks a person, the second nobody.
func TestSignsInOnce(t *testing.T) {
	idp := msaltest.New(t)
	app := newApp(t, idp)
	for range 2 {
		if status, err := app.Report(t.Context()); status != "200 OK" || err != nil {
			t.Fatal(status, err)
		}
	}
	if signIns := len(idp.TokenRequests("authorization_code")); signIns != 1 {
		t.Errorf("%d sign-ins", signIns)
	}
}

// The person presses Cancel, which is an answer, and not to be asked for again at once.
func TestPersonSaysNo(t *testing.T) {
	idp := msaltest.New(t)
	idp.Deny()
	_, err := newApp(t, idp).Report(t.Context())
	refused, said := errors.AsType[*msal.ServerError](err)
	if !said || refused.Action() != msal.ActionGiveUp {
		t.Errorf("%v", err)
	}
}
