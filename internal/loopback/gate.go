package loopback

import (
	"net"
	"slices"
	"sync"
	"time"
)

const (
	maxConns = 32
	// A browser sends its request right after it has connected. Nobody is put
	// out before that.
	graceTime = 10 * time.Millisecond
)

// conn is a connection that someone opened. Its kept flag belongs to the gate.
type conn struct {
	net.Conn
	since time.Time
	kept  bool // brought an accepted answer: never put out
}

// gate bounds the connections held. When there is no room it is the oldest that
// goes, not the newest that is kept out: a program that opens connections and
// holds them must not lock the browser out.
type gate struct {
	mu     sync.Mutex
	conns  []*conn // oldest first
	closed bool
}

// enter takes c in, or closes it and reports false. It may wait a moment so
// that the one put out has had its time.
func (g *gate) enter(c *conn) bool {
	for {
		wait, entered := g.tryEnter(c)
		if wait <= 0 {
			return entered
		}
		time.Sleep(wait)
	}
}

func (g *gate) tryEnter(c *conn) (wait time.Duration, entered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if full := len(g.conns) >= maxConns; full && !g.closed {
		oldest := slices.IndexFunc(g.conns, func(c *conn) bool { return !c.kept })
		if oldest < 0 {
			c.Close()
			return 0, false
		}
		if wait := graceTime - time.Since(g.conns[oldest].since); wait > 0 {
			return wait, false
		}
		g.conns[oldest].Close()
		g.conns = slices.Delete(g.conns, oldest, oldest+1)
	}
	if g.closed {
		c.Close()
		return 0, false
	}
	g.conns = append(g.conns, c)
	return 0, true
}

func (g *gate) keep(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c.kept = true
}

func (g *gate) anyKept() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.ContainsFunc(g.conns, func(c *conn) bool { return c.kept })
}

// leave closes c, which may have been put out before.
func (g *gate) leave(c *conn) {
	c.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns = slices.DeleteFunc(g.conns, func(other *conn) bool { return other == c })
}

// shut lets nobody in any more and closes all but the kept connections.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, c := range g.conns {
		if !c.kept {
			c.Close()
		}
	}
}

// cut closes every connection.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
}
