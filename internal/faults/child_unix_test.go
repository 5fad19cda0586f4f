//go:build unix

package faults_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// What a process of ours is told when it is started.
const (
	envSpace  = "FAULTS_SPACE"  // the directory of its world
	envIssuer = "FAULTS_ISSUER" // its platform
	envKind   = "FAULTS_KIND"   // one of the below, or nothing
)

const (
	commandLine = "command line" // ends at a signal, as programs for people do
	noLocks     = "no locks"     // has a file system whose locks do not hold
	onSmallDisk = "small disk"   // has one of 256 KB for its store
)

// order is one line on the standard input of a process.
type order struct {
	Do    string        // token, force, readers, signout, signin: see program.do
	Scope string        // empty: read
	Wait  time.Duration // of the context; 0: it does not end
	N     int           // readers
}

// reply is its line of standard output.
type reply struct {
	Token    string   // a fingerprint: a process has no business to print tokens
	Error    string   //
	Is       []string // what errors.Is says of the error, by name
	Warning  string
	Took     []time.Duration // of each reader
	Received int64           // when the last token answer had been read
	Done     int64           // when the call returned; both in Unix nanoseconds
}

var sentinels = map[string]error{
	"ErrSignInRequired": msal.ErrSignInRequired,
	"ErrOutcomeUnknown": msal.ErrOutcomeUnknown,
	"ErrBusy":           msal.ErrBusy,
	"ErrUnavailable":    cache.ErrUnavailable,
	"ErrUnreadable":     cache.ErrUnreadable,
	"Canceled":          context.Canceled,
	"DeadlineExceeded":  context.DeadlineExceeded,
}

// program is the second program that the test binary is: a client that does what it reads.
type program struct {
	space, issuer, kind string
	client              *msal.Client
	received            atomic.Int64
}

// mountSmallDisk is there on Linux.
var mountSmallDisk func(space string) error

// run obeys until its input ends or, if it is of that kind, a signal comes.
func (p *program) run() error {
	ctx := context.Background()
	if p.kind == commandLine {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
	}
	signal.Ignore(syscall.SIGXFSZ) // a limit is to be an error of the write
	if p.kind == onSmallDisk {
		if err := mountSmallDisk(p.space); err != nil {
			return err
		}
	}
	client, err := p.open()
	if err != nil {
		return err
	}
	p.client = client
	fmt.Println("ready")
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var o order
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return err
		}
		line, err := json.Marshal(p.do(ctx, o))
		if err != nil {
			return err
		}
		if _, err := fmt.Printf("%s\n", line); err != nil || ctx.Err() != nil {
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return client.Shutdown(ctx)
}

func (p *program) open() (*msal.Client, error) {
	store := openStore(p.space)
	if p.kind == noLocks {
		store = lockless{store}
	}
	return msal.New(msal.Config{
		ClientID: clientID, Authority: p.issuer, Cache: store, InsecureLoopbackHTTP: true,
		HTTPClient: &http.Client{Transport: watch{http.DefaultTransport, &p.received}},
	})
}

func (p *program) do(ctx context.Context, o order) reply {
	if o.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Wait)
		defer cancel()
	}
	if o.Scope == "" {
		o.Scope = "read"
	}
	switch o.Do {
	case "token":
		return p.told(p.client.Token(ctx, o.Scope))
	case "force":
		return p.told(p.client.ForceRefresh().Token(ctx, o.Scope))
	case "readers":
		return p.readers(ctx, o)
	case "signout":
		return p.told(msal.Token{}, p.client.SignOut(ctx))
	case "fresh token", "fresh signout": // as a process that has just started
		fresh := &program{space: p.space, issuer: p.issuer, kind: p.kind}
		client, err := fresh.open()
		if err != nil {
			return p.told(msal.Token{}, err)
		}
		fresh.client, o.Do = client, strings.TrimPrefix(o.Do, "fresh ")
		return fresh.do(ctx, o)
	}
	return reply{Error: "no such order: " + o.Do}
}

// readers are N programs in one process that have nothing in common.
func (p *program) readers(ctx context.Context, o order) (all reply) {
	var mu sync.Mutex
	var reading sync.WaitGroup
	begin := make(chan struct{})
	for range o.N {
		reading.Go(func() {
			fresh := &program{space: p.space, issuer: p.issuer}
			<-begin
			start := time.Now()
			client, err := fresh.open()
			var token msal.Token
			if err == nil {
				token, err = client.Token(ctx, o.Scope)
			}
			one := fresh.told(token, err)
			mu.Lock()
			defer mu.Unlock()
			if all.Error == "" && one.Error == "" && all.Token != "" && all.Token != one.Token {
				one.Error = "two readers have different tokens"
			}
			all.Took = append(all.Took, time.Since(start))
			one.Took = all.Took
			if all.Error == "" {
				all = one
			}
		})
	}
	close(begin)
	reading.Wait()
	return all
}

func (p *program) told(t msal.Token, err error) reply {
	r := reply{Token: fingerprint(t), Received: p.received.Load(), Done: time.Now().UnixNano()}
	if t.Warning != nil {
		r.Warning = t.Warning.Error()
	}
	if err != nil {
		r.Error = err.Error()
		for name, sentinel := range sentinels {
			if errors.Is(err, sentinel) {
				r.Is = append(r.Is, name)
			}
		}
	}
	return r
}

func fingerprint(t msal.Token) string {
	if t.AccessToken() == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(t.AccessToken()))
	return hex.EncodeToString(sum[:8])
}

// lockless is a store on a file system whose locks do not hold, as NFS with nolock.
type lockless struct{ cache.Store }

func (lockless) Sealed() bool { return true }

func (lockless) Lock(context.Context, string) (func() error, error) {
	return func() error { return nil }, nil
}

// watch notes when the answer to a token request has been read.
type watch struct {
	http.RoundTripper
	at *atomic.Int64
}

func (w watch) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(req)
	if err == nil && req.Method == http.MethodPost {
		resp.Body = &watchedBody{resp.Body, w.at}
	}
	return resp, err
}

type watchedBody struct {
	io.ReadCloser
	at *atomic.Int64
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.at.Store(time.Now().UnixNano())
	}
	return n, err
}
