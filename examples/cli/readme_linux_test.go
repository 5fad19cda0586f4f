package main

import (
	"bufio"
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
	forGit    = "git config --global credential.https://git.example.com.helper '!staysigned credential git --host git.example.com'\n"
	forDocker = "ln -s staysigned ~/.local/bin/docker-credential-work\n"
)

// All of it but the demonstration, which is the next test, is typed at a terminal, and works.
func TestReadme(t *testing.T) {
	t.Parallel()
	for _, block := range []string{install, serve, tour, forGit, forDocker} {
		require.Contains(t, readme(t), "```sh\n"+block+"```\n")
	}
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
	s.enter("docker-credential-work version")
	s.wait(`there is no profile "work"`)
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
