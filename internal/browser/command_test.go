package browser

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fake is a machine of the given kind that has the given programs and
// environment.
func fake(goos, programs string, env ...string) machine {
	return machine{
		goos: goos,
		getenv: func(name string) string {
			for _, set := range env {
				if value, ok := strings.CutPrefix(set, name+"="); ok {
					return value
				}
			}
			return ""
		},
		find: func(program string) (string, bool) {
			if !slices.Contains(strings.Fields(programs), program) {
				return "", false
			}
			if program[0] == '/' {
				return program, true
			}
			return "/bin/" + program, true
		},
		exists: func(path string) bool { return slices.Contains(env, path) },
	}
}

func TestCommands(t *testing.T) {
	t.Parallel()
	const wsl, dll = "WSL_DISTRO_NAME=Debian", "url.dll,FileProtocolHandler"
	type argv = []string
	for name, tc := range map[string]struct {
		m    machine
		want []argv
	}{
		"Linux":                 {fake("linux", "xdg-open"), []argv{{"/bin/xdg-open", "U"}}},
		"Linux without":         {fake("linux", "w3m"), nil},
		"FreeBSD":               {fake("freebsd", "xdg-open"), []argv{{"/bin/xdg-open", "U"}}},
		"macOS":                 {fake("darwin", "/usr/bin/open open xdg-open"), []argv{{"/usr/bin/open", "U"}}},
		"BR-07 Windows":         {fake("windows", "rundll32.exe cmd.exe powershell.exe"), []argv{{"/bin/rundll32.exe", dll, "U"}}},
		"BR-07 Windows BROWSER": {fake("windows", "rundll32.exe x", "BROWSER=x"), []argv{{"/bin/rundll32.exe", dll, "U"}}},
		"BR-08 WSL": {fake("linux", "rundll32.exe wslview xdg-open cmd.exe powershell.exe explorer.exe", wsl),
			[]argv{{"/bin/rundll32.exe", dll, "U"}, {"/bin/wslview", "U"}, {"/bin/xdg-open", "U"}}},
		"BR-08 WSL, Windows not in PATH": {fake("linux", "/mnt/c/Windows/System32/rundll32.exe wslview", wsl),
			[]argv{{"/mnt/c/Windows/System32/rundll32.exe", dll, "U"}, {"/bin/wslview", "U"}}},
		"rundll32 of wine is not for Linux":    {fake("linux", "rundll32.exe xdg-open"), []argv{{"/bin/xdg-open", "U"}}},
		"BROWSER first":                        {fake("linux", "xdg-open firefox", "BROWSER=firefox"), []argv{{"/bin/firefox", "U"}, {"/bin/xdg-open", "U"}}},
		"BROWSER list":                         {fake("linux", "a c", "BROWSER=a:b:c"), []argv{{"/bin/a", "U"}, {"/bin/c", "U"}}},
		"BROWSER by path":                      {fake("linux", "/opt/b", "BROWSER=/opt/b"), []argv{{"/opt/b", "U"}}},
		"BROWSER with arguments":               {fake("linux", "a", "BROWSER= a  --new-window "), []argv{{"/bin/a", "--new-window", "U"}}},
		"BROWSER with %s":                      {fake("linux", "a", "BROWSER=a %s --new"), []argv{{"/bin/a", "U", "--new"}}},
		"BROWSER on macOS":                     {fake("darwin", "a /usr/bin/open", "BROWSER=a"), []argv{{"/bin/a", "U"}, {"/usr/bin/open", "U"}}},
		"BR-05 empty":                          {fake("linux", "xdg-open", "BROWSER="), []argv{{"/bin/xdg-open", "U"}}},
		"BR-05 colons":                         {fake("linux", "xdg-open", "BROWSER=:: :"), []argv{{"/bin/xdg-open", "U"}}},
		"BR-05 needs a shell":                  {fake("linux", "sh", `BROWSER=sh -c "x %s"`), nil},
		"BR-05 needs a shell, '":               {fake("linux", "sh", `BROWSER=sh -c 'x'`), nil},
		"BR-05 %s within an argument":          {fake("linux", "a", "BROWSER=a --app=%s"), nil},
		"BR-05 %s twice":                       {fake("linux", "a", "BROWSER=a %s %s"), nil},
		"BR-05 %s as the program":              {fake("linux", "a U", "BROWSER=%s"), nil},
		"BR-05 other verbs":                    {fake("linux", "a", "BROWSER=a %action"), nil},
		"BR-05 nothing else is special":        {fake("linux", "a", "BROWSER=a $HOME `id` ;x &"), []argv{{"/bin/a", "$HOME", "`id`", ";x", "&", "U"}}},
		"WSL_INTEROP alone":                    {fake("linux", "wslview", "WSL_INTEROP=/run/WSL/8_interop"), []argv{{"/bin/wslview", "U"}}},
		"WSL's variable on Windows is nothing": {fake("windows", "rundll32.exe wslview", wsl), []argv{{"/bin/rundll32.exe", dll, "U"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tc.m.commands("U")
			require.Equal(t, tc.want, got)
			for _, argv := range got {
				require.Equal(t, 1, strings.Count(strings.Join(argv, "\n"), "U"), "one address") // BR-04
			}
			// BR-05: an address that has %s in it is not filled in again.
			for _, argv := range tc.m.commands("https://x/?%s%action") {
				require.Contains(t, argv, "https://x/?%s%action")
			}
		})
	}
}

func TestElevated_EN08(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	only := func(name string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return "1000"
			}
			return ""
		}
	}
	require.False(t, elevated(1000, 1000, 1000, 1000, none))
	require.False(t, elevated(0, 0, 0, 0, none), "root who signed in as root")
	require.False(t, elevated(-1, -1, -1, -1, none), "Windows")
	require.False(t, elevated(1000, 1000, 1000, 1000, only("SUDO_UID")), "sudo -u someone")
	require.True(t, elevated(0, 1000, 1000, 1000, none), "setuid")
	require.True(t, elevated(1000, 1000, 0, 1000, none), "setgid")
	for _, name := range []string{"SUDO_UID", "PKEXEC_UID", "DOAS_USER"} {
		require.True(t, elevated(0, 0, 0, 0, only(name)), name)
	}
}
