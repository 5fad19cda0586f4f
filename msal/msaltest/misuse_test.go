package msaltest_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// recorder is a test that notes its failures; Fatal ends it with a panic that fatal catches.
type recorder struct {
	testing.TB
	errors []string
	fatals []string
}

type ended struct{}

func (r *recorder) Helper() {}

func (r *recorder) Error(args ...any) { r.errors = append(r.errors, fmt.Sprint(args...)) }

func (r *recorder) Fatal(args ...any) {
	r.fatals = append(r.fatals, fmt.Sprint(args...))
	panic(ended{})
}

// Misuse is a bug of the test: it must not pass.
func TestMisuseIsLoud(t *testing.T) {
	t.Parallel()
	for want, misuse := range map[string]func(*msaltest.Platform){
		`Approve: no device waits with the user code "X"`:                 func(p *msaltest.Platform) { p.Approve("X") },
		`DenyDevice: no device waits with the user code "X"`:              func(p *msaltest.Platform) { p.DenyDevice("X") },
		`Count: there is no endpoint "tokens"`:                            func(p *msaltest.Platform) { p.Count("tokens") },
		`Fail: there is no endpoint "tokens"`:                             func(p *msaltest.Platform) { p.Fail("tokens", msaltest.Fault{Cut: true}) },
		`Fail: the fault for "token" does nothing`:                        func(p *msaltest.Platform) { p.Fail("token", msaltest.Fault{}) },
		`Revoke: nobody with the subject "x" has signed in`:               func(p *msaltest.Platform) { p.Revoke("x") },
		`Imitate: there is no provider "entro"; known are google, gitlab`: func(p *msaltest.Platform) { p.Imitate("entro") },
		`SignInAs: the user "a" has no Subject, which every`:              func(p *msaltest.Platform) { p.SignInAs(msaltest.User{Username: "a"}) },
	} {
		r := &recorder{TB: t}
		p := msaltest.New(r)
		require.PanicsWithValue(t, ended{}, func() { misuse(p) })
		require.Len(t, r.fatals, 1)
		require.Contains(t, r.fatals[0], "msaltest: "+want)
		p.Count() // the lock is free again

		var program msaltest.Platform
		require.Panics(t, func() { misuse(&program) })
	}
}

func TestImpossibleKnobs(t *testing.T) {
	t.Parallel()
	for want, set := range map[string]func(*msaltest.Platform){
		"the Rotation 9 does not exist":          func(p *msaltest.Platform) { p.Rotation = 9 },
		"the Rotation -1 does not exist":         func(p *msaltest.Platform) { p.Rotation = -1 },
		`the Algorithm is "none"`:                func(p *msaltest.Platform) { p.Algorithm = "none" },
		`the ResponseModes are ["fragment"]`:     func(p *msaltest.Platform) { p.ResponseModes = []string{"fragment"} },
		"AccessTokenLife is -1s":                 func(p *msaltest.Platform) { p.AccessTokenLife = -time.Second },
		"GracePeriod is -1s":                     func(p *msaltest.Platform) { p.GracePeriod = -time.Second },
		`two Users have the Subject "a"`:         func(p *msaltest.Platform) { p.Users = []msaltest.User{{Subject: "a"}, {Subject: "a"}} },
		"Users is empty but not nil":             func(p *msaltest.Platform) { p.Users = []msaltest.User{} },
		"the Renewal 9 does not exist":           func(p *msaltest.Platform) { p.Renewal = 9 },
		"the Renewal -1 does not exist":          func(p *msaltest.Platform) { p.Renewal = -1 },
		"the ErrorStatus is 42":                  func(p *msaltest.Platform) { p.ErrorStatus = 42 },
		`the Layout's Mount is "a"`:              func(p *msaltest.Platform) { p.Layout.Mount = "a" },
		`the Layout's Mount is "/a/"`:            func(p *msaltest.Platform) { p.Layout.Mount = "/a/" },
		`the Layout's Issuer is "a"`:             func(p *msaltest.Platform) { p.Layout.Issuer = "a" },
		`the Layout moves "tokens", which is no`: func(p *msaltest.Platform) { p.Layout.Paths = map[string]string{"tokens": "/x"} },
		`the Layout moves "keys" to "x", want a`: func(p *msaltest.Platform) { p.Layout.Paths = map[string]string{"keys": "x"} },
		`the URL "https://idp.example?x" is not`: func(p *msaltest.Platform) { p.URL += "?x" },
	} {
		r := &recorder{TB: t}
		p := msaltest.New(r)
		set(p)
		resp, err := p.Client().Get(msaltest.DefaultURL + "/keys")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
		require.Len(t, r.errors, 1)
		require.Contains(t, r.errors[0], want)
	}
	program := msaltest.Platform{Rotation: 9}
	require.Panics(t, func() { _, _ = program.Client().Get("https://idp.example/keys") })
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	p := msaltest.New(r)
	get := func(path string) {
		resp, err := p.Client().Get(p.URL + path)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusNotFound, resp.StatusCode)
	}
	get("/favicon.ico")
	require.Empty(t, r.errors, "browsers ask for it on their own")
	get("/oauth/token")
	require.Len(t, r.errors, 1)
	require.Contains(t, r.errors[0], "unexpected request: GET /oauth/token")
	p.AllowUnknown = true
	get("/oauth/token")
	require.Len(t, r.errors, 1)
	require.Equal(t, 3, p.Count())
}
