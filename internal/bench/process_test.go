package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// What a child of the test binary is to take a token from, and whose.
const (
	childDir  = "STAYSIGNED_BENCH_DIR"
	childKey  = "STAYSIGNED_BENCH_KEY"
	childFile = "STAYSIGNED_BENCH_FILE"
	childID   = "STAYSIGNED_BENCH_ACCOUNT"
)

// child is what a child does: it takes the token of one account, and fails if that would need the network.
func child(id string) error {
	if path, ok := os.LookupEnv(childFile); ok {
		all, err := wholeFile{path}.read()
		if err == nil && all[id].AccessToken == "" {
			err = errors.New("no token")
		}
		return err
	}
	c, err := msal.New(msal.Config{
		ClientID: clientID, Authority: msaltest.DefaultURL,
		Cache: cache.Dir(os.Getenv(childDir), cache.KeyFile(os.Getenv(childKey))),
	})
	if err == nil {
		_, err = c.For(msal.Account{ID: id}).Token(context.Background(), "read")
	}
	return err
}

func oursInProcess(tb testing.TB, w *world) time.Duration {
	return inProcess(tb, w, childDir+"="+w.dir, childKey+"="+w.key)
}

func peerInProcess(tb testing.TB, w *world) time.Duration {
	return inProcess(tb, w, childFile+"="+w.file.path)
}

func inProcess(tb testing.TB, w *world, env ...string) time.Duration {
	cmd := exec.CommandContext(tb.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), childID+"="+w.any().ID), env...)
	var out []byte
	var err error
	took := w.time(func() { out, err = cmd.CombinedOutput() })
	require.NoError(tb, err, string(out))
	return took
}

// TestMain makes the test binary the process that is measured, too.
func TestMain(m *testing.M) {
	id, isChild := os.LookupEnv(childID)
	kind, inHerd := os.LookupEnv(childShared)
	var err error
	switch {
	case isChild:
		err = child(id)
	case inHerd:
		which, _ := strconv.Atoi(kind)
		person, _ := strconv.Atoi(os.Getenv(childPerson))
		err = herdChild(which, person)
	default:
		os.Exit(run(m))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}
