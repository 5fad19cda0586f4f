package cachetest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// How another process finds out what it is for.
const (
	envTest  = "STAYSIGNED_CACHETEST_TEST"  // the name of the sub-test that started it
	envSpace = "STAYSIGNED_CACHETEST_SPACE" // the space of that sub-test
)

// isWorker reports whether the process is there for this sub-test alone.
func isWorker(t *testing.T) bool { return os.Getenv(envTest) == t.Name() }

// process is the store in another process, which does what it is told: one
// order at a time, from one goroutine at a time.
type process struct {
	c       *check
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stdout  *bufio.Scanner
	stderr  bytes.Buffer
	printed []byte // what else is on standard output
	ended   bool
}

// process starts another process.
func (c *check) process() *process {
	c.Helper()
	return c.processes(1)[0]
}

// processes starts n of them and waits until all are ready, so that they begin
// their work together.
func (c *check) processes(n int) []*process {
	c.Helper()
	all := make([]*process, n)
	for i := range all {
		all[i] = c.start()
	}
	for _, p := range all {
		if _, err := p.receive(); err != nil {
			c.Fatal(err)
		}
	}
	return all
}

func (c *check) start() *process {
	c.Helper()
	binary, err := os.Executable()
	if err != nil {
		c.Fatalf("the test binary, which other processes run: %v", err)
	}
	p := &process{c: c, cmd: exec.CommandContext(c.ctx, binary, arguments(c.Name())...)}
	p.cmd.Env = append(os.Environ(), envTest+"="+c.Name(), envSpace+"="+c.space,
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0") // or each process sleeps for a second under -race
	p.cmd.Stderr = &p.stderr
	p.stdin, err = p.cmd.StdinPipe()
	if err != nil {
		c.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		c.Fatal(err)
	}
	p.stdout = bufio.NewScanner(stdout)
	p.stdout.Buffer(nil, 64<<20)
	if err := p.cmd.Start(); err != nil {
		c.Fatalf("starting the test binary again: %v", err)
	}
	c.Cleanup(p.end)
	return p
}

// arguments select one sub-test, and pass on the flags of the test's own.
func arguments(test string) []string {
	parts := strings.Split(test, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	args := []string{"-test.run=" + strings.Join(parts, "/"), "-test.count=1", "-test.timeout=2m"}
	flag.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") || f.Name == "test.short" {
			args = append(args, "-"+f.Name+"="+f.Value.String())
		}
	})
	return append(args, flag.Args()...)
}

func (p *process) send(o order) error {
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := p.stdin.Write(append(line, '\n')); err != nil {
		return p.lost()
	}
	return nil
}

func (p *process) receive() (r reply, err error) {
	for p.stdout.Scan() {
		if line, isReply := bytes.CutPrefix(p.stdout.Bytes(), []byte(replyMark)); isReply {
			if err := json.Unmarshal(line, &r); err != nil {
				return r, err
			}
			if r.Err != nil {
				return r, r.Err
			}
			return r, nil
		}
		p.printed = fmt.Appendf(p.printed, "%s\n", p.stdout.Bytes())
	}
	return r, p.lost()
}

func (p *process) do(o order) (reply, error) {
	if err := p.send(o); err != nil {
		return reply{}, err
	}
	return p.receive()
}

// wait is for a process that ends, or has to.
func (p *process) wait() error {
	p.ended = true
	_ = p.stdin.Close() // tells it to
	for p.stdout.Scan() {
		p.printed = fmt.Appendf(p.printed, "%s\n", p.stdout.Bytes())
	}
	return p.cmd.Wait()
}

func (p *process) lost() error {
	err := p.wait()
	return fmt.Errorf("another process of this test ended too early (%v). It ran\n%s\n"+
		"and has to come to the same call of cachetest.Run there. It printed:\n%s%s", err, p.cmd, p.printed, p.stderr.Bytes())
}

// kill ends the process as the kernel or a person does, without a chance to
// clean up.
func (p *process) kill() {
	p.c.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.c.Fatalf("killing another process: %v", err)
	}
	_ = p.wait() // says that it was killed
}

// end lets the process finish, and fails the test if that one failed: by the
// race detector, for example.
func (p *process) end() {
	if p.ended {
		return
	}
	if err := p.wait(); err != nil {
		p.c.Errorf("another process of this test: %v. It printed:\n%s%s", err, p.printed, p.stderr.Bytes())
	}
}

// orderAll gives all processes the same order at once, and waits for them.
func (c *check) orderAll(all []*process, o order) []reply {
	c.Helper()
	for _, p := range all {
		if err := p.send(o); err != nil {
			c.Fatal(err)
		}
	}
	replies := make([]reply, len(all))
	for i, p := range all {
		var err error
		if replies[i], err = p.receive(); err != nil {
			c.Errorf("process %d of %d: %v", i+1, len(all), err)
		}
	}
	return replies
}

// The process is a Store, so that whatever can be asked of another handle can
// be asked of another process.

func (p *process) Get(_ context.Context, key string) ([]byte, cache.Rev, error) {
	r, err := p.do(order{Do: "get", Key: key})
	return r.Data, r.Rev, err
}

func (p *process) Put(_ context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
	r, err := p.do(order{Do: "put", Key: key, Data: data, Prev: prev})
	return r.Rev, err
}

func (p *process) Delete(_ context.Context, key string) error {
	_, err := p.do(order{Do: "delete", Key: key})
	return err
}

func (p *process) List(_ context.Context, prefix string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r, err := p.do(order{Do: "list", Key: prefix})
		for _, key := range r.Keys {
			if !yield(key, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

// Lock lets the other process wait as long as the context does.
func (p *process) Lock(ctx context.Context, key string) (func() error, error) {
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(time.Minute)
	}
	if _, err := p.do(order{Do: "lock", Key: key, Wait: time.Until(until)}); err != nil {
		return nil, err
	}
	return func() error {
		_, err := p.do(order{Do: "unlock", Key: key})
		return err
	}, nil
}
