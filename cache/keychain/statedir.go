package keychain

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// stateDir is where the sessions of app lie: state, not cache, because cleaners
// empty caches, and local, because a refresh token that roams to another
// machine is used twice.
func stateDir(app string) (string, error) {
	base, home, err := stateHome(runtime.GOOS, os.Getenv)
	if err != nil {
		return "", err
	}
	if err := notOthers(base, home); err != nil {
		return "", err
	}
	name := "sessions"
	if runtime.GOOS == "linux" {
		name += machine("/etc/machine-id")
	}
	return filepath.Join(base, app, name), nil
}

// stateHome is the directory for the state of all programs. inHome tells that
// it follows from HOME alone.
func stateHome(goos string, getenv func(string) string) (dir string, inHome bool, err error) {
	if goos == "windows" {
		if dir := getenv("LOCALAPPDATA"); filepath.IsAbs(dir) {
			return dir, false, nil
		}
		return "", false, errors.New("%LOCALAPPDATA% is not an absolute path")
	}
	// The XDG Base Directory Specification: "If an implementation encounters a
	// relative path in any of these variables it should consider the path
	// invalid and ignore it."
	if dir := getenv("XDG_STATE_HOME"); goos != "darwin" && filepath.IsAbs(dir) {
		return dir, false, nil
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", false, errors.New("HOME is not an absolute path; set it, or XDG_STATE_HOME where that is known")
	}
	if goos == "darwin" {
		return filepath.Join(home, "Library", "Application Support"), true, nil
	}
	return filepath.Join(home, ".local", "state"), true, nil
}

// notOthers refuses to leave files in somebody else's home, which is where HOME
// points under sudo. They could not use their own program afterwards.
func notOthers(dir string, inHome bool) error {
	for {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			dir = filepath.Dir(dir)
			continue
		}
		if err != nil {
			return err
		}
		if uid, mine := owner(info); !mine && (inHome || os.Geteuid() == 0) {
			return fmt.Errorf("%s belongs to user %d and this process runs as user %d; run it as that user, "+
				"or set HOME or XDG_STATE_HOME", dir, uid, os.Geteuid())
		}
		return nil
	}
}

// machine is a suffix that differs between machines, empty where they have no
// identity. machine-id(5) asks not to show the identity itself to others.
func machine(file string) string {
	id, err := os.ReadFile(file)
	text := strings.TrimSpace(string(id))
	if raw, bad := hex.DecodeString(text); err != nil || bad != nil || len(raw) != 16 {
		return ""
	}
	sum := sha256.Sum256([]byte("staysigned machine 1\x00" + text))
	return "-" + hex.EncodeToString(sum[:8])
}
