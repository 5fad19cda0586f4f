package msal_test

import (
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// TestRequests lists the requests of each operation. The metadata is known, to
// the process or to the store.
func TestRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(t *testing.T, p *msaltest.Platform, here, fresh *msal.Client)
		want []string
	}{
		"hit": {do: func(t *testing.T, _ *msaltest.Platform, here, _ *msal.Client) {
			requireToken(t, here, "read")
		}},
		"hit in a fresh process": {do: func(t *testing.T, _ *msaltest.Platform, _, fresh *msal.Client) {
			requireToken(t, fresh, "read")
		}},
		"accounts": {do: func(t *testing.T, _ *msaltest.Platform, _, fresh *msal.Client) {
			_, err := fresh.Accounts(t.Context())
			require.NoError(t, err)
		}},
		"refresh": {want: []string{"token"}, do: func(t *testing.T, _ *msaltest.Platform, here, _ *msal.Client) {
			time.Sleep(time.Hour)
			requireToken(t, here, "read")
		}},
		"refresh in a fresh process, with metadata a year old": {want: []string{"token"}, do: func(t *testing.T, _ *msaltest.Platform, _, fresh *msal.Client) {
			time.Sleep(365 * 24 * time.Hour)
			requireToken(t, fresh, "read")
		}},
		"refresh ahead of time": {want: []string{"token"}, do: func(t *testing.T, _ *msaltest.Platform, here, _ *msal.Client) {
			time.Sleep(56 * time.Minute)
			requireToken(t, here, "read")
			requireToken(t, here, "read")
		}},
		"forced refresh": {want: []string{"token"}, do: func(t *testing.T, _ *msaltest.Platform, here, _ *msal.Client) {
			requireToken(t, here.ForceRefresh(), "read")
		}},
		"refresh signed with a new key": {want: []string{"token", "keys"}, do: func(t *testing.T, p *msaltest.Platform, here, _ *msal.Client) {
			time.Sleep(time.Hour)
			p.RotateKeys()
			requireToken(t, here, "read")
		}},
		"code": {want: []string{"authorize", "token"}, do: func(t *testing.T, p *msaltest.Platform, _, fresh *msal.Client) {
			signIn(t, p, fresh, "read")
		}},
		"code, with metadata too old for a person": {want: []string{"discovery", "keys", "authorize", "token"}, do: func(t *testing.T, p *msaltest.Platform, here, _ *msal.Client) {
			time.Sleep(2 * time.Hour)
			signIn(t, p, here, "read")
		}},
		"device code, three polls": {want: []string{"device", "token", "token", "token"}, do: func(t *testing.T, p *msaltest.Platform, _, fresh *msal.Client) {
			p.AutoApproveAfter = 3
			_, err := fresh.SignIn(t.Context(), quietDevice, "read")
			require.NoError(t, err)
		}},
		"sign-out": {want: []string{"revocation"}, do: func(t *testing.T, _ *msaltest.Platform, here, _ *msal.Client) {
			require.NoError(t, here.SignOut(t.Context()))
		}},
		"sign-out in a fresh process": {want: []string{"revocation"}, do: func(t *testing.T, _ *msaltest.Platform, _, fresh *msal.Client) {
			require.NoError(t, fresh.SignOut(t.Context()))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				store := cache.Memory()
				with := func(cfg *msal.Config) { cfg.Cache = store }
				here := newClient(t, p, with)
				signIn(t, p, here, "read")
				p.ResetLog()
				tt.do(t, p, here, newClient(t, p, with))
				var got []string
				for _, r := range p.Requests() {
					got = append(got, r.Endpoint)
				}
				require.Equal(t, tt.want, got)
			})
		})
	}
}

func requireToken(t *testing.T, c *msal.Client, scope ...string) {
	t.Helper()
	_, err := c.Token(t.Context(), scope...)
	require.NoError(t, err)
}

// TestPathBudget counts what an operation runs through in a warm process: of
// this module and what it depends on, but for the store, go-oidc and go-jose.
// When it breaks, simplify.
func TestPathBudget(t *testing.T) {
	t.Parallel()
	program := buildBudget(t)
	for operation, budget := range map[string]struct{ packages, functions int }{
		"hit":     {3, 12},
		"refresh": {6, 103}, // 40 was the plan: DESIGN.md says why not
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			out, err := exec.CommandContext(t.Context(), program, operation, dir).CombinedOutput()
			require.NoError(t, err, "%s", out)
			functions := touched(t, dir)
			packages := map[string]bool{}
			for _, f := range functions {
				packages[path.Dir(f)] = true
			}
			list := strings.Join(functions, "\n")
			require.Contains(t, list, "msal/silent.go: *Client.Token")
			require.LessOrEqual(t, len(packages), budget.packages, "%d packages:\n%s", len(packages), list)
			require.LessOrEqual(t, len(functions), budget.functions, "%d functions:\n%s", len(functions), list)
		})
	}
}

const budgetProgram = "./testdata/budget"

// buildBudget builds the program that is counted, all its packages but the
// platform prepared for it.
func buildBudget(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", budgetProgram).Output()
	require.NoError(t, err)
	packages := slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool { return path.Base(p) == "msaltest" })
	program := filepath.Join(t.TempDir(), "budget")
	build := exec.CommandContext(t.Context(), "go", "build", "-cover", "-covermode=atomic",
		"-coverpkg="+strings.Join(packages, ","), "-o", program, budgetProgram)
	out, err = build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// touched reads the functions that were run from the counters in dir.
func touched(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "tool", "covdata", "func", "-i="+dir).Output()
	require.NoError(t, err)
	var functions []string
	for line := range strings.Lines(string(out)) {
		// file:line: function share
		field := strings.Fields(line)
		if len(field) != 3 || field[2] == "0.0%" || excepted(field[0]) {
			continue
		}
		file, _, _ := strings.Cut(field[0], ":")
		functions = append(functions, file+": "+field[1])
	}
	return functions
}

func excepted(file string) bool {
	for _, prefix := range []string{
		"github.com/coreos/go-oidc/", "github.com/go-jose/", "github.com/staysigned/staysigned/cache/",
		"github.com/staysigned/staysigned/msal/testdata/",
	} {
		if strings.HasPrefix(file, prefix) {
			return true
		}
	}
	return strings.HasPrefix(file, "total")
}
