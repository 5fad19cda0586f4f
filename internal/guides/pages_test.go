package guides

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// block is code in a page.
type block struct{ page, text string }

// blocks returns the blocks of a kind, or of any of several: "a|b". README.md of the command line tool is left out, because
// its own tests type it.
func blocks(t *testing.T, kind string) (all []block) {
	t.Helper()
	pattern := regexp.MustCompile("(?ms)^```(?:" + kind + ")\n(.*?)^```$")
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		page := strings.TrimPrefix(filepath.ToSlash(name), root+"/")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "node_modules", ".tools"}, entry.Name()):
			return fs.SkipDir
		case filepath.Ext(name) != ".md" || page == "examples/cli/README.md":
			return nil
		}
		text, err := os.ReadFile(name)
		for _, b := range pattern.FindAllStringSubmatch(string(text), -1) {
			all = append(all, block{page, b[1]})
		}
		return err
	})
	require.NoError(t, err)
	return all
}

// What a block of TOML or JSON is for, only its page's own test can know.
func TestOthers(t *testing.T) {
	t.Parallel()
	require.Empty(t, blocks(t, "toml|json"))
}
