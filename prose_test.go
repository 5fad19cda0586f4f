package staysigned_test

import (
	"go/doc"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is code in a page of prose, between lines of three backticks.
type block struct {
	page       string
	line       int
	kind, text string
}

// blocks returns the blocks of a page, and its prose without them. A block that nothing ends is one to the end.
func blocks(f file) (all []block, prose string) {
	var open *block
	number, before := 0, "\n"
	for line := range strings.Lines(f.text) {
		number++
		switch kind, fence := strings.CutPrefix(line, "```"); {
		case !fence && open == nil && regexp.MustCompile("^\\s+(```|~~~)|^~~~").MatchString(line): // by other rules than those of the tests
			open = &block{page: f.path, line: number, kind: "not at the margin"}
		case fence && open == nil:
			open = &block{page: f.path, line: number, kind: strings.TrimSuffix(kind, "\n")}
		case fence:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += line
		case before == "\n" && regexp.MustCompile(`^(    |\t)`).MatchString(line): // code as well, of no kind that could be told
			all = append(all, block{page: f.path, line: number, kind: "indented"})
		default:
			prose += line
		}
		before = line
	}
	if open != nil {
		open.kind = "not ended"
		all = append(all, *open)
	}
	return all, prose
}

func pages() (all []file) {
	for _, f := range files() {
		if path.Ext(f.path) == ".md" {
			all = append(all, f)
		}
	}
	return all
}

// Code in prose rots unless something checks it. Go is the body of an Example, or a whole file of the repository, which
// is compiled with the others and, if it is a test, run. What has no name, or "text", is the output of an Example, or
// stands in a page that a program writes. The rest is what internal/guides runs, decodes or has parsed; it fails where it
// cannot. There is no other kind of block, and so none that nothing checks.
func TestProse(t *testing.T) {
	t.Parallel()
	compiled, outputs, source := map[string]bool{}, map[string]bool{}, ""
	for _, f := range files() {
		if f.syntax == nil {
			continue
		}
		compiled[f.text] = true
		if f.isTest() {
			for _, example := range doc.Examples(f.syntax) {
				body := f.body(example)
				compiled[body], outputs[example.Output] = true, true
				source += body
			}
		}
	}
	written := []string{"BENCHMARKS.md", "docs/faults.md", "docs/scale.md"} // by programs, blocks and all
	for _, f := range pages() {
		all, prose := blocks(f)
		for _, b := range all {
			if slices.Contains(written, f.path) {
				continue
			}
			switch b.kind {
			case "go":
				require.True(t, compiled[b.text], "%s:%d: no Example has this body, and no file is this:\n%s", b.page, b.line, b.text)
			case "", "text":
				require.True(t, outputs[b.text], "%s:%d: no Example prints this:\n%s", b.page, b.line, b.text)
			default:
				require.Contains(t, []string{"sh", "yaml", "ini", "toml", "json"}, b.kind, "%s:%d: nothing checks such a block", b.page, b.line)
			}
		}
		_, table, _ := strings.Cut(prose, "\n## Where the key is\n\n")
		table, _, _ = strings.Cut(table, "\n## ")
		for _, cell := range regexp.MustCompile("(?m)`([^`]*)` \\|$").FindAllStringSubmatch(table, -1) {
			if cell[1] != "Config.Cache" {
				require.Contains(t, source, cell[1], f.path)
			}
		}
	}
	for f := range code() {
		for _, line := range strings.Split(f.syntax.Doc.Text(), "\n") {
			if line, ok := strings.CutPrefix(line, "\t"); ok && f.path == "msal/doc.go" {
				listed := strings.Contains(line, ".go ") || regexp.MustCompile(` (level|[A-Z]+) +\w+`).MatchString(line) // files, events
				require.True(t, listed || strings.Contains(source, line), "%s: no Example has this line:\n%s", f.path, line)
			}
		}
	}
}

// A link within the repository leads to a file, and to a heading if it names one.
func TestLinks(t *testing.T) {
	t.Parallel()
	headings := map[string][]string{}
	for _, f := range pages() {
		_, prose := blocks(f)
		for _, heading := range regexp.MustCompile(`(?m)^#+ +(.*)$`).FindAllStringSubmatch(prose, -1) {
			headings[f.path] = append(headings[f.path], anchor(heading[1]))
		}
	}
	for _, f := range pages() {
		_, prose := blocks(f)
		prose = regexp.MustCompile("`[^`\n]*`").ReplaceAllString(prose, "")
		for _, link := range regexp.MustCompile(`\]\(([^()\s]+)\)|(?:src|href)="([^"]*)"`).FindAllStringSubmatch(prose, -1) {
			to, err := url.Parse(link[1] + link[2])
			require.NoError(t, err, f.path)
			if to.Scheme != "" {
				require.Equal(t, "https", to.Scheme, "%s links to %s", f.path, to)
				continue
			}
			target := f.path
			if to.Path != "" {
				target = path.Join(f.dir(), to.Path)
			}
			_, err = os.Stat(filepath.FromSlash(target))
			require.NoError(t, err, "%s links to %s", f.path, to)
			if to.Fragment != "" {
				require.Contains(t, headings[target], to.Fragment, "%s links to %s", f.path, to)
			}
		}
	}
}

// anchor is what a heading is called in a link: in lower case, without punctuation, with hyphens for spaces.
func anchor(heading string) string {
	heading = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(heading, " ", "-")
}
