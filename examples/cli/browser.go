package main

import (
	"os"
	"os/exec"
	"runtime"
)

// noBrowser says why no browser is to be expected where the person is; empty: one is. The library tries all the same.
func noBrowser() string {
	has := func(names ...string) bool {
		for _, name := range names {
			if os.Getenv(name) != "" {
				return true
			}
		}
		return false
	}
	switch {
	case has("BROWSER"):
		return ""
	case has("SSH_CONNECTION", "SSH_TTY") && !has("DISPLAY", "WAYLAND_DISPLAY"):
		return "You are connected by SSH, and the browser that opens is not on your side"
	case runtime.GOOS == "windows" || runtime.GOOS == "darwin" || has("WSL_DISTRO_NAME", "WSL_INTEROP"):
		return ""
	case !has("DISPLAY", "WAYLAND_DISPLAY"):
		return "This machine has no display"
	}
	if _, err := exec.LookPath("xdg-open"); err != nil {
		return "Nothing on this machine opens a browser (xdg-open is missing)"
	}
	return ""
}
