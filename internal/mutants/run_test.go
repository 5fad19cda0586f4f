package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long the tests of one mutant may take. Some checks keep a test from hanging, and without them one does.
const patience = "60s"

// The ends that a mutant can come to, if it is not the name of the test that killed it.
const (
	survived    = "survived"
	notCompiled = "does not compile"
)

// killer runs tests over a file that was changed and returns the first one that failed.
func killer(t *testing.T, file string, text []byte, suspects []tests) string {
	t.Helper()
	dir := t.TempDir()
	real, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "mutant.go"), text, 0o600))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {real: filepath.Join(dir, "mutant.go")}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	for _, s := range suspects {
		if end := run(t, s, "-overlay", filepath.Join(dir, "overlay.json")); end != survived {
			return s.pkg + " " + end
		}
	}
	return survived
}

// run gives the end of one package's tests. The first that fails ends them.
func run(t *testing.T, s tests, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // with the time to compile
	defer cancel()
	args = append([]string{"test", "-vet=off", "-count=1", "-failfast", "-timeout", patience, "-run", s.run}, args...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+s.pkg)...)
	cmd.Dir, cmd.WaitDelay = root, 10*time.Second
	out, err := cmd.CombinedOutput()
	require.NoError(t, ctx.Err(), "go test %s", s.pkg)
	if err == nil {
		require.NotContains(t, string(out), "no tests to run", "%+v", s)
		return survived
	}
	exit := (*exec.ExitError)(nil)
	require.True(t, errors.As(err, &exit), "%v", err)
	return end(string(out))
}

var (
	failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	hangs  = regexp.MustCompile(`panic: test timed out after \S+\s+running tests:\s+(\S+)`)
	died   = regexp.MustCompile(`\.((?:Test|Fuzz)\w+)(?:\.func[\d.]+)?\(`)
)

// end reads what go test printed when it failed.
func end(out string) string {
	switch all := failed.FindAllStringSubmatch(out, -1); {
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return notCompiled + ":\n" + out
	case hangs.MatchString(out):
		return hangs.FindStringSubmatch(out)[1] + " (hangs)"
	case len(all) > 0:
		name := all[0][1]
		for _, f := range all { // the deepest of its cases stands below it
			if strings.HasPrefix(f[1], name+"/") {
				name = f[1]
			}
		}
		return name
	case died.MatchString(out):
		return died.FindStringSubmatch(out)[1] + " (dies)"
	}
	return "no test, but the process ended:\n" + out
}
