package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Dir returns a Store that keeps one sealed record for each key in the
// directory path, which it makes when it first writes. A path that is relative
// is another store in each working directory: where people have theirs is
// keychain.Dir, and a service has /var/lib. It may be used by any number of
// processes at once. k keeps the key; see [Seal] for what sealing
// promises.
//
//   - Put writes a new file, syncs it and renames it over the old one: a crash
//     at any moment leaves either record whole, and [Reserver] sets the room
//     for the new one aside.
//   - Locks are those of the operating system, which frees them when a process
//     dies. Their files are never removed.
//   - A record that nobody can read is moved aside when it is replaced, one for
//     each key, and removed with it.
//   - The directory and its files are for their owner alone; what is ours is
//     corrected, what is somebody else's is ErrUnavailable. Windows: they
//     inherit the directory's access list, so choose one in the user's profile.
//
// The directory should hold nothing else, and not be shared between machines
// whose keychains differ. k must not be nil.
func Dir(path string, k Keys) Store {
	abs, err := filepath.Abs(path)
	if path == "" {
		err = errors.New("its path is empty")
	}
	return Seal(&files{path: abs, err: err}, k)
}

// files keeps records as they are, each in a file.
type files struct {
	path  string
	err   error // of path: reported by every call
	locks locks // by the name of a lock file
}

// Beside the record of a key there may be its other files. No key contains
// an @, so that none of them is taken for a record.
const (
	lockFile  = "@lock"  // held across a refresh
	writeFile = "@write" // held for a millisecond, while a record is replaced
	newFile   = "@new"   // the next record; a crash leaves at most this one behind
	lostFile  = "@lost"  // the last record that nobody could read
)

// fileName is key, but for the names that Windows takes for devices ("con",
// "nul.txt") or shortens ("a."). Those stand between two @.
func fileName(key string) string {
	base, _, _ := strings.Cut(key, ".")
	device := len(base) == 3 && strings.Contains("con prn aux nul", base) ||
		len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt") && base[3] >= '0' && base[3] <= '9'
	if device || strings.HasSuffix(key, ".") {
		return "@" + key + "@"
	}
	return key
}

// keyOf undoes fileName, and knows what is not a record.
func keyOf(name string) (key string, ok bool) {
	key = name
	if len(name) > 2 && name[0] == '@' && name[len(name)-1] == '@' {
		key = name[1 : len(name)-1]
	}
	return key, checkKey(key) == nil && fileName(key) == name
}

// open opens the directory for one operation. It is opened each time, because
// somebody may have removed it or put another in its place, and what is
// checked here is what is then worked in, whatever happens to its name.
func (f *files) open() (*os.Root, error) {
	if f.err != nil {
		return nil, fmt.Errorf("cache: directory: %w: %w", ErrUnavailable, f.err)
	}
	dir, err := os.OpenRoot(f.path)
	if err != nil {
		return nil, dirError(f.path, err)
	}
	if err := tighten(dir, f.path); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

func tighten(dir *os.Root, path string) error {
	info, err := dir.Stat(".")
	if err != nil {
		return dirError(path, err)
	}
	if owner, mine := mine(info); !mine {
		return fmt.Errorf("cache: directory %s belongs to user %d and this process runs as user %d; "+
			"choose a directory of its own: %w", path, owner, os.Geteuid(), ErrUnavailable)
	}
	if loose(info) {
		if err := dir.Chmod(".", 0o700); err != nil {
			return dirError(path, err)
		}
	}
	return nil
}

// create opens the directory and makes it if it is not there.
func (f *files) create() (*os.Root, error) {
	dir, err := f.open()
	if !errors.Is(err, fs.ErrNotExist) {
		return dir, err
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return nil, dirError(f.path, err)
	}
	return f.open()
}

// dirError says that the directory cannot be used now. The cause says what the
// system has against it, but names a file in it without its directory.
func dirError(path string, err error) error {
	return fmt.Errorf("cache: directory %s: %w: %w", path, ErrUnavailable, err)
}

// loose tells that others may read or write. Windows shows no such modes.
func loose(info fs.FileInfo) bool { return hasModes && info.Mode().Perm()&0o077 != 0 }
