package browser

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdvice(t *testing.T) {
	t.Parallel()
	const x, wayland, ssh, wsl, docker = "DISPLAY=:0", "WAYLAND_DISPLAY=wayland-0", "SSH_CONNECTION=1.2.3.4 5 6.7.8.9 22", "WSL_DISTRO_NAME=Debian", "/.dockerenv"
	sudo := func(m machine) machine { m.elevated = true; return m }
	for name, tc := range map[string]struct {
		m    machine
		want string
	}{
		"desktop":                         {fake("linux", "xdg-open", x), ""},
		"desktop, Wayland":                {fake("linux", "xdg-open", wayland), ""},
		"desktop without xdg-open":        {fake("linux", "", x), adviceLauncher},
		"desktop, BROWSER alone":          {fake("linux", "firefox", x, "BROWSER=firefox"), ""},
		"desktop, BROWSER not there":      {fake("linux", "xdg-open", x, "BROWSER=gone"), ""},
		"console":                         {fake("linux", "xdg-open"), adviceDisplay},
		"console, BROWSER not there":      {fake("linux", "xdg-open", "BROWSER=gone"), adviceDisplay},
		"console, BROWSER chosen":         {fake("linux", "xdg-open w3m", "BROWSER=w3m"), ""},
		"macOS":                           {fake("darwin", "/usr/bin/open"), ""},
		"Windows":                         {fake("windows", "rundll32.exe"), ""},
		"Windows without rundll32":        {fake("windows", ""), adviceLauncher},
		"SSH":                             {fake("linux", "xdg-open", ssh), adviceSSH},
		"SSH without xdg-open":            {fake("linux", "", ssh), adviceSSH},
		"SSH by its terminal":             {fake("linux", "xdg-open", "SSH_TTY=/dev/pts/0"), adviceSSH},
		"SSH by its old name":             {fake("linux", "xdg-open", "SSH_CLIENT=1.2.3.4 5 22"), adviceSSH},
		"SSH with X forwarded":            {fake("linux", "xdg-open", ssh, "DISPLAY=localhost:10.0"), ""},
		"SSH with X but no xdg-open":      {fake("linux", "", ssh, "DISPLAY=localhost:10.0"), adviceLauncher},
		"SSH by an editor":                {fake("linux", "xdg-open /e/browser.sh", ssh, "BROWSER=/e/browser.sh"), ""},
		"SSH to macOS":                    {fake("darwin", "/usr/bin/open", ssh), adviceSSH},
		"SSH to macOS with X":             {fake("darwin", "/usr/bin/open", ssh, x), adviceSSH},
		"SSH to Windows":                  {fake("windows", "rundll32.exe", ssh), adviceSSH},
		"SSH to WSL":                      {fake("linux", "rundll32.exe", ssh, wsl, x), adviceSSH},
		"container":                       {fake("linux", "", docker), adviceContainer},
		"container with xdg-open":         {fake("linux", "xdg-open", docker), adviceContainer},
		"container, display, no xdg-open": {fake("linux", "", docker, x), adviceContainer},
		"container with a desktop":        {fake("linux", "xdg-open", docker, x), ""},
		"container of an editor":          {fake("linux", "/e/browser.sh", docker, "BROWSER=/e/browser.sh"), ""},
		"container, Podman":               {fake("linux", "", "/run/.containerenv"), adviceContainer},
		"container, systemd-nspawn":       {fake("linux", "", "container=systemd-nspawn"), adviceContainer},
		"container, Kubernetes":           {fake("linux", "", "KUBERNETES_SERVICE_HOST=10.0.0.1"), adviceContainer},
		"container reached by SSH":        {fake("linux", "", docker, ssh), adviceSSH},
		"WSL":                             {fake("linux", "rundll32.exe", wsl), ""},
		"WSL with wslview":                {fake("linux", "wslview", wsl), ""},
		"WSL without Windows":             {fake("linux", "", wsl), adviceWSL},
		"sudo":                            {sudo(fake("linux", "xdg-open firefox", x, "BROWSER=firefox")), adviceSudo},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.m.advice()
			require.Equal(t, tc.want, got)
			require.NotContains(t, got, "\n")
			if why, what, ok := strings.Cut(got, ": "); got != "" {
				require.True(t, ok && why != "" && what != "", "msal.NoBrowser gives the reason alone")
				require.NotContains(t, why, "PORT")
			}
			require.LessOrEqual(t, len(got), 140, "one line")
		})
	}
	require.Equal(t, 2, strings.Count(adviceSSH, "PORT"), "the caller puts the port there")
}
