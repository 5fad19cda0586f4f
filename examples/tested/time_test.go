package tested

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// onDevice is a person with a telephone. A sign-in by code needs no socket, so that time in a bubble goes on.
func onDevice(idp *msaltest.Platform) msal.Flow {
	return msal.DeviceCode{Show: func(_ context.Context, prompt msal.DevicePrompt) error {
		idp.Approve(prompt.UserCode)
		return nil
	}}
}

// A month of mornings takes no time, and nobody is asked twice.
func TestMonth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := msaltest.New(t) // made in the bubble, it follows the bubble's clock
		app := newApp(t, idp)
		app.Flow = onDevice(idp)
		for range 30 {
			if status, err := app.Report(t.Context()); status != "200 OK" || err != nil {
				t.Fatal(status, err)
			}
			time.Sleep(24 * time.Hour)
		}
		if devices, refreshes := idp.Count("device"), len(idp.TokenRequests("refresh_token")); devices != 1 || refreshes != 29 {
			t.Errorf("%d sign-ins, %d refreshes", devices, refreshes)
		}
	})
}
