//go:build unix

package keys

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// ownGroup lets what the program has started end with it: pass, for one, is a
// script. It is no session of its own, so that it keeps the terminal by which
// some programs remember that a person has agreed.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}

// dontWait lets open return at once from a FIFO that nobody writes to.
const dontWait = syscall.O_NONBLOCK

func owner(info fs.FileInfo) (uid int, mine bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}

// syncDir makes a new name durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
