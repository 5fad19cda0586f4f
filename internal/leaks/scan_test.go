package leaks

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// secrets are what nothing may show, by their kinds. A random part of 26 characters is what crypto/rand.Text makes; what tests
// have made up themselves is shorter.
var secrets = []struct {
	kind string
	is   *regexp.Regexp
}{
	{"refresh token", regexp.MustCompile(`\brt-[A-Z2-7]{26}\b`)},
	{"access token", regexp.MustCompile(`\bat-[A-Z2-7]{26}\b`)},
	{"code", regexp.MustCompile(`\bcode-[A-Z2-7]{26}\b`)},
	{"device code", regexp.MustCompile(`\bdc-[A-Z2-7]{26}\b`)},
	{"code verifier", regexp.MustCompile(`\bcode_verifier\\?"?[=:\[ ]+\\?"?[A-Za-z0-9._~-]{43}`)},
	{"signed token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{40,}`)},
}

// finding is a secret where it must not be.
type finding struct{ kind, where, around string }

func (f finding) String() string { return fmt.Sprintf("%s in %s: %s", f.kind, f.where, f.around) }

// scan finds secrets, one of each kind.
func scan(where string, text []byte) (found []finding) {
	for _, s := range secrets {
		if at := s.is.FindIndex(text); at != nil {
			line := text[bytes.LastIndexByte(text[:at[0]], '\n')+1 : at[0]]
			found = append(found, finding{s.kind, where, fmt.Sprintf("%.120q and %.8s…", line[max(0, len(line)-120):], text[at[0]:at[1]])})
		}
	}
	return found
}

func TestScan(t *testing.T) {
	t.Parallel()
	const random = "ABCDEFGHIJKLMNOPQRSTUVWX23"
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	for text, kind := range map[string]string{
		"x rt-" + random + " y":                                             "refresh token",
		`{"access_token":"at-` + random + `"}`:                              "access token",
		"?code=code-" + random + "&state=x":                                 "code",
		"dc-" + random:                                                      "device code",
		"code_verifier=" + verifier:                                         "code verifier",
		`"code_verifier":"` + verifier + `"`:                                "code verifier",
		"map[code_verifier:[" + verifier + "]]":                             "code verifier",
		`a=\"code_verifier\":\"` + verifier:                                 "code verifier",
		"eyJhbGciOiJSUzI1NiJ9LONGER.eyJpc3MiOiJodHRwczovL2EifQ." + verifier: "signed token",

		"":                        "",
		"rt-1 at-old code-x dc-y": "",
		"port-" + random:          "",
		"code_verifier, code_challenge=" + verifier: "",
		"eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.":          "",
	} {
		found := scan("here", []byte(text))
		if kind == "" {
			require.Empty(t, found, text)
			continue
		}
		require.Len(t, found, 1, text)
		require.Equal(t, kind, found[0].kind)
		require.NotContains(t, found[0].String(), random[:12], "a report shows no secret")
	}
}
