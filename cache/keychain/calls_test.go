package keychain

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
)

func answer(value string, after time.Duration) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		time.Sleep(after)
		return value, nil
	}
}

// Whoever asks the same question shares the answer.
func TestCallsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c calls
		n := 0 // only one at a time counts
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				value, err := c.do(t.Context(), "a", func(context.Context) (string, error) {
					n++
					time.Sleep(time.Second)
					return "one", nil
				})
				if value != "one" || err != nil {
					t.Errorf("%q, %v", value, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, n)
	})
}

// Other questions wait, one at a time.
func TestCallsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c calls
		running, most := 0, 0
		var all sync.WaitGroup
		for _, what := range []string{"a", "b", "c"} {
			all.Go(func() {
				value, err := c.do(t.Context(), what, func(context.Context) (string, error) {
					running++
					most = max(most, running)
					time.Sleep(500 * time.Millisecond)
					running--
					return what, nil
				})
				if value != what || err != nil {
					t.Errorf("%q, %v", value, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, most)
	})
}

// A call that takes too long is left alone; what it finds is for
// the next who asks, a fault is not.
func TestSlowCalls_KC02_KC08(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c calls
		start := time.Now()
		_, err := c.do(t.Context(), "a", answer("one", 5*time.Second))
		require.ErrorIs(t, err, cache.ErrUnavailable)
		require.Equal(t, silentWait, time.Since(start))
		value, err := c.do(t.Context(), "a", answer("asked twice", 0))
		require.NoError(t, err)
		require.Equal(t, "one", value)
		require.Equal(t, 5*time.Second, time.Since(start))

		c.do(t.Context(), "a", answer("late", 5*time.Second))
		time.Sleep(time.Minute)
		value, err = c.do(t.Context(), "a", answer("asked twice", 0))
		require.NoError(t, err)
		require.Equal(t, "late", value)
		value, err = c.do(t.Context(), "a", answer("anew", 0))
		require.NoError(t, err)
		require.Equal(t, "anew", value)

		c.do(t.Context(), "a", func(context.Context) (string, error) {
			time.Sleep(time.Minute)
			return "", errors.New("late")
		})
		time.Sleep(time.Hour)
		value, err = c.do(t.Context(), "a", answer("again", 0))
		require.NoError(t, err)
		require.Equal(t, "again", value)
	})
}

// A keychain that never answers costs one goroutine, and every caller its own
// time.
func TestHungCalls_KC02(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c calls
		var n atomic.Int32
		end := make(chan struct{})
		hang := func(context.Context) (string, error) { n.Add(1); <-end; return "", nil }
		for _, what := range []string{"a", "a", "b", "c", "a"} {
			start := time.Now()
			_, err := c.do(t.Context(), what, hang)
			require.ErrorIs(t, err, cache.ErrUnavailable)
			require.Equal(t, silentWait, time.Since(start))
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.do(soon, "a", hang)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = c.do(gone, "a", hang)
		require.ErrorIs(t, err, context.Canceled)
		require.EqualValues(t, 1, n.Load())
		close(end)
		value, err := c.do(t.Context(), "b", answer("recovered", 0))
		require.NoError(t, err)
		require.Equal(t, "recovered", value)
	})
}

// The one who leaves does not end the call for the others.
func TestCallOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c calls
		leaving, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ask := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(2 * time.Second):
				return "one", nil
			}
		}
		go c.do(leaving, "a", ask)
		synctest.Wait()
		value, err := c.do(t.Context(), "a", ask)
		require.NoError(t, err)
		require.Equal(t, "one", value)
	})
}

// A panic in a keychain is an error, and tells no secret.
func TestPanickingCall_KC13(t *testing.T) {
	t.Parallel()
	var c calls
	_, err := c.do(t.Context(), "a", func(context.Context) (string, error) { panic("canary") })
	require.ErrorIs(t, err, cache.ErrUnavailable)
	require.NotContains(t, err.Error(), "canary")
	_, err = c.do(t.Context(), "a", func(context.Context) (string, error) {
		var none map[string]int
		none["a"]++
		return "", nil
	})
	require.ErrorContains(t, err, "nil map")
}

// How long a program that asks nobody waits for its keychain.
func TestPatience(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		takes time.Duration
		ok    bool
	}{"limit: keychain call, 3 s": {3*time.Second - 1, true}, "limit: keychain call, longer": {4 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var c calls
				start := time.Now()
				_, err := c.do(t.Context(), "a", answer("one", test.takes))
				if test.ok {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, cache.ErrUnavailable)
				require.Equal(t, 3*time.Second, time.Since(start))
				time.Sleep(time.Minute)
			})
		})
	}
}
