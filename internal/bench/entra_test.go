package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// The peers are made for Microsoft's platform, so they and ours are measured at an imitation of it, with the addresses
// of the real one. Authority and scopes are the same for all.
const (
	cloud     = "https://login.microsoftonline.com"
	authority = cloud + "/" + msaltest.DefaultTenant
	redirect  = "http://localhost"
)

// maxSets is how many scopes the API has, each of which makes a scope set of its own.
const maxSets = 20

func scopeOf(set int) string { return fmt.Sprintf("api://bench/Scope.%02d", set) }

// Names are of one length for all people, so that the entry of one is that of another under another name.
func objectID(i int) string { return fmt.Sprintf("0b1ec700-0000-4000-8000-%012d", i) }

// accountID is who person i is to package msal.
func accountID(i int) string { return msaltest.DefaultTenant + "." + objectID(i) }

func newEntra(tb testing.TB) *provider {
	p := &provider{Platform: msaltest.New(tb)}
	api := msaltest.Resource{AppID: "be9c4000-0000-4000-8000-000000000001", IDURIs: []string{"api://bench"}, V2: true}
	for set := range maxSets {
		_, value, _ := strings.Cut(scopeOf(set), "//bench/")
		api.Permissions = append(api.Permissions, msaltest.Permission{Value: value})
	}
	p.URL = cloud
	p.Entra = &msaltest.Entra{Resources: []msaltest.Resource{api}, HideExtraGrants: true, LoopLimit: -1}
	p.pad(150)
	return p
}

// visit signs person i in and returns what the redirect brings.
func (p *provider) visit(tb testing.TB, i int, address string) url.Values {
	p.SignInAs(msaltest.User{
		Subject: name(i), Username: name(i) + "@contoso.example", Name: "Pat Example", Email: name(i) + "@contoso.example", ObjectID: objectID(i),
	})
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(address)
	require.NoError(tb, err)
	require.NoError(tb, answer.Body.Close())
	back, err := answer.Location()
	require.NoError(tb, err)
	return back.Query()
}

func (p *provider) ours(tb testing.TB, store cache.Store) *msal.Client {
	c, err := msal.New(msal.Config{ClientID: clientID, Authority: authority, HTTPClient: p.client(), Cache: store})
	require.NoError(tb, err)
	return c
}

// consent lets person i allow the application all scopes, so that each can be asked for by itself later.
func (p *provider) consent(tb testing.TB, i int) {
	if p.consented[i] {
		return
	}
	scope := make([]string, maxSets)
	for set := range scope {
		scope[set] = scopeOf(set)
	}
	z, err := p.ours(tb, nil).Authorize(tb.Context(), redirect, scope...)
	require.NoError(tb, err)
	p.visit(tb, i, z.URL())
	if p.consented == nil {
		p.consented = map[int]bool{}
	}
	p.consented[i] = true
}

// join signs person i in with tokens for so many scope sets.
func (p *provider) join(tb testing.TB, c *msal.Client, i, sets int) msal.Account {
	p.consent(tb, i)
	z, err := c.Authorize(tb.Context(), redirect, scopeOf(0))
	require.NoError(tb, err)
	token, err := z.Redeem(tb.Context(), p.visit(tb, i, z.URL()))
	require.NoError(tb, err)
	for set := range sets {
		_, err := c.For(token.Account).Token(tb.Context(), scopeOf(set))
		require.NoError(tb, err)
	}
	return token.Account
}

// crowd makes n accounts in a Store: the first has signed in, the others are copies of its record under other names,
// good for everything but a refresh.
func (p *provider) crowd(tb testing.TB, store cache.Store, n, sets int) []msal.Account {
	first := p.join(tb, p.ours(tb, store), 0, sets)
	where := &finder{Store: cache.Memory()}
	lookUp := p.ours(tb, where)
	var record string
	all := make([]msal.Account, n)
	for i := range all {
		all[i] = first
		all[i].ID = strings.ReplaceAll(first.ID, objectID(0), objectID(i))
		_, err := lookUp.For(all[i]).Token(tb.Context(), scopeOf(0))
		require.ErrorIs(tb, err, msal.ErrSignInRequired)
		if i == 0 {
			data, _, err := store.Get(tb.Context(), where.asked)
			require.NoError(tb, err)
			record = string(data)
			continue
		}
		_, err = store.Put(tb.Context(), where.asked, []byte(strings.ReplaceAll(record, objectID(0), objectID(i))), "")
		require.NoError(tb, err)
	}
	return all
}

// serve serves the platform on a socket, for processes, which reach it with reroute.Client.
func (p *provider) serve(tb testing.TB) (address string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, err := unpadded(r)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		p.ServeHTTP(w, r)
	}))
	tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
