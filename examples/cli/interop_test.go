package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// guard lets a request through whose token the platform knows, in whichever way it comes, and sends others away as
// the programs expect it. The token that it is told to refuse it refuses.
type guard struct {
	*world
	scheme  string // "Bearer" or "Basic"
	refused atomic.Pointer[string]
	next    http.HandlerFunc
}

func (g *guard) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if g.scheme == "Basic" {
		var user string
		user, token, _ = r.BasicAuth()
		if user != "oauth2" {
			token = ""
		}
	}
	refused := g.refused.Load()
	if token == "" || refused != nil && token == *refused || !g.knows(r, token) {
		rw.Header().Set("WWW-Authenticate", g.scheme+` realm="test"`)
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.next(rw, r)
}

func (w *world) knows(r *http.Request, token string) bool {
	ask, err := http.NewRequestWithContext(r.Context(), http.MethodGet, w.URL+"/userinfo", nil)
	if err != nil {
		return false
	}
	ask.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(ask)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(w.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o700))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

// said runs a command and returns all that it said, and whether it succeeded.
func said(cmd *exec.Cmd) (string, bool) {
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

// Git clones with the token. One that the server refuses is replaced by the next time, and nobody else gets any.
func TestGit(t *testing.T) {
	t.Parallel()
	w := here(t)
	const refs = "0123456789012345678901234567890123456789\trefs/heads/main\n"
	g := &guard{world: w, scheme: "Basic", next: func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/repo.git/info/refs" {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(refs))
	}}
	server, other := httptest.NewServer(g), httptest.NewServer(g)
	t.Cleanup(server.Close)
	t.Cleanup(other.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	w.write(t, "gitconfig", "[credential]\n\thelper = \"!staysigned credential git --host "+host+"\"\n")
	list := func(server *httptest.Server) (string, bool) {
		cmd := w.command(t, "git", "ls-remote", server.URL+"/repo.git")
		cmd.Env = append(cmd.Env, "GIT_CONFIG_GLOBAL="+filepath.Join(w.dir, "gitconfig"), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0")
		return said(cmd)
	}

	out, ok := list(server)
	require.False(t, ok)
	require.Contains(t, out, "staysigned: sign-in required; run: staysigned login\n")
	require.Contains(t, out, "told us to quit", "git asks nobody for a password")

	w.run(t, "login", "--without-terminal")
	out, ok = list(server)
	require.True(t, ok, out)
	require.Equal(t, refs, out)

	first := strings.TrimSpace(w.run(t, "token"))
	g.refused.Store(&first)
	out, ok = list(server)
	require.False(t, ok, out)
	second := strings.TrimSpace(w.run(t, "token"))
	require.NotEqual(t, first, second, "git says erase")
	out, ok = list(server)
	require.True(t, ok, out)
	require.True(t, w.SessionAlive("avery"))

	out, ok = list(other)
	require.False(t, ok, out)
	require.NotContains(t, out, first)
}

// Kubectl gets a token in the version of the protocol that it speaks: all know v1beta1, those since 1.22 v1.
func TestKubectl(t *testing.T) {
	t.Parallel()
	w := here(t)
	cluster := httptest.NewTLSServer(&guard{world: w, scheme: "Bearer", next: func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write([]byte("fine: " + r.URL.Path + "\n"))
	}})
	t.Cleanup(cluster.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cluster.Certificate().Raw})
	user := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(readme(t))[1]
	ask := func(version string) (string, bool) {
		w.write(t, "kubeconfig", fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
			"clusters": [{"name": "c", "cluster": {"server": %q, "certificate-authority-data": %q}}],
			"contexts": [{"name": "c", "context": {"cluster": "c", "user": "me"}}]}`,
			cluster.URL, base64.StdEncoding.EncodeToString(ca)))
		w.write(t, "user", "apiVersion: v1\nkind: Config\nusers:\n"+strings.Replace(user, "k8s.io/v1", "k8s.io/"+version, 1))
		cmd := w.command(t, "kubectl", "get", "--raw", "/healthz")
		cmd.Env = append(cmd.Env, "KUBECONFIG="+filepath.Join(w.dir, "kubeconfig")+":"+filepath.Join(w.dir, "user"))
		return said(cmd)
	}

	var version struct {
		ClientVersion struct{ Minor string }
	}
	out, ok := said(w.command(t, "kubectl", "version", "--client", "-o", "json"))
	require.True(t, ok, out)
	require.NoError(t, json.Unmarshal([]byte(out), &version))
	var minor int
	_, err := fmt.Sscan(regexp.MustCompile(`^\d+`).FindString(version.ClientVersion.Minor), &minor)
	require.NoError(t, err)

	out, ok = ask("v1beta1")
	require.False(t, ok)
	require.Contains(t, out, "staysigned: sign-in required; run: staysigned login\n")
	w.run(t, "login", "--without-terminal")
	out, ok = ask("v1beta1")
	require.True(t, ok, out)
	require.Equal(t, "fine: /healthz\n", out)
	if minor >= 22 {
		out, ok = ask("v1")
		require.True(t, ok, out)
		require.Equal(t, "fine: /healthz\n", out)
	}
}

// Docker's client finds the helper by its name, and the profile by the helper's.
func TestDocker(t *testing.T) {
	t.Parallel()
	w := here(t)
	const manifest = `{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
   "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 2,
      "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}, "layers": []}`
	g := &guard{world: w, scheme: "Basic", next: func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/blobs/") {
			_, _ = rw.Write([]byte("{}"))
			return
		}
		rw.Header().Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
		rw.Header().Set("Docker-Content-Digest", fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest))))
		_, _ = rw.Write([]byte(manifest))
	}}
	registry := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		g.ServeHTTP(rw, r)
	}))
	t.Cleanup(registry.Close)
	host := strings.TrimPrefix(registry.URL, "http://")
	client, err := exec.LookPath("docker")
	if err != nil { // .ci/install has unpacked one
		client, err = filepath.Abs("../../bin/docker")
	}
	require.NoError(t, err)
	docker := func(args ...string) (string, bool) {
		cmd := w.command(t, client, args...)
		cmd.Env = append(cmd.Env, "DOCKER_CONFIG="+filepath.Join(w.dir, "docker"))
		return said(cmd)
	}
	w.write(t, "docker/config.json", fmt.Sprintf(`{"auths": {%q: {}}, "credHelpers": {%q: "work"}}`, host, host))
	w.write(t, "config/staysigned/config.toml", fmt.Sprintf("[profiles.home]\n[profiles.work]\nhosts = [%q]\n", host))

	out, ok := docker("manifest", "inspect", "--insecure", host+"/image:latest")
	require.False(t, ok)
	require.Contains(t, out, "staysigned: sign-in required; run: staysigned login --profile work\n")
	w.run(t, "login", "--without-terminal", "--profile", "work")
	out, ok = docker("manifest", "inspect", "--insecure", host+"/image:latest")
	require.True(t, ok, out)
	require.Contains(t, out, `"schemaVersion": 2`)

	out, _ = docker("logout", host)
	require.Contains(t, out, "you are still signed in; sign out with: staysigned logout --profile work")
	require.True(t, w.SessionAlive("avery"))
}
