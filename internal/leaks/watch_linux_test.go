package leaks

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// pause is between two looks at processes and files. What lives shorter may be missed; it is looked at all the more often.
const pause = 50 * time.Millisecond

// maxFile is the size up to which files are read: tests write no secret beyond it, but copies of programs.
const maxFile = 4 << 20

// watcher looks at one run, which has a folder for temporary files of its own: a process is of the run if its environment says so.
type watcher struct {
	temp      string
	mu        sync.Mutex
	found     map[finding]bool
	files     map[string]time.Time // as they were when they were read last
	processes map[string]bool      // by number and arguments
}

// watch runs cmd to its end and returns its output, its error, and what was found.
func watch(cmd *exec.Cmd, temp string) (*watcher, []byte, error) {
	w := &watcher{temp: temp, found: map[finding]bool{}, files: map[string]time.Time{}, processes: map[string]bool{}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Env = append(cmd.Environ(), "TMPDIR="+temp)
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	ended, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for {
			w.look()
			select {
			case <-ended:
				return
			case <-time.After(pause):
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	<-stopped
	w.look() // at what is left
	for line := range bytes.Lines(out.Bytes()) {
		w.note("the output", line)
	}
	return w, out.Bytes(), err
}

func (w *watcher) note(where string, text []byte) {
	for _, f := range scan(where, text) {
		w.found[f] = true
	}
}

func (w *watcher) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	environments, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range environments {
		environ, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(environ, []byte("TMPDIR="+w.temp)) { // of somebody else, or gone
			continue
		}
		dir := filepath.Dir(name)
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		key := dir + string(cmdline)
		if w.processes[key] {
			continue
		}
		w.processes[key] = true
		program, _, _ := strings.Cut(string(cmdline), "\x00")
		w.note("the environment of "+filepath.Base(program), environ)
		w.note("the arguments of "+filepath.Base(program), cmdline)
	}
	_ = filepath.WalkDir(w.temp, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // it is gone: tests clean up
		}
		info, err := entry.Info()
		if err != nil || info.Size() > maxFile || w.files[name].Equal(info.ModTime()) {
			return nil //nolint:nilerr // likewise
		}
		w.files[name] = info.ModTime()
		if text, err := os.ReadFile(name); err == nil {
			rel, _ := filepath.Rel(w.temp, name)
			w.note(fmt.Sprintf("the file %s", rel), text)
		}
		return nil
	})
}
