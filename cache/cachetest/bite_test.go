package cachetest_test

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// envBite marks a process in which tests are meant to fail.
const envBite = "CACHETEST_BITE"

// bug is a broken store, and what the suite has to say about it.
type bug struct {
	name  string
	fails []string // the rules that must fail
	also  []string // those that may, by chance or because nothing works without the broken one
	says  string   // in the failure of the first
}

// attempts is how often a race gets the chance to happen. On a busy machine one
// that nearly always does may not.
const attempts = 5

// bite runs the test again in a process of its own, where it lets the suite
// loose on the broken stores, and demands that exactly the right rules fail. One
// that must has to do so once; one that must not may, as long as it does not do so
// each time: on a busy machine what takes no time may take seconds.
func bite(t *testing.T, bugs []bug) {
	t.Helper()
	failed := map[string]map[string]string{}
	for try := range attempts {
		now := suiteFails(t)
		again := false
		for _, b := range bugs {
			if try == 0 {
				failed[b.name] = map[string]string{}
				maps.Copy(failed[b.name], now[b.name])
			}
			for rule := range failed[b.name] {
				if !b.expects(rule) && now[b.name][rule] == "" {
					delete(failed[b.name], rule)
				}
			}
			for rule, text := range now[b.name] {
				if b.expects(rule) {
					failed[b.name][rule] = text
				}
			}
			again = again || b.missed(failed[b.name])
		}
		if !again {
			break
		}
	}
	for _, b := range bugs {
		t.Run(b.name, func(t *testing.T) { b.check(t, failed[b.name]) })
	}
}

func (b bug) expects(rule string) bool {
	return slices.Contains(b.fails, rule) || slices.Contains(b.also, rule)
}

// missed tells whether another try may make a difference.
func (b bug) missed(failed map[string]string) bool {
	for rule := range failed {
		if !b.expects(rule) {
			return true
		}
	}
	return slices.ContainsFunc(b.fails, func(rule string) bool { return failed[rule] == "" })
}

// suiteFails returns what the suite says of each store in a process of its own.
func suiteFails(t *testing.T) map[string]map[string]string {
	t.Helper()
	binary, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), binary, "-test.run=^"+t.Name()+"$", "-test.short", "-test.parallel=16", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), envBite+"=1")
	if _, err := os.Stat("/dev/shm"); err == nil {
		cmd.Env = append(cmd.Env, "TMPDIR=/dev/shm") // none of the bugs has to do with disks
	}
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "broken stores passed")
	return failures(string(out), t.Name())
}

func (b bug) check(t *testing.T, got map[string]string) {
	for _, rule := range b.fails {
		require.NotEmpty(t, got[rule], "%s passes with this bug", rule)
	}
	for rule, text := range got {
		require.True(t, b.expects(rule), "%s fails too:\n%.2000s", rule, text)
		require.Contains(t, text, "the rule in package cache:")
		require.Contains(t, text, "without it:")
	}
	if len(b.fails) > 0 {
		require.Contains(t, got[b.fails[0]], b.says)
	}
}

// failures returns what each failed sub-test printed, by store and rule.
func failures(out, test string) map[string]map[string]string {
	heads := regexp.MustCompile(`(?m)^ *--- FAIL: `+test+`/(?:.*/)?([^/ ]+)/([^/ ]+) \(.*\)$|^ *--- |\z`).FindAllStringSubmatchIndex(out, -1)
	failed := map[string]map[string]string{}
	for i, h := range heads[:len(heads)-1] {
		if h[2] < 0 {
			continue
		}
		store, rule := out[h[2]:h[3]], out[h[4]:h[5]]
		if failed[store] == nil {
			failed[store] = map[string]string{}
		}
		failed[store][rule] = out[h[1]:heads[i+1][0]]
	}
	return failed
}
