package cachetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/staysigned/staysigned/cache"
)

// replyMark begins a line of standard output that is a reply. A test may print
// other lines.
const replyMark = "cachetest reply: "

// order is one line on the standard input of another process.
type order struct {
	Do   string // the name of a method, or count, write or exclude
	Key  string
	Data []byte
	Prev cache.Rev
	N    int           // how often
	Path string        // exclude: the file that only the holder of the lock has
	Wait time.Duration // lock: for how long
}

// reply is its line of standard output.
type reply struct {
	Data []byte
	Rev  cache.Rev
	Keys []string
	N    int // exclude: how often another process had the lock too
	Err  *remoteError
}

// remoteError is an error of another process. It still answers errors.Is for
// what the rules ask.
type remoteError struct {
	Text               string
	NotFound, Conflict bool
}

func (e *remoteError) Error() string { return "in another process: " + e.Text }

func (e *remoteError) Is(target error) bool {
	return e.NotFound && target == cache.ErrNotFound || e.Conflict && target == cache.ErrConflict
}

// obey does what the process that started this one wants, until that one closes
// the pipe or ends.
func (c *check) obey(s cache.Store) {
	unlocks := map[string]func() error{}
	say := func(r reply) {
		line, err := json.Marshal(r)
		if err != nil {
			c.Fatal(err)
		}
		// What was printed before may lack its line feed.
		fmt.Fprintf(os.Stdout, "\n%s%s\n", replyMark, line)
	}
	say(reply{}) // ready
	orders := json.NewDecoder(os.Stdin)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return
		}
		r, err := carryOut(c.ctx, s, o, unlocks)
		if err != nil {
			r.Err = &remoteError{err.Error(), errors.Is(err, cache.ErrNotFound), errors.Is(err, cache.ErrConflict)}
		}
		say(r)
	}
}

func carryOut(ctx context.Context, s cache.Store, o order, unlocks map[string]func() error) (r reply, err error) {
	switch o.Do {
	case "get":
		r.Data, r.Rev, err = s.Get(ctx, o.Key)
	case "put":
		r.Rev, err = s.Put(ctx, o.Key, o.Data, o.Prev)
	case "delete":
		err = s.Delete(ctx, o.Key)
	case "list":
		r.Keys, err = collect(ctx, s, o.Key)
	case "lock":
		ctx, cancel := context.WithTimeout(ctx, o.Wait)
		defer cancel()
		unlocks[o.Key], err = s.Lock(ctx, o.Key)
	case "unlock":
		err = unlocks[o.Key]()
	case "count":
		// As long as a process may take that does not run all the time.
		err = count(ctx, s, o.Key, o.N, func() { <-time.After(100 * time.Microsecond) })
	case "write":
		_, err = write(ctx, s, o.Key, o.N, func() bool { return true })
	case "exclude":
		r.N, err = exclude(ctx, s, o)
	default:
		err = fmt.Errorf("no such order: %q", o.Do)
	}
	return r, err
}

// exclude takes the lock n times, and counts how often somebody else was in it:
// the file is then already there.
func exclude(ctx context.Context, s cache.Store, o order) (violations int, err error) {
	for range o.N {
		unlock, err := s.Lock(ctx, o.Key)
		if err != nil {
			return violations, fmt.Errorf("Lock among other processes: %w", err)
		}
		file, err := os.OpenFile(o.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		switch {
		case errors.Is(err, os.ErrExist):
			violations++
		case err != nil:
			return violations, errors.Join(err, unlock())
		default:
			file.Close()
			runtime.Gosched()
			err = os.Remove(o.Path)
		}
		if err := errors.Join(err, unlock()); err != nil && !errors.Is(err, os.ErrExist) {
			return violations, err
		}
	}
	return violations, nil
}
