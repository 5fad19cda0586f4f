package msal_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
)

// panics are the values that the child of TestPanicShowsNoSecret_LG07 dies of.
var panics = map[string]func(w watched, token msal.Token, z *msal.Authorization) any{
	"Token": func(_ watched, token msal.Token, _ *msal.Authorization) any { return token },
	"hidden Token": func(_ watched, token msal.Token, _ *msal.Authorization) any {
		return hidden[msal.Token]{value: token, loose: token}
	},
	"Client":        func(w watched, _ msal.Token, _ *msal.Authorization) any { return w.client },
	"Authorization": func(_ watched, _ msal.Token, z *msal.Authorization) any { return z },
	"an error":      func(_ watched, token msal.Token, z *msal.Authorization) any { return fmt.Errorf("%v %+v", token, z) },
}

const panicVariable = "STAYSIGNED_TEST_PANIC" // what to die of, and the file for the canaries

// TestPanicShowsNoSecret_LG07: the last words of a process, with the stacks of all
// goroutines, hold no secret.
func TestPanicShowsNoSecret_LG07(t *testing.T) {
	if value, file, ok := strings.Cut(os.Getenv(panicVariable), "="); ok {
		w := watch(t)
		token, z := w.signIn(t, "read"), w.begin(t, "read")
		all := strings.Join(slices.Collect(maps.Keys(w.seen)), "\n")
		require.NoError(t, os.WriteFile(file, []byte(all), 0o600))
		go panic(panics[value](w, token, z))
		select {}
	}
	t.Parallel()
	for name := range panics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "canaries")
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicShowsNoSecret_LG07$")
			child.Env = append(os.Environ(), "GOTRACEBACK=all", panicVariable+"="+name+"="+file)
			var out bytes.Buffer
			child.Stdout, child.Stderr = &out, &out
			require.Error(t, child.Run())
			require.Contains(t, out.String(), "panic: ")
			seen, err := os.ReadFile(file)
			require.NoError(t, err)
			c := &canaries{}
			c.add("canary", strings.Split(string(seen), "\n")...)
			require.NotEmpty(t, c.seen)
			require.Empty(t, c.in(out.String()), "%s", out.String())
		})
	}
}
