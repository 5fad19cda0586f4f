package keychains

import (
	"os/exec"
	"strings"
	"testing"
)

// Display is a screen that nobody sees, and somebody who types.
type Display struct {
	t testing.TB
	s *Session
}

// StartDisplay gives the session a screen. What was started before does not know of it.
func (s *Session) StartDisplay() *Display {
	s.t.Helper()
	server := s.Start("", "Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp")
	s.env["DISPLAY"] = ":" + server.Line()
	return &Display{s.t, s}
}

// Windows are those that a person sees.
func (d *Display) Windows() []string {
	d.t.Helper()
	out, err := d.do("search", "--onlyvisible", "--name", ".")
	if err != nil && len(out) > 0 {
		d.t.Fatalf("xdotool: %v: %s", err, out)
	}
	return strings.Fields(out)
}

// Types replaces the text in a window, and presses a key. One that goes meanwhile hears nothing.
func (d *Display) Types(window, text, key string) {
	d.t.Helper()
	for _, args := range [][]string{{"windowfocus", window}, {"key", "ctrl+a"}, {"type", text}, {"key", key}} {
		if out, err := d.do(args...); err != nil {
			d.t.Logf("xdotool: %v: %s", err, out)
		}
	}
}

func (d *Display) do(args ...string) (string, error) {
	cmd := exec.Command("xdotool", args...)
	cmd.Env = d.s.Environ()
	if cmd.Err != nil {
		d.t.Fatalf("no xdotool here (%v): %s", cmd.Err, install)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}
