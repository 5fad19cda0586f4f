package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
)

// signedIn is how many accounts of a world have really signed in; the others are copies of them under other names,
// good for everything but a refresh.
const signedIn = 16

// world is a number of signed-in accounts, in a sealed directory and in one JSON file.
type world struct {
	provider *provider
	dir, key string // the directory and its key file
	file     wholeFile
	accounts []msal.Account
	records  []string     // under which keys they are kept
	warm     *msal.Client // has all of them in memory; nil: not yet
	shares   []float64    // the provider's, of refreshes, in nanoseconds
}

func newWorld(tb testing.TB, n int) *world {
	path := tb.TempDir()
	w := &world{
		provider: newProvider(tb), dir: filepath.Join(path, "sessions"), key: filepath.Join(path, "key"),
		file: wholeFile{filepath.Join(path, "sessions.json")},
	}
	key := make([]byte, 32)
	rand.Read(key)
	require.NoError(tb, os.WriteFile(w.key, key, 0o600))
	w.fill(tb, n)
	return w
}

// name is of one length for all, so that a copy of a record differs in nothing else.
func name(i int) string { return fmt.Sprintf("person-%06d", i) }

// fill makes the accounts.
func (w *world) fill(tb testing.TB, n int) {
	require.NoError(tb, os.Mkdir(w.dir, 0o700))
	store := cache.Seal(bulk(w.dir), cache.KeyFile(w.key))
	where := &finder{Store: cache.Memory()}
	lookUp := w.provider.open(tb, where)
	client := w.provider.open(tb, store)
	var originals []string
	all := make(map[string]entry, n)
	for i := range n {
		var a msal.Account
		if i < signedIn {
			a = w.provider.signIn(tb, client, name(i))
		} else {
			a = w.accounts[i%signedIn]
			a.ID = strings.ReplaceAll(a.ID, name(i%signedIn), name(i))
		}
		_, err := lookUp.For(a).Token(tb.Context(), "read")
		require.ErrorIs(tb, err, msal.ErrSignInRequired)
		if i < signedIn {
			data, _, err := store.Get(tb.Context(), where.asked)
			require.NoError(tb, err)
			originals = append(originals, string(data))
		}
		record := strings.ReplaceAll(originals[i%signedIn], name(i%signedIn), name(i))
		_, err = store.Put(tb.Context(), where.asked, []byte(record), "")
		require.NoError(tb, err)
		all[a.ID] = entryOf(tb, record)
		w.accounts = append(w.accounts, a)
		w.records = append(w.records, where.asked)
	}
	require.NoError(tb, w.file.write(all))
	w.provider.ResetLog()
	settle(tb)
}

// entryOf is the entry of the JSON file with the same content as a record.
func entryOf(tb testing.TB, record string) entry {
	var r struct {
		Account msal.Account `json:"account"`
		IDToken string       `json:"id_token"`
		Grants  []struct {
			RefreshToken string `json:"refresh_token"`
		} `json:"grants"`
		Access []struct {
			Token   string `json:"token"`
			Granted string `json:"granted"`
			Expires int64  `json:"expires"`
		} `json:"access"`
	}
	require.NoError(tb, json.Unmarshal([]byte(record), &r))
	require.Len(tb, r.Grants, 1)
	require.Len(tb, r.Access, 1)
	e := entry{
		Username: r.Account.Username, AccessToken: r.Access[0].Token, RefreshToken: r.Grants[0].RefreshToken,
		IDToken: r.IDToken, Scope: r.Access[0].Granted, Expiry: time.UnixMilli(r.Access[0].Expires),
	}
	require.InDelta(tb, accessLen+refreshLen+idLen, len(e.AccessToken)+len(e.RefreshToken)+len(e.IDToken), 60)
	return e
}

// settle waits until what was written has reached the disk: else the first fsync that is measured pays for all of it.
func settle(tb testing.TB) {
	if runtime.GOOS != "windows" {
		require.NoError(tb, exec.CommandContext(tb.Context(), "sync").Run())
	}
}

// open makes a Client and a Store as a process does when it starts.
func (w *world) open(tb testing.TB) *msal.Client { return w.provider.open(tb, w.store()) }

func (w *world) store() cache.Store { return cache.Dir(w.dir, cache.KeyFile(w.key)) }

// client is one that has all accounts in memory.
func (w *world) client(tb testing.TB) *msal.Client {
	if w.warm == nil {
		w.warm = w.open(tb)
		for range 2 { // the first call reads the record, the second makes all look-ups complete
			for _, a := range w.accounts {
				_, err := w.warm.For(a).Token(tb.Context(), "read")
				require.NoError(tb, err)
			}
		}
	}
	return w.warm
}

// any is one of the accounts, and original one of those that can refresh.
func (w *world) any() msal.Account { return w.accounts[mathrand.IntN(len(w.accounts))] }
func (w *world) original() int     { return mathrand.IntN(min(signedIn, len(w.accounts))) }

// time returns how long do takes without the provider's share.
func (w *world) time(do func()) time.Duration {
	w.provider.spent.Store(0)
	start := time.Now()
	do()
	took := time.Since(start)
	w.provider.ResetLog()
	return took - time.Duration(w.provider.spent.Load())
}

// bulk is the directory of cache.Dir without its fsync, which would make 100,000 records take minutes. Each gets the
// two lock files that a record in use has beside it.
type bulk string

func (d bulk) Get(_ context.Context, key string) ([]byte, cache.Rev, error) {
	data, err := os.ReadFile(filepath.Join(string(d), key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", cache.ErrNotFound
	}
	return data, "1", err
}

func (d bulk) Put(_ context.Context, key string, data []byte, _ cache.Rev) (cache.Rev, error) {
	err := os.WriteFile(filepath.Join(string(d), key), data, 0o600)
	for _, lock := range []string{"@lock", "@write"} {
		if err == nil {
			err = os.WriteFile(filepath.Join(string(d), key+lock), nil, 0o600)
		}
	}
	return "1", err
}

func (d bulk) Delete(context.Context, string) error { return errors.ErrUnsupported }

func (d bulk) List(context.Context, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}

func (d bulk) Lock(context.Context, string) (func() error, error) {
	return func() error { return nil }, nil
}

// finder is an empty Store that notes where a session was looked for: the keys of records are package msal's affair.
type finder struct {
	cache.Store
	asked string
}

func (f *finder) Sealed() bool { return true }

func (f *finder) Get(_ context.Context, key string) ([]byte, cache.Rev, error) {
	f.asked = key
	return nil, "", cache.ErrNotFound
}
