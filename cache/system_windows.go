package cache

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
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

// peek and readOurs leave it to readRecord.
func peek(string, []byte) bool { return false }

func readOurs(_, _ string) ([]byte, bool) { return nil, false }

// Somebody else's handle does not stay long. The tries take about two seconds;
// on a machine that is busy longer, because its others are late, too.
const (
	tries     = 50
	lastPause = 64 * time.Millisecond
)

// patiently repeats what Windows refuses while somebody has the file open who
// does not share it: a virus scanner, an indexer or a backup, or a reader on a
// file system without POSIX semantics. It does not say whether that is why, so
// that what is forbidden for good fails after two seconds.
func patiently(do func() error) error {
	pause := time.Millisecond
	for range tries - 1 {
		if err := do(); !inUse(err) {
			return err
		}
		time.Sleep(pause/2 + rand.N(pause/2))
		pause = min(2*pause, lastPause)
	}
	return do()
}

func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_SHARING_VIOLATION) ||
		errors.Is(err, windows.ERROR_DELETE_PENDING)
}
