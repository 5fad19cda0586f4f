package keychains

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/cache/keychain"
)

// App is the name of the program that keeps its sessions with package keychain.
const App = "app"

// envProgram tells the test binary to be that program.
const envProgram = "KEYCHAINS_PROGRAM"

// Program is a process of it.
type Program struct {
	t       testing.TB
	cmd     *exec.Cmd
	orders  *json.Encoder
	answers *json.Decoder
	end     func()
}

type order struct {
	Do   string // a method of keychain.Store
	Key  string
	Data string
	Rev  cache.Rev
}

// Answer is what a method returned.
type Answer struct {
	Data string
	Keys []string
	Rev  cache.Rev
	Text string   // of the error
	Is   []string // what errors.Is says of it
	Took time.Duration
}

// sentinels are the errors that programs act on.
var sentinels = map[string]error{
	"not found": cache.ErrNotFound, "conflict": cache.ErrConflict, "unreadable": cache.ErrUnreadable, "locked": cache.ErrLocked,
	"unavailable": cache.ErrUnavailable, "no secure storage": cache.ErrNoSecureStorage,
}

// StartProgram starts one, as another program or the next start of the same.
func (s *Session) StartProgram() *Program {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	p := &Program{t: s.t, cmd: exec.Command(self)}
	p.cmd.Env = append(s.Environ(), envProgram+"=1")
	p.cmd.Stderr = s.t.Output()
	in, err := p.cmd.StdinPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p.orders, p.answers = json.NewEncoder(in), json.NewDecoder(out)
	var ended bool
	p.end = func() {
		if ended {
			return
		}
		ended = true
		in.Close()
		killer := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
		defer killer.Stop()
		if err := p.cmd.Wait(); err != nil {
			p.t.Errorf("the program: %v", err)
		}
	}
	s.t.Cleanup(p.end)
	return p
}

// End ends the program.
func (p *Program) End() { p.end() }

func (p *Program) do(o order) (a Answer) {
	p.t.Helper()
	if err := p.orders.Encode(o); err != nil {
		p.t.Fatal(err)
	}
	if err := p.answers.Decode(&a); err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("%s %s: %v %.160s (%v)", o.Do, o.Key, a.Is, a.Text, a.Took.Round(100*time.Microsecond))
	return a
}

// Get and the others are methods of keychain.Store, in that process.
func (p *Program) Get(key string) Answer { p.t.Helper(); return p.do(order{Do: "get", Key: key}) }

// Put stores a value.
func (p *Program) Put(key, data string, prev cache.Rev) Answer {
	p.t.Helper()
	return p.do(order{Do: "put", Key: key, Data: data, Rev: prev})
}

// Delete is a sign-out.
func (p *Program) Delete(key string) Answer { p.t.Helper(); return p.do(order{Do: "delete", Key: key}) }

// Reserve is what a refresh begins with.
func (p *Program) Reserve(key string) Answer {
	p.t.Helper()
	return p.do(order{Do: "reserve", Key: key})
}

// List finds the accounts.
func (p *Program) List() Answer { p.t.Helper(); return p.do(order{Do: "list"}) }

// Unlock is what a sign-in begins with.
func (p *Program) Unlock() Answer { p.t.Helper(); return p.do(order{Do: "unlock"}) }

// Purge forgets all.
func (p *Program) Purge() Answer { p.t.Helper(); return p.do(order{Do: "purge"}) }

// RunProgram is the program itself.
func RunProgram(in io.Reader, out io.Writer) error {
	store := keychain.New(App)
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		var a Answer
		begin := time.Now()
		err := carryOut(context.Background(), store, o, &a)
		a.Took = time.Since(begin)
		if err != nil {
			a.Text = err.Error()
		}
		for _, name := range slices.Sorted(maps.Keys(sentinels)) {
			if errors.Is(err, sentinels[name]) {
				a.Is = append(a.Is, name)
			}
		}
		if err := answers.Encode(a); err != nil {
			return err
		}
	}
}

func carryOut(ctx context.Context, store *keychain.Store, o order, a *Answer) (err error) {
	switch o.Do {
	case "get":
		var data []byte
		data, a.Rev, err = store.Get(ctx, o.Key)
		a.Data = string(data)
	case "put":
		a.Rev, err = store.Put(ctx, o.Key, []byte(o.Data), o.Rev)
	case "delete":
		err = store.Delete(ctx, o.Key)
	case "reserve":
		err = store.Reserve(ctx, o.Key, 4096)
	case "list":
		for key, e := range store.List(ctx, "") {
			if e != nil {
				return e
			}
			a.Keys = append(a.Keys, key)
		}
	case "unlock":
		err = store.Unlock(ctx)
	case "purge":
		err = store.Purge(ctx)
	default:
		err = fmt.Errorf("no such order: %q", o.Do)
	}
	return err
}
