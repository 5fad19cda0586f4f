package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadGit(t *testing.T) {
	t.Parallel()
	whole := gitQuestion{"https", "git.example.com", "avery", "secret"}
	const text = "protocol=https\nhost=git.example.com\nusername=avery\npassword=secret\n"
	for said, want := range map[string]gitQuestion{
		text:                                  whole,
		text + "\nhost=other.example\n":       whole,
		strings.TrimSuffix(text, "\n"):        whole,
		"capability[]=authtype\n" + text:      whole,
		text + "host=other.example\n":         {"https", "other.example", "avery", "secret"}, // git's own rule
		"password=a=b\n":                      {password: "a=b"},
		"":                                    {},
		"\n":                                  {},
		"host=" + strings.Repeat("x", 100000): {host: strings.Repeat("x", 100000)},
	} {
		got, err := readGit(strings.NewReader(said))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, said := range []string{
		"host=git.example.com\r\n", "host=git.example.com\r", "protocol=https\r\nhost=git.example.com\n", text + "\r\n",
		"username=x\rpassword=y\n", "host=git.example.com\x00.evil.example\n", "path=a\x00b\n", "host\n",
		"path=" + strings.Repeat("x", maxGit-len("path=\nhost=git.example.com")) + "\nhost=git.example.com.evil.example\n",
	} {
		got, err := readGit(strings.NewReader(said))
		require.Error(t, err, "%.100q", said)
		require.Zero(t, got, "%.100q", said)
	}
}

// A host is another one as soon as one letter is, but for the case of those of ASCII.
func TestServes(t *testing.T) {
	t.Parallel()
	h := &helper{app: &app{}, hosts: []string{"Kit.example.com", "git.example.com:8443", "b\u00fccher.example"}}
	for host, want := range map[string]bool{
		"kit.example.com": true, "KIT.EXAMPLE.COM": true, "git.example.com:8443": true, "b\u00fccher.example": true,
		"\u212ait.example.com": false, "kit.example.com.": false, "kit.example.com:443": false, "git.example.com": false,
		"kit.example.com.evil.example": false, "x@kit.example.com": false, "kit.e\u017fample.com": false, "kit.example.com\r": false,
		"b\u00dccher.example": false, "": false,
	} {
		require.Equal(t, want, h.serves(&session{}, "https", host), "%q", host)
		require.False(t, h.serves(&session{}, "http", host), "%q", host)
	}
}
