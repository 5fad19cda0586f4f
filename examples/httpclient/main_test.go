package main

import (
	"bytes"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), &out, []string{"-demo"}))
	require.Equal(t, "the API says 401, a newer token is wanted\nthe API says 200\n12 chairs, 1 table\n", out.String())
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	app := []string{"-client-id", "x", "-issuer", "https://idp.example"}
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"no URL":          {app, "one URL is wanted"},
		"no flags":        {[]string{"https://api.example/"}, "ClientID"},
		"not https":       {append(app, "http://api.example/"), "origin"},
		"a default scope": {append(app, "-scopes", "email", "https://api.example/"), "email"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, run(t.Context(), &bytes.Buffer{}, row.args), row.want)
		})
	}
	err := run(t.Context(), &bytes.Buffer{}, append(app, "-scopes", "email", "https://api.example/"))
	require.ErrorIs(t, err, scopes.ErrDuplicateDefault)
	require.ErrorIs(t, run(t.Context(), &bytes.Buffer{}, []string{"-h"}), flag.ErrHelp)
}
