package main

import (
	"time"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// demoConfig is for a server inside the program. A person there approves the device at once; an administrator ends all
// sessions after half a minute, so that somebody has to sign in again.
func demoConfig() msal.Config {
	idp := &msaltest.Platform{
		URL:              msaltest.DefaultURL,
		AccessTokenLife:  10 * time.Second,
		AutoApproveAfter: 1,
		DeviceInterval:   time.Second,
	}
	time.AfterFunc(30*time.Second, idp.RevokeAll)
	return msal.Config{ClientID: "daemon", Authority: idp.URL, HTTPClient: idp.Client()}
}
