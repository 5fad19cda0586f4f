package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
)

// revision names what lies in a file. A sealed record has 32 random bytes of
// salt, and the first half of them is its revision: no two writes have it in
// common, also not after Delete, and who changes it makes the record
// unreadable. Anything else is named by its hash, so that damage has a
// revision under which it can be replaced.
func revision(data []byte) Rev {
	if len(data) >= headerLen && bytes.HasPrefix(data, []byte(recordMagic)) {
		return Rev(hex.EncodeToString(data[saltAt : saltAt+16]))
	}
	sum := sha256.Sum256(data)
	return Rev("x" + hex.EncodeToString(sum[:16]))
}

// oddRevision names what is not a record at all, by all that can be known of
// it without reading.
func oddRevision(info fs.FileInfo) Rev {
	about := fmt.Appendf(nil, "%v %d %d", info.Mode(), info.Size(), info.ModTime().UnixNano())
	return "x" + revision(about)
}

func (f *files) Get(_ context.Context, key string) ([]byte, Rev, error) {
	if err := checkKey(key); err != nil {
		return nil, "", err
	}
	if f.err == nil {
		if data, ok := readOurs(f.path, fileName(key)); ok {
			return data, revision(data), nil
		}
	}
	dir, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", ErrNotFound
	}
	if err != nil {
		return nil, "", err
	}
	defer dir.Close()
	return readRecord(dir, fileName(key), maxRecord)
}

// readRecord reads the file and its revision, but no more than enough bytes
// of a sealed record.
func readRecord(dir *os.Root, name string, enough int64) ([]byte, Rev, error) {
	file, info, err := openRegular(dir, name, os.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", ErrNotFound
	case errors.Is(err, errOdd):
		return nil, oddRevision(info), odd(name, err)
	case err != nil:
		return nil, "", dirError(dir.Name(), err)
	}
	defer file.Close()
	if info.Size() > maxRecord {
		return nil, oddRevision(info), odd(name, fmt.Errorf("it has %d bytes", info.Size()))
	}
	data := make([]byte, min(info.Size(), enough))
	if _, err = io.ReadFull(file, data); err == nil && len(data) == headerLen && !bytes.HasPrefix(data, []byte(recordMagic)) {
		var rest []byte // only all of it has a name
		rest, err = io.ReadAll(io.LimitReader(file, maxRecord))
		data = append(data, rest...)
	}
	if err != nil {
		return nil, "", dirError(dir.Name(), err)
	}
	return data, revision(data), nil
}

// errOdd is what stands in the place of a file and is none of ours.
var errOdd = errors.New("not a regular file")

func odd(name string, err error) error {
	return fmt.Errorf("cache: %s is not a record: %w; sign in again, which moves it aside: %w", name, err, ErrUnreadable)
}

// openRegular opens a regular file of ours. It waits for nobody, as opening a
// FIFO would, and follows no symbolic link: os.Root follows those that stay
// inside the directory, so that one record would be overwritten under the name
// of another. All else is decided on the open file, not on its name.
func openRegular(dir *os.Root, name string, flag int) (*os.File, fs.FileInfo, error) {
	var info fs.FileInfo
	err := patiently(func() (err error) {
		info, err = dir.Lstat(name)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, errOdd
	}
	file, err := openFile(dir, name, flag|dontWait)
	if err != nil {
		return nil, nil, err
	}
	info, err = file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errOdd
	}
	if err == nil {
		err = ownFile(file, info)
	}
	if err != nil {
		file.Close()
		return nil, info, err
	}
	return file, info, nil
}

func openFile(dir *os.Root, name string, flag int) (file *os.File, err error) {
	err = patiently(func() (err error) {
		file, err = dir.OpenFile(name, flag, 0o600)
		return err
	})
	return file, err
}

// ownFile refuses a file of somebody else, and closes ours to others.
func ownFile(file *os.File, info fs.FileInfo) error {
	if owner, mine := mine(info); !mine {
		return fmt.Errorf("%s belongs to user %d", file.Name(), owner)
	}
	if loose(info) {
		return file.Chmod(0o600)
	}
	return nil
}

// Changed reads the revision. Comparing the times of the file instead would
// miss a change: the clock of a file system may stand still for milliseconds,
// and the number of a file that is gone is given to another. What looks like a
// record is believed without the questions that reading it would ask.
func (f *files) Changed(_ context.Context, key string, since Rev) (bool, error) {
	if err := checkKey(key); err != nil {
		return false, err
	}
	var head [headerLen]byte
	if peek(f.path+string(filepath.Separator)+fileName(key), head[:]) && bytes.HasPrefix(head[:], []byte(recordMagic)) {
		return revision(head[:]) != since, nil
	}
	dir, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		return since != "", nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	now, err := currentRevision(dir, fileName(key))
	return now != since, err
}

// currentRevision is empty if there is no record. What cannot be read has one,
// too.
func currentRevision(dir *os.Root, name string) (Rev, error) {
	_, rev, err := readRecord(dir, name, headerLen)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrUnreadable) {
		err = nil
	}
	return rev, err
}

func (f *files) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		dir, err := f.open()
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if err != nil {
			yield("", err)
			return
		}
		defer dir.Close()
		entries, err := dir.Open(".")
		if err != nil {
			yield("", dirError(f.path, err))
			return
		}
		defer entries.Close()
		for {
			names, err := entries.Readdirnames(256)
			for _, name := range names {
				key, ok := keyOf(name)
				if !ok || !strings.HasPrefix(key, prefix) {
					continue
				}
				if err := ctx.Err(); err != nil {
					yield("", err)
					return
				}
				if !yield(key, nil) {
					return
				}
			}
			if err == io.EOF {
				return
			}
			if err != nil {
				yield("", dirError(f.path, err))
				return
			}
		}
	}
}
