//go:build unix

package faults_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// TestClock moves the times of the stored tokens instead of the clock: a process that starts can not tell the
// difference.
func TestClock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for name, tt := range map[string]struct {
		clock     time.Duration // by which it was moved since the token was obtained
		zone      string
		refreshes int
	}{
		"a year forward":                    {clock: year, refreshes: 1},
		"a year back":                       {clock: -year, refreshes: 1},
		"ten minutes back during a refresh": {clock: -10 * time.Minute, refreshes: 1},
		"four minutes back":                 {clock: -4 * time.Minute},
		"summer time, there":                {zone: "Europe/Berlin"},
		"summer time, elsewhere":            {zone: "Pacific/Auckland"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, msaltest.RotateStrict)
			first := w.signIn(t, "avery")
			w.shift(t, -tt.clock)
			zone := func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "TZ="+tt.zone) }
			for range 2 {
				requireSame(t, []reply{w.start(t, "", zone).do(t, order{Do: "token"})})
				require.Equal(t, tt.refreshes, w.refreshes())
			}
			requireSame(t, []reply{w.start(t, "", zone).do(t, order{Do: "force"})})
			require.True(t, w.alive(first))
		})
	}
}

// TestTwoVersions lets a newer program write what this one does not know.
func TestTwoVersions(t *testing.T) {
	p := newPatient(t)
	key := p.path[len(p.world.path())+1:]
	token := func() error {
		_, err := p.client(t).For(p.sick.Account).ForceRefresh().Token(t.Context(), "read")
		return err
	}
	for turn := range faults.Rounds(17) {
		p.record(t, key, func(record map[string]any) { // a minor version
			record["news"] = map[string]any{"turn": turn}
			record["account"].(map[string]any)["news"] = turn
			for _, list := range []string{"grants", "access"} {
				for _, one := range record[list].([]any) {
					one.(map[string]any)["news"] = []any{turn}
				}
			}
		})
		require.NoError(t, token())
		record := p.record(t, key, nil)
		require.EqualValues(t, turn, record["news"].(map[string]any)["turn"])
		require.EqualValues(t, turn, record["account"].(map[string]any)["news"])
		require.EqualValues(t, turn, record["grants"].([]any)[0].(map[string]any)["news"].([]any)[0])

		known, _ := json.Marshal(record)
		p.record(t, key, func(record map[string]any) { // a major one
			clear(record)
			record["schema"], record["sessions"] = 2, "in a form that nobody knows yet"
		})
		newer, err := os.ReadFile(p.path)
		require.NoError(t, err)
		before := p.platform.Count()
		err = token()
		require.ErrorContains(t, err, "newer version")
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		p.requireWell(t)
		require.Equal(t, before, p.platform.Count())
		still, err := os.ReadFile(p.path)
		require.NoError(t, err)
		require.Equal(t, newer, still, "down to the byte")

		p.record(t, key, func(record map[string]any) {
			clear(record)
			require.NoError(t, json.Unmarshal(known, &record))
		})
	}
	require.True(t, p.alive(p.sick))
}
