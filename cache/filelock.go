package cache

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A lock is one within the process and one of the operating system on an empty
// file beside the record. The first spares the goroutines of one process the
// polling that the second needs. The file is never removed: who waits with a
// removed file open and who makes it anew would both hold the lock.
const (
	firstPoll = time.Millisecond
	lastPoll  = 25 * time.Millisecond
)

func (f *files) Lock(ctx context.Context, key string) (func() error, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	if err := f.makeDir(); err != nil {
		return nil, err
	}
	return f.hold(ctx, fileName(key)+lockFile)
}

func (f *files) TryLock(_ context.Context, key string) (func() error, bool, error) {
	if err := checkKey(key); err != nil {
		return nil, false, err
	}
	if err := f.makeDir(); err != nil {
		return nil, false, err
	}
	name := fileName(key) + lockFile
	release, ok := f.locks.tryLock(name)
	if !ok {
		return nil, false, nil
	}
	file, ok, err := f.tryFile(name)
	if !ok {
		release()
		return nil, false, err
	}
	return unlocker(file, release), true, nil
}

// makeDir makes the directory: a lock needs no record.
func (f *files) makeDir() error {
	dir, err := f.create()
	if err != nil {
		return err
	}
	return dir.Close()
}

// hold waits for the lock of that file until ctx ends.
func (f *files) hold(ctx context.Context, name string) (unlock func() error, err error) {
	release, err := f.locks.lock(ctx, name)
	if err != nil {
		return nil, err
	}
	for poll := firstPoll; ; poll = min(2*poll, lastPoll) {
		file, ok, err := f.tryFile(name)
		if ok {
			return unlocker(file, release), nil
		}
		if err != nil {
			release()
			return nil, err
		}
		pause := time.NewTimer(poll/2 + rand.N(poll/2)) // or all would come back at once
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			release()
			return nil, ctx.Err()
		}
	}
}

// tryFile takes the lock of that file if it is free. The file is opened for
// each try, so that nobody waits for one that was removed with its directory.
func (f *files) tryFile(name string) (file *flock.Flock, ok bool, err error) {
	file = flock.New(filepath.Join(f.path, name), flock.SetFlag(os.O_CREATE|os.O_RDWR|dontFollow|dontWait))
	try := func() (err error) {
		ok, err = file.TryLock()
		return err
	}
	err = patiently(try)
	if errors.Is(err, fs.ErrNotExist) {
		if err := f.makeDir(); err != nil {
			return nil, false, err
		}
		err = patiently(try)
	}
	if err != nil {
		return nil, false, dirError(f.path, err)
	}
	return file, ok, nil
}

func unlocker(file *flock.Flock, release func()) func() error {
	return sync.OnceValue(func() error {
		defer release()
		return file.Unlock()
	})
}
