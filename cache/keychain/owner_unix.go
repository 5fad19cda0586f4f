//go:build unix

package keychain

import (
	"io/fs"
	"os"
	"syscall"
)

func owner(info fs.FileInfo) (uid int, mine bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}
