package bench

import (
	"bytes"
	"crypto/rand"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// A program that prints a cached token, from its start to its end.
const (
	coldBare      = "links net/http and x/oauth2, reads the same key and record"
	coldOurs      = "**staysigned**, sealed directory and key file"
	coldKeychain  = "**staysigned**, key in the keychain"
	coldMSALQuiet = "MSAL Go, one file, `WithInstanceDiscovery(false)`"
	coldMSAL      = "MSAL Go, one file"
	coldExtension = "MSAL Go, official extension"
)

// cold is one account, on disk for each of the programs, and the platform on a socket.
type cold struct {
	provider *provider
	bin      string // the programs
	args     map[string][]string
}

func newCold(tb testing.TB) *cold {
	c := &cold{provider: newEntra(tb), bin: buildPrograms(tb, "")}
	address, dir := c.provider.serve(tb), tb.TempDir()
	sessions, key, file := filepath.Join(dir, "sessions"), filepath.Join(dir, "key"), filepath.Join(dir, "msal.json")
	secret := make([]byte, 32)
	rand.Read(secret)
	require.NoError(tb, os.WriteFile(key, secret, 0o600))
	c.provider.join(tb, c.provider.ours(tb, cache.Dir(sessions, cache.KeyFile(key))), 0, 1)
	require.NoError(tb, os.WriteFile(file, c.provider.crowdMSAL(tb, 1, 1), 0o600))
	records, err := filepath.Glob(filepath.Join(sessions, "a-*"))
	require.NoError(tb, err)
	for len(records) > 1 && strings.Contains(filepath.Base(records[0]), "@") {
		records = records[1:]
	}
	common := []string{"-server", address, "-client", clientID, "-authority", authority}
	with := func(program string, flags ...string) []string {
		return append(append(append([]string{program}, common...), flags...), scopeOf(0))
	}
	c.args = map[string][]string{
		coldBare:      {"bare", "-dir", sessions, "-key", key, "-record", filepath.Base(records[0])},
		coldOurs:      with("staysigned", "-dir", sessions, "-key", key),
		coldKeychain:  with("keychain"),
		coldMSALQuiet: with("msalgo", "-file", file, "-discovery=false"),
		coldMSAL:      with("msalgo", "-file", file),
		coldExtension: with("msalgo", "-file", file, "-extension"),
	}
	c.provider.ResetLog()
	return c
}

// built has, by the flags of the linker, where the programs are; run removes them.
var built = map[string]string{}

// buildPrograms builds them without cgo, as programs are that are copied to other machines.
func buildPrograms(tb testing.TB, flags string) string {
	if built[flags] == "" {
		dir, err := os.MkdirTemp("", "bench-programs-") //nolint:usetesting // the next test uses them too
		require.NoError(tb, err)
		built[flags] = dir
		build := exec.CommandContext(tb.Context(), "go", "build", "-o", dir, "-ldflags="+flags, "./programs/...")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(tb, err, string(out))
	}
	return built[flags]
}

func (c *cold) command(tb testing.TB, name string) *exec.Cmd {
	args := c.args[name]
	return exec.CommandContext(tb.Context(), filepath.Join(c.bin, args[0]), args[1:]...)
}

func (c *cold) turn(tb testing.TB, name string) turn {
	return turn{name, func(n int) {
		for range n {
			out, err := c.command(tb, name).CombinedOutput()
			require.NoError(tb, err, string(out))
		}
	}}
}

// requests is how many a program makes.
func (c *cold) requests(tb testing.TB, name string) int {
	c.provider.ResetLog()
	c.turn(tb, name).do(1)
	return c.provider.Count()
}

// peak is the most memory that a program had. The kernel's account for the parent will not do: it begins with what the
// parent had when it forked.
func (c *cold) peak(tb testing.TB, name string) string {
	if runtime.GOOS != "linux" {
		return "only on Linux"
	}
	cmd := c.command(tb, name)
	stdin, err := cmd.StdinPipe()
	require.NoError(tb, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, 2)) // it has its token
	require.NoError(tb, err)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid))
	require.NoError(tb, err)
	require.NoError(tb, stdin.Close())
	require.NoError(tb, cmd.Wait())
	_, text, _ := bytes.Cut(status, []byte("VmHWM:"))
	kilobytes, err := strconv.Atoi(string(bytes.Fields(text)[0]))
	require.NoError(tb, err)
	return megabytes(float64(kilobytes) * 1024)
}

// modules is how many modules a program has linked beside its own.
func modules(tb testing.TB, path string) (linked int) {
	info, err := buildinfo.ReadFile(path)
	require.NoError(tb, err)
	for _, m := range info.Deps {
		if m.Path != "github.com/staysigned/staysigned" {
			linked++
		}
	}
	return linked
}

func fileSize(tb testing.TB, path string) float64 {
	info, err := os.Stat(path)
	require.NoError(tb, err)
	return float64(info.Size())
}
