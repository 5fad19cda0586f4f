//go:build !unix

package browser

import "os/exec"

// detach has nothing to do: on Windows the shell starts the browser, not
// rundll32.
func detach(*exec.Cmd) {}
