package tested

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// While the server is down nobody is asked to sign in: it would not help. Afterwards all goes on.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := msaltest.New(t)
		app := newApp(t, idp)
		app.Flow = onDevice(idp)
		if _, err := app.Report(t.Context()); err != nil {
			t.Fatal(err)
		}

		idp.Fail("token", msaltest.Fault{Status: http.StatusServiceUnavailable, Times: -1}) // until Heal
		time.Sleep(30 * time.Minute)
		if _, err := app.Report(t.Context()); err != nil {
			t.Errorf("the token is good for an hour, and yet: %v", err)
		}
		time.Sleep(time.Hour)
		if _, err := app.Report(t.Context()); err == nil || errors.Is(err, msal.ErrSignInRequired) {
			t.Errorf("without a token: %v", err)
		}

		idp.Heal()
		time.Sleep(time.Minute)
		if _, err := app.Report(t.Context()); err != nil {
			t.Errorf("after the outage: %v", err)
		}
		if devices := idp.Count("device"); devices != 1 {
			t.Errorf("%d sign-ins", devices)
		}
	})
}

// The answer to a refresh is lost on its way. The server has spent the old refresh token, and takes it again for a
// while; one that does not would end the session here, whatever a client does.
func TestLostAnswer(t *testing.T) {
	idp := msaltest.New(t)
	idp.Rotation, idp.GracePeriod = msaltest.Grace, time.Minute
	app := newApp(t, idp)
	if _, err := app.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	idp.Fail("token", msaltest.Fault{Cut: true}) // once
	if _, err := app.Client.ForceRefresh().Token(t.Context(), app.Scope); err != nil {
		t.Error(err)
	}
	if !idp.SessionAlive("avery") {
		t.Error("the session is lost")
	}
}

// An administrator ends the session: the next refresh asks a person, once.
func TestRevoked(t *testing.T) {
	idp := msaltest.New(t)
	app := newApp(t, idp)
	if _, err := app.Report(t.Context()); err != nil {
		t.Fatal(err)
	}
	idp.Revoke("avery")
	if _, err := app.Client.ForceRefresh().Token(t.Context(), app.Scope); !errors.Is(err, msal.ErrSignInRequired) {
		t.Error(err)
	}
	if status, err := app.Report(t.Context()); status != "200 OK" || err != nil {
		t.Error(status, err)
	}
	if signIns := len(idp.TokenRequests("authorization_code")); signIns != 2 {
		t.Errorf("%d sign-ins", signIns)
	}
}
