package leaks

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var packages = flag.String("packages", "", `run the tests of these and look for secrets, "./..." for all`)

// meant are leaks that are what a test is about, by the places where they are found.
var meant = []struct{ where, why string }{
	{`^the file TestPanicShowsNoSecret_LG07[^/]*/001/canaries$`, "the parent has to know what to look for"},
}

// TestWholeRun runs the tests that -packages names. It prints what they printed if they fail.
func TestWholeRun(t *testing.T) {
	if *packages == "" {
		return // TestBites does the same with one test
	}
	list := exec.CommandContext(t.Context(), "go", append([]string{"list"}, strings.Fields(*packages)...)...)
	list.Dir = "../.."
	out, err := list.Output()
	require.NoError(t, err)
	args := []string{"test", "-v", "-count=1", "-vet=off"}
	for _, p := range strings.Fields(string(out)) {
		if !strings.HasSuffix(p, "/internal/leaks") && !strings.HasSuffix(p, "/internal/mutants") {
			args = append(args, p)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = list.Dir
	temp := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(temp), 0o755)) // some tests are about other users, who have to get in
	w, said, err := watch(cmd, temp)
	require.NoError(t, os.Chmod(filepath.Dir(temp), 0o700))
	require.Greater(t, len(w.processes), 20)
	require.Greater(t, len(w.files), 20)
	for f := range w.found {
		why := ""
		for _, m := range meant {
			if regexp.MustCompile(m.where).MatchString(f.where) {
				why = m.why
			}
		}
		if why == "" {
			t.Error(f)
		} else {
			t.Logf("meant (%s): %v", why, f)
		}
	}
	require.NoError(t, err, "%s", said)
	t.Logf("looked at %d processes, %d files, %d bytes of output", len(w.processes), len(w.files), len(said))
}

const leakVariable = "STAYSIGNED_TEST_LEAK" // how the child of TestBites leaks, and what

// TestBites: a test that leaks is found, whichever way it leaks.
func TestBites(t *testing.T) {
	const moment = 40 * pause // a leak that does not stay lasts for so long
	switch how, what, _ := strings.Cut(os.Getenv(leakVariable), "="); how {
	case "":
	case "output":
		fmt.Fprintln(os.Stderr, "debug:", unfold(what))
		return
	case "log":
		t.Log(unfold(what))
		return
	case "file":
		require.NoError(t, os.WriteFile(filepath.Join(t.TempDir(), "x"), []byte(unfold(what)), 0o600))
		time.Sleep(moment)
		return
	case "file that is left":
		require.NoError(t, os.WriteFile(filepath.Join(os.TempDir(), "x"), []byte(unfold(what)), 0o600))
		return
	default: // its arguments, its environment, or not at all
		time.Sleep(moment)
		return
	}
	t.Parallel()
	const secret = "rt-ABCDEFGHIJKLMNOPQRSTUVWX23"
	for leak, where := range map[string]string{
		"output": "the output", "log": "the output", "file": "the file .*/x", "file that is left": "the file x",
		"arguments": "the arguments of leaks.test", "environment": "the environment of leaks.test", "nothing": "",
	} {
		t.Run(leak, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.run", "^TestBites$")
			variable := leakVariable + "=" + leak + "=" + unfold(secret)
			switch leak {
			case "arguments":
				cmd.Args = append(cmd.Args, secret)
			case "environment":
				variable = leakVariable + "=" + leak + "=" + secret
			}
			cmd.Env = append(os.Environ(), variable)
			w, out, err := watch(cmd, t.TempDir())
			require.NoError(t, err, "%s", out)
			var found []string
			for f := range w.found {
				require.Equal(t, "refresh token", f.kind)
				found = append(found, f.where)
			}
			if where == "" {
				require.Empty(t, found)
				require.NotEmpty(t, w.processes)
				return
			}
			require.Len(t, found, 1)
			require.Regexp(t, "^"+where+"$", found[0])
		})
	}
}

// unfold spells a secret backwards, or forwards again, so that it can be passed on without being one.
func unfold(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
