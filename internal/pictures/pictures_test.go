package pictures

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "make the pictures anew")

const (
	root  = "../.."
	again = "if it is meant to change: go test -C internal/pictures -count=1 -update ."
)

// TestMain makes the test binary a browser, too, that somebody presses buttons in.
func TestMain(m *testing.M) {
	if os.Getenv("PICTURES_BROWSER") == "" {
		os.Exit(m.Run())
	}
	if _, _, err := press(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
		os.Exit(1)
	}
}

// dir is where the pictures are.
var dir = filepath.Join(root, "docs", "pictures")

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, name, text string) {
	t.Helper()
	if *update {
		write(t, name, []byte(text))
	}
	require.Equal(t, string(kept(t, name)), text, again)
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
}

// kept is a file as it is in the repository.
func kept(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err, again)
	require.Less(t, len(data), 60<<10, "%s is too large for a page", name)
	return data
}

// What is in the folder is shown somewhere, with words for who cannot see it, and what is shown is there.
func TestShown(t *testing.T) {
	t.Parallel()
	if *update {
		t.Skip("the pictures are being made")
	}
	used := map[string]bool{"pages.sha256": true}
	markdown := regexp.MustCompile(`!\[([^\]]*)\]\((\S+?)\)`)
	element := regexp.MustCompile(`<(?:img|source) [^>]*src(?:set)?="([^"]+)"[^>]*>`)
	for _, name := range []string{"README.md", "examples/cli/README.md"} {
		prose, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		var shown []string
		for _, found := range markdown.FindAllStringSubmatch(string(prose), -1) {
			require.NotEmpty(t, found[1], found[0])
			shown = append(shown, found[2])
		}
		for _, found := range element.FindAllStringSubmatch(string(prose), -1) {
			if strings.HasPrefix(found[0], "<img") {
				require.Regexp(t, ` alt="[^"]+"`, found[0])
			}
			shown = append(shown, found[1])
		}
		for _, picture := range shown {
			at, err := filepath.Rel(dir, filepath.Join(root, filepath.Dir(name), picture))
			require.NoError(t, err)
			used[at] = true
		}
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name()] = true
	}
	require.Equal(t, there, used)
}

func TestQuickstart(t *testing.T) {
	t.Parallel()
	const name = "quickstart.svg"
	r := quickstart(t)
	if !*update && r.draw() != string(kept(t, name)) {
		r = quickstart(t) // its tokens live for three seconds, which a busy machine may be late for once
	}
	r.keep(name)
}

func quickstart(t *testing.T) *recording {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	r := &recording{
		terminal: open(t, here, append(goEnv(t), "BROWSER="+self, "PICTURES_BROWSER=yes")...),
		title:    "The quickstart: it signs somebody in, is still signed in when it runs again, and forgets",
		same: same(
			`(http://127\.0\.0\.1):\d+(/authorize\?client_id=quickstart&)\S+`, "$1:8080$2…",
			`http://127\.0\.0\.1:\d+/greeting`, "http://127.0.0.1:8081/greeting",
			`http://127\.0\.0\.1:\d+\.`, "http://127.0.0.1:8080.",
			`(Nobody was asked. Requests:) [01]`, "$1 1", // by how soon one types the second command
		),
	}
	const pauses = `verified\.$|Nobody was asked|from memory|Waiting …$|A new token|200 OK`
	r.runs("go run ./examples/quickstart", pauses, 0)
	r.rest()
	r.clear()
	r.runs("go run ./examples/quickstart", pauses, 0)
	r.rest()
	r.clear()
	r.runs("go run ./examples/quickstart -forget", never, 0)
	return r
}

// goEnv is what the go command needs in a home that is not its own.
func goEnv(t *testing.T) (env []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN").Output()
	require.NoError(t, err)
	var values map[string]string
	require.NoError(t, json.Unmarshal(out, &values))
	for name, value := range values {
		env = append(env, name+"="+value)
	}
	return env
}

func TestCLI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := &recording{
		terminal: open(t, "/", append(w.env, "STAYSIGNED_AUTHORITY="+w.URL, "STAYSIGNED_CLIENT_ID=cli")...),
		title:    "The command line tool: it signs somebody in with a telephone, and gives tokens to curl",
		same: same(
			`(/sessions)-[0-9a-f]{16}`, "$1-3f7fb3965853c449", // the machine
			`(kernel keyring:) [^\n]*`, "$1 can be used", // not in every container
			`(is to be expected here:) [^\n\x1b]*`, "$1 no display",
		),
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join(root, "examples", "cli"), "-o", filepath.Join(r.home, "bin", "staysigned"), ".")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)

	r.begins("staysigned login --device", `.*left, Ctrl-C to stop\z`)
	left, shown := regexp.MustCompile(`\d+:\d\d left`), ""
	settled := r.same
	for _, drawn := range []string{"15:00", "14:59", "14:58", "14:57"} { // a busy machine may skip a second
		screen := r.until("another time", func(text string) bool {
			now := left.FindString(text)
			return now != "" && now != shown
		})
		shown = left.FindString(screen)
		r.same = append(slices.Clip(settled), replacement{left, drawn + " left"})
		r.show(r.read(screen))
	}
	r.rest()
	w.Approve(<-w.codes)
	r.show(r.read(r.wait(`^✓ Signed in .*\n\$\z`)))
	r.clear()
	r.runs("staysigned accounts", never, 0)
	r.runs("staysigned token", never, 2)
	r.runs("staysigned token --header | curl -sH @- https://"+apiHost+"/greeting", never, 0)
	r.runs("staysigned doctor", never, 0)
	for _, picture := range r.keep("cli.svg") {
		require.Equal(t, w.URL+"/activate?user_code="+userCode, scan(t, picture), "a telephone reads the picture, too")
	}
}
