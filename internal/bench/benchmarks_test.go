package bench

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var benchmarks = flag.String("benchmarks", "", "measure at full length, and write BENCHMARKS.md and its pictures to this `directory`")

// extent is how much is measured.
type extent struct {
	rounds    int           // of turns
	slice     time.Duration // of one turn
	accounts  []int         // how many there are
	peers     int           // most of them in memory for peers, and with many scope sets
	files     int           // most of them in a file for peers; beyond that, up to peers, one sample
	sets      int           // scope sets, where there are many
	runs      int           // of each stampede
	callers   int           // in one
	processes int           // in one
	storm     time.Duration
}

var (
	full = extent{
		rounds: 40, slice: 2 * time.Millisecond, accounts: []int{1, 100, 1_000, 10_000, 100_000}, peers: 10_000, files: 1_000,
		sets: maxSets, runs: 10, callers: 100, processes: 20, storm: 3 * time.Second,
	}
	// brief is for finding out whether all of it still works. Its figures are good for nothing.
	brief = extent{
		rounds: 1, slice: 50 * time.Microsecond, accounts: []int{1, 3, 5}, peers: 3, files: 1,
		sets: 2, runs: 1, callers: 5, processes: 2, storm: 20 * time.Millisecond,
	}
)

// book is the report on its way.
type book struct {
	extent
	chapters bytes.Buffer
	curves   []series // nanoseconds of a hit by number of accounts
	bars     []bar    // requests in a stampede
}

// TestBenchmarks does everything once: what nobody runs does not work. With -benchmarks it is the report.
func TestBenchmarks(t *testing.T) {
	b := &book{extent: brief}
	if *benchmarks != "" {
		b.extent = full
	}
	missing := 0
	for _, chapter := range []struct {
		name string
		of   func(*book, testing.TB)
	}{
		{"cold", (*book).coldStart}, // first, while this process is small
		{"memory", (*book).inMemory},
		{"sets", (*book).inMemorySets},
		{"disk", (*book).onDisk},
		{"parallel", (*book).parallel},
		{"storm", (*book).inStorm},
		{"refresh", (*book).refreshes},
		{"stampede", (*book).stampede},
		{"processes", (*book).stampedeOfProcesses},
		{"heap", (*book).heap},
		{"idtoken", (*book).idTokens},
		{"scopes", (*book).scopeLists},
		{"discovery", (*book).discovery},
		{"requests", (*book).requests},
	} {
		missing++
		t.Run(chapter.name, func(t *testing.T) {
			chapter.of(b, t)
			missing--
		})
	}
	if missing > 0 { // one has failed, or was not asked for
		return
	}
	root := t.TempDir()
	if *benchmarks != "" {
		root = *benchmarks
	}
	require.NoError(t, os.MkdirAll(filepath.Join(root, "docs"), 0o755))
	for name, data := range map[string][]byte{
		"BENCHMARKS.md": b.markdown(t), "docs/bench-accounts.svg": accountsChart(b.curves), "docs/bench-stampede.svg": stampedeChart(b.bars),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), data, 0o644))
	}
}

// chapter writes one part of the report: what was measured and how, and the figures.
func (b *book) chapter(title, about string, g grid) {
	fmt.Fprintf(&b.chapters, "\n## %s\n\n%s\n\n%s", title, strings.TrimSpace(about), g.markdown())
}

// grid is a table of the report.
type grid struct {
	head []string
	rows [][]string
}

func (g *grid) add(cells ...string) { g.rows = append(g.rows, cells) }

func (g grid) markdown() string {
	var text strings.Builder
	line := func(cells []string) { text.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(g.head)
	line(slices.Concat([]string{"---"}, slices.Repeat([]string{"--:"}, len(g.head)-1)))
	for _, row := range g.rows {
		line(row)
	}
	return text.String()
}

// columns are those of a table over numbers of accounts.
func columns(accounts []int) []string {
	head := []string{""}
	for _, n := range accounts {
		head = append(head, thousands(n))
	}
	return head
}

func (b *book) markdown(tb testing.TB) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, benchmarksHead, time.Now().Format(time.DateOnly), machine(), versions(tb), size(accessLen+refreshLen+idLen), accessLen, refreshLen, idLen)
	out.Write(b.chapters.Bytes())
	return out.Bytes()
}
