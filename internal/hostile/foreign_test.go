package hostile

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every fuzz target belongs to something that is read, every one that was asked for is there, and so are all that are named.
func TestReaders(t *testing.T) {
	t.Parallel()
	found, listed, asked := named(t), map[string]bool{}, map[string]bool{}
	for _, r := range Readers {
		if r.Name != "" {
			require.False(t, asked[r.Name], "%s stands twice", r.Name)
			asked[r.Name] = true
		}
		require.NotEmpty(t, r.Holds, r.Reads)
		if r.Targets == "" {
			continue
		}
		for target := range strings.SplitSeq(r.Targets, ", ") {
			require.Contains(t, found, target)
			require.False(t, listed[target], "%s stands twice", target)
			listed[target] = true
		}
	}
	for test := range found {
		if _, name, _ := strings.Cut(test, " "); strings.HasPrefix(name, "Fuzz") {
			require.True(t, listed[test], "%s belongs to nothing that is read", test)
		}
	}
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no list of targets to compare with")
	}
	text, err := os.ReadFile(filepath.Join(folder, "reference", "security.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n### 4.4 ")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	want := map[string]bool{}
	for _, m := range regexp.MustCompile("`(Fuzz[A-Za-z]+)`").FindAllStringSubmatch(section, -1) {
		want[m[1]] = true
	}
	require.Equal(t, want, asked)
	require.Len(t, want, 14)
}
