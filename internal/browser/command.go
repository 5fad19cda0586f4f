package browser

import (
	"slices"
	"strings"
)

// commands returns the argument lists to try, best first. Each begins with the
// absolute path of a program that is there, and address is one whole argument
// of it.
func (m machine) commands(address string) (found [][]string) {
	for _, template := range append(m.chosen(), m.usual()...) {
		if argv, ok := m.fill(template, address); ok {
			found = append(found, argv)
		}
	}
	return found
}

// chosen are the templates of BROWSER: commands parted by colons, each with %s
// for the address or without. It is a convention of Unix; a Windows path has a
// colon of its own.
func (m machine) chosen() (templates [][]string) {
	if m.goos == "windows" {
		return nil
	}
	for entry := range strings.SplitSeq(m.getenv("BROWSER"), ":") {
		if template := strings.Fields(entry); len(template) > 0 {
			templates = append(templates, template)
		}
	}
	return templates
}

// usual are the templates of what comes with the system. Never "cmd /c start"
// or PowerShell, to which "&" and "$(" in an address are commands. For the same
// reason rundll32 comes before wslview in WSL: wslview goes by way of PowerShell
// and, before that, fetches the address itself, which uses up a request that is
// good for one fetch.
func (m machine) usual() [][]string {
	switch {
	case m.goos == "windows":
		return [][]string{{"rundll32.exe", "url.dll,FileProtocolHandler"}}
	case m.goos == "darwin":
		return [][]string{{"/usr/bin/open"}}
	case m.isWSL():
		return [][]string{
			{"rundll32.exe", "url.dll,FileProtocolHandler"},
			{"/mnt/c/Windows/System32/rundll32.exe", "url.dll,FileProtocolHandler"}, // PATH without Windows' folders
			{"wslview"},
			{"xdg-open"},
		}
	}
	return [][]string{{"xdg-open"}}
}

// fill puts address in the place of the argument %s, or at the end. A template
// that needs a shell's quotes, or the address within an argument or twice, is
// left out: what it would run is not what its author meant.
func (m machine) fill(template []string, address string) ([]string, bool) {
	program, ok := m.find(template[0])
	if !ok {
		return nil, false
	}
	argv := append([]string{program}, template[1:]...)
	places := 0
	for i, arg := range argv[1:] {
		switch {
		case arg == "%s":
			argv[i+1] = address
			places++
		case strings.ContainsAny(arg, `%"'`):
			return nil, false
		}
	}
	if places == 0 {
		return append(argv, address), true
	}
	return argv, places == 1
}

// hasAny reports whether one of the templates can be run.
func (m machine) hasAny(templates [][]string) bool {
	return slices.ContainsFunc(templates, func(template []string) bool {
		_, ok := m.fill(template, "")
		return ok
	})
}

func (m machine) isWSL() bool {
	return m.goos == "linux" && m.getenv("WSL_DISTRO_NAME")+m.getenv("WSL_INTEROP") != ""
}
