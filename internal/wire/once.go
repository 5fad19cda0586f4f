package wire

import (
	"errors"
	"io"
	"sync/atomic"
)

// once is the body of a request that is sent one time or not at all.
//
// It is the place where a form leaves: a transport cannot send what it has not
// read. So to know whether a server may have seen a refresh token, nobody has to
// tell errors of different transports apart, and to take a request back, nobody
// has to win a race against a connection: reading and withholding exclude each
// other here.
//
// It comes without a GetBody, and net/http therefore never sends it again. That
// also loses the repetition that HTTP/2 allows when a server goes away (GOAWAY)
// or refuses a stream unseen. Rightly so: a code or a refresh token may work only
// once, so the decision to send it twice belongs to who holds the session's lock.
type once struct {
	text  string
	next  int // first byte of text not yet read
	state atomic.Int32
}

const (
	kept     int32 = iota // nothing has left yet
	leaving               // reading has begun
	withheld              // nothing has left and nothing will
)

func (o *once) Read(p []byte) (int, error) {
	if !o.state.CompareAndSwap(kept, leaving) && o.state.Load() == withheld {
		return 0, errors.New("the request was given up")
	}
	n := copy(p, o.text[o.next:])
	if o.next += n; o.next == len(o.text) {
		return n, io.EOF
	}
	return n, nil
}

func (o *once) Close() error { return nil }

// withhold reports whether nothing has left, and from then on nothing will.
func (o *once) withhold() bool {
	return o.state.CompareAndSwap(kept, withheld) || o.state.Load() == withheld
}
