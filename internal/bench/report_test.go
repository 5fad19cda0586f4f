package bench

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var reportFile = flag.String("report", "", "write what BenchmarkScale measures to this `file`, as Markdown")

// cell is what was measured of one thing at one number of accounts.
type cell struct{ ours, peer []float64 }

// table has the cells by row and number of accounts.
type table struct {
	sizes []int
	names []string
	cells map[string]map[int]cell
}

var report = table{cells: map[string]map[int]cell{}}

const memoryRow = "live heap for each account"

func (t *table) add(n int, name string, c cell) {
	if !slices.Contains(t.sizes, n) {
		t.sizes = append(t.sizes, n)
	}
	if t.cells[name] == nil {
		t.names = append(t.names, name)
		t.cells[name] = map[int]cell{}
	}
	t.cells[name][n] = c
}

func run(m *testing.M) int {
	flag.Parse()
	status := m.Run()
	for _, dir := range built {
		_ = os.RemoveAll(dir)
	}
	if status == 0 && *reportFile != "" && len(report.names) > 0 {
		if err := os.WriteFile(*reportFile, report.markdown(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return status
}

// markdown is the whole report.
func (t *table) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, head, time.Now().Format(time.DateOnly), machine(), "an `msal.Client` over `cache.Dir`, sealed with a key file",
		size(accessLen+refreshLen+idLen), accessLen, refreshLen, idLen)
	fmt.Fprint(&b, "\n| |")
	for _, n := range t.sizes {
		fmt.Fprintf(&b, " %s |", thousands(n))
	}
	fmt.Fprintf(&b, " growth |\n|---|%s\n", strings.Repeat("--:|", len(t.sizes)+1))
	for _, name := range t.names {
		t.row(&b, name)
	}
	fmt.Fprintf(&b, foot, signedIn)
	return b.Bytes()
}

// row writes the lines of one thing that was measured: ours, the peer's, and how many times ours goes into it.
func (t *table) row(b *bytes.Buffer, name string) {
	format := duration
	if name == memoryRow {
		format = size
	}
	lines := []struct {
		title  string
		value  func(cell) float64
		format func(float64) string
	}{
		{"**" + name + "**", func(c cell) float64 { return median(c.ours) }, format},
		{"one JSON file", func(c cell) float64 { return median(c.peer) }, format},
		{"ratio", func(c cell) float64 { return median(c.peer) / median(c.ours) }, times},
	}
	if first := t.cells[name][t.sizes[0]]; len(first.peer) == 0 {
		lines = lines[:1]
	}
	for _, line := range lines {
		fmt.Fprintf(b, "| %s |", line.title)
		for _, n := range t.sizes {
			fmt.Fprintf(b, " %s |", line.format(line.value(t.cells[name][n])))
		}
		growth := line.value(t.cells[name][t.sizes[len(t.sizes)-1]]) / line.value(t.cells[name][t.sizes[0]])
		if line.title == "ratio" {
			b.WriteString(" |\n")
			continue
		}
		fmt.Fprintf(b, " %s |\n", times(growth))
	}
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// duration writes nanoseconds with three digits.
func duration(ns float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}} {
		if ns >= unit.size {
			return digits(ns/unit.size) + " " + unit.name
		}
	}
	return digits(ns) + " ns"
}

func size(bytes float64) string { return thousands(int(bytes)) + " B" }

func times(ratio float64) string { return digits(ratio) + " ×" }

func digits(v float64) string {
	switch {
	case v >= 100:
		return thousands(int(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// machine says where this was measured.
func machine() string {
	about := fmt.Sprintf("%s/%s, %d processors, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	if cpu, err := os.ReadFile(filepath.FromSlash("/proc/cpuinfo")); err == nil {
		if _, model, ok := strings.Cut(string(cpu), "model name\t: "); ok {
			model, _, _ = strings.Cut(model, "\n")
			about = model + ", " + about
		}
	}
	if kind, err := exec.Command("stat", "-f", "-c", "%T", os.TempDir()).Output(); err == nil {
		about += ", files on " + strings.TrimSpace(string(kind))
	}
	if load, err := os.ReadFile(filepath.FromSlash("/proc/loadavg")); err == nil && len(strings.Fields(string(load))) > 2 {
		about += ", load of the last 15 minutes " + strings.Fields(string(load))[2]
	}
	return about
}

const head = `# What many accounts cost

A silent hit, the first hit of a process, a refresh and a sign-out ought to cost the same with one account and with
100,000. Only listing all accounts takes longer the more there are. This page was written by the program that measured
it, on %s, on one machine:

    %s

To do it again, with ten minutes of time, 2 GB of disk and 3 GB of memory:

    STAYSIGNED_LONG=100 go test -C internal/bench -run '^$' -bench Scale -timeout 40m -args -report ../../docs/scale.md

- **Ours** is the public API: %s. Each account has %s of
  tokens: access token %d, refresh token %d, ID token about %d.
- **One JSON file** is how most caches keep accounts: all in one file, read and decoded whole at each look-up, replaced
  whole (temporary file, fsync, rename) at each write. It is written for this comparison, with nothing but
  encoding/json, and neither encrypts nor locks.
- Times are medians. Both were measured in turns, up to twenty of ours and one of the file, for a second or once at
  least: the largest files once. How busy the machine was, the load above tells; other processes share it, so trust the
  **ratio**, which is how many times ours goes into the file's in the same run. Growth is from the smallest to the
  largest number of accounts.
`

const foot = `
- The identity provider runs in the same process. Its own time, which has a row, is subtracted from refresh and sign-out.
  The file's refresh is that of x/oauth2, which does not verify the ID token. Ours revokes the refresh token at sign-out;
  the file only forgets it.
- A silent hit asks the store at most once a second for each account whether its record has changed. That hit has a row of
  its own; the two rows before it are of accounts that were asked for within the second. What grows when accounts are
  asked for at random is the distance to memory: the last row is a bare map that finds as many.
- The first hit of a new Client and Store is what a process pays before its first token, the key file included, whose own
  time has a row. A new process adds the start of a program.
- The heap is that of a Client that has all accounts in memory, which keeps no refresh tokens there, and of the file's
  content while it is decoded. With one account it is mostly the Client itself.
- %d accounts, or as many as there are, have signed in; the others are copies of their records under other names. They
  were written without fsync, each with the two lock files that a record in use has, before anything was measured.
`
