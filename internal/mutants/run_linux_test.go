package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	which  = flag.String("kill", "", `run the mutants of these: "quick", "all", or a pattern for "group: what it removes"`)
	update = flag.Bool("update", false, "with -kill all: rewrite docs/mutants.md")
)

// patience is how long the tests of one mutant may take. Some checks keep a test from hanging, and without them one does.
const patience = 2 * time.Minute

const survived = "survived"

// build returns the tests of a package as a program, over files laid over those of the checkout (go test -overlay), so that
// nothing in it is touched. What go says if it cannot be built is an error.
func build(dir, pkg string, files map[string]string) (program string, err error) {
	replace := map[string]string{}
	for name, text := range files {
		real, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return "", err
		}
		replace[real] = filepath.Join(dir, path.Base(name))
		if err := os.WriteFile(replace[real], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		return "", err
	}
	program = filepath.Join(dir, "tests.exe")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./"+pkg)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return program, nil
}

// run starts the tests as a mutant and returns the first that fails, which ends them; mutant 0 is the original.
func run(ctx context.Context, program string, s tests, mutant int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.failfast", "-test.timeout", patience.String(), "-test.run", s.run)
	cmd.Dir, cmd.WaitDelay = filepath.Join(root, filepath.FromSlash(s.pkg)), 10*time.Second
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(mutant))
	out, err := cmd.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	switch {
	case err == nil && strings.Contains(string(out), "no tests to run"):
		return "", errors.New("no tests to run")
	case err == nil:
		return survived, nil
	case ctx.Err() != nil || !errors.As(err, &exit):
		return "", errors.Join(err, ctx.Err())
	}
	return end(string(out))
}

var (
	failed = regexp.MustCompile(`(?m)^ *--- FAIL: (\S+)`)
	hangs  = regexp.MustCompile(`panic: test timed out after \S+\s+running tests:\s+(\S+)`)
	died   = regexp.MustCompile(`\.((?:Test|Fuzz)\w+)(?:\.func[\d.]+)?\(`)
)

// end reads what tests printed when they failed.
func end(out string) (string, error) {
	switch all := failed.FindAllStringSubmatch(out, -1); {
	case hangs.MatchString(out):
		return hangs.FindStringSubmatch(out)[1] + " (hangs)", nil
	case len(all) > 0:
		name := all[0][1]
		for _, f := range all { // the deepest of its cases stands below it
			if strings.HasPrefix(f[1], name+"/") {
				name = f[1]
			}
		}
		return name, nil
	case died.MatchString(out):
		return died.FindStringSubmatch(out)[1] + " (dies)", nil
	}
	return "", errors.New("no test failed, but the process ended:\n" + out)
}

// TestKilled runs the mutants that -kill names. None may survive, and all tests have to pass while there is no mutant.
func TestKilled(t *testing.T) {
	killers, mu, turn := map[string]string{}, sync.Mutex{}, make(chan bool, 2)
	programs := map[string]func() (string, error){}
	for _, g := range groups {
		dir := path.Dir(g.mutants[0].file)
		for _, s := range g.tests {
			if programs[dir+" "+s.pkg] == nil {
				into := t.TempDir()
				programs[dir+" "+s.pkg] = sync.OnceValues(func() (string, error) {
					files, err := mutated(dir)
					if err != nil {
						return "", err
					}
					return build(into, s.pkg, files)
				})
			}
		}
	}
	kill := func(t *testing.T, g group, mutant int) string {
		for _, s := range g.tests {
			program, err := programs[path.Dir(g.mutants[0].file)+" "+s.pkg]()
			require.NoError(t, err, "does not compile")
			turn <- true
			by, err := run(t.Context(), program, s, mutant)
			<-turn
			require.NoError(t, err)
			if by != survived {
				return s.pkg + " " + by
			}
		}
		return survived
	}
	t.Run("all", func(t *testing.T) {
		for _, g := range groups {
			var wanted []int
			for i, m := range numbered(path.Dir(g.mutants[0].file)) {
				if g.has(m) && g.wanted(m) {
					wanted = append(wanted, i+1)
				}
			}
			if wanted == nil {
				continue
			}
			t.Run(g.name, func(t *testing.T) {
				t.Parallel()
				require.Equal(t, survived, kill(t, g, 0), "without a mutant")
				for _, n := range wanted {
					m := numbered(path.Dir(g.mutants[0].file))[n-1]
					t.Run(m.what, func(t *testing.T) {
						t.Parallel()
						by := kill(t, g, n)
						require.NotEqual(t, survived, by, "%s: %s", m.file, m.text)
						t.Log(by)
						mu.Lock()
						defer mu.Unlock()
						killers[g.named(m)] = by
					})
				}
			})
		}
	})
	if *update && *which == "all" && !t.Failed() {
		require.NoError(t, os.WriteFile(page, []byte(document(killers)), 0o644))
	}
}

func (g group) has(m mutant) bool { return slices.Contains(g.mutants, m) }

func (g group) wanted(m mutant) bool {
	switch *which {
	case "all":
		return m.twice == ""
	case "quick":
		return m.twice == "" && g.quick
	case "":
		return false
	}
	return m.twice == "" && regexp.MustCompile(*which).MatchString(g.named(m))
}

// TestEnds: what a run tells apart. A mutant that nothing kills is one that survived, and one that is no Go is an error.
func TestEnds(t *testing.T) {
	t.Parallel()
	const file, pkg = "internal/termsafe/termsafe.go", "internal/termsafe"
	source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	require.NoError(t, err)
	text := strings.Replace(string(source), "unicode.IsPrint(r)", "insteadOf(1, true, insteadOf(2, unicode.IsPrint(r), unicode.IsPrint(r)))", 1)
	files := map[string]string{file: text, pkg + "/startedas.go": "package termsafe" + switches + "\nfunc init() {\n\tif startedAs == 3 {\n\t\tpanic(1)\n\t}\n}\n"}
	program, err := build(t.TempDir(), pkg, files)
	require.NoError(t, err)
	for mutant, want := range []string{"survived", "Test", "survived"} {
		by, err := run(t.Context(), program, tests{pkg: pkg}, mutant)
		require.NoError(t, err)
		require.Regexp(t, "^"+want, by)
	}
	_, err = run(t.Context(), program, tests{pkg: pkg}, 3)
	require.ErrorContains(t, err, "no test failed, but the process ended")
	_, err = run(t.Context(), program, tests{pkg: pkg, run: "^TestThatIsNot$"}, 0)
	require.ErrorContains(t, err, "no tests to run")
	files[file] += "\nvar _ int = \"\"\n"
	_, err = build(t.TempDir(), pkg, files)
	require.ErrorContains(t, err, "cannot use", "the compiler says why")

	for out, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\nFAIL\n":         "TestA/b",
		"panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (1m0s)\n": "TestA (hangs)",
		"fatal error: x\n\ngoroutine 1:\nexample.com/x.TestA(0x1)\n":             "TestA (dies)",
	} {
		by, err := end(out)
		require.NoError(t, err)
		require.Equal(t, want, by)
	}
}
