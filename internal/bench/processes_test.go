package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	msalgocache "github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/internal/bench/programs/reroute"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// shared is a store that processes share, as each of the rivals keeps it in a directory. What a child does and what
// the parent looks at afterwards is the same code.
type shared struct {
	name string
	// join signs person i in.
	join func(tb testing.TB, p *provider, dir string, i int)
	// open makes what a process has, and returns what gets a token: one that is cached, or else, or if forced, a new one.
	open func(dir string, client *http.Client, i int) (token func(force bool) error, err error)
}

var shares = []shared{
	{"**staysigned**, sealed directory", joinShared, openOurs},
	{msalFile, joinMSALShared(false), openMSAL(false)},
	{msalExtension, joinMSALShared(true), openMSAL(true)},
	{"x/oauth2, a token file for each account", joinTokenFile, openTokenFile},
}

func joinShared(tb testing.TB, p *provider, dir string, i int) {
	key := filepath.Join(dir, "key")
	require.NoError(tb, os.WriteFile(key, []byte(padding[:32]), 0o600))
	p.join(tb, p.ours(tb, cache.Dir(filepath.Join(dir, "sessions"), cache.KeyFile(key))), i, 0)
}

func openOurs(dir string, client *http.Client, i int) (func(bool) error, error) {
	c, err := msal.New(msal.Config{
		ClientID: clientID, Authority: authority, HTTPClient: client,
		Cache: cache.Dir(filepath.Join(dir, "sessions"), cache.KeyFile(filepath.Join(dir, "key"))),
	})
	if err != nil {
		return nil, err
	}
	c = c.For(msal.Account{ID: accountID(i)})
	return func(force bool) error {
		get := c
		if force {
			get = c.ForceRefresh()
		}
		_, err := get.Token(context.Background(), scopeOf(0))
		return err
	}, nil
}

// msalStore opens the file of MSAL Go, in which there may be nothing yet.
func msalStore(dir string, official bool) (msalgocache.ExportReplace, error) {
	path := filepath.Join(dir, "msal.json")
	if official {
		return newExtension(path)
	}
	return plainFile(path), nil
}

func joinMSALShared(official bool) func(testing.TB, *provider, string, int) {
	return func(tb testing.TB, p *provider, dir string, i int) {
		path := filepath.Join(dir, "msal.json")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			require.NoError(tb, os.WriteFile(path, []byte("{}"), 0o600))
		}
		store, err := msalStore(dir, official)
		require.NoError(tb, err)
		p.joinMSAL(tb, p.newMSAL(tb, store), i, 0)
	}
}

func openMSAL(official bool) func(string, *http.Client, int) (func(bool) error, error) {
	return func(dir string, client *http.Client, i int) (func(bool) error, error) {
		store, err := msalStore(dir, official)
		if err != nil {
			return nil, err
		}
		c, err := public.New(clientID, public.WithAuthority(authority), public.WithHTTPClient(client), public.WithCache(store))
		if err != nil {
			return nil, err
		}
		return func(force bool) error {
			accounts, err := c.Accounts(context.Background())
			if err != nil {
				return err
			}
			for _, a := range accounts {
				if a.LocalAccountID == objectID(i) {
					options := []public.AcquireSilentOption{public.WithSilentAccount(a)}
					if force {
						options = append(options, public.WithClaims(anyClaims))
					}
					_, err := c.AcquireTokenSilent(context.Background(), []string{scopeOf(0)}, options...)
					return err
				}
			}
			return errors.New("the account is not in the file")
		}, nil
	}
}

// A token file is how a command line tool keeps its session that uses x/oauth2: read at the start, and replaced after
// a refresh, whole and by a rename.

func tokenFile(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("token-%d.json", i)) }

func joinTokenFile(tb testing.TB, p *provider, dir string, i int) {
	require.NoError(tb, writeTokenFile(tokenFile(dir, i), &oauth2.Token{RefreshToken: p.refreshToken(tb, i)}))
}

func writeTokenFile(path string, token *oauth2.Token) error {
	data, err := json.Marshal(token)
	if err != nil {
		return err
	}
	next := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}

func openTokenFile(dir string, client *http.Client, i int) (func(bool) error, error) {
	return func(force bool) error {
		data, err := os.ReadFile(tokenFile(dir, i))
		if err != nil {
			return err
		}
		kept := &oauth2.Token{}
		if err := json.Unmarshal(data, kept); err != nil {
			return err
		}
		if kept.Valid() && !force {
			return nil
		}
		token, err := (&provider{}).source(client, kept.RefreshToken).Token()
		if err != nil {
			return err
		}
		return writeTokenFile(tokenFile(dir, i), token)
	}, nil
}

// stampedeOfProcesses lets processes that share a store find that their tokens have expired, at the same moment.
func (b *book) stampedeOfProcesses(tb testing.TB) {
	one := grid{head: []string{"", "refresh token", "token requests", "processes that failed", "session afterwards"}}
	many := grid{head: []string{"", "refresh token", "token requests", "processes that failed", "accounts that can refresh afterwards"}}
	for _, rotation := range rotations {
		for kind, s := range shares {
			var same, apart outcomes
			for range b.runs {
				b.runHerd(tb, kind, rotation.Rotation, 1, &same)
				b.runHerd(tb, kind, rotation.Rotation, b.processes, &apart)
			}
			one.add(s.name, rotation.name, span(same.requests), span(same.failed), alive(same.alive))
			many.add(s.name, rotation.name, span(apart.requests), span(apart.failed), span(apart.alive)+fmt.Sprintf(" of %d", b.processes))
			b.bars = append(b.bars, bar{fmt.Sprintf("%d processes, a refresh token that %s", b.processes, rotation.name), plain(s.name), median(same.requests), median(same.failed)})
		}
	}
	b.chapter(fmt.Sprintf("A stampede of %d processes for one account", b.processes), fmt.Sprintf(processesAbout, latency, b.runs), one)
	b.chapter(fmt.Sprintf("%d processes, each with an account of its own", b.processes), manyAbout, many)
}

// runHerd lets the processes ask for so many accounts, which takes one each in turn.
func (b *book) runHerd(tb testing.TB, kind int, rotation msaltest.Rotation, accounts int, got *outcomes) {
	p, dir := newEntra(tb), tb.TempDir()
	p.Rotation, p.AccessTokenLife = rotation, time.Second
	var persons []int
	for i := range b.processes {
		if i < accounts {
			shares[kind].join(tb, p, dir, i)
		}
		persons = append(persons, i%accounts)
	}
	start, all := startHerd(tb, kind, dir, p.serve(tb), persons)
	time.Sleep(expired)
	p.goOn()
	start()
	failed, living := 0.0, 0.0
	for _, cmd := range all {
		if cmd.Wait() != nil {
			failed++
		}
	}
	got.requests = append(got.requests, float64(len(p.TokenRequests("refresh_token"))))
	p.Heal()
	for i := range accounts {
		token, err := shares[kind].open(dir, p.client(), i)
		require.NoError(tb, err)
		if token(true) == nil {
			living++
		}
	}
	got.failed, got.alive = append(got.failed, failed), append(got.alive, living)
}

// What a child of a stampede is told.
const (
	childShared  = "STAYSIGNED_BENCH_SHARED" // which of shares
	childAddress = "STAYSIGNED_BENCH_ADDRESS"
	childPerson  = "STAYSIGNED_BENCH_PERSON"
)

// herdChild gets one token when its input ends.
func herdChild(kind, person int) error {
	token, err := shares[kind].open(os.Getenv(childDir), reroute.Client(os.Getenv(childAddress)), person)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return token(false)
}

// startHerd starts the processes and returns when all are ready.
func startHerd(tb testing.TB, kind int, dir, address string, persons []int) (start func(), all []*exec.Cmd) {
	gate, open, err := os.Pipe()
	require.NoError(tb, err)
	for _, person := range persons {
		cmd := exec.CommandContext(tb.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", childShared, kind), fmt.Sprintf("%s=%d", childPerson, person),
			childDir+"="+dir, childAddress+"="+address)
		cmd.Stdin = gate
		out, err := cmd.StdoutPipe()
		require.NoError(tb, err)
		require.NoError(tb, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(tb, err)
		require.Equal(tb, "ready", strings.TrimSpace(line))
		all = append(all, cmd)
	}
	require.NoError(tb, gate.Close())
	return func() { _ = open.Close() }, all
}
