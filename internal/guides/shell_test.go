package guides

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// harmless are commands that are run as they stand, in an empty directory.
var harmless = []string{"base64", "chmod", "head", "umask"}

// checks are for the others, which would change the machine, or need a cluster, a daemon or another host.
var checks = map[string]func(t *testing.T, dir string, args []string){
	"go":            packages,
	"docker":        asked,
	"kubectl":       kubectl,
	"ssh":           configured,
	"journalctl":    asked,
	"systemctl":     asked,
	"systemd-creds": asked,
}

// Each command in a page is run if it can be, and otherwise as much of it as there is without its effect. Which commands
// .ci/run and the tests of the examples run for good, their own scripts say.
func TestShell(t *testing.T) {
	t.Parallel()
	all := blocks(t, "sh")
	require.NotEmpty(t, all)
	for _, b := range all {
		t.Run(b.page, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(b.text), b.page)
			require.NoError(t, err)
			for _, statement := range file.Stmts {
				calls := commands(t, statement)
				if !slices.ContainsFunc(calls, func(args []string) bool { return !slices.Contains(harmless, args[0]) }) {
					var text bytes.Buffer
					require.NoError(t, syntax.NewPrinter().Print(&text, statement))
					run(t, dir, "bash", "-eu", "-o", "pipefail", "-c", text.String())
					continue
				}
				for _, args := range calls {
					if check := checks[args[0]]; check != nil {
						check(t, dir, args)
					} else {
						require.Contains(t, harmless, args[0], "nothing checks this command: %q", args)
					}
				}
			}
		})
	}
}

// commands are the simple commands of a statement, as the shell would start them. It writes to no file but in its directory.
func commands(t *testing.T, statement *syntax.Stmt) (all [][]string) {
	syntax.Walk(statement, func(n syntax.Node) bool {
		if to, ok := n.(*syntax.Redirect); ok {
			name, err := expand.Literal(&expand.Config{NoUnset: true}, to.Word)
			require.NoError(t, err)
			require.True(t, filepath.IsLocal(name), name)
		}
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			args, err := expand.Fields(&expand.Config{NoUnset: true, Env: expand.ListEnviron("PWD=/here")}, call.Args...)
			require.NoError(t, err)
			all = append(all, args)
		}
		return true
	})
	return all
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "KUBECONFIG=/dev/null", "SYSTEMD_PAGER=", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %q: %s", name, args, out)
	return string(out)
}

// packages: what go is to test is there, and .ci/run tests it; what it is to run or build, .ci/run does.
func packages(t *testing.T, _ string, args []string) {
	dir, list := root, []string{"list"}
	require.Contains(t, []string{"run", "test"}, args[1])
	if args[1] == "run" {
		script, err := os.ReadFile(filepath.Join(root, ".ci", "run"))
		require.NoError(t, err)
		require.Contains(t, string(script), strings.Join(args, " "))
	}
	for i := 2; i < len(args); i++ {
		switch {
		case args[i] == "-C":
			i++
			dir = filepath.Join(root, args[i])
		case strings.HasPrefix(args[i], "."):
			list = append(list, args[i])
		case args[1] == "run" && len(list) == 2: // flags of the program
		default:
			require.Contains(t, []string{"-run", "-v"}, args[i], "%q", args)
		}
	}
	require.Greater(t, len(list), 1, "%q", args)
	cmd := exec.CommandContext(t.Context(), "go", list...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%q: %s", args, out)
}

// asked: the program reads its command line, finds that it is to print its help, and knows the command, if it has any.
func asked(t *testing.T, dir string, args []string) {
	name, help := args[0], append(slices.Clone(args[1:]), "--help")
	if name == "docker" {
		help = slices.Insert(slices.Clone(args[1:]), 1, "--help") // what follows an image is the container's
		if _, err := exec.LookPath(name); err != nil {            // .ci/install has unpacked one
			name, err = filepath.Abs(root + "/bin/docker")
			require.NoError(t, err)
		}
	}
	said := run(t, dir, name, help...)
	if !strings.HasPrefix(args[1], "-") {
		require.Contains(t, said, " "+args[1], "%q", args)
	}
}

// kubectl: as above; and what it would create is made, but not sent.
func kubectl(t *testing.T, dir string, args []string) {
	asked(t, dir, args)
	if args[1] == "create" {
		decode(t, run(t, dir, "kubectl", append(slices.Clone(args[1:]), "--dry-run=client", "-o", "yaml")...))
	}
}

// configured: ssh says what it would do.
func configured(t *testing.T, dir string, args []string) {
	said := run(t, dir, "ssh", append([]string{"-F", "none", "-G"}, args[1:]...)...)
	require.Equal(t, slices.Contains(args, "-L"), strings.Contains(said, "\nlocalforward "), "%q", args)
}
