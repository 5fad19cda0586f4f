package rediscache

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// A holder whose server is gone takes the lease for lost before the server
// does, counted from when it asked.
func TestLostBeforeTheServerSaysSo(t *testing.T) {
	t.Parallel()
	for name, took := range map[string]time.Duration{"at once": 0, "slowly": 10 * time.Second, "too slowly": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{
					Dialer: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no server") },
				})
				defer client.Close()
				s := &store{client: client, lease: 15 * time.Second, leases: map[string]*lease{}}
				asked := time.Now()
				time.Sleep(took)
				l := s.hold(t.Context(), "a-1", "token", asked)
				<-l.lost
				require.Equal(t, max(took, 13500*time.Millisecond), time.Since(asked))
				<-l.ended
				require.ErrorIs(t, s.unlock(t.Context(), "a-1", l), errLost)
			})
		})
	}
}
