package interop

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/staysigned/staysigned/msal"
	"github.com/stretchr/testify/require"
)

// The person's browser is a script that hands the URL to Chromium and then stays, as a browser does that nobody closes:
// xdg-open does not return before it does. The environment says which, hence no parallel test.
func TestSystemBrowser(t *testing.T) {
	p, chrome := StartProvider(t), StartChrome(t)
	for _, name := range []string{"SUDO_UID", "PKEXEC_UID", "DOAS_USER"} {
		t.Setenv(name, "") // through sudo no browser is started, and these tests may run through sudo
	}

	t.Run("BROWSER", func(t *testing.T) {
		browser := newSystemBrowser(t)
		t.Setenv("BROWSER", browser.script)
		requireSignInThrough(t, p, chrome, browser)
	})

	// A desktop entry for http addresses, as the package of a browser installs it.
	t.Run("xdg-open", func(t *testing.T) {
		if _, err := exec.LookPath("xdg-open"); err != nil {
			t.Fatalf("no xdg-open here (%v): %s", err, install)
		}
		browser, home := newSystemBrowser(t), t.TempDir()
		for name, text := range map[string]string{
			"applications/interop.desktop": "[Desktop Entry]\nType=Application\nName=Interop\nExec=" + browser.script + " %u\n",
			"applications/mimeapps.list":   "[Default Applications]\nx-scheme-handler/http=interop.desktop\n",
		} {
			require.NoError(t, os.MkdirAll(filepath.Join(home, filepath.Dir(name)), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(home, name), []byte(text), 0o600))
		}
		t.Setenv("XDG_DATA_HOME", home)
		t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "applications"))
		t.Setenv("BROWSER", "")
		t.Setenv("DISPLAY", ":97") // nobody draws on it
		requireSignInThrough(t, p, chrome, browser)
	})
}

func requireSignInThrough(t *testing.T, p *Provider, chrome *Chrome, browser systemBrowser) {
	t.Helper()
	client, _ := newClient(t, p, nil)
	alice := chrome.Person(t)
	visited := make(chan string, 1)
	go func() {
		url := browser.opened()
		alice.Visits(url, LogsIn("alice"), Consents(), Leaves(p.Issuer))
		visited <- url
	}()
	token, err := client.SignIn(t.Context(), msal.Browser{}, "notes.read")
	require.NoError(t, err)
	require.Equal(t, "alice", token.Account.Username)
	require.True(t, strings.HasPrefix(<-visited, p.Issuer+"/auth?"))
}

// systemBrowser is a script with two named pipes: the URL comes out of one, and it ends when something goes into the other.
type systemBrowser struct {
	script string
	urls   *os.File
}

func newSystemBrowser(t *testing.T) systemBrowser {
	t.Helper()
	dir := t.TempDir()
	urls, urlPipe := pipe(t, dir, "url")
	end, endPipe := pipe(t, dir, "end")
	t.Cleanup(func() {
		_, err := end.WriteString("\n")
		require.NoError(t, err)
	})
	script := filepath.Join(dir, "browser")
	text := fmt.Sprintf("#!/bin/sh\nprintf '%%s\\n' \"$1\" >'%s'\nread -r _ <'%s'\n", urlPipe, endPipe)
	require.NoError(t, os.WriteFile(script, []byte(text), 0o700))
	return systemBrowser{script, urls}
}

// opened returns the URL that the browser was started with, and "" if the test ends before.
func (b systemBrowser) opened() string {
	url, _ := bufio.NewReader(b.urls).ReadString('\n')
	return strings.TrimSuffix(url, "\n")
}

// pipe opens both ends, so that neither side waits for the other to come.
func pipe(t *testing.T, dir, name string) (*os.File, string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { file.Close() })
	return file, path
}
