//go:build linux || darwin

package cachetest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// files is as little of a Store as keeps every promise, if bug is empty. It
// does not flush to the disk, which a crash of the process does not ask for.
//
// A record is the file r-KEY, which has the revision, a line feed, and the
// value. w-KEY is locked while it is written, l-KEY is what Lock locks.
type files struct {
	dir string
	bug string

	mu   sync.Mutex
	kept map[string][]byte // with the bug stale-reads
	held map[string]bool   // with the bug posix-lock
	last map[string]cache.Rev
}

func OpenMyStore(dir string) cache.Store { return openFiles(dir, "") }

func openFiles(dir, bug string) *files {
	if bug == "one-space" {
		dir = filepath.Dir(filepath.Dir(dir))
	}
	return &files{dir: dir, bug: bug, kept: map[string][]byte{}, held: map[string]bool{}, last: map[string]cache.Rev{}}
}

func (s *files) path(kind, key string) (string, error) {
	if !legal.MatchString(key) {
		return "", fmt.Errorf("key %.140q is not of the form %s", key, legal)
	}
	return filepath.Join(s.dir, kind+key), nil
}

// scramble stands for a cipher.
func (s *files) scramble(data []byte) []byte {
	out := bytes.Clone(data)
	for i := range out {
		if s.bug != "plaintext" {
			out[i] ^= 0x5a
		}
	}
	return out
}

func (s *files) Sealed() bool { return true }

func (s *files) Get(_ context.Context, key string) ([]byte, cache.Rev, error) {
	path, err := s.path("r-", key)
	if err != nil {
		return nil, "", err
	}
	raw, err := s.read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", cache.ErrNotFound
	}
	if err != nil {
		return nil, "", err
	}
	rev, data, _ := bytes.Cut(raw, []byte("\n"))
	return s.scramble(data), cache.Rev(rev), nil
}

func (s *files) read(path string) ([]byte, error) {
	if s.bug != "stale-reads" {
		return os.ReadFile(path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if raw, ok := s.kept[path]; ok {
		return raw, nil
	}
	raw, err := os.ReadFile(path)
	if err == nil {
		s.kept[path] = raw
	}
	return raw, err
}

func (s *files) Put(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	unlock, err := s.writing(key)
	if err != nil {
		return "", err
	}
	defer unlock()
	_, rev, err := s.Get(ctx, key)
	if err != nil && !errors.Is(err, cache.ErrNotFound) {
		return "", err
	}
	if rev != prev {
		return "", cache.ErrConflict
	}
	rev = s.next()
	path, _ := s.path("r-", key)
	raw := append([]byte(rev+"\n"), s.scramble(data)...)
	if err := s.replace(path, raw); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[path], s.last[key] = raw, rev
	return rev, nil
}

// replace leaves a reader the old file or the new one.
func (s *files) replace(path string, raw []byte) error {
	if s.bug == "in-place" {
		if err := os.WriteFile(path, raw[:len(raw)/2], 0o600); err != nil {
			return err
		}
		return os.WriteFile(path, raw, 0o600)
	}
	temporary := "t-*"
	if s.bug == "lists-temporary" {
		temporary = "r-t*"
	}
	file, err := os.CreateTemp(s.dir, temporary)
	if err != nil {
		return err
	}
	if s.bug == "cas-in-process" || s.bug != "" && len(raw) > 200 {
		<-time.After(time.Millisecond) // here others look, and writers are killed
	}
	_, err = file.Write(raw)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

var writes atomic.Int64 // with the bug counts-revisions

func (s *files) next() cache.Rev {
	if s.bug == "counts-revisions" {
		return cache.Rev(strconv.FormatInt(writes.Add(1), 10))
	}
	return cache.Rev(rand.Text())
}

func (s *files) Delete(_ context.Context, key string) error {
	unlock, err := s.writing(key)
	if err != nil {
		return err
	}
	defer unlock()
	path, _ := s.path("r-", key)
	s.mu.Lock()
	delete(s.kept, path)
	s.last[key] = ""
	s.mu.Unlock()
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *files) List(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		entries, err := os.ReadDir(s.dir)
		if err != nil {
			yield("", err)
			return
		}
		for _, entry := range entries {
			key, ok := strings.CutPrefix(entry.Name(), "r-")
			if ok && strings.HasPrefix(key, prefix) && !yield(key, nil) {
				return
			}
		}
	}
}

func (s *files) Changed(ctx context.Context, key string, since cache.Rev) (bool, error) {
	if s.bug == "knows-its-own" {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.last[key] != since, nil
	}
	_, rev, err := s.Get(ctx, key)
	if errors.Is(err, cache.ErrNotFound) {
		err = nil
	}
	return rev != since, err
}

func (s *files) Reserve(_ context.Context, key string, _ int) error {
	_, err := s.path("r-", key)
	return err
}

// writing guards what Put and Delete do between reading and writing.
func (s *files) writing(key string) (unlock func(), err error) {
	path, err := s.path("w-", key)
	if err != nil {
		return nil, err
	}
	switch s.bug {
	case "cas-in-process":
		inProcess.Lock()
		return inProcess.Unlock, nil
	case "write-lock-stays":
		file, err := exclusive(context.Background(), path)
		if err != nil {
			return nil, err
		}
		return func() { file.Close(); os.Remove(path) }, nil
	}
	file, err := flock(context.Background(), path)
	if err != nil {
		return nil, err
	}
	return func() { _ = unflock(file) }, nil
}

func (s *files) Lock(ctx context.Context, key string) (func() error, error) {
	path, err := s.path("l-", key)
	if err != nil {
		return nil, err
	}
	var file *os.File
	switch s.bug {
	case "lock-in-process":
		lock, _ := processLocks.LoadOrStore(path, new(sync.Mutex))
		err := poll(ctx, func() (bool, error) { return lock.(*sync.Mutex).TryLock(), nil })
		return sync.OnceValue(func() error { lock.(*sync.Mutex).Unlock(); return nil }), err
	case "lock-stays":
		if file, err = exclusive(ctx, path); err != nil {
			return nil, err
		}
		return sync.OnceValue(func() error { return errors.Join(file.Close(), os.Remove(path)) }), nil
	case "lock-unlinked":
		if file, err = flock(ctx, path); err != nil {
			return nil, err
		}
		return sync.OnceValue(func() error { _ = os.Remove(path); return unflock(file) }), nil
	case "posix-lock":
		return s.posixLock(ctx, path)
	}
	if file, err = flock(ctx, path); err != nil {
		return nil, err
	}
	return sync.OnceValue(func() error { return unflock(file) }), nil
}

func (s *files) TryLock(_ context.Context, key string) (func() error, bool, error) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	unlock, err := s.Lock(ended, key)
	if errors.Is(err, context.Canceled) {
		return nil, false, nil
	}
	return unlock, err == nil, err
}

var (
	inProcess    sync.Mutex // with the bug cas-in-process
	processLocks sync.Map   // with the bug lock-in-process
)

// flock waits for the file's lock, which the kernel frees with the process.
func flock(ctx context.Context, path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() (bool, error) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		return err == nil, ignore(err, syscall.EWOULDBLOCK, syscall.EINTR)
	})
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// unflock does not leave it to Close: a process that is just being started has
// the file open too until it runs its program.
func unflock(file *os.File) error {
	return errors.Join(syscall.Flock(int(file.Fd()), syscall.LOCK_UN), file.Close())
}

// exclusive waits until it creates the file.
func exclusive(ctx context.Context, path string) (file *os.File, err error) {
	err = poll(ctx, func() (bool, error) {
		file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		return err == nil, ignore(err, fs.ErrExist)
	})
	return file, err
}

// posixLock excludes other processes, and other users of the same handle.
func (s *files) posixLock(ctx context.Context, path string) (func() error, error) {
	err := poll(ctx, func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		free := !s.held[path]
		s.held[path] = true
		return free, nil
	})
	if err != nil {
		return nil, err
	}
	leave := func() { s.mu.Lock(); s.held[path] = false; s.mu.Unlock() }
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		leave()
		return nil, err
	}
	err = poll(ctx, func() (bool, error) {
		err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
		return err == nil, ignore(err, syscall.EAGAIN, syscall.EACCES, syscall.EINTR)
	})
	if err != nil {
		file.Close()
		leave()
		return nil, err
	}
	return sync.OnceValue(func() error { defer leave(); return file.Close() }), nil
}

func poll(ctx context.Context, try func() (bool, error)) error {
	for {
		done, err := try()
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

func ignore(err error, these ...error) error {
	for _, this := range these {
		if errors.Is(err, this) {
			return nil
		}
	}
	return err
}
