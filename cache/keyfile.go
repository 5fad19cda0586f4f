package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
)

// KeyFile returns Keys that reads its only key from a file which somebody else
// made, such as a mounted secret or a systemd credential: 32 bytes, raw or in
// standard base64; a trailing newline is ignored. Its mode must be 0400 or
// 0600 (Windows has none). It never writes the file:
//
//	head -c 32 /dev/urandom > key && chmod 400 key
//
// A file that is missing or unsuitable is ErrUnavailable, one that others may
// read ErrNoSecureStorage: nothing is lost, and the right file brings all back.
func KeyFile(path string) Keys { return keyFile{path} }

type keyFile struct{ path string }

// Key returns the key under every id: the file does not know its name. Who
// asks for a certain key compares the fingerprint.
func (f keyFile) Key(context.Context, string) ([]byte, error) {
	text, err := f.read()
	if err != nil {
		return nil, fmt.Errorf("cache: key file: %w", err)
	}
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("cache: key file %s: %w", f.path, err)
	}
	return key, nil
}

// Provider implements [Provider].
func (f keyFile) Provider() string { return "key file" }

func (f keyFile) Create(context.Context, string, []byte) error {
	return fmt.Errorf("cache: key file %s is read-only: %w: %w", f.path, ErrUnavailable, errors.ErrUnsupported)
}

// read follows symbolic links, as mounted secrets are made of them, and
// decides on the open file.
func (f keyFile) read() ([]byte, error) {
	file, err := os.OpenFile(f.path, os.O_RDONLY|dontWait, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w; make one with 32 random bytes and mode 0400", ErrUnavailable, err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file: %w", f.path, ErrUnavailable)
	}
	if mode := info.Mode().Perm(); mode != 0o400 && mode != 0o600 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has mode %#o, want 0400 or 0600: %w", f.path, mode, ErrNoSecureStorage)
	}
	text, err := io.ReadAll(io.LimitReader(file, 64))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return text, nil
}
