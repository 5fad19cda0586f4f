package differential

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal/msaltest"
)

var update = flag.Bool("update", false, "rewrite docs/differences.md")

// both runs one input through MSAL and through us, each against a platform of its own.
func both(t *testing.T, in input, prepare func(world)) (their, our observation) {
	run := func(open func(*testing.T, *msaltest.Platform) client) observation {
		p := msaltest.New(t)
		p.URL, p.Rotation, p.Entra = "https://login.microsoftonline.com", msaltest.KeepOld, &msaltest.Entra{}
		w := world{t, p, open(t, p)}
		prepare(w)
		p.ResetLog()
		return observe(p, in.do(w))
	}
	their = run(func(t *testing.T, p *msaltest.Platform) client { return newTheirs(t, p, &file{}) })
	our = run(func(t *testing.T, p *msaltest.Platform) client { return newOurs(t, p, cache.Memory()) })
	return their, our
}

// TestDifferences: each is one that we chose, and the page says what they are.
func TestDifferences(t *testing.T) {
	var page strings.Builder
	page.WriteString(head)
	for _, in := range signIns {
		t.Run(in.name, func(t *testing.T) {
			their, our := both(t, in, func(world) {})
			page.WriteString(row(t, in, their, our))
		})
	}
	page.WriteString(between)
	for _, in := range sessions {
		t.Run(in.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				their, our := both(t, in, func(w world) {
					require.Equal(t, "token", w.c.redeem(t, user).outcome)
				})
				page.WriteString(row(t, in, their, our))
			})
		})
	}
	if t.Failed() {
		return
	}
	path := filepath.Join("..", "..", "docs", "differences.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(page.String()), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, page.String(), string(have), "if it is meant to change: go test -C internal/differential -update")
}

func row(t *testing.T, in input, their, our observation) string {
	if their == our {
		require.Empty(t, in.why, "both do the same: %+v", our)
	} else {
		require.NotEmpty(t, in.why, "they: %+v\nwe: %+v", their, our)
	}
	var b strings.Builder
	b.WriteString("\n### " + strings.ToUpper(in.name[:1]) + in.name[1:] + "\n\n")
	if their == our {
		b.WriteString("No difference.\n\n| | both |\n|---|---|\n")
	} else {
		b.WriteString(strings.ToUpper(in.why[:1]) + in.why[1:] + ".\n\n| | MSAL for Go | staysigned |\n|---|---|---|\n")
	}
	line := func(what, a, b string) string {
		switch {
		case a == "" && b == "":
			return ""
		case their == our:
			return "| " + what + " | " + b + " |\n"
		}
		return "| " + what + " | " + a + " | " + b + " |\n"
	}
	b.WriteString(line("asked for", code(their.authorize), code(our.authorize)))
	b.WriteString(line("token request", code(their.token), code(our.token)))
	b.WriteString(line("requests", or(their.requests, "none"), or(our.requests, "none")))
	b.WriteString(line("outcome", their.outcome, our.outcome))
	return b.String()
}

func code(scope string) string {
	if scope == "" {
		return ""
	}
	return "`" + scope + "`"
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

const head = `# Differences from MSAL for Go

The same input through MSAL for Go and through us, against one test platform that imitates Microsoft's. What is shown are
differences between two clients; what Entra itself would say is not shown here. Each is one that we chose, for the reason that stands
above it. A space that is one too many is shown as ␣. This page is written by ` + "`go test -C internal/differential -update`" + `, and a test
holds both clients to it.

## Signing in
`

const between = `
## Staying signed in

Each begins after a sign-in for User.Read. MSAL has a persistent cache that the next process reads, and so have we.
`
