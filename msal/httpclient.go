package msal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/staysigned/staysigned/internal/secret"
	"github.com/staysigned/staysigned/internal/secureurl"
)

// HTTPClient returns an http.Client that sends a token for the scopes to
// origin, such as "https://graph.microsoft.com", and to nobody else. A
// redirect that leaves the origin goes on without the token, and never gets it
// back; a request made to another origin fails.
//
// An answer of 401 makes it try once more with a token obtained after the one
// that was refused, which satisfies the claims challenge of the answer if there
// is one; requests that are refused together share one refresh.
// A request whose body cannot be sent twice (http.Request.GetBody is nil) gets
// the 401. What no refresh changes is not tried again with the same token for a
// minute, however many requests meet it. An API that wants other claims each
// time, or takes no token twice, is answered with ten refreshes in a minute at
// most; beyond them its 401 is what the request gets. The http.Client remembers
// that, so make one for an API and keep it.
//
// Where a refresh does not satisfy the challenge, the request fails with
// ErrSignInRequired and a *ServerError whose Claims are those for the sign-in,
// through WithClaims; errors.Is and errors.As find both in the *url.Error.
// Where no newer token is to be had for another reason, because the network or
// the authorization server is not well or wants to be left alone, the 401 itself
// comes back, claims challenge and all, and no error: try again later. A
// challenge counts only from origin, for the scopes of this client and for this
// request: it is not stored, and nobody is asked by it.
//
// A mistake in the arguments is returned by the first request, before any I/O.
// The Transport of Config.HTTPClient makes the requests; there is no timeout
// but the request's own context.
func (c *Client) HTTPClient(origin string, scope ...string) *http.Client {
	t := &transport{client: c, scope: slices.Clone(scope), base: http.DefaultTransport}
	if h := c.core.HTTPClient; h != nil && h.Transport != nil {
		t.base = h.Transport
	}
	u, err := secureurl.Parse(origin, c.core.InsecureLoopbackHTTP)
	switch {
	case err != nil:
		t.err = fmt.Errorf("msal: http client: origin: %w", err)
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		t.err = fmt.Errorf("msal: http client: origin %q has a path or query; give scheme, host and port", origin)
	default:
		t.origin = originOf(u)
		if _, err := c.request(scope); err != nil {
			t.err = fmt.Errorf("msal: http client: %w", err)
		}
	}
	return &http.Client{Transport: t}
}

// transport is the http.RoundTripper of HTTPClient.
type transport struct {
	client *Client
	origin string
	scope  []string
	base   http.RoundTripper
	err    error

	mu  sync.Mutex
	met []met // of the last minute, maxMet at most
}

// originOf returns scheme, host and port in one spelling (RFC 6454 section 4).
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return secureurl.Lower(u.Scheme + "://" + u.Hostname() + ":" + port)
}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.err != nil {
		closeBody(req)
		return nil, t.err
	}
	if originOf(req.URL) != t.origin || t.strayed(req) {
		if req.Response == nil {
			closeBody(req)
			return nil, fmt.Errorf("msal: http client: the request goes to %+.200q, but its token is for %s; make a client for each", originOf(req.URL), t.origin)
		}
		bare := req.Clone(req.Context())
		bare.Header.Del("Authorization")
		return t.trip(bare)
	}
	token, err := t.client.Token(req.Context(), t.scope...)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	newer := t.client.later("")
	resp, err := t.send(req, token)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	return t.again(req, resp, token, newer)
}

// strayed tells whether a chain of redirects has left the origin on its way:
// whoever it passed through has chosen where it goes now.
func (t *transport) strayed(req *http.Request) bool {
	for r := req.Response; r != nil && r.Request != nil; r = r.Request.Response {
		if originOf(r.Request.URL) != t.origin {
			return true
		}
	}
	return false
}

// send sends a copy of req with the token: a RoundTripper may not change the
// request it is given.
func (t *transport) send(req *http.Request, token Token) (*http.Response, error) {
	bearing := req.Clone(req.Context())
	token.SetAuthHeader(bearing)
	return t.trip(bearing)
}

// trip is base's RoundTrip whose answer says what it answers, as not every
// RoundTripper's does: strayed goes back by it.
func (t *transport) trip(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err == nil {
		resp.Request = req
	}
	return resp, err
}

// again answers a 401: with a newer token, once. A server that then still says
// 401 means it. newer is from before the request: of a thousand that are refused
// one after the other, only the first one refreshes.
func (t *transport) again(req *http.Request, refused *http.Response, used Token, newer *demand) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return refused, nil
	}
	challenge := claimsChallenge(refused.Header.Values("WWW-Authenticate"))
	client := t.client.ForceRefresh()
	if challenge != "" {
		client = t.client.WithClaims(challenge)
	}
	if strings.Contains(client.demand.claims, used.AccessToken()) {
		return refused, nil // an API that repeats the request must not bring the token into a URL
	}
	if again, err := t.admit(used, challenge); !again && err == nil {
		return refused, nil
	} else if !again {
		drain(refused)
		return nil, err
	}
	newer.claims = client.demand.claims
	client.demand = newer
	token, err := client.Token(req.Context(), t.scope...)
	if err != nil {
		if !errors.Is(err, ErrSignInRequired) {
			return refused, nil // the answer of the API says more than that of an outage
		}
		err = challenged(err, client.demand.claims)
		t.remember(used, challenge, err)
		drain(refused)
		return nil, err
	}
	next := req.Clone(req.Context())
	if req.GetBody != nil {
		if next.Body, err = req.GetBody(); err != nil {
			return refused, nil
		}
	}
	drain(refused)
	resp, err := t.send(next, token)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		t.remember(token, claimsChallenge(resp.Header.Values("WWW-Authenticate")), nil)
	}
	return resp, err
}

// met is a 401, by what distinguishes it from the next one.
type met struct {
	token     secret.String
	challenge secret.String // as it came, and it may repeat the token; "": none
	until     time.Time
	// No better token was to be had, or that one was refused too: the next request
	// would cost a refresh again and end as this one did. Programs try a thousand times.
	unanswered bool
	err        error // what the request failed with; nil: with the 401
}

// maxMet bounds them, and so the refreshes that an API can cause in a minute: one
// that finds new claims each time would have the server throttle the application.
const maxMet = 10

// admit tells whether a refresh may be tried for a 401. If not, err is what the
// request fails with; nil: with the 401. Those that are refused together, and
// share one refresh, are one.
func (t *transport) admit(used Token, challenge string) (again bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.find(used, challenge)
	if m == nil {
		return false, nil
	}
	return !m.unanswered, m.err
}

// remember notes that a 401 stays unanswered.
func (t *transport) remember(used Token, challenge string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m := t.find(used, challenge); m != nil {
		m.unanswered, m.err, m.until = true, err, time.Now().Add(restUnsaid)
	}
}

// find returns what is known of a 401, from now on if it is a new one; nil if
// there were too many. t.mu is held.
func (t *transport) find(used Token, challenge string) *met {
	now := time.Now()
	t.met = slices.DeleteFunc(t.met, func(m met) bool { return !now.Before(m.until) })
	for i := range t.met {
		if m := &t.met[i]; m.challenge.Reveal() == challenge && m.token.Reveal() == used.AccessToken() {
			return m
		}
	}
	if len(t.met) == maxMet {
		return nil
	}
	t.met = append(t.met, met{token: used.access, challenge: secret.New(challenge), until: now.Add(restUnsaid)})
	return &t.met[len(t.met)-1]
}

// insufficientClaims is the error of a claims challenge.
const insufficientClaims = "insufficient_claims"

// challenged sees to it that err, which is ErrSignInRequired, has the claims for
// the next sign-in: those of the authorization server, or else those of the API.
func challenged(err error, claims string) error {
	refused, said := errors.AsType[*ServerError](err)
	switch {
	case claims == "" || said && refused.Claims != "":
		return err
	case said:
		with := *refused // it belongs to others, too
		with.Claims = claims
		return fmt.Errorf("msal: http client: %w: %w", ErrSignInRequired, &with)
	}
	return fmt.Errorf("%w: %w", err, &ServerError{
		Code: insufficientClaims, StatusCode: http.StatusUnauthorized, Claims: claims,
		Description: "the API wants a token that satisfies its claims challenge",
	})
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// drain lets the connection be used again.
func drain(resp *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	resp.Body.Close()
}
