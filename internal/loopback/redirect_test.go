package loopback

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseRedirect(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]redirect{
		"http://localhost":                    {"localhost", "", ""},
		"http://localhost/":                   {"localhost", "", "/"},
		"http://127.0.0.1":                    {"127.0.0.1", "", ""},
		"http://[::1]":                        {"[::1]", "", ""},
		"http://[::1]:8400":                   {"[::1]", "8400", ""},
		"http://localhost:8400/auth/callback": {"localhost", "8400", "/auth/callback"},
		"http://127.0.0.1:80/a-b_c.d~e/":      {"127.0.0.1", "80", "/a-b_c.d~e/"},
	} {
		got, err := parseRedirect(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, got)
		require.NoError(t, Check(raw))
	}
	for _, raw := range []string{
		"", "localhost", "https://localhost", "HTTP://localhost", "http://LOCALHOST", "http://localhost:", "http://localhost:0",
		"http://localhost:080", "http://localhost:123456", "http://localhost:a", "http://localhost.evil.example", "http://localhost@evil.example",
		"http://u:p@localhost", "http://evil.example", "http://0.0.0.0", "http://[::]", "http://127.0.0.2", "http://127.1", "http://[::1%25lo]",
		"http://localhost?x=1", "http://localhost/?", "http://localhost/#", "http://localhost/a/../b", "http://localhost/.", "http://localhost//",
		"http://localhost/a//b", "http://localhost/%63b", "http://localhost/a b", "http://localhost\\a", "http://localhost/ä", "http://localhost/\n",
		"http://localhost\n", "msapp://localhost", "com.example:/cb", "urn:ietf:wg:oauth:2.0:oob", strings.Repeat("x", 1<<20),
	} {
		err := Check(raw)
		require.Error(t, err, raw)
		require.Less(t, len(err.Error()), 700)
	}
}

func TestRedirectParts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		r                     redirect
		uri, host, path, page string
	}{
		{redirect{"localhost", "5", ""}, "http://localhost:5", "localhost:5", "/", "/done"},
		{redirect{"localhost", "5", "/"}, "http://localhost:5/", "localhost:5", "/", "/done"},
		{redirect{"127.0.0.1", "80", "/cb"}, "http://127.0.0.1:80/cb", "127.0.0.1", "/cb", "/cb/done"},
		{redirect{"[::1]", "8080", "/done"}, "http://[::1]:8080/done", "[::1]:8080", "/done", "/done/done"},
	} {
		require.Equal(t, tc.uri, tc.r.String())
		require.Equal(t, tc.host, tc.r.hostHeader())
		require.Equal(t, tc.path, tc.r.requestPath())
		require.Equal(t, tc.page, tc.r.pagePath())
	}
}
