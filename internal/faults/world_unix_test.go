//go:build unix

package faults_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	mrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const clientID = "an-application"

// world is a platform on a socket and a store that programs share.
type world struct {
	platform *msaltest.Platform
	front    *front
	space    string // the store, and the file with its key
	http     *http.Client
}

// newWorld makes one that is gone with the test.
func newWorld(t testing.TB, rotation msaltest.Rotation) *world {
	t.Helper()
	space := t.TempDir()
	key := make([]byte, 32)
	rand.Read(key)
	require.NoError(t, os.WriteFile(filepath.Join(space, "key"), key, 0o400))

	w := &world{platform: &msaltest.Platform{Rotation: rotation}, space: space}
	w.front = &front{platform: w.platform}
	w.platform.EditToken = w.front.note
	server := httptest.NewServer(w.front)
	w.platform.URL = server.URL
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	w.http = &http.Client{Transport: transport}
	t.Cleanup(func() { // after the ends of the programs, which were started later
		transport.CloseIdleConnections()
		server.Close()
	})
	return w
}

func openStore(space string) cache.Store {
	return cache.Dir(filepath.Join(space, "sessions"), cache.KeyFile(filepath.Join(space, "key")))
}

func (w *world) store() cache.Store { return openStore(w.space) }
func (w *world) path(name ...string) string {
	return filepath.Join(append([]string{w.space, "sessions"}, name...)...)
}
func (w *world) alive(token msal.Token) bool { return w.platform.SessionAlive(token.Account.Subject) }

// client is what a process that has just started has; edit, if any, changes its Config.
func (w *world) client(t testing.TB, edit ...func(*msal.Config)) *msal.Client {
	t.Helper()
	cfg := msal.Config{
		ClientID: clientID, Authority: w.platform.URL, Cache: w.store(), InsecureLoopbackHTTP: true, HTTPClient: w.http,
	}
	for _, e := range edit {
		e(&cfg)
	}
	c, err := msal.New(cfg)
	require.NoError(t, err)
	return c
}

// token asks as a process that has just started.
func (w *world) token(t testing.TB) (msal.Token, error) {
	t.Helper()
	return w.client(t).Token(t.Context(), "read")
}

// signIn signs somebody in, as the browser would.
func (w *world) signIn(t testing.TB, subject string, scope ...string) msal.Token {
	t.Helper()
	w.platform.SignInAs(msaltest.User{Subject: subject})
	if scope == nil {
		scope = []string{"read"}
	}
	z, err := w.client(t).Authorize(t.Context(), "http://127.0.0.1/callback", scope...)
	require.NoError(t, err)
	browser := &http.Client{Transport: w.http.Transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	resp, err := browser.Get(z.URL())
	require.NoError(t, err)
	defer resp.Body.Close()
	back, err := resp.Location()
	require.NoError(t, err)
	token, err := z.Redeem(t.Context(), back.Query())
	require.NoError(t, err)
	require.NoError(t, token.Warning)
	return token
}

// keys lists the records of accounts.
func (w *world) keys(t testing.TB) (all []string) {
	t.Helper()
	for key, err := range w.store().List(t.Context(), "a-") {
		require.NoError(t, err)
		all = append(all, key)
	}
	return all
}

// record is a stored session as its members. change, if not nil, changes it.
func (w *world) record(t testing.TB, key string, change func(record map[string]any)) map[string]any {
	t.Helper()
	s := w.store()
	data, rev, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	var record map[string]any
	require.NoError(t, json.Unmarshal(data, &record))
	if change != nil {
		change(record)
		data, err = json.Marshal(record)
		require.NoError(t, err)
		_, err = s.Put(t.Context(), key, data, rev)
		require.NoError(t, err)
	}
	return record
}

// refreshToken is the one in the only record.
func (w *world) refreshToken(t testing.TB) string {
	t.Helper()
	return refreshTokenOf(w.record(t, w.keys(t)[0], nil))
}

func refreshTokenOf(record map[string]any) string {
	token, _ := record["grants"].([]any)[0].(map[string]any)["refresh_token"].(string)
	return token
}

// shift moves the times of all access tokens, which is the same as moving the clock the other way.
func (w *world) shift(t testing.TB, by time.Duration) {
	t.Helper()
	for _, key := range w.keys(t) {
		w.record(t, key, func(record map[string]any) { shiftTimes(record, by) })
	}
}

func shiftTimes(record map[string]any, by time.Duration) {
	for _, a := range record["access"].([]any) {
		for _, name := range []string{"obtained", "expires", "refresh_after"} {
			access := a.(map[string]any)
			access[name] = access[name].(float64) + float64(by.Milliseconds())
		}
	}
}

// expire lets all access tokens be of yesterday.
func (w *world) expire(t testing.TB) {
	t.Helper()
	w.shift(t, -24*time.Hour)
}

// refreshes is the number of refreshes that were asked for so far.
func (w *world) refreshes() int { return len(w.platform.TokenRequests("refresh_token")) }

// front stands before the platform, as a network does, and sees every refresh twice.
type front struct {
	platform *msaltest.Platform

	mu      sync.Mutex
	before  func(context.Context)                                      // the request is there, and has had no effect
	after   func(http.ResponseWriter, *httptest.ResponseRecorder) bool // it has had it; true: this was the answer
	commits []time.Time                                                // when refreshes took effect
	secrets []string                                                   // whatever was handed out
	working int                                                        // refreshes under way
}

// on says what befalls refreshes from now on; nil is nothing.
func (f *front) on(before func(context.Context), after func(http.ResponseWriter, *httptest.ResponseRecorder) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = before, after
}

// lasting makes refreshes take effect at half of that time, unless the client has left by then, as a server notices.
func (f *front) lasting(d time.Duration) {
	f.on(func(ctx context.Context) { pause(ctx, d/2) },
		func(http.ResponseWriter, *httptest.ResponseRecorder) bool {
			pause(context.Background(), d/2)
			return false
		})
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (f *front) commit() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commits
}

// settle waits until no refresh is under way.
func (f *front) settle(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.working == 0
	}, hang, 100*time.Microsecond)
}

func (f *front) note(grant string, answer map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if grant == "refresh_token" {
		f.commits = append(f.commits, time.Now())
	}
	for name, value := range answer {
		if text, ok := value.(string); ok && strings.HasSuffix(name, "_token") {
			f.secrets = append(f.secrets, text)
		}
	}
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // net/http notices only then that a client leaves
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if !strings.Contains(string(body), "grant_type=refresh_token") {
		f.platform.ServeHTTP(w, r)
		return
	}
	f.mu.Lock()
	f.working++
	before, after := f.before, f.after
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.working--
		f.mu.Unlock()
	}()
	if before != nil {
		before(r.Context())
	}
	if r.Context().Err() != nil {
		return
	}
	answer := httptest.NewRecorder()
	f.platform.ServeHTTP(answer, r)
	if after != nil && after(w, answer) {
		return
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}

// seed is that of all choices of a run; it is printed, to run the same again.
var seed = sync.OnceValue(func() uint64 {
	if s, err := strconv.ParseUint(os.Getenv("STAYSIGNED_SEED"), 10, 64); err == nil {
		return s
	}
	return uint64(time.Now().UnixNano())
})

// chance is the source of the choices of a test.
func chance(t testing.TB, stream uint64) *mrand.Rand {
	t.Helper()
	t.Logf("STAYSIGNED_SEED=%d", seed())
	return mrand.New(mrand.NewPCG(seed(), stream))
}
