//go:build unix

package cache

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	hasModes = true

	// dontWait lets open return at once from a FIFO that nobody writes to.
	dontWait   = syscall.O_NONBLOCK
	dontFollow = syscall.O_NOFOLLOW
)

// mine tells whose a file is. Root is no exception: what it wrote into
// somebody's directory, under sudo, they could no longer use.
func mine(info fs.FileInfo) (owner int, mine bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return -1, false
	}
	return int(stat.Uid), int(stat.Uid) == os.Geteuid()
}

func links(info fs.FileInfo) uint64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return uint64(stat.Nlink) //nolint:unconvert // its size differs between systems
}

// syncDir makes a rename or a removal durable.
func syncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return dirError(dir.Name(), err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return dirError(dir.Name(), err)
	}
	return nil
}

// peek fills b with the beginning of a file, in three system calls.
func peek(path string, b []byte) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|dontFollow|dontWait, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, b)
	return err == nil && n == len(b)
}

// readOurs reads a file whole if there is nothing to say against it and its
// directory: both are what they should be, ours, and closed to others. That
// takes eight system calls, and half the time of asking the same through
// os.Root, which knows what to say and to do when something is not so.
func readOurs(dir, name string) (data []byte, ok bool) {
	d, err := unix.Open(dir, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(d)
	if _, ours := statOurs(d, unix.S_IFDIR); !ours {
		return nil, false
	}
	file, err := unix.Openat(d, name, unix.O_RDONLY|unix.O_CLOEXEC|dontFollow|dontWait, 0)
	if err != nil {
		return nil, false
	}
	defer unix.Close(file)
	size, ours := statOurs(file, unix.S_IFREG)
	if !ours || size > maxRecord {
		return nil, false
	}
	data = make([]byte, size)
	n, err := unix.Read(file, data)
	return data, err == nil && n == len(data)
}

func statOurs(fd int, kind uint32) (size int64, ours bool) {
	var s unix.Stat_t
	err := unix.Fstat(fd, &s)
	mode := uint32(s.Mode) //nolint:unconvert // its size differs between systems
	return s.Size, err == nil && mode&unix.S_IFMT == kind && mode&0o077 == 0 && int(s.Uid) == os.Geteuid()
}

// patiently calls do: nobody's open file is in the way of another here.
func patiently(do func() error) error { return do() }
