package hostile

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite docs/hostile.md")

const document = `# Hostile input

What the library is attacked with, and which test shows what it does. The requirements are sentences of the RFCs and of OpenID
Connect that can be tested; the cases are what hostile callers, servers, web pages, machines and files do. Bold ones must hold
whatever else is given up. A row that is decided otherwise is in the list at the head of [DESIGN.md](../DESIGN.md); what is
tested is what is done instead.

This page is written by ` + "`go test ./internal/hostile -run Docs -update`" + ` from the table in internal/hostile, and
` + "`go test ./internal/hostile -run Rows -v`" + ` prints it. A test counts for a row only if the row's name stands in its own name or
in that of one of its cases, so that ` + "`grep -rn CB-24`" + ` finds what a case is about.

%SUMMARY%
## Limits

Each has a test of the number itself and of what lies beyond. Times are measured on a clock of their own, to the nanosecond.

%LIMITS%
What costs a server little to send in great numbers is tested in great numbers: 10,000 connections of another process to the
redirect port, 200 people who sign in at once, 100,000 sign-ins that nobody ends. ` + "`go test`" + ` does some of it, ` + "`.ci/run`" + ` a
tenth, ` + "`.ci/long`" + ` all.

## Foreign bytes

Whatever reads what others have written has fuzz targets, which begin with the cases of the tests. ` + "`.ci/run`" + ` gives each some
seconds and ` + "`.ci/long`" + ` a minute; none may panic, and each holds more than that.

%READERS%
## Requirements and cases
%TABLE%`

// TestDocs: docs/hostile.md says what the tables say.
func TestDocs(t *testing.T) {
	t.Parallel()
	limits := "| | limit | asked for instead |\n|---|---|---|\n"
	for _, l := range Limits {
		limits += fmt.Sprintf("| %s | %s | %s |\n", l.Name, l.Bound, l.Asked)
	}
	readers := "| what is read | target | what holds |\n|---|---|---|\n"
	for _, r := range Readers {
		readers += fmt.Sprintf("| %s | %s | %s |\n", r.Reads, quote(r.Targets), r.Holds)
	}
	text := strings.NewReplacer("%SUMMARY%", summary(), "%LIMITS%", limits, "%READERS%", readers, "%TABLE%", coverage()).Replace(document)
	path := filepath.Join(root, "docs", "hostile.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./internal/hostile -run Docs -update")
}
