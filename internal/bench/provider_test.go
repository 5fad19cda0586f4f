package bench

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

const clientID = "a-benchmark"

// Tokens have the lengths that they have on Microsoft's platform, 4,055 bytes in all. Those of msaltest are short, so
// each is followed by padding, which the provider does not get to see.
const (
	accessLen  = 1600
	refreshLen = 1200
	idLen      = 1255
)

var padding = strings.Repeat("0123456789abcdef", 60)

// provider is an identity provider in this process, reached without a socket, that tells its own time from ours.
type provider struct {
	*msaltest.Platform
	spent     atomic.Int64 // nanoseconds of requests since the last look
	consented map[int]bool // who has allowed the application its scopes, on Microsoft's platform
}

func newProvider(tb testing.TB) *provider {
	p := &provider{Platform: msaltest.New(tb)}
	p.pad(338)
	return p
}

// pad gives tokens their lengths. ID tokens are of that length with a claim of idPadding bytes.
func (p *provider) pad(idPadding int) {
	p.Rotation = msaltest.KeepOld // as Microsoft: a new refresh token each time, and the peer may use the old one
	p.EditClaims = func(claims map[string]any) {
		delete(claims, "at_hash") // it would be that of an access token without padding
		claims["groups"] = padding[:idPadding]
	}
	p.EditToken = func(_ string, answer map[string]any) {
		for name, length := range map[string]int{"access_token": accessLen, "refresh_token": refreshLen} {
			if token, ok := answer[name].(string); ok {
				answer[name] = token + "." + strings.Repeat(padding, 2)[:length-len(token)-1]
			}
		}
	}
}

// RoundTrip counts the provider's time.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	start := time.Now()
	defer func() { p.spent.Add(int64(time.Since(start))) }()
	r, err := unpadded(r)
	if err != nil {
		return nil, err
	}
	return p.Client().Transport.RoundTrip(r)
}

// unpadded takes the padding off what is sent.
func unpadded(r *http.Request) (*http.Request, error) {
	if r.Body == nil {
		return r, nil
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil {
		return nil, err
	}
	text := string(body)
	if before, after, ok := strings.Cut(text, "."+padding[:100]); ok {
		_, after, _ = strings.Cut(after, "&")
		text = before + "&" + after
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return r, nil
}

func (p *provider) client() *http.Client { return &http.Client{Transport: p} }

// open makes a Client and a handle of its Store, as a process does when it starts.
func (p *provider) open(tb testing.TB, store cache.Store) *msal.Client {
	c, err := msal.New(msal.Config{ClientID: clientID, Authority: p.URL, HTTPClient: p.client(), Cache: store})
	require.NoError(tb, err)
	return c
}

// signIn signs in a person of that name.
func (p *provider) signIn(tb testing.TB, c *msal.Client, name string) msal.Account {
	p.SignInAs(msaltest.User{Subject: name, Username: name + "@idp.example", Name: "Pat Example", Email: name + "@idp.example"})
	z, err := c.Authorize(tb.Context(), "http://127.0.0.1/callback", "read")
	require.NoError(tb, err)
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(z.URL())
	require.NoError(tb, err)
	require.NoError(tb, answer.Body.Close())
	back, err := answer.Location()
	require.NoError(tb, err)
	token, err := z.Redeem(tb.Context(), back.Query())
	require.NoError(tb, err)
	return token.Account
}

// refresh is how a program refreshes that uses x/oauth2.
func (p *provider) refresh(ctx context.Context, token string) (*oauth2.Token, error) {
	config := oauth2.Config{ClientID: clientID, Endpoint: oauth2.Endpoint{TokenURL: p.URL + "/token", AuthStyle: oauth2.AuthStyleInParams}}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, p.client())
	return config.TokenSource(ctx, &oauth2.Token{RefreshToken: token}).Token()
}
