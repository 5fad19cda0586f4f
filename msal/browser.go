package msal

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/browser"
	"github.com/staysigned/staysigned/internal/loopback"
)

// Browser signs in with the person's own browser and a redirect to a port of
// this machine (RFC 8252). The zero value is what most applications want.
//
// It never falls back to a device code by itself: what looks like one to the
// person is what a phisher sends them. Where no browser comes up it shows the
// address and waits. A program that would rather use DeviceCode there asks
// NoBrowser first.
type Browser struct {
	// RedirectURI is as registered with the server: "http://localhost" or
	// "http://127.0.0.1", with a path and a fixed port where the registration
	// has them. If empty, "http://localhost" on Microsoft authorities and
	// "http://127.0.0.1" elsewhere, with any free port.
	RedirectURI string

	// ResponseMode is how the answer comes back: "form_post" or "query". If
	// empty, form_post where the server offers it, because it keeps the code
	// out of the address bar. The other one is refused.
	ResponseMode string

	// Timeout bounds how long the person may take, until ErrSignInTimeout. If
	// zero, 5 minutes.
	Timeout time.Duration

	// Page is the HTML document that the person sees after a successful
	// sign-in. It may hold styles and data: images, no script. If empty, a
	// plain one in light and dark.
	Page []byte

	// Open opens the person's browser. If nil, the one that the environment
	// variable BROWSER names is started, or else the system's. It may block
	// until the browser is closed; its context ends with the sign-in.
	//
	// An error means that no browser came up: the person gets to see the address,
	// and SignIn goes on waiting. If the error, or one that it wraps, has a method
	// SignInEnded() bool that returns true, SignIn ends with it: an Open that is
	// itself the browser may know that nobody will come back.
	Open func(ctx context.Context, url string) error

	// Show tells the person the URL, for the case that no browser comes up. It
	// is called before Open, and must not block. If nil, the URL and one line
	// on what this machine lacks go to standard error when no browser can be
	// opened.
	Show func(ctx context.Context, url string) error
}

// NoBrowser says why no browser can be expected to come up on this machine, or
// not before the person: "over SSH", "in a container", "no display (...)". It is
// empty where one can. It decides by the environment, and runs nothing.
func NoBrowser() (why string) {
	why, _, _ = strings.Cut(browser.Advice(), ": ") // the rest is advice for an address that is to be opened by hand
	return why
}

const defaultSignInTimeout = 5 * time.Minute

func (b Browser) check(*Client, []string) error {
	if b.ResponseMode != "" && b.ResponseMode != "form_post" && b.ResponseMode != "query" {
		return fmt.Errorf("Browser.ResponseMode %q: want form_post or query", b.ResponseMode)
	}
	if b.RedirectURI != "" {
		if err := loopback.Check(b.RedirectURI); err != nil {
			return fmt.Errorf("Browser.RedirectURI: %w", err)
		}
	}
	return nil
}

func (b Browser) signIn(ctx context.Context, a *attempt) (Token, error) {
	mode := b.mode(a.md.doc.ResponseModes)
	redirect := b.RedirectURI
	if redirect == "" {
		redirect = a.client.core.profile.Loopback
	}
	var z *Authorization // made once the port is known; until then nothing is accepted
	ready := make(chan struct{})
	listener, err := loopback.Listen(loopback.Config{
		Redirect: redirect,
		FormPost: mode == "form_post",
		Accept: func(v url.Values) bool {
			<-ready
			return z != nil && z.owns(v)
		},
		Success: b.Page,
	})
	if err != nil {
		close(ready)
		return Token{}, err
	}
	defer listener.Close()
	z, err = a.authorize(listener.RedirectURI(), mode, b.timeout())
	close(ready)
	if err != nil {
		return Token{}, err
	}
	// The end of this context may end the browser, so it comes after the page
	// that says how the sign-in went.
	visiting, cancel := context.WithTimeoutCause(ctx, z.life, ErrSignInTimeout)
	defer cancel()
	answer, err := b.visit(visiting, a, listener, z)
	if err != nil {
		return Token{}, err
	}
	t, err := z.redeem(ctx, answer)
	listener.Finish(err == nil)
	return t, err
}

// mode chooses the response mode. A server that publishes none supports query
// (OAuth 2.0 Multiple Response Types 2.1).
func (b Browser) mode(supported []string) string {
	switch {
	case b.ResponseMode != "":
		return b.ResponseMode
	case slices.Contains(supported, "form_post"):
		return "form_post"
	}
	return "query"
}

func (b Browser) timeout() time.Duration {
	if b.Timeout > 0 {
		return b.Timeout
	}
	return defaultSignInTimeout
}

// visit sends the person to the server and waits for the redirect.
func (b Browser) visit(ctx context.Context, a *attempt, listener *loopback.Server, z *Authorization) (url.Values, error) {
	if b.Show != nil {
		if err := b.Show(ctx, z.URL()); err != nil {
			return nil, fmt.Errorf("Browser.Show: %w", err)
		}
	}
	opened := make(chan error, 1)
	waiting, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		err := b.open(ctx, a, z.URL(), listener.RedirectURI())
		if signInEnded(err) {
			end(fmt.Errorf("Browser.Open: %w", err))
		}
		opened <- err
	}()

	answer, err := listener.Wait(waiting)
	if err == nil {
		return answer, nil
	}
	if cause := context.Cause(waiting); !errors.Is(cause, ErrSignInTimeout) {
		return nil, cause
	}
	return nil, b.late(listener, opened)
}

// signInEnded tells whether an error of Open says that nobody will come back. It
// is a method that says so, as of net.Error, because what opens a browser in
// tests does not import this package.
func signInEnded(err error) bool {
	e, ok := errors.AsType[interface {
		error
		SignInEnded() bool
	}](err)
	return ok && e.SignInEnded()
}

// late says why probably nobody came back. A server that does not know the
// redirect URI, or wants an administrator's consent, shows that to the person
// and never calls it.
func (b Browser) late(listener *loopback.Server, opened chan error) error {
	err := fmt.Errorf("%w: no browser came back to %s within %s", ErrSignInTimeout, listener.RedirectURI(), b.timeout())
	select {
	case failed := <-opened:
		if failed != nil {
			err = fmt.Errorf("%w: opening it: %w", err, failed)
		}
	default:
	}
	hint := listener.Hint()
	if hint == "" {
		hint = "if the browser shows an error, that is why; one about the redirect URI means that this one has to be registered with the server"
	}
	return fmt.Errorf("%w; %s", err, hint)
}

// open opens the browser, and helps the person to do so where none comes up, or
// where it would come up before somebody else: over SSH it opens over there.
func (b Browser) open(ctx context.Context, a *attempt, address, redirect string) (err error) {
	defer func() {
		if p := recover(); p != nil { // it is the application's code in a goroutine of ours
			err = fmt.Errorf("Browser.Open panicked: %v", p)
		}
	}()
	core := a.client.core
	advice := browser.Advice()
	if b.Open == nil && b.Show == nil && advice != "" {
		byHand(address, redirect, advice)
	}
	if b.Open != nil {
		err = b.Open(ctx, address)
	} else {
		err = browser.Open(ctx, address, core.InsecureLoopbackHTTP)
	}
	if err == nil || ctx.Err() != nil {
		return nil
	}
	if signInEnded(err) {
		return err
	}
	core.Logger.WarnContext(ctx, "browser not opened", "error", err)
	if b.Show == nil && (b.Open != nil || advice == "") {
		byHand(address, redirect, advice)
	}
	return err
}

// byHand asks the person to open the URL, and says what this machine lacks.
func byHand(address, redirect, advice string) {
	fmt.Fprintf(os.Stderr, "To sign in, open this address in a browser:\n\n  %s\n\n", address)
	if advice == "" {
		return
	}
	if u, err := url.Parse(redirect); err == nil {
		advice = strings.ReplaceAll(advice, "PORT", u.Port())
	}
	fmt.Fprintln(os.Stderr, advice)
}
