//go:build unix

package browser

import (
	"os/exec"
	"syscall"
)

// detach gives the launcher a session of its own. In the terminal's, a Ctrl-C
// meant for the program that signs in would close the browser with all its
// windows.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
