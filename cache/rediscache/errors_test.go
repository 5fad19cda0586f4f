package rediscache

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

// reply is an error that a server has sent.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		says string
	}{
		{reply("READONLY You can't write against a read only replica. script: 0a, on @user_script:2."), "connect to the primary"},
		{reply("ERR Error running script (call to f_0a): @user_script:2: @user_script: 2: -READONLY You can't write against a read only replica."), "connect to the primary"},
		{reply("OOM command not allowed when used memory > 'maxmemory'."), "noeviction"},
		{reply("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk."), "its log says why"},
		{reply("NOREPLICAS Not enough good replicas to write."), "min-replicas-to-write"},
		{reply("LOADING Redis is loading the dataset in memory"), "wait"},
		{reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."), "connect to the primary"},
		{reply("CLUSTERDOWN Hash slot not served"), "CLUSTER INFO"},
		{reply("MOVED 3999 127.0.0.1:6381"), "NewClusterClient"},
		{reply("NOAUTH Authentication required."), "Password"},
		{reply("WRONGPASS invalid username-password pair or user is disabled."), "Password"},
		{reply("NOPERM this user has no permissions to run the 'eval' command"), "evalsha"},
		{reply("ERR ACL failure in script: User x has no permissions to run the 'hset' command"), "hset"},
		{reply("WRONGTYPE Operation against a key holding the wrong kind of value"), "Options.Prefix"},
		{reply("ERR max number of clients reached"), "maxclients"},
		{reply("ERR unknown command 'evalsha', with args beginning with: "), "scripts"},
		{reply("ERR something new"), "the server refuses"},
		{io.EOF, "no answer"},
	} {
		err := explain(t.Context(), "put a-1", tt.err)
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.NotErrorIs(t, err, cache.ErrNotFound)
		require.ErrorIs(t, err, tt.err)
		require.ErrorContains(t, err, tt.says)
		require.ErrorContains(t, err, "put a-1")
		require.Equal(t, !errors.Is(tt.err, io.EOF), refused(err))
	}
	require.NoError(t, explain(t.Context(), "put a-1", nil))
}

// That a caller has left says nothing of the store.
func TestExplainGivenUp(t *testing.T) {
	t.Parallel()
	why := errors.New("the lock was lost")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	err := explain(ctx, "put a-1", io.EOF)
	require.ErrorIs(t, err, why)
	require.NotErrorIs(t, err, cache.ErrUnavailable)
}
