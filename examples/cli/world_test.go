package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// world is what the program meets in a test: an identity platform on a socket, a person with a browser, and a home.
type world struct {
	*msaltest.Platform
	helper *httptest.Server // where the program that is the browser says which address it was started with
	dir    string
}

var people = []msaltest.User{
	{Subject: "avery", Username: "avery@idp.example", Name: "Avery Example", Email: "avery@idp.example"},
	{Subject: "blake", Username: "blake@idp.example", Name: "Blake Example", Email: "blake@idp.example"},
	{Subject: "mallory", Username: "mallory\x1b[2J\u202e@idp.example", Name: "\x1b]0;owned\a\u009b2J\u202egnp.exe\x7f\U000e0041", Email: "mallory@idp.example"},
}

func newWorld(dir string, edit ...func(*msaltest.Platform)) (*world, error) {
	w := &world{Platform: &msaltest.Platform{Users: people, DeviceInterval: time.Second, AutoApproveAfter: 1}, dir: dir}
	for _, e := range edit {
		e(w.Platform)
	}
	w.Start()
	w.helper = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if err := w.Browse(r.Context(), r.URL.Query().Get("address")); err != nil {
			http.Error(rw, err.Error(), http.StatusBadGateway)
		}
	}))
	key := make([]byte, 32)
	copy(key, "a key of 32 bytes")
	return w, os.WriteFile(filepath.Join(dir, "key"), key, 0o400)
}

func (w *world) close() {
	w.helper.Close()
	w.Platform.Close()
}

// env is the environment of the program, but for PATH. There is neither a keychain nor a display in it.
func (w *world) env() []string {
	return []string{
		"HOME=" + w.dir,
		"XDG_CONFIG_HOME=" + filepath.Join(w.dir, "config"),
		"XDG_STATE_HOME=" + filepath.Join(w.dir, "state"),
		"BROWSER=browser",
		"BROWSER_HELPER=" + w.helper.URL,
		"IDP=" + w.URL,
		"IDPHOST=" + strings.TrimPrefix(w.URL, "http://"),
		"STAYSIGNED_AUTHORITY=" + w.URL,
		"STAYSIGNED_CLIENT_ID=cli",
		"STAYSIGNED_INSECURE_LOOPBACK_HTTP=true",
		"STAYSIGNED_STORE=" + filepath.Join(w.dir, "sessions"),
		"STAYSIGNED_KEY=file:" + filepath.Join(w.dir, "key"),
	}
}

// browser is a browser: it lets the world's person visit the address that it is started with.
func browser() {
	resp, err := http.Get(os.Getenv("BROWSER_HELPER") + "?address=" + url.QueryEscape(os.Args[1]))
	if err != nil || resp.StatusCode != http.StatusOK {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// here is a world for a test in Go. Its programs are in PATH, see TestMain.
func here(t *testing.T, edit ...func(*msaltest.Platform)) *world {
	t.Helper()
	w, err := newWorld(t.TempDir(), edit...)
	require.NoError(t, err)
	t.Cleanup(w.close)
	return w
}

// command is one of the programs in this world.
func (w *world) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir, cmd.Env = w.dir, append(w.env(), "PATH="+os.Getenv("PATH"))
	return cmd
}

// run runs the program, which has to succeed, and returns what it wrote to standard output.
func (w *world) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := w.command(t, program, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, said.String())
	return string(out)
}

// idp is what a script can do to the platform.
func (w *world) idp(args []string) error {
	switch verb, rest := args[0], args[1:]; {
	case verb == "user" && len(rest) == 1:
		i := slices.IndexFunc(people, func(u msaltest.User) bool { return u.Subject == rest[0] })
		w.SignInAs(people[i])
	case verb == "deny":
		w.Deny()
	case verb == "revoke":
		w.RevokeAll()
	case verb == "stop":
		w.Platform.Close()
	case verb == "life" && len(rest) == 1:
		life, err := time.ParseDuration(rest[0])
		w.AccessTokenLife = life
		return err
	case verb == "fail" && len(rest) == 2: // an endpoint, and an error code
		w.Fail(rest[0], msaltest.Fault{Code: rest[1], Claims: `{"access_token":{}}`})
	case verb == "down" && len(rest) == 1: // an endpoint
		w.Fail(rest[0], msaltest.Fault{Status: 503, Times: -1})
	case verb == "heal":
		w.Heal()
	case verb == "reset":
		w.ResetLog()
	case verb == "requests" && len(rest) >= 1: // how many, and to which endpoints
		if got := fmt.Sprint(w.Count(rest[1:]...)); got != rest[0] {
			return fmt.Errorf("%s requests, want %s: %v", got, rest[0], w.Requests())
		}
	case verb == "alive" && len(rest) == 1 && w.SessionAlive(rest[0]), verb == "over" && len(rest) == 1 && !w.SessionAlive(rest[0]):
	default:
		return fmt.Errorf("not so: idp %s", strings.Join(args, " "))
	}
	return nil
}
