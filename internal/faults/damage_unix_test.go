//go:build unix

package faults_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/faults"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// patient is a world with two accounts, of which one is to suffer.
type patient struct {
	*world
	sick, well msal.Token
	path       string // of the sick one's record
	data       []byte // as it ought to be
}

func newPatient(t *testing.T) *patient {
	t.Helper()
	p := &patient{world: newWorld(t, msaltest.RotateStrict)}
	p.sick = p.signIn(t, "avery")
	p.path = p.world.path(p.keys(t)[0])
	p.well = p.signIn(t, "blake")
	var err error
	p.data, err = os.ReadFile(p.path)
	require.NoError(t, err)
	return p
}

func (p *patient) ask(t *testing.T, who msal.Token) (msal.Token, error) {
	t.Helper()
	return p.client(t).For(who.Account).Token(t.Context(), "read")
}

// requireUnreadable demands the typed error for one account, and that the other one does not notice.
func (p *patient) requireUnreadable(t *testing.T, what ...any) {
	t.Helper()
	_, err := p.ask(t, p.sick)
	require.ErrorIs(t, err, msal.ErrSignInRequired, what...)
	require.ErrorIs(t, err, cache.ErrUnreadable, what...)
	require.ErrorContains(t, err, "sign in again", what...)
	p.requireWell(t)
}

func (p *patient) requireWell(t *testing.T) {
	t.Helper()
	token, err := p.ask(t, p.well)
	require.NoError(t, err)
	require.Equal(t, p.well.AccessToken(), token.AccessToken())
}

func TestFlippedBits(t *testing.T) {
	p := newPatient(t)
	before := p.platform.Count()
	bits := faults.Rounds(9)
	for i := range p.data {
		for bit := range bits {
			bad := bytes.Clone(p.data)
			bad[i] ^= 1 << ((i + bit) % 8)
			require.NoError(t, os.WriteFile(p.path, bad, 0o600))
			p.requireUnreadable(t, "byte %d", i)
		}
	}
	require.NoError(t, os.WriteFile(p.path, p.data, 0o600))

	manifest, err := os.ReadFile(p.world.path("store.json"))
	require.NoError(t, err)
	for i := range manifest {
		for bit := range bits {
			bad := bytes.Clone(manifest)
			bad[i] ^= 1 << ((i + bit) % 8)
			require.NoError(t, os.WriteFile(p.world.path("store.json"), bad, 0o600))
			token, err := p.ask(t, p.sick)
			if err != nil {
				require.ErrorIs(t, err, msal.ErrSignInRequired, "byte %d", i)
				require.ErrorIs(t, err, cache.ErrUnreadable, "byte %d", i)
			} else { // it names another key for what is written next, and the record names its own
				require.Equal(t, p.sick.AccessToken(), token.AccessToken())
			}
		}
	}
	require.NoError(t, os.WriteFile(p.world.path("store.json"), manifest, 0o600))
	_, err = p.ask(t, p.sick)
	require.NoError(t, err)
	require.Equal(t, before, p.platform.Count())
	t.Logf("%d bits of a record, %d of store.json", len(p.data)*bits, len(manifest)*bits)
}

func TestTruncated(t *testing.T) {
	p := newPatient(t)
	before := p.platform.Count()
	for n := range p.data {
		require.NoError(t, os.WriteFile(p.path, p.data[:n], 0o600))
		p.requireUnreadable(t, "%d bytes", n)
	}
	require.Equal(t, before, p.platform.Count())
}

// TestGarbage puts things in the place of a record. The time and the memory that it bounds are ten times what they
// cost.
func TestGarbage(t *testing.T) {
	for name, put := range map[string]func(path string) error{
		"empty": func(p string) error { return os.WriteFile(p, nil, 0o600) },
		"10 MB": func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("garbage!"), 10<<20/8), 0o600) },
		"a sparse GB": func(p string) error {
			if err := os.WriteFile(p, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(p, 1<<30)
		},
		"symbolic link to another record": func(p string) error { return os.Symlink("store.json", p) },
		"endless device":                  func(p string) error { return os.Symlink("/dev/zero", p) },
		"directory":                       func(p string) error { return os.Mkdir(p, 0o700) },
		"FIFO":                            func(p string) error { return syscall.Mkfifo(p, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t)
			require.NoError(t, os.Remove(p.path))
			require.NoError(t, put(p.path))
			ctx, cancel := context.WithTimeout(t.Context(), hang)
			defer cancel()
			client := p.client(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := client.For(p.sick.Account).Token(ctx, "read")
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			require.ErrorIs(t, err, msal.ErrSignInRequired)
			require.Less(t, took, 10*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(128<<20))
			p.requireUnreadable(t)
			p.signIn(t, "avery")
			_, err = p.ask(t, p.sick)
			require.NoError(t, err)
			p.requireWell(t)
		})
	}
	t.Run("socket", func(t *testing.T) {
		p := newPatient(t)
		require.NoError(t, os.Remove(p.path))
		t.Chdir(p.world.path()) // the address of a socket has to be short
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.path[strings.LastIndex(p.path, "/")+1:]})
		require.NoError(t, err)
		defer l.Close()
		p.requireUnreadable(t)
	})
}

func TestSwapped(t *testing.T) {
	p := newPatient(t)
	other := ""
	for _, key := range p.keys(t) {
		if path := p.world.path(key); path != p.path {
			other = path
		}
	}
	theirs, err := os.ReadFile(other)
	require.NoError(t, err)
	write := func(path string, data []byte) { require.NoError(t, os.WriteFile(path, data, 0o600)) }

	write(p.path, theirs)
	write(other, p.data)
	for _, who := range []msal.Token{p.sick, p.well} {
		_, err := p.ask(t, who)
		require.ErrorIs(t, err, msal.ErrSignInRequired)
		require.ErrorIs(t, err, cache.ErrUnreadable)
	}
	write(other, theirs)
	p.requireUnreadable(t)
	write(p.path, p.data)
	_, err = p.ask(t, p.sick)
	require.NoError(t, err, "back in its place")

	// The same key, and another store.
	elsewhere := &world{platform: p.platform, front: p.front, space: t.TempDir(), http: p.http}
	key, err := os.ReadFile(p.space + "/key")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(elsewhere.space+"/key", key, 0o400))
	elsewhere.signIn(t, "casey")
	write(elsewhere.path(p.path[strings.LastIndex(p.path, "/")+1:]), p.data)
	_, err = elsewhere.client(t).For(p.sick.Account).Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.ErrorIs(t, err, cache.ErrUnreadable)

	require.NoError(t, os.RemoveAll(elsewhere.path()))
	require.NoError(t, os.Rename(p.world.path(), elsewhere.path()))
	token, err := elsewhere.client(t).For(p.sick.Account).Token(t.Context(), "read")
	require.NoError(t, err, "a store is what is in it, wherever that is")
	require.Equal(t, p.sick.AccessToken(), token.AccessToken())
	require.Zero(t, p.refreshes())
}
