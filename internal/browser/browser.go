// Package browser starts the system's browser (RFC 8252 section 4) and says in
// one line why a machine has none.
//
// The address comes in part from a server, and what opens a browser is often a
// script around another script. So the address must be an address and nothing
// else to every reader (target.go), it is one argument of a program that is
// named by an absolute path (command.go), and no shell is involved (launch.go).
// advice.go decides by the environment.
package browser

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// patience is how long a launcher may take to say that it cannot. xdg-open
// without a display needs 50 ms for that; with one, it often stays for as long
// as the browser runs.
const patience = time.Second

// Open starts a browser at target: https, or with loopbackHTTP also http to
// 127.0.0.1 or [::1], at most 8 KiB. It does not wait for the browser. An error
// means that no browser came up, and the person should get the address to open
// by hand; nil means that nothing spoke against it within a second.
//
// A launcher that still runs then is waited for by one goroutine, which ends
// with it and leaves no zombie behind. Neither the end of ctx nor an interrupt
// from the terminal ends the launcher: the browser may be its child.
func Open(ctx context.Context, target string, loopbackHTTP bool) error {
	address, err := check(target, loopbackHTTP)
	if err != nil {
		return err
	}
	return here().open(ctx, address, patience)
}

// Advice returns one line on why no browser can be expected to come up here, or
// to reach this machine, and what to do instead; "" when one can. The word PORT
// in it stands for the port of the redirect URI. It reads the environment and
// runs nothing.
func Advice() string { return here().advice() }

// machine is what the decisions depend on.
type machine struct {
	goos     string
	elevated bool // runs with rights that are not those of the person at the keyboard
	getenv   func(string) string
	find     func(program string) (path string, ok bool)
	exists   func(path string) bool
}

func here() machine {
	return machine{
		goos:     runtime.GOOS,
		elevated: elevated(os.Geteuid(), os.Getuid(), os.Getegid(), os.Getgid(), os.Getenv),
		getenv:   os.Getenv,
		find:     find,
		exists:   func(path string) bool { _, err := os.Stat(path); return err == nil },
	}
}

// elevated reports a setuid program, or root by way of sudo and its like. Their
// environment is the caller's, and so would be the choice of the program that
// runs with root's rights.
func elevated(euid, uid, egid, gid int, getenv func(string) string) bool {
	if euid != uid || egid != gid {
		return true
	}
	return euid == 0 && getenv("SUDO_UID")+getenv("PKEXEC_UID")+getenv("DOAS_USER") != ""
}

// find looks a program up in PATH. One from the current directory is not run:
// LookPath refuses it with exec.ErrDot, unless GODEBUG says otherwise, and does
// not when the name has a slash.
func find(program string) (string, bool) {
	path, err := exec.LookPath(program)
	return path, err == nil && filepath.IsAbs(path)
}

func (m machine) open(ctx context.Context, address string, patience time.Duration) error {
	if m.elevated {
		return errors.New("no browser is started with another user's rights (sudo); open the address by hand")
	}
	err := errors.New("no program that opens a browser was found; open the address by hand")
	for _, argv := range m.commands(address) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err = launch(ctx, argv, patience); err == nil {
			return nil
		}
	}
	return err
}
