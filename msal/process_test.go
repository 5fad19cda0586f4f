package msal_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const (
	childAuthority = "MSAL_TEST_AUTHORITY"
	childDir       = "MSAL_TEST_DIR"
)

// process is another process with a Client, which does what it is told.
type process struct {
	t     *testing.T
	tell  io.WriteCloser
	hears *bufio.Scanner
}

// newProcess starts the test that calls it again, over the same directory.
func newProcess(t *testing.T, p *msaltest.Platform, dir sharedDir) *process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childAuthority+"="+p.URL, childDir+"="+string(dir))
	cmd.Stderr = t.Output()
	tell, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, tell.Close())
		_, _ = io.Copy(io.Discard, out)
		require.NoError(t, cmd.Wait())
	})
	return &process{t, tell, bufio.NewScanner(out)}
}

// order tells it what to do.
func (p *process) order(order string) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.tell, order)
	require.NoError(p.t, err)
}

// answer waits for what came of an order.
func (p *process) answer() string {
	p.t.Helper()
	require.True(p.t, p.hears.Scan(), "the process has ended")
	return p.hears.Text()
}

func (p *process) do(order string) string {
	p.t.Helper()
	p.order(order)
	return p.answer()
}

// obey is what the other process does instead of the test: it tells whether it
// has been one.
func obey(t *testing.T) bool {
	authority, child := os.LookupEnv(childAuthority)
	if !child {
		return false
	}
	cfg := msal.Config{ClientID: clientID, Authority: authority, InsecureLoopbackHTTP: true}
	sharedDir(os.Getenv(childDir)).config(&cfg)
	c, err := msal.New(cfg)
	require.NoError(t, err)
	for orders := bufio.NewScanner(os.Stdin); orders.Scan(); {
		order, argument, _ := strings.Cut(orders.Text(), " ")
		fmt.Println(obeyOne(t, c, order, argument))
	}
	return true
}

func obeyOne(t *testing.T, c *msal.Client, order, argument string) string {
	var err error
	switch order {
	case "token":
		var token msal.Token
		if token, err = c.Token(t.Context(), "read"); err == nil {
			return token.Account.Subject + " " + token.AccessToken()
		}
	case "refresh":
		var token msal.Token
		if token, err = c.ForceRefresh().Token(t.Context(), "read"); err == nil {
			return token.Account.Subject + " " + token.AccessToken()
		}
	case "sign-in":
		var z *msal.Authorization
		if z, err = c.With(msal.Params{LoginHint: argument}).Authorize(t.Context(), "http://127.0.0.1/callback", "read"); err == nil {
			_, err = z.Redeem(t.Context(), visitBy(t, &http.Client{Timeout: time.Minute}, z.URL()))
		}
	case "sign-out":
		err = c.SignOut(t.Context())
	case "accounts":
		var accounts []msal.Account
		accounts, err = c.Accounts(t.Context())
		return fmt.Sprint(len(accounts), " accounts ", err)
	case "import":
		_, err = c.Import(t.Context(), []byte(argument), "read")
	}
	switch {
	case errors.Is(err, msal.ErrSignInRequired):
		return "sign in"
	case err != nil:
		return err.Error()
	}
	return "done"
}

// Twenty processes import at once: one of them asks the server.
func TestImportInProcesses(t *testing.T) {
	if obey(t) {
		return
	}
	t.Parallel()
	p := msaltest.New(t)
	p.Start()
	theirs := signInElsewhere(t, p, func(cfg *msal.Config) { cfg.InsecureLoopbackHTTP = true })
	unified := string(unifiedOf(t, map[string]string{"avery": theirs}))
	unified = strings.ReplaceAll(unified, "idp.example", strings.TrimPrefix(p.URL, "http://"))
	dir := newSharedDir(t)
	var all []*process
	for range 20 {
		all = append(all, newProcess(t, p, dir))
		require.Equal(t, "0 accounts <nil>", all[len(all)-1].do("accounts"), "it is there")
	}
	p.ResetLog()
	p.Fail("token", msaltest.Fault{Delay: 100 * time.Millisecond})
	for _, other := range all {
		other.order("import " + unified)
	}
	for _, other := range all {
		require.Equal(t, "done", other.answer())
	}
	require.Len(t, p.TokenRequests(""), 1)
	require.True(t, p.SessionAlive("avery"))
	first := all[0].do("token")
	require.Contains(t, first, "avery at-")
	for _, other := range all {
		require.Equal(t, first, other.do("token"))
	}
	require.Len(t, p.TokenRequests(""), 1)
}

// What one process does, another sees at its next call, a second later: a
// sign-in, a refresh, a sign-out, and a sign-in of somebody else. Neither asks
// the server for it.
func TestStaysCurrentAcrossProcesses(t *testing.T) {
	if obey(t) {
		return
	}
	t.Parallel()
	p := msaltest.New(t)
	p.Users = people
	p.Start()
	dir := newSharedDir(t)
	here, there := newProcess(t, p, dir), newProcess(t, p, dir)
	second := func() { <-time.After(1010 * time.Millisecond) } // the clock of the other process is real
	ada, grace := people[0].Subject, people[1].Subject

	require.Equal(t, "sign in", here.do("token"))
	require.Equal(t, "done", there.do("sign-in "+ada))
	require.Equal(t, "1 accounts <nil>", here.do("accounts"))
	first := here.do("token")
	require.Equal(t, first, there.do("token"))

	renewed := there.do("refresh")
	require.NotEqual(t, first, renewed)
	second()
	p.ResetLog()
	require.Equal(t, renewed, here.do("token"))

	require.Equal(t, "done", there.do("sign-out"))
	second()
	require.Equal(t, "sign in", here.do("token"))
	require.Equal(t, "sign in", here.do("token"))
	require.Equal(t, "0 accounts <nil>", here.do("accounts"))

	require.Equal(t, "done", there.do("sign-in "+ada))
	require.Equal(t, there.do("token"), here.do("token"))
	require.Equal(t, "done", there.do("sign-out"))
	require.Equal(t, "done", there.do("sign-in "+grace))
	second()
	require.Equal(t, "sign in", here.do("token"), "its account has gone")
	require.Equal(t, there.do("token"), here.do("token"), "and another one is the only one now")
	require.Contains(t, here.do("token"), grace+" at-")
	require.Empty(t, p.TokenRequests("refresh_token"))
}
