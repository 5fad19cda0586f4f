package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What docs/daemon.md starts are flags that there are.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/daemon.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?ms)^```(ini|yaml)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	unit := map[string]string{}
	for line := range strings.Lines(blocks[0][2]) {
		line = strings.TrimSpace(line)
		if key, value, ok := strings.Cut(line, "="); ok {
			require.NotContains(t, unit, key)
			unit[key] = value
		} else if line != "" {
			require.Regexp(t, `^\[(Unit|Service|Install)\]$`, line)
		}
	}
	require.Equal(t, "notify", unit["Type"])
	require.Equal(t, "2 3", unit["RestartPreventExitStatus"])
	started := strings.Fields(unit["ExecStart"])[1:]
	list := regexp.MustCompile(`(?s)args: \[(.*?)\]`).FindStringSubmatch(blocks[1][2])
	require.NotNil(t, list)
	mounted := strings.FieldsFunc(list[1], func(r rune) bool { return strings.ContainsRune(", \n\"", r) })
	for _, args := range [][]string{started, mounted} {
		got, err := configure(t.Output(), args)
		require.NoError(t, err)
		require.Equal(t, [][]string{{"reports.read"}}, got.apis)
		require.NotEmpty(t, got.health)
	}
	for _, probe := range regexp.MustCompile(`command: \[(.*?)\]`).FindAllStringSubmatch(blocks[1][2], -1) {
		got, err := configure(t.Output(), strings.FieldsFunc(probe[1], func(r rune) bool { return strings.ContainsRune(", \"", r) })[1:])
		require.NoError(t, err)
		require.Contains(t, []string{"/live", "/ready"}, got.check)
	}
}
