package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// writeWait bounds the wait for another writer of the same record, who needs a
// millisecond. Only a stopped process takes longer.
const writeWait = 10 * time.Second

func (f *files) Put(ctx context.Context, key string, data []byte, prev Rev) (Rev, error) {
	return f.put(ctx, key, data, prev, false)
}

// replace is Put, but moves the old record aside instead of losing it.
func (f *files) replace(ctx context.Context, key string, data []byte, prev Rev) (Rev, error) {
	return f.put(ctx, key, data, prev, true)
}

func (f *files) put(ctx context.Context, key string, data []byte, prev Rev, aside bool) (rev Rev, err error) {
	err = f.writing(ctx, key, func(dir *os.Root, name string) error {
		now, err := currentRevision(dir, name)
		if err != nil {
			return err
		}
		if now != prev {
			return ErrConflict
		}
		if err := writeNew(dir, name+newFile, data); err != nil {
			return dirError(dir.Name(), err)
		}
		if aside {
			if err := moveAside(dir, name); err != nil {
				return dirError(dir.Name(), err)
			}
		}
		if err := rename(dir, name+newFile, name); err != nil {
			return dirError(dir.Name(), err)
		}
		return syncDir(dir)
	})
	if err != nil {
		return "", err
	}
	return revision(data), nil
}

func (f *files) Delete(ctx context.Context, key string) error {
	return f.writing(ctx, key, func(dir *os.Root, name string) error {
		for _, file := range []string{name, name + newFile, name + lostFile} {
			if err := remove(dir, file); err != nil {
				return dirError(dir.Name(), err)
			}
		}
		return syncDir(dir)
	})
}

// Reserve makes the file of the next record beforehand, with room for it. Put
// writes into that room.
func (f *files) Reserve(ctx context.Context, key string, n int) error {
	return f.writing(ctx, key, func(dir *os.Root, name string) error {
		file, info, err := openNew(dir, name+newFile)
		if err != nil {
			return dirError(dir.Name(), err)
		}
		defer file.Close()
		if info.Size() >= int64(n) {
			return nil // reserved before, and not used
		}
		if err := allocate(file, int64(n)); err != nil {
			_ = dir.Remove(name + newFile)
			return fmt.Errorf("cache: no room for %d bytes in %s: %w: %w", n, f.path, ErrUnavailable, err)
		}
		return nil
	})
}

// writing calls do under the lock for writing of key, with the directory and
// the name of the record's file.
func (f *files) writing(ctx context.Context, key string, do func(dir *os.Root, name string) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	dir, err := f.create()
	if err != nil {
		return err
	}
	defer dir.Close()
	wait, cancel := context.WithTimeout(ctx, writeWait)
	defer cancel()
	unlock, err := f.hold(wait, fileName(key)+writeFile)
	if err != nil {
		if wait.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("cache: another process has been writing record %s for %v; is it stopped? %w", key, writeWait, ErrUnavailable)
		}
		return err
	}
	defer func() { _ = unlock() }()
	return do(dir, fileName(key))
}

// writeNew writes data into the file of that name and makes it durable. What a
// crash or an earlier Reserve left there is used; what fails goes, for it may
// be what fills the disk.
func writeNew(dir *os.Root, name string, data []byte) error {
	file, _, err := openNew(dir, name)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(data, 0)
	if err == nil {
		err = file.Truncate(int64(len(data)))
	}
	if err == nil {
		err = file.Sync()
	}
	if cerr := file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = dir.Remove(name)
	}
	return err
}

// openNew opens or makes the file of the next record. One that has a second
// name is not used: it would change under that name, too.
func openNew(dir *os.Root, name string) (*os.File, fs.FileInfo, error) {
	file, info, err := openRegular(dir, name, os.O_RDWR)
	if err == nil && links(info) == 1 {
		return file, info, nil
	}
	if err == nil {
		file.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		if err := patiently(func() error { return dir.RemoveAll(name) }); err != nil {
			return nil, nil, err
		}
	}
	file, err = openFile(dir, name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, nil, err
	}
	info, err = file.Stat()
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// moveAside makes place for a new record. Between this and the rename that
// follows a crash leaves none, instead of one that nobody can read.
func moveAside(dir *os.Root, name string) error {
	if err := remove(dir, name+lostFile); err != nil {
		return err
	}
	return rename(dir, name, name+lostFile)
}

func rename(dir *os.Root, from, to string) error {
	return patiently(func() error { return dir.Rename(from, to) })
}

// remove is content if there is nothing to remove.
func remove(dir *os.Root, name string) error {
	err := patiently(func() error { return dir.Remove(name) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
