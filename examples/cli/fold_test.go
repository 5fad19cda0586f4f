package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFold(t *testing.T) {
	t.Parallel()
	const address = "https://idp.example/authorize?client_id=cli"
	for _, row := range []struct {
		text   string
		width  int
		indent int
		want   string
	}{
		{"", 10, 0, ""},
		{"one two\n", 10, 0, "one two\n"},
		{"one two th\n", 10, 0, "one two th\n"}, // as wide as the terminal
		{"one two thr\n", 10, 0, "one two\nthr\n"},
		{"one two three\n", 10, 0, "one two\nthree\n"},
		{"one two three four", 10, 2, "one two\n  three\n  four"},
		{"one two three\n\nfour five six\n", 10, 0, "one two\nthree\n\nfour five\nsix\n"},
		{"ünï ço dés\n", 10, 0, "ünï ço dés\n"}, // letters, not bytes
		{"\x1b[31mone\x1b[0m \x1b[1mtwo th\x1b[0m\n", 10, 0, "\x1b[31mone\x1b[0m \x1b[1mtwo th\x1b[0m\n"},
		{"✓ key        in use\n", 20, 13, "✓ key        in use\n"}, // columns stay
		{"  " + address + "\n", 20, 0, "  " + address + "\n"},
		{"open this: " + address + " soon\n", 20, 0, "open this:\n" + address + "\nsoon\n"},
		{"nobody is here; run: staysigned login --account a\n", 20, 0, "nobody is here; run:\nstaysigned login --account a\n"},
		{"try later, or see: staysigned doctor\n", 80, 0, "try later, or see: staysigned doctor\n"},
		{"staysigned: it is not so\n", 12, 0, "staysigned:\nit is not so\n"},
	} {
		require.Equal(t, row.want, fold(row.text, row.width, row.indent))
	}
}

func TestTilde(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	require.Equal(t, filepath.Join("~", "a", "b"), tilde(filepath.Join(home, "a", "b")))
	for _, other := range []string{home, home + "s" + string(os.PathSeparator) + "a", filepath.Join("a", "b"), strings.ToUpper(home) + "x"} {
		require.Equal(t, other, tilde(other))
	}
}
