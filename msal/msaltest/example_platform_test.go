package msaltest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// In a test, New reports misuse and unexpected requests to it.
func ExampleNew() {
	test := func(t *testing.T) {
		idp := msaltest.New(t)
		client := idp.Client()

		idp.Rotation = msaltest.KeepOld
		idp.AccessTokenLife = 5 * time.Minute
		// … hand idp.URL and client to the code under test, then ask what it did:
		_ = client
		refreshes := len(idp.TokenRequests("refresh_token"))
		alive := idp.SessionAlive("avery")
		if refreshes != 1 || !alive {
			t.Errorf("%d refreshes, session alive: %v", refreshes, alive)
		}
	}
	_ = test
}

// Google refuses a scope that OpenID Connect defines, and tells only the person.
func ExamplePlatform_Imitate() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL}
	idp.Imitate("google")
	idp.KnownScopes = append(idp.KnownScopes, "https://www.googleapis.com/auth/drive.readonly")

	err := idp.Browse(context.Background(), idp.URL+"/authorize?"+url.Values{
		"client_id":             {"my-app"},
		"response_type":         {"code"},
		"redirect_uri":          {"http://127.0.0.1/callback"},
		"scope":                 {"https://www.googleapis.com/auth/drive.readonly offline_access"},
		"code_challenge":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"},
	}.Encode())
	fmt.Println(err)
	// Output:
	// msaltest: browse: the platform answers 400 Bad Request: Error 400: invalid_scope: Some requested scopes were invalid. {valid=[https://www.googleapis.com/auth/drive.readonly], invalid=[offline_access]}
}

// The answer to a device's poll is lost; the code is used up all the same.
func ExamplePlatform_Fail() {
	idp := &msaltest.Platform{URL: msaltest.DefaultURL, AutoApproveAfter: 1}
	client := idp.Client()
	start := url.Values{"client_id": {"my-tv"}, "scope": {"openid offline_access"}}
	device := exchangeAny(client, idp.URL+"/device", start)
	poll := url.Values{
		"client_id":   {"my-tv"},
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {device["device_code"].(string)},
	}

	idp.Fail("token", msaltest.Fault{Cut: true})
	_, err := client.PostForm(idp.URL+"/token", poll)
	fmt.Println("lost:", errors.Is(err, io.ErrUnexpectedEOF))
	fmt.Println("again:", exchangeAny(client, idp.URL+"/token", poll)["error"])
	// Output:
	// lost: true
	// again: invalid_grant
}

// A platform on a real socket, and a person whose browser carries the code to the application's loopback listener.
func ExamplePlatform_Browse() {
	idp := &msaltest.Platform{Interactive: true}
	idp.Start()
	defer idp.Close()

	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("state:", r.FormValue("state"), "code:", strings.HasPrefix(r.FormValue("code"), "code-"))
	}))
	defer app.Close()

	err := idp.Browse(context.Background(), idp.URL+"/authorize?"+url.Values{
		"client_id":             {"my-app"},
		"response_type":         {"code"},
		"response_mode":         {"form_post"},
		"redirect_uri":          {app.URL},
		"state":                 {"xyz"},
		"code_challenge":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"},
	}.Encode())
	fmt.Println(err, "after a page:", idp.Count("signin") == 1)
	// Output:
	// state: xyz code: true
	// <nil> after a page: true
}

// A program brings its own listener.
func ExamplePlatform_Serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	var idp msaltest.Platform
	ended := make(chan error)
	go func() { ended <- idp.Serve(l) }()

	issuer := "http://" + l.Addr().String()
	metadata := getAny(issuer + "/.well-known/openid-configuration")
	fmt.Println(metadata["issuer"] == issuer)

	idp.Close()
	fmt.Println(<-ended)
	// Output:
	// true
	// <nil>
}
