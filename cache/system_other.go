//go:build !unix

package cache

import (
	"io/fs"
	"os"
)

// Windows has access lists instead of modes, and nothing to wait for. What is
// made in a person's profile is theirs.
const (
	hasModes   = false
	dontWait   = 0
	dontFollow = 0
)

func mine(fs.FileInfo) (owner int, mine bool) { return 0, true }

func links(fs.FileInfo) uint64 { return 1 }

// syncDir does nothing: NTFS logs the changes of its directories, and offers
// no way to wait for them.
func syncDir(*os.Root) error { return nil }

// peek leaves it to readRecord.
func peek(string, []byte) bool { return false }
