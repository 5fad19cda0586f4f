package cache

import (
	"crypto/rand"
	"io"
	"os"
)

// pad makes room the way that works everywhere: by using it. The padding is
// random, because some file systems keep no room for zeros.
func pad(file *os.File, n int64) error {
	if _, err := io.CopyN(io.NewOffsetWriter(file, 0), rand.Reader, n); err != nil {
		return err
	}
	return file.Sync() // some notice only then that there is none
}
