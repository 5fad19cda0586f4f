package cache

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate makes room for n bytes. fallocate also keeps it on file systems
// that write changed data elsewhere; those that do not have it, pad.
func allocate(file *os.File, n int64) error {
	err := unix.Fallocate(int(file.Fd()), 0, 0, n)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return pad(file, n)
	}
	return err
}
