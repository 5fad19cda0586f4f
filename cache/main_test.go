package cache_test

import (
	"os"
	"testing"
)

// The rules of a Store sync thousands of times, which costs nothing in memory.
func TestMain(m *testing.M) {
	if dir, err := os.MkdirTemp("/dev/shm", "cache"); err == nil {
		os.Remove(dir)
		os.Setenv("TMPDIR", "/dev/shm")
	}
	os.Exit(m.Run())
}
