package msal_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// unifiedAvery is who is signed in in testdata/unified.
var unifiedAvery = msaltest.User{
	Subject: "avery", Username: "avery@idp.example", Name: "Avery Example",
	TenantID: wireTenant, ObjectID: "aaaaaaaa-0000-4000-8000-00000000a1a1",
}

// newEntra is a platform that goes by the name of Microsoft's.
func newEntra(t *testing.T) (p *msaltest.Platform, config func(*msal.Config)) {
	p = msaltest.New(t)
	asEntra(p)
	p.URL = "https://login.microsoftonline.com"
	p.Users = []msaltest.User{unifiedAvery}
	return p, func(cfg *msal.Config) { cfg.Authority += "/organizations" }
}

// signInElsewhere is what MSAL did: it returns the refresh token of a session
// that none of our stores has.
func signInElsewhere(t *testing.T, p *msaltest.Platform, edit ...func(*msal.Config)) string {
	t.Helper()
	var given string
	before := p.EditToken
	p.EditToken = func(grant string, a map[string]any) {
		if before != nil {
			before(grant, a)
		}
		given, _ = a["refresh_token"].(string)
	}
	scope := []string{"read", "User.Read"}
	if p.Entra != nil {
		scope = scope[1:] // Microsoft Graph has no permission of the other name
	}
	signIn(t, p, newClient(t, p, edit...), scope...)
	p.EditToken = before
	p.ResetLog()
	require.NotEmpty(t, given)
	return given
}

// unifiedOf writes MSAL's cache for accounts of an OpenID Provider: subjects
// and their refresh tokens.
func unifiedOf(t testing.TB, tokens map[string]string) []byte {
	t.Helper()
	refresh, account := map[string]any{}, map[string]any{}
	for subject, token := range tokens {
		key := subject + "-idp.example-"
		refresh[key+"refreshtoken-"+clientID] = map[string]string{
			"home_account_id": subject, "environment": "idp.example", "credential_type": "RefreshToken", "client_id": clientID, "secret": token,
		}
		account[key] = map[string]string{"home_account_id": subject, "environment": "idp.example", "username": subject + "@idp.example"}
	}
	data, err := json.Marshal(map[string]any{"RefreshToken": refresh, "Account": account})
	require.NoError(t, err)
	return data
}

// Whatever language has written the file: one request, and the session goes on.
func TestImportLanguages(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/unified/*.json")
	require.NoError(t, err)
	require.Len(t, files, 5)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			file, err := os.ReadFile(name)
			require.NoError(t, err)
			synctest.Test(t, func(t *testing.T) {
				p, entra := newEntra(t)
				theirs := signInElsewhere(t, p, entra)
				unified := strings.ReplaceAll(string(file), "@refresh token@", theirs)
				c := newClient(t, p, entra)
				accounts, err := c.Import(t.Context(), []byte(unified), "User.Read")
				require.NoError(t, err)
				require.Len(t, accounts, 1)
				require.Equal(t, wireTenant+"."+unifiedAvery.ObjectID, accounts[0].ID)
				require.Equal(t, "avery@idp.example", accounts[0].Username)
				sent := p.TokenRequests("")
				require.Len(t, sent, 1)
				require.Equal(t, "User.Read openid profile email offline_access", sent[0].Form.Get("scope"))
				require.Equal(t, theirs, sent[0].Form.Get("refresh_token"))

				p.ResetLog()
				token, err := c.Token(t.Context(), "User.Read")
				require.NoError(t, err)
				require.Equal(t, accounts[0], token.Account)
				again, err := c.Import(t.Context(), []byte(unified), "User.Read")
				require.NoError(t, err)
				require.Equal(t, accounts, again)
				require.Zero(t, p.Count(), "nothing is left to do")
				time.Sleep(time.Until(token.Expiry))
				requireToken(t, c, "User.Read")
				require.Equal(t, 1, p.Count())
				require.NotEqual(t, theirs, p.TokenRequests("")[0].Form.Get("refresh_token"), "the session has its own now")
			})
		})
	}
}

// What becomes of MSAL's own copy, by the server's way with refresh tokens.
func TestImportRotation(t *testing.T) {
	for name, tt := range map[string]struct {
		rotation msaltest.Rotation
		alive    bool // MSAL can go on
	}{
		"strict": {msaltest.RotateStrict, false}, "all are kept": {msaltest.KeepOld, true}, "none is given": {msaltest.NoRotation, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = tt.rotation
				unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
				c := newClient(t, p)
				_, err := c.Import(t.Context(), unified, "read")
				require.NoError(t, err)
				for range 3 {
					token, err := c.Token(t.Context(), "read")
					require.NoError(t, err)
					require.True(t, token.Renewable)
					time.Sleep(time.Until(token.Expiry))
				}
				require.True(t, p.SessionAlive("avery"))
				_, err = newClient(t, p).Import(t.Context(), unified, "read")
				require.Equal(t, tt.alive, err == nil, "%v", err)
			})
		})
	}
}

// Twenty processes that start at once, each with a Client and a store of its
// own over one directory.
func TestImportTogether(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
	dir := newSharedDir(t)
	p.Fail("token", msaltest.Fault{Delay: 50 * time.Millisecond})
	var wg sync.WaitGroup
	errs := [20]error{}
	for i := range errs {
		c := newClient(t, p, dir.config)
		wg.Go(func() { _, errs[i] = c.Import(t.Context(), unified, "read") })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	require.Equal(t, 1, p.Count("token"))
	require.True(t, p.SessionAlive("avery"))
}

// The account's lock is taken once, and held until the session is stored: who
// waits for it finds the session.
func TestImportHoldsTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
		inner, locks, held := cache.Memory(), 0, false
		store := &brokenStore{Store: inner}
		store.lock = func(ctx context.Context, key string) (func() error, error) {
			unlock, err := inner.Lock(ctx, key)
			locks, held = locks+1, true
			return func() error { held = false; return unlock() }, err
		}
		store.put = func(ctx context.Context, key string, data []byte, prev cache.Rev) (cache.Rev, error) {
			require.True(t, held)
			return inner.Put(ctx, key, data, prev)
		}
		began := time.Now()
		_, err := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store }).Import(t.Context(), unified, "read")
		require.NoError(t, err)
		require.Equal(t, 1, locks)
		require.False(t, held)
		require.Equal(t, began, time.Now(), "nobody has waited")
	})
}

// One account that cannot be taken over is named, and the others are.
func TestImportOneOfThree(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	tokens := map[string]string{}
	for _, name := range []string{"ada", "brian", "grace"} {
		p.SignInAs(msaltest.User{Subject: name, Username: name + "@idp.example"})
		tokens[name] = signInElsewhere(t, p)
	}
	p.Revoke("brian")
	log := &journal{}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Logger = log.logger() })
	accounts, err := c.Import(t.Context(), unifiedOf(t, tokens), "read")
	require.Len(t, accounts, 2)
	require.Equal(t, []string{"ada", "grace"}, []string{accounts[0].Subject, accounts[1].Subject})
	require.ErrorIs(t, err, msal.ErrSignInRequired)
	require.Equal(t, "invalid_grant", asServerError(t, err).Code)
	failed, ok := errors.AsType[*msal.ImportError](err)
	require.True(t, ok)
	require.Equal(t, msal.Account{ID: p.URL + "#brian", Username: "brian@idp.example"}, failed.Account)
	require.Regexp(t, `^msal: import: session a-[a-z0-9-]+: sign-in required: server said invalid_grant`, err.Error())
	require.NotContains(t, err.Error()+log.String(), "brian", "who it is is nobody's business")
	require.Equal(t, 3, p.Count("token"))
	_, err = c.Token(t.Context(), "read")
	require.ErrorIs(t, err, msal.ErrAccountRequired)
	listed, err := c.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, accounts, listed)

	p.ResetLog()
	only, err := newClient(t, p).For(accounts[0]).Import(t.Context(), unifiedOf(t, tokens), "read")
	require.Error(t, err, "strict rotation has spent it")
	require.Empty(t, only)
	require.Equal(t, 1, p.Count("token"), "a Client of For asks for its account alone")
}

// A session that was there stays as it is; one that has ended, and a record
// that nobody can read, is replaced.
func TestImportBeside(t *testing.T) {
	for name, tt := range map[string]struct {
		before   func(t *testing.T, p *msaltest.Platform, store cache.Store, c *msal.Client)
		requests int
	}{
		"nothing":    {before: func(*testing.T, *msaltest.Platform, cache.Store, *msal.Client) {}, requests: 1},
		"a sign-in":  {before: func(t *testing.T, p *msaltest.Platform, _ cache.Store, c *msal.Client) { signIn(t, p, c, "read") }},
		"an old one": {before: func(t *testing.T, p *msaltest.Platform, _ cache.Store, c *msal.Client) { expire(t, p, c, "read") }},
		"an ended one": {requests: 1, before: func(t *testing.T, p *msaltest.Platform, _ cache.Store, c *msal.Client) {
			expire(t, p, c, "read")
			p.Fail("token", msaltest.Fault{Code: "invalid_grant"})
			_, err := c.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
		}},
		"an unreadable one": {requests: 1, before: func(t *testing.T, p *msaltest.Platform, store cache.Store, c *msal.Client) {
			signIn(t, p, c, "read")
			key := recordKey(t, store)
			_, rev, err := store.Get(t.Context(), key)
			require.NoError(t, err)
			_, err = store.Put(t.Context(), key, []byte("?"), rev)
			require.NoError(t, err)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				p.Rotation = msaltest.KeepOld
				unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
				store := cache.Memory()
				with := func(cfg *msal.Config) { cfg.Cache = store }
				c := newClient(t, p, with)
				tt.before(t, p, store, c)
				var before []byte
				if tt.requests == 0 {
					before, _, _ = store.Get(t.Context(), recordKey(t, store))
				}
				p.ResetLog()
				accounts, err := newClient(t, p, with).Import(t.Context(), unified, "read")
				require.NoError(t, err)
				require.Len(t, accounts, 1)
				require.Equal(t, tt.requests, len(p.TokenRequests("")))
				after, _, err := store.Get(t.Context(), recordKey(t, store))
				require.NoError(t, err)
				if tt.requests == 0 {
					require.Equal(t, string(before), string(after))
				}
				time.Sleep(2 * time.Second)
				requireToken(t, c, "read")
			})
		})
	}
}

// What can fail before the refresh token is sent fails before.
func TestImportFailsBefore(t *testing.T) {
	for name, tt := range map[string]struct {
		store   *brokenStore
		prepare func(p *msaltest.Platform)
		want    error
	}{
		"no lock": {want: errDisk, store: &brokenStore{lock: func(context.Context, string) (func() error, error) { return nil, errDisk }}},
		"a locked keychain": {want: cache.ErrLocked, store: &brokenStore{get: func(context.Context, string) ([]byte, cache.Rev, error) {
			return nil, "", cache.ErrLocked
		}}},
		"no metadata": {prepare: func(p *msaltest.Platform) { p.Fail("discovery", msaltest.Fault{Status: 503}) }},
		"no keys":     {prepare: func(p *msaltest.Platform) { p.Fail("keys", msaltest.Fault{Status: 503}) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
				store := cmp.Or(tt.store, &brokenStore{})
				store.Store = cache.Memory()
				c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
				if tt.prepare != nil {
					tt.prepare(p)
				}
				accounts, err := c.Import(t.Context(), unified, "read")
				require.Error(t, err)
				if tt.want != nil {
					require.ErrorIs(t, err, tt.want)
				}
				require.Empty(t, accounts)
				require.Empty(t, p.TokenRequests(""))
				store.get, store.lock = nil, nil
				_, err = c.Import(t.Context(), unified, "read")
				require.NoError(t, err)
			})
		})
	}
	t.Run("no room", func(t *testing.T) {
		p := msaltest.New(t)
		unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
		c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = fullStore{&brokenStore{Store: cache.Memory()}} })
		_, err := c.Import(t.Context(), unified, "read")
		require.ErrorIs(t, err, errDisk)
		require.Empty(t, p.TokenRequests(""))
	})
	t.Run("a server that wants to be left alone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := msaltest.New(t)
			unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
			c := newClient(t, p)
			p.Fail("token", msaltest.Fault{Status: 429, RetryAfter: "60"})
			for range 3 {
				_, err := c.Import(t.Context(), unified, "read")
				require.Positive(t, asServerError(t, err).RetryAfter)
				require.NotErrorIs(t, err, msal.ErrSignInRequired)
			}
			require.Len(t, p.TokenRequests(""), 1)
			time.Sleep(time.Minute)
			_, err := c.Import(t.Context(), unified, "read")
			require.NoError(t, err)
		})
	})
}

// fullStore is a store without room.
type fullStore struct{ *brokenStore }

func (fullStore) Reserve(context.Context, string, int) error { return errDisk }

// A lost answer is asked for once more, as any refresh's.
func TestImportLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		p.Rotation = msaltest.Grace
		unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
		c := newClient(t, p)
		p.Fail("token", msaltest.Fault{CutBefore: true, Times: 2})
		_, err := c.Import(t.Context(), unified, "read")
		require.ErrorIs(t, err, msal.ErrOutcomeUnknown)
		require.NotErrorIs(t, err, msal.ErrSignInRequired)
		p.ResetLog()
		p.Fail("token", msaltest.Fault{Cut: true})
		_, err = c.Import(t.Context(), unified, "read")
		require.NoError(t, err)
		require.Len(t, p.TokenRequests(""), 2)
		require.True(t, p.SessionAlive("avery"))
	})
}

// Who leaves while the answer is on its way does not lose it, and asks for no
// other account.
func TestImportCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		tokens := map[string]string{}
		for _, name := range []string{"ada", "grace"} {
			p.SignInAs(msaltest.User{Subject: name})
			tokens[name] = signInElsewhere(t, p)
		}
		c := newClient(t, p)
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second, After: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		accounts, err := c.Import(ctx, unifiedOf(t, tokens), "read")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, accounts)
		require.Equal(t, time.Second, time.Since(began))
		require.NoError(t, c.Shutdown(t.Context()))
		require.Len(t, p.TokenRequests(""), 1)
		requireToken(t, c, "read")
		accounts, err = c.Import(t.Context(), unifiedOf(t, tokens), "read")
		require.NoError(t, err)
		require.Len(t, accounts, 2)
		require.Len(t, p.TokenRequests(""), 2)
	})
}

// An answer that is not about the account of the file is nobody's session.
func TestImportRefusesTheAnswer(t *testing.T) {
	for name, edit := range map[string]func(p *msaltest.Platform){
		"no ID token":    func(p *msaltest.Platform) { p.EditToken = func(_ string, a map[string]any) { delete(a, "id_token") } },
		"somebody else":  func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { c["sub"] = "grace" } },
		"another client": func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { c["aud"] = "another" } },
		"another issuer": func(p *msaltest.Platform) {
			p.EditClaims = func(c map[string]any) { c["iss"] = "https://evil.example" }
		},
		"an old ID token": func(p *msaltest.Platform) { p.EditClaims = func(c map[string]any) { c["iat"], c["exp"] = 1, 2 } },
		"a forged one": func(p *msaltest.Platform) {
			p.EditToken = func(_ string, a map[string]any) {
				head, sig, _ := strings.Cut(a["id_token"].(string), ".")
				body, _, _ := strings.Cut(sig, ".")
				a["id_token"] = head + "." + body + ".AAAA"
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := msaltest.New(t)
			unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
			store := cache.Memory()
			c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
			edit(p)
			accounts, err := c.Import(t.Context(), unified, "read")
			require.ErrorContains(t, err, "the server's answer is refused")
			require.Empty(t, accounts)
			require.Len(t, p.TokenRequests(""), 1)
			require.Empty(t, slices.Collect(keysOf(t, store)))
		})
	}
}

// A session that the store will not take is not reported as taken over: the
// program would remove MSAL's file.
func TestImportUnsaved(t *testing.T) {
	p := msaltest.New(t)
	unified := unifiedOf(t, map[string]string{"avery": signInElsewhere(t, p)})
	store := &brokenStore{Store: cache.Memory(), put: func(context.Context, string, []byte, cache.Rev) (cache.Rev, error) { return "", errDisk }}
	c := newClient(t, p, func(cfg *msal.Config) { cfg.Cache = store })
	for range 2 {
		accounts, err := c.Import(t.Context(), unified, "read")
		require.ErrorIs(t, err, errDisk)
		require.Empty(t, accounts)
	}
	require.Len(t, p.TokenRequests(""), 1, "it is in memory")
	requireToken(t, c, "read")
	store.put = nil
	require.NoError(t, c.Shutdown(t.Context()))
	accounts, err := c.Import(t.Context(), unified, "read")
	require.NoError(t, err)
	require.Len(t, accounts, 1)
	require.Len(t, p.TokenRequests(""), 1)
}

// hostileUnified is what no MSAL has written. %s is a refresh token.
var hostileUnified = map[string]struct{ file, want string }{
	"empty":                   {"", "empty"},
	"no JSON":                 {"%s", "not one JSON value"},
	"cut":                     {`{"RefreshToken":{"k":{"secret":"%s"`, "not one JSON value"},
	"followed":                {`{"RefreshToken":{}}{"%s":1}`, "not one JSON value"},
	"a list":                  {`["%s"]`, "JSON array"},
	"another file":            {`{"subscriptions":["%s"]}`, "none of the members"},
	"a member twice":          {`{"RefreshToken":{},"RefreshToken":{"k":{"secret":"%s"}}}`, "twice"},
	"an account twice":        {`{"RefreshToken":{"k":{"secret":"%s"},"k":{}}}`, "twice"},
	"a secret twice":          {`{"RefreshToken":{"k":{"secret":"%s","secret":"x"}}}`, "twice"},
	"twice in what is unread": {`{"RefreshToken":{},"AccessToken":{"k":{"secret":"%s","secret":"x"}}}`, "twice"},
	"a kind of wrong type":    {`{"RefreshToken":"%s"}`, "JSON string"},
	"an entry of wrong type":  {`{"RefreshToken":{"k":"%s"}}`, "JSON string"},
	"a null entry":            {`{"RefreshToken":{"k":null,"%s":{}}}`, "no home_account_id"},
	"a number for a name":     {`{"RefreshToken":{"k":{"secret":"%s","home_account_id":7}}}`, "JSON number"},
	"a number for a secret":   {`{"RefreshToken":{"k":{"secret":1e400,"client_id":"%s"}}}`, "secret"},
	"no account":              {`{"RefreshToken":{"k":{"secret":"%s","environment":"idp.example"}}}`, "no home_account_id"},
	"no environment":          {`{"RefreshToken":{"k":{"secret":"%s","home_account_id":"avery"}}}`, "no environment"},
	"no secret":               {`{"RefreshToken":{"k":{"home_account_id":"avery","environment":"%s"}}}`, "secret"},
	"a secret of two lines":   {`{"RefreshToken":{"k":{"home_account_id":"avery","environment":"e","secret":"%s\r\nx"}}}`, "characters"},
	"a huge time":             {`{"RefreshToken":{"k":{"home_account_id":"avery","environment":"e","secret":"%s","last_modification_time":"99999999999999999999"}}}`, "last_modification_time"},
	"a null ID token":         {`{"RefreshToken":{},"IdToken":{"%s":null}}`, "IdToken is null"},
	"a null account":          {`{"RefreshToken":{},"Account":{"%s":null}}`, "Account is null"},
	"null app metadata":       {`{"RefreshToken":{},"AppMetadata":{"%s":null}}`, "AppMetadata is null"},
	"a byte order mark":       {"\ufeff" + `{"RefreshToken":{"k":{"secret":"%s"}}}`, "byte order mark"},
	"no UTF-8":                {`{"RefreshToken":{"k":{"secret":"%s` + "\xff" + `"}}}`, "UTF-8"},
	"too deep":                {`{"RefreshToken":` + strings.Repeat(`{"k":`, 40) + `"%s"` + strings.Repeat("}", 40) + "}", "nested"},
	"a secret too long":       {`{"RefreshToken":{"k":{"home_account_id":"avery","environment":"e","secret":"%s` + strings.Repeat("x", 64<<10) + `"}}}`, "too long"},
	"too large":               {`{"RefreshToken":{}}%s` + strings.Repeat(" ", 16<<20), "bytes"},
	"too many":                {`{"RefreshToken":{"%s":{}` + many(10_001) + `}}`, "more than 10000 members"},
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{}`, i)
	}
	return b.String()
}

// A file that is not sound costs nothing and says what to do; no token of it
// shows.
func TestImportHostile(t *testing.T) {
	t.Parallel()
	const secret = "canary-canary-canary-canary"
	for name, tt := range hostileUnified {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := watch(t)
			w.add("refresh_token", secret)
			accounts, err := w.client.Import(t.Context(), []byte(strings.Replace(tt.file, "%s", secret, 1)), "read")
			require.Empty(t, accounts)
			refused, ok := errors.AsType[*msal.ImportError](err)
			require.True(t, ok, "%v", err)
			require.Zero(t, refused.Account)
			require.ErrorContains(t, err, tt.want)
			require.ErrorContains(t, err, "let people sign in")
			require.Zero(t, w.platform.Count())
			require.Less(t, len(err.Error()), 500)
			if !strings.Contains(tt.file, `"%s":`) { // a name of a member is none
				require.Empty(t, w.in(err.Error()), "%v", err)
				prints(t, w, "ImportError", refused)
			}
		})
	}
}

// What is not this client's is left alone, without a request: other clients,
// clouds and tenants, and files without anything.
func TestImportLeavesAlone(t *testing.T) {
	t.Parallel()
	const entry = `{"RefreshToken":{"k":{"home_account_id":"%s","environment":"%s","client_id":"%s","family_id":"%s","secret":"theirs"}},` +
		`"AppMetadata":{"k":{"environment":"login.microsoftonline.com","client_id":"another","family_id":"1"}}}`
	home := unifiedAvery.ObjectID + "." + wireTenant
	for name, file := range map[string]string{
		"an empty cache":     `{}`,
		"no refresh tokens":  `{"AccessToken":{},"RefreshToken":null,"Account":{}}`,
		"another client":     fmt.Sprintf(entry, home, "login.microsoftonline.com", "another", ""),
		"a foreign family":   fmt.Sprintf(entry, home, "login.microsoftonline.com", "another", "1"),
		"another cloud":      fmt.Sprintf(entry, home, "login.microsoftonline.us", clientID, ""),
		"the end of a host":  fmt.Sprintf(entry, home, "evil-login.microsoftonline.com", clientID, ""),
		"a personal account": fmt.Sprintf(entry, unifiedAvery.ObjectID+".9188040d-6c67-4c5b-b112-36a304b66dad", "login.microsoftonline.com", clientID, ""),
		"no home":            fmt.Sprintf(entry, "avery", "login.microsoftonline.com", clientID, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, entra := newEntra(t)
			accounts, err := newClient(t, p, entra).Import(t.Context(), []byte(file), "User.Read")
			require.NoError(t, err)
			require.Empty(t, accounts)
			require.Zero(t, p.Count("token"))
		})
	}
}
