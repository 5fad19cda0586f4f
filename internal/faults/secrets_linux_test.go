package faults_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

// TestSecretsStayInside_KC12 looks for all that the platform has handed out, and for the key, wherever a program leaves
// traces, after refreshes that went well and after some of the faults of the table.
func TestSecretsStayInside_KC12(t *testing.T) {
	w := newWorld(t, msaltest.Grace)
	w.signIn(t, "avery")
	shown := map[string]string{} // by where it was shown
	look := func(p *process, replies ...reply) {
		for _, name := range []string{"cmdline", "environ"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, name))
			require.NoError(t, err)
			require.NotEmpty(t, text)
			shown[name] += string(text)
		}
		for _, r := range replies {
			shown["reply"] += fmt.Sprintf("%+v\n", r)
		}
	}

	p := w.start(t, "")
	look(p, p.do(t, order{Do: "token"}), p.do(t, order{Do: "force"}))
	cut := 2
	w.front.on(nil, func(rw http.ResponseWriter, answer *httptest.ResponseRecorder) bool {
		if cut--; cut < 0 {
			return false
		}
		reset(rw, answer, true, answer.Body.Len()-1)
		return true
	})
	lost := p.do(t, order{Do: "force"})
	require.Contains(t, lost.Is, "ErrOutcomeUnknown")
	look(p, lost, p.do(t, order{Do: "force"}))
	w.search(t, shown)

	arrived, goOn := make(chan bool), make(chan bool)
	w.front.on(func(context.Context) { arrived <- true; <-goOn }, nil)
	killed := w.start(t, "")
	killed.send(t, order{Do: "force"})
	<-arrived
	look(killed)
	killed.kill(t)
	close(goOn)
	w.front.on(nil, nil)
	w.search(t, shown)

	full := limited(t, w)
	w.expire(t)
	w.front.on(nil, func(http.ResponseWriter, *httptest.ResponseRecorder) bool { full.takeRoom(t); return false })
	warned := full.do(t, order{Do: "token"})
	require.NotEmpty(t, warned.Warning)
	look(full.process, warned)
	w.search(t, shown)
	full.free(t)

	w.front.on(nil, nil)
	w.platform.RevokeAll()
	over := p.do(t, order{Do: "force"})
	require.Contains(t, over.Is, "ErrSignInRequired")
	look(p, over)
	for name, p := range map[string]*process{"program": p, "killed program": killed, "full disk": full.process} {
		p.end(t)
		shown["output of "+name] = p.said.String() + p.errors.String()
	}
	w.search(t, shown)
	require.Greater(t, len(w.front.secrets), 15)
	w.requireFinds(t)
}

// search demands that no secret is in what was shown, nor in any file of the run.
func (w *world) search(t *testing.T, shown map[string]string) {
	t.Helper()
	for where, text := range shown {
		require.Empty(t, w.found(t, text), "in %s", where)
	}
	looked := 0
	require.NoError(t, filepath.WalkDir(os.TempDir(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || path == filepath.Join(w.space, "key") {
			return err
		}
		looked++
		text, err := os.ReadFile(path)
		require.Empty(t, w.found(t, string(text)), "in %s", path)
		return err
	}))
	require.Greater(t, looked, 3)
}

// found returns the first bytes of the secrets in a text.
func (w *world) found(t *testing.T, text string) (all []string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(w.space, "key"))
	require.NoError(t, err)
	w.front.mu.Lock()
	defer w.front.mu.Unlock()
	for _, secret := range append([]string{string(key), base64.StdEncoding.EncodeToString(key)}, w.front.secrets...) {
		// A part of one is enough.
		if half := secret[len(secret)/2:]; strings.Contains(text, half) || strings.Contains(text, secret[:len(secret)-8]) {
			all = append(all, secret[:4])
		}
	}
	return all
}

// requireFinds shows that the search would find something.
func (w *world) requireFinds(t *testing.T) {
	t.Helper()
	for _, secret := range w.front.secrets {
		require.NotEmpty(t, w.found(t, "before"+secret+"after"))
	}
}
