package differential

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	msalcache "github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

const (
	clientID  = "differential"
	authority = "https://login.microsoftonline.com/organizations"
	redirect  = "http://localhost"
)

// client is an application that uses one of the two libraries.
type client interface {
	// interactive signs somebody in through a browser and a loopback redirect.
	interactive(ctx context.Context, scope ...string) result
	// redeem signs somebody in without a socket, so that it can be done in a bubble of synctest.
	redeem(t *testing.T, scope ...string) result
	// device signs somebody in on another device.
	device(ctx context.Context, scope ...string) result
	// silent asks nobody.
	silent(ctx context.Context, scope ...string) result
	// challenged is silent after an API has answered with a claims challenge.
	challenged(ctx context.Context, claims string, scope ...string) result
	// restart is the same application in its next process.
	restart(t *testing.T) client
}

// result is what an application gets.
type result struct {
	outcome string // "token", or in a few words what went wrong
	missing []string
}

// visit is a browser that hands the redirect over instead of following it.
func visit(t *testing.T, p *msaltest.Platform, address string) url.Values {
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := browser.Get(address)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	back, err := answer.Location()
	require.NoError(t, err)
	return back.Query()
}

type ours struct {
	p     *msaltest.Platform
	store cache.Store
	*msal.Client
}

func newOurs(t *testing.T, p *msaltest.Platform, store cache.Store) client {
	c, err := msal.New(msal.Config{ClientID: clientID, Authority: authority, HTTPClient: p.Client(), Cache: store})
	require.NoError(t, err)
	return ours{p, store, c}
}

func (c ours) restart(t *testing.T) client { return newOurs(t, c.p, c.store) }

func (c ours) interactive(ctx context.Context, scope ...string) result {
	return c.result(c.SignIn(ctx, msal.Browser{Open: c.p.Browse}, scope...))
}

func (c ours) redeem(t *testing.T, scope ...string) result {
	z, err := c.Authorize(t.Context(), redirect, scope...)
	if err != nil {
		return c.result(msal.Token{}, err)
	}
	return c.result(z.Redeem(t.Context(), visit(t, c.p, z.URL())))
}

func (c ours) device(ctx context.Context, scope ...string) result {
	show := func(_ context.Context, prompt msal.DevicePrompt) error {
		c.p.Approve(prompt.UserCode)
		return nil
	}
	return c.result(c.SignIn(ctx, msal.DeviceCode{Show: show}, scope...))
}

func (c ours) silent(ctx context.Context, scope ...string) result {
	return c.result(c.Token(ctx, scope...))
}

func (c ours) challenged(ctx context.Context, claims string, scope ...string) result {
	return c.result(c.WithClaims(claims).Token(ctx, scope...))
}

func (ours) result(token msal.Token, err error) result {
	refused, said := errors.AsType[*msal.ServerError](err)
	switch {
	case err == nil:
		return result{"token", token.Missing.Slice()}
	case errors.Is(err, scopes.ErrDuplicateDefault):
		return result{outcome: "error: a default was passed"}
	case errors.Is(err, scopes.ErrInvalid):
		return result{outcome: "error: an invalid scope"}
	case errors.Is(err, msal.ErrSignInRequired) && said:
		return result{outcome: "sign in again, because the " + server(refused.Code, refused.Codes)}
	case errors.Is(err, msal.ErrSignInRequired):
		return result{outcome: "sign in again"}
	case said:
		return result{outcome: server(refused.Code, refused.Codes)}
	}
	return result{outcome: "error: " + short(err)}
}

// server is what the token endpoint said.
func server(code string, numbers []int) string {
	if code == "" {
		return "server had no OAuth error"
	}
	return fmt.Sprintf("server said %s %v", code, numbers)
}

// short is the beginning of an error, without what is different each time.
func short(err error) string {
	text, _, _ := strings.Cut(html.UnescapeString(err.Error()), " Trace ID")
	text = regexp.MustCompile(`"?https?://[^ ]*`).ReplaceAllString(text, "…")
	words := strings.Fields(text)
	for i := range words {
		if len(strings.Join(words[:i+1], " ")) > 100 {
			return strings.Join(words[:i], " ") + " …"
		}
	}
	return strings.Join(words, " ")
}

type theirs struct {
	p    *msaltest.Platform
	file *file
	public.Client
}

// file is where MSAL keeps its cache.
type file struct{ data []byte }

func (f *file) Replace(_ context.Context, c msalcache.Unmarshaler, _ msalcache.ReplaceHints) error {
	if f.data == nil {
		return nil
	}
	return c.Unmarshal(f.data)
}

func (f *file) Export(_ context.Context, c msalcache.Marshaler, _ msalcache.ExportHints) (err error) {
	f.data, err = c.Marshal()
	return err
}

func newTheirs(t *testing.T, p *msaltest.Platform, f *file) client {
	c, err := public.New(clientID, public.WithAuthority(authority), public.WithHTTPClient(p.Client()), public.WithCache(f))
	require.NoError(t, err)
	return theirs{p, f, c}
}

func (c theirs) restart(t *testing.T) client { return newTheirs(t, c.p, c.file) }

func (c theirs) interactive(ctx context.Context, scope ...string) result {
	open := func(address string) error { return c.p.Browse(ctx, address) }
	return c.result(c.AcquireTokenInteractive(ctx, scope, public.WithOpenURL(open)))
}

// redeem asks for the defaults in the URL by itself, because AuthCodeURL adds none.
func (c theirs) redeem(t *testing.T, scope ...string) result {
	asked := append(slices.Clone(scope), scopes.Defaults().Slice()...)
	address, err := c.AuthCodeURL(t.Context(), clientID, redirect, asked)
	require.NoError(t, err)
	verifier := oauth2.GenerateVerifier()
	back := visit(t, c.p, address+"&code_challenge_method=S256&code_challenge="+oauth2.S256ChallengeFromVerifier(verifier))
	return c.result(c.AcquireTokenByAuthCode(t.Context(), back.Get("code"), redirect, scope, public.WithChallenge(verifier)))
}

func (c theirs) device(ctx context.Context, scope ...string) result {
	code, err := c.AcquireTokenByDeviceCode(ctx, scope)
	if err != nil {
		return c.result(public.AuthResult{}, err)
	}
	c.p.Approve(code.Result.UserCode)
	return c.result(code.AuthenticationResult(ctx))
}

func (c theirs) silent(ctx context.Context, scope ...string) result {
	return c.silently(ctx, scope)
}

func (c theirs) challenged(ctx context.Context, claims string, scope ...string) result {
	return c.silently(ctx, scope, public.WithClaims(claims))
}

func (c theirs) silently(ctx context.Context, scope []string, options ...public.AcquireSilentOption) result {
	accounts, err := c.Accounts(ctx)
	if err != nil {
		return result{outcome: "error: " + short(err)}
	}
	if len(accounts) == 0 {
		return result{outcome: "sign in again"} // what an application has to make of it
	}
	return c.result(c.AcquireTokenSilent(ctx, scope, append(options, public.WithSilentAccount(accounts[0]))...))
}

func (theirs) result(token public.AuthResult, err error) result {
	if err == nil {
		return result{"token", token.DeclinedScopes}
	}
	if call, ok := errors.AsType[msalerrors.CallErr](err); ok {
		body, _ := io.ReadAll(call.Resp.Body)
		var answer struct {
			Error string `json:"error"`
			Codes []int  `json:"error_codes"`
		}
		if json.Unmarshal(bytes.TrimSpace(body), &answer) != nil {
			return result{outcome: server("", nil)}
		}
		return result{outcome: server(answer.Error, answer.Codes)}
	}
	return result{outcome: "error: " + short(err)}
}
