package msaltest_test

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// reborn is the platform of a process that comes after another one.
func reborn(t *testing.T, file string) *app {
	p := msaltest.New(t)
	p.StateFile = file
	return newApp(t, p)
}

// What was granted before the end goes on after it: sessions, tokens, the person at the browser, and the keys.
func TestStateFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "platform.json")
	before := reborn(t, file)
	before.p.RotateKeys()
	signedIn := before.signIn()
	first, access := signedIn.str("refresh_token"), signedIn.str("access_token")
	second := before.refresh(first).str("refresh_token")
	kid, _ := before.p.SigningKey()

	after := reborn(t, file)
	require.True(t, after.p.SessionAlive("avery"))
	require.Equal(t, http.StatusOK, after.userinfo(access).status)
	id := after.refresh(second)
	require.Empty(t, id.code())
	require.Equal(t, "avery", after.claims(id.str("id_token"))["sub"], "verified with the key of before")
	now, _ := after.p.SigningKey()
	require.Equal(t, kid, now)

	after = reborn(t, file)
	require.Equal(t, "invalid_grant", after.refresh(first).code(), "spent two lives ago")
	require.Equal(t, "invalid_grant", reborn(t, file).refresh(id.str("refresh_token")).code(), "so the session has ended")
	require.False(t, reborn(t, file).p.SessionAlive("avery"))
}

// Whoever reads the file has no token. Only its owner reads it, and nothing is left beside it.
func TestStateFileHasNoToken(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "platform.json")
	a := reborn(t, file)
	signedIn := a.signIn()
	again := a.refresh(signedIn.str("refresh_token"))
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, r := range []reply{signedIn, again} {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			require.NotEmpty(t, r.str(name))
			require.NotContains(t, string(data), r.str(name))
		}
	}
	info, err := os.Stat(file)
	require.NoError(t, err)
	if runtime.GOOS != "windows" { // which has no modes
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// What has no effect any more does not fill the file.
func TestStateFileForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "platform.json")
		a := reborn(t, file)
		size := func() int64 {
			info, err := os.Stat(file)
			require.NoError(t, err)
			return info.Size()
		}
		a.post("/revoke", url.Values{"client_id": {"app"}, "token": {a.signIn().str("refresh_token")}})
		least := size()
		for range 10 {
			a.post("/revoke", url.Values{"client_id": {"app"}, "token": {a.signIn().str("refresh_token")}})
			a.authorize() // and never comes back
			a.signIn("scope", "openid")
			time.Sleep(2 * time.Hour)
			a.get("/keys")
		}
		require.Equal(t, least, size())
	})
}

// A file of somebody else's, or one that is damaged, is left alone, and every request says why nothing works.
func TestStateFileDamaged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no JSON":        "{",
		"another schema": `{"schema":2}`,
		"no key":         `{"schema":1,"keys":[{"id":"k","pkcs8":"AAAA"}]}`,
		"no session":     `{"schema":1,"refresh":{"x":{"session":0}}}`,
		"nor one below":  `{"schema":1,"access":{"x":{"session":-1}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "platform.json")
			require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
			r := &recorder{TB: t}
			p := msaltest.New(r)
			p.StateFile = file
			require.Equal(t, http.StatusInternalServerError, newApp(t, p).get("/keys").status)
			require.Len(t, r.errors, 1)
			require.Contains(t, r.errors[0], file)
			require.Contains(t, r.errors[0], "remove it")

			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.ErrorContains(t, (&msaltest.Platform{StateFile: file}).Serve(l), file)
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, text, string(data))
		})
	}
}

// A platform that cannot remember says so instead of giving tokens that it will not know.
func TestStateFileCannotBeWritten(t *testing.T) {
	t.Parallel()
	p := &msaltest.Platform{URL: msaltest.DefaultURL, StateFile: filepath.Join(t.TempDir(), "none", "platform.json")}
	a := newApp(t, p)
	r := a.post("/token", url.Values{"client_id": {"app"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}})
	require.Equal(t, http.StatusInternalServerError, r.status)
	require.Contains(t, r.body, "cannot be written")
}
