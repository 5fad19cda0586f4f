package msal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"time"

	"github.com/staysigned/staysigned/internal/secureurl"
	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/internal/termsafe"
	"github.com/staysigned/staysigned/internal/wire"
)

// DeviceCode signs in on another device: the person opens a page there and
// types a short code (RFC 8628). It is for machines without a browser. Where
// there is one, use Browser: a code that came by mail or chat looks just like
// one that this program shows, and phishers send such codes.
//
// On Microsoft authorities a device code is for one API: sign in once for each.
// Tokens for the earlier ones go on.
type DeviceCode struct {
	// Show tells the person what to do. It must return at once, or the code
	// expires meanwhile. If nil, the prompt goes to standard error.
	Show func(ctx context.Context, prompt DevicePrompt) error
}

// DevicePrompt is what to tell a person who signs in on another device. All
// fields are safe to print.
type DevicePrompt struct {
	UserCode                string    // to be typed at VerificationURI
	VerificationURI         string    // to be opened
	VerificationURIComplete string    // the same with the code in it, for a QR code; "": none. Show the code all the same
	Expiry                  time.Time // when the code stops working
	Issuer                  string    // host of the server; the page must be this one's
}

// String is a prompt in English. It tells a person who did not start this to
// stop.
func (p DevicePrompt) String() string {
	return fmt.Sprintf("To sign in, open %s and enter the code %s.\nOnly continue if you started this yourself. The code is for %s and is valid until %s.",
		p.VerificationURI, p.UserCode, p.Issuer, p.Expiry.Format("15:04"))
}

// deviceGrant is what the server gave to show and to wait for.
type deviceGrant struct {
	prompt   DevicePrompt
	code     string
	interval time.Duration
	deadline time.Time // by the monotonic clock
}

// check refuses a sign-in over several resources. Reported of Microsoft's
// platform: the person consents to all of them, and then every poll is refused
// (AADSTS28000). A redemption names the scopes of one; a poll names none.
func (d DeviceCode) check(c *Client, scope []string) error {
	q, _, err := c.build(scope)
	if err != nil {
		return nil // attempt says it
	}
	if err := q.single(c.core, scope); err != nil {
		return fmt.Errorf("a device code is for one API, so sign in once for each: %w", err)
	}
	return nil
}

func (d DeviceCode) signIn(ctx context.Context, a *attempt) (Token, error) {
	grant, err := a.startDevice(ctx)
	if err != nil {
		return Token{}, err
	}
	show := d.Show
	if show == nil {
		show = func(_ context.Context, p DevicePrompt) error {
			_, err := fmt.Fprintln(os.Stderr, p)
			return err
		}
	}
	if err := show(ctx, grant.prompt); err != nil {
		return Token{}, fmt.Errorf("DeviceCode.Show: %w", err)
	}
	return a.poll(ctx, grant)
}

// startDevice asks for a code (RFC 8628 section 3.1).
func (a *attempt) startDevice(ctx context.Context) (deviceGrant, error) {
	core := a.client.core
	if err := a.md.doc.Need("device_authorization_endpoint"); err != nil {
		return deviceGrant{}, err
	}
	form, err := core.form(a.request, a.md.defaults)
	if err != nil {
		return deviceGrant{}, err
	}
	extra := a.extra(core)
	for name := range extra {
		if value := extra.Get(name); value != "" { // else it counts as omitted, as in authorize
			form.Add(name, value)
		}
	}
	answer, err := core.post(ctx, a.md.doc.DeviceAuthorizationEndpoint, form, nil)
	if err != nil {
		return deviceGrant{}, err
	}
	return core.parseDevice(answer.Body, time.Now())
}

const (
	expired         = "expired_token"
	defaultInterval = 5 * time.Second
	maxInterval     = 5 * time.Minute
	maxDeviceLife   = time.Hour
)

// parseDevice reads the answer to startDevice strictly: its texts go to a
// terminal, its numbers into a loop.
func (c *core) parseDevice(raw []byte, now time.Time) (deviceGrant, error) {
	var m struct {
		DeviceCode string          `json:"device_code"`
		UserCode   string          `json:"user_code"`
		URI        string          `json:"verification_uri"`
		URL        string          `json:"verification_url"` // Google's and Microsoft v1.0's spelling
		Complete   string          `json:"verification_uri_complete"`
		ExpiresIn  seconds         `json:"expires_in"`
		Interval   json.RawMessage `json:"interval"`
	}
	if err := strictjson.Unmarshal(raw, &m); err != nil {
		return deviceGrant{}, fmt.Errorf("device response: %w", err)
	}
	if m.URI == "" {
		m.URI = m.URL
	}
	page, err := secureurl.Parse(m.URI, c.InsecureLoopbackHTTP)
	life := min(m.ExpiresIn.duration(0), maxDeviceLife)
	switch {
	case m.DeviceCode == "" || len(m.DeviceCode) > maxToken:
		return deviceGrant{}, errors.New("device response: device_code is missing or too long")
	case m.UserCode == "" || len(m.UserCode) > 128 || termsafe.Text(m.UserCode, 128) != m.UserCode:
		return deviceGrant{}, errors.New("device response: user_code is missing, too long, or not fit to be shown")
	case err != nil:
		return deviceGrant{}, fmt.Errorf("device response: verification_uri: %w", err)
	case life <= 0:
		return deviceGrant{}, errors.New("device response: expires_in is missing or zero")
	}
	g := deviceGrant{code: m.DeviceCode, interval: interval(m.Interval), deadline: now.Add(life)}
	g.prompt = DevicePrompt{UserCode: m.UserCode, VerificationURI: m.URI, Expiry: now.Add(life).Round(0), Issuer: c.authority.Host}
	// A complete URI elsewhere would send the person to somebody else's page.
	if u, err := secureurl.Parse(m.Complete, c.InsecureLoopbackHTTP); err == nil && u.Host == page.Host {
		g.prompt.VerificationURIComplete = m.Complete
	}
	return g, nil
}

// interval reads how long to wait between polls. "If no value is provided,
// clients MUST use 5 as the default" (RFC 8628 section 3.2); nonsense counts
// as no value, because a poller must not stop at it.
func interval(raw json.RawMessage) time.Duration {
	var s seconds
	if len(raw) == 0 || s.UnmarshalJSON(raw) != nil || !s.given || s.n < 1 {
		return defaultInterval
	}
	return time.Duration(math.Min(s.n, maxInterval.Seconds()) * float64(time.Second))
}

// poll waits until the person has signed in on the other device (RFC 8628
// section 3.4 and 3.5). The interval counts from the end of the last answer,
// and never shrinks.
func (a *attempt) poll(ctx context.Context, g deviceGrant) (Token, error) {
	a.acted = true
	core := a.client.core
	form := url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {g.code},
		"client_id":   {core.ClientID},
	}
	if core.InstalledAppSecret != "" {
		form.Set("client_secret", core.InstalledAppSecret)
	}
	if core.authority.V1 {
		form.Set("code", g.code) // what it is called there (reported, not documented)
	}
	if err := core.addClaims(form, a.demand); err != nil {
		return Token{}, err
	}
	wait, pause := g.interval, time.Duration(0)
	for {
		if err := g.sleep(ctx, max(wait, pause)); err != nil {
			return Token{}, err
		}
		answer, err := core.post(ctx, a.md.doc.TokenEndpoint, form, nil)
		if err == nil {
			return a.finish(ctx, a.request, answer, "")
		}
		if ctx.Err() != nil {
			return Token{}, context.Cause(ctx)
		}
		pause = 0
		refused, ok := errors.AsType[*ServerError](err)
		if ok {
			pause = refused.RetryAfter
		}
		switch {
		case ok && refused.Code == expired:
			return Token{}, fmt.Errorf("%w: %w", ErrSignInTimeout, refused)
		case ok && refused.Code == "authorization_pending":
		case ok && refused.Code == "slow_down":
			wait = min(wait+5*time.Second, maxInterval) // "for this and all subsequent requests"
		case transient(err):
			// "it is RECOMMENDED that clients ... use an exponential backoff"
			wait = min(2*wait, maxInterval)
		default:
			return Token{}, err
		}
	}
}

// sleep waits for d, but not beyond the end of the code or of ctx.
func (g deviceGrant) sleep(ctx context.Context, d time.Duration) error {
	left := time.Until(g.deadline)
	if err := sleep(ctx, min(d, left)); err != nil {
		return err
	}
	if left < d {
		return fmt.Errorf("%w: %w", ErrSignInTimeout, &ServerError{Code: expired, Description: "the code has expired before anybody signed in; start again"})
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// transient tells whether trying again later may help: the network failed, also
// in the middle of an answer, or the server is not well or busy.
func transient(err error) bool {
	if refused, ok := errors.AsType[*ServerError](err); ok {
		return refused.unwell()
	}
	failure, ok := errors.AsType[*wire.Error](err)
	return ok && (failure.Status == 0 || failure.Unknown())
}
