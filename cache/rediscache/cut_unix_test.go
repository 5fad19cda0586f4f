//go:build unix

package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// Commands begin with the number of their parts, by which these are told from
// others.
const (
	putCommand  = "*7\r\n"
	lockCommand = "*6\r\n" // also the renewal
)

// cutter cuts one connection to a server.
type cutter struct {
	command atomic.Pointer[string] // that is cut next
	before  bool                   // it is sent; else before its answer is read
	cuts    atomic.Int32
}

func (c *cutter) next(command string) { c.command.Store(&command) }

func (c *cutter) use(o *redis.Options) {
	address := o.Addr
	o.Dialer = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
		return &cutConn{Conn: conn, cutter: c}, err
	}
}

type cutConn struct {
	net.Conn
	cutter *cutter
	cut    atomic.Bool
}

func (c *cutConn) Write(b []byte) (int, error) {
	command := c.cutter.command.Load()
	if command != nil && bytes.HasPrefix(b, []byte(*command)) && c.cutter.command.CompareAndSwap(command, nil) {
		c.cutter.cuts.Add(1)
		if c.cutter.before {
			c.Close()
			return 0, &net.OpError{Op: "write", Net: "unix", Err: syscall.EPIPE}
		}
		c.cut.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.cut.Load() { // the server has done it, and here nobody knows
		return 0, errors.Join(io.EOF, c.Close())
	}
	return n, err
}

func once(o *redis.Options) { o.MaxRetries = -1 }

// The connection is cut in the middle of a command. The client repeats it, and
// it takes effect once; or nobody knows, and the error says so.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	for name, tt := range map[string]struct{ before, once bool }{
		"before the command, repeated": {before: true},
		"after the command, repeated":  {},
		"before the command":           {before: true, once: true},
		"after the command":            {once: true},
	} {
		cut := &cutter{before: tt.before}
		edit := []func(*redis.Options){cut.use}
		if tt.once {
			edit = append(edit, once)
		}
		s, other := srv.store(edit...), srv.store()

		t.Run("put "+name, func(t *testing.T) {
			old, err := s.Put(t.Context(), "a-1", []byte("old"), "")
			require.NoError(t, err)
			defer s.Delete(t.Context(), "a-1")
			cut.next(putCommand)
			rev, err := s.Put(t.Context(), "a-1", []byte("new"), old)
			require.EqualValues(t, 1, cut.cuts.Swap(0))
			data, now, look := other.Get(t.Context(), "a-1")
			require.NoError(t, look)
			if !tt.once {
				require.NoError(t, err)
				require.Equal(t, rev, now)
				require.Equal(t, "new", string(data))
				return
			}
			require.ErrorIs(t, err, cache.ErrUnavailable)
			require.NotErrorIs(t, err, cache.ErrConflict)
			require.ErrorContains(t, err, "may have been written")
			require.Equal(t, tt.before, now == old)
			require.Equal(t, map[bool]string{true: "old", false: "new"}[tt.before], string(data))
		})
		t.Run("lock "+name, func(t *testing.T) {
			unlock, err := s.Lock(t.Context(), "a-1")
			require.NoError(t, err)
			require.NoError(t, unlock())
			cut.next(lockCommand)
			unlock, ok, err := s.(cache.TryLocker).TryLock(t.Context(), "a-1")
			require.EqualValues(t, 1, cut.cuts.Swap(0))
			if tt.once {
				require.ErrorIs(t, err, cache.ErrUnavailable)
			} else {
				require.NoError(t, err)
				require.True(t, ok, "it is refused what it holds")
				_, ok, err = other.(cache.TryLocker).TryLock(t.Context(), "a-1")
				require.NoError(t, err)
				require.False(t, ok)
				require.NoError(t, unlock())
			}
			unlock, ok, err = other.(cache.TryLocker).TryLock(t.Context(), "a-1")
			require.NoError(t, err)
			require.True(t, ok, "a lock that nobody knows of")
			require.NoError(t, unlock())
		})
	}
}

// All connections are cut while one holds the lock and one waits for it.
func TestConnectionCutWhileWaiting(t *testing.T) {
	t.Parallel()
	srv := startServer(t)
	holder, waiter := srv.store(), srv.store()
	unlock, err := holder.Lock(t.Context(), "a-1")
	require.NoError(t, err)
	granted := make(chan error, 1)
	go func() {
		unlock, err := waiter.Lock(t.Context(), "a-1")
		if err == nil {
			err = unlock()
		}
		granted <- err
	}()
	for range 10 {
		srv.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		select {
		case err := <-granted:
			t.Fatalf("Lock of a lock that is held: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	select {
	case <-holder.(cache.Leaser).Lost("a-1"):
		t.Fatal("the lease was renewed after each cut")
	default:
	}
	require.NoError(t, unlock())
	require.NoError(t, <-granted)
}
