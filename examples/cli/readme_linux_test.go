package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What README.md tells people to type.
const (
	install = "go build -C examples/cli -o ~/.local/bin/staysigned .\n"
	serve   = "go run -C examples/cli ./demo\n"
	tour    = `export STAYSIGNED_AUTHORITY=http://127.0.0.1:8765 STAYSIGNED_CLIENT_ID=demo STAYSIGNED_INSECURE_LOOPBACK_HTTP=true
staysigned doctor
staysigned login
staysigned whoami
staysigned status
staysigned token --header | wc -w
staysigned logout
`
	forCurl   = "staysigned token --header User.Read | curl -H @- https://graph.microsoft.com/v1.0/me\n"
	forGit    = "git config --global credential.https://git.example.com.helper '!staysigned credential git --host git.example.com'\n"
	forDocker = "ln -s staysigned ~/.local/bin/docker-credential-work\n"
)

// All of it but the demonstration, which is the next test, is typed at a terminal, and works. There, curl is a function
// that looks at what it is given.
func TestReadme(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{install, serve, tour, forCurl, forGit, forDocker}, readmeBlocks(t, "sh"))
	w := here(t)
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	caches, err := exec.CommandContext(t.Context(), "go", "env", "GOCACHE", "GOMODCACHE").Output()
	require.NoError(t, err)
	cache := strings.Fields(string(caches))
	s := w.screen(t, bash)
	s.keys("cd " + quoted(root) + "; export GOCACHE=" + quoted(cache[0]) + " GOMODCACHE=" + quoted(cache[1]))
	s.keys("PATH=~/.local/bin:$PATH")
	s.keys("mkdir -p ~/.local/bin")
	port := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	for line := range strings.Lines(install + forGit + forDocker + port.ReplaceAllString(tour, w.URL)) {
		s.enter(strings.TrimSuffix(line, "\n"))
		require.Equal(t, "0", s.code(), s.text())
	}
	require.False(t, w.SessionAlive("avery"))
	require.Equal(t, 1, w.Count("revocation"), "it was")
	s.keys("curl() { grep -c '^Authorization: Bearer .'; }")
	s.enter("staysigned login User.Read")
	require.Equal(t, "0", s.code(), s.text())
	s.enter(strings.TrimSuffix(forCurl, "\n"))
	require.Equal(t, "0", s.code(), s.text())
	s.enter("docker-credential-work version")
	s.wait(`there is no profile "work"`)
}

// What README.md puts into files is read by those who will read it: the user of a kubeconfig in TestKubectl, the others here.
func TestReadmeFiles(t *testing.T) {
	t.Parallel()
	require.Len(t, readmeBlocks(t, "yaml"), 1)
	settings := readmeBlocks(t, "toml")
	require.Len(t, settings, 1)
	w := here(t)
	w.write(t, "config/staysigned/config.toml", settings[0]+"hosts = [\"registry.example.com\"]\n")
	_, profiles, _, err := readConfig(filepath.Join(w.dir, "config", "staysigned", "config.toml"))
	require.NoError(t, err)
	require.NoError(t, profiles["work"].check())

	docker := readmeBlocks(t, "json")
	require.Len(t, docker, 1)
	var config struct{ CredHelpers map[string]string }
	decoder := json.NewDecoder(strings.NewReader(docker[0]))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&config))
	for host, helper := range config.CredHelpers { // the helper of that name is asked, and is for that host
		require.Contains(t, forDocker, "docker-credential-"+helper+"\n")
		cmd := w.command(t, "docker-credential-"+helper, "get")
		cmd.Stdin = strings.NewReader("https://" + host)
		out, ok := said(cmd)
		require.False(t, ok)
		require.Contains(t, out, "staysigned login --profile "+helper)
		cmd = w.command(t, "docker-credential-"+helper, "get")
		cmd.Stdin = strings.NewReader("https://elsewhere.example.com")
		out, ok = said(cmd)
		require.False(t, ok)
		require.NotContains(t, out, "login")
	}
}

// readmeBlocks are the blocks of a kind in README.md.
func readmeBlocks(t *testing.T, kind string) (all []string) {
	t.Helper()
	for _, block := range regexp.MustCompile("(?ms)^```"+kind+"\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1) {
		all = append(all, block[1])
	}
	return all
}

// The demonstration is a platform to sign in at.
func TestDemo(t *testing.T) {
	t.Parallel()
	built := filepath.Join(t.TempDir(), "demo")
	out, ok := said(exec.CommandContext(t.Context(), "go", "build", "-o", built, "./demo"))
	require.True(t, ok, out)
	cmd := exec.CommandContext(t.Context(), built, "-listen", "127.0.0.1:0")
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait())
	}()
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		if _, settings, ok := strings.Cut(lines.Text(), "export "); ok {
			doctor := here(t).command(t, program, "doctor")
			doctor.Env = append(doctor.Env, strings.Fields(settings)...)
			out, ok := said(doctor)
			require.True(t, ok, out)
			require.Contains(t, out, "✓ authority")
			return
		}
	}
	require.Fail(t, "the demonstration does not say how to use it")
}
