package msal

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"github.com/staysigned/staysigned/internal/secret"
	"github.com/staysigned/staysigned/internal/termsafe"
)

// authorizationLife is how long a person may take at the server.
const authorizationLife = 10 * time.Minute

// maxCode bounds an authorization code (RFC 6749 gives no limit).
const maxCode = 16 << 10

// Authorize begins a sign-in whose redirect the application receives itself.
// Send the person to URL, then pass the parameters of the redirect to Redeem.
// Most applications want SignIn with a Browser, which does all of this.
//
// MSAL calls it AuthCodeURL.
func (c *Client) Authorize(ctx context.Context, redirectURI string, scope ...string) (*Authorization, error) {
	z, err := c.authorize(ctx, redirectURI, scope)
	if err != nil {
		return nil, fmt.Errorf("msal: authorize: %w", err)
	}
	return z, nil
}

func (c *Client) authorize(ctx context.Context, redirectURI string, scope []string) (*Authorization, error) {
	if err := checkRedirect(redirectURI); err != nil {
		return nil, err
	}
	a, err := c.attempt(ctx, scope)
	if err != nil {
		return nil, err
	}
	return a.authorize(redirectURI, "", authorizationLife)
}

// checkRedirect accepts what RFC 8252 section 7 lets a native application
// register: https, http on this machine, or a private-use scheme, which
// contains a dot because it is a domain name reversed.
func checkRedirect(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
		return fmt.Errorf("redirect URI %q is not an absolute URI without a fragment", shown(raw))
	}
	loopback := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1"
	if u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && loopback || strings.Contains(u.Scheme, ".") {
		return nil
	}
	return fmt.Errorf("redirect URI %q: use https, http on localhost, 127.0.0.1 or [::1], or a scheme such as com.example.app", shown(raw))
}

// shown is a URL that was refused, without a password.
func shown(raw string) string {
	if u, err := url.Parse(raw); err == nil {
		return u.Redacted()
	}
	return "(not a URL)"
}

// Authorization is a sign-in under way. It lives in this process only, for 10
// minutes, and is redeemed once: who started it is who ends it (RFC 9700
// section 2.1.1). PKCE, state and nonce are its own business.
type Authorization struct {
	attempt  *attempt
	redirect string
	url      secret.String // with state and nonce in it
	state    secret.String
	nonce    secret.String
	verifier secret.String
	began    time.Time
	life     time.Duration // from then on
	used     atomic.Bool
}

// authorize makes the authorization request (RFC 6749 section 4.1.1, RFC 7636,
// OpenID Connect Core 3.1.2.1).
func (a *attempt) authorize(redirectURI, responseMode string, life time.Duration) (*Authorization, error) {
	if err := a.md.doc.Need("authorization_endpoint"); err != nil {
		return nil, err
	}
	if err := a.md.doc.SupportsS256(); err != nil {
		return nil, err
	}
	core := a.client.core
	verifier := oauth2.GenerateVerifier()
	z := &Authorization{
		attempt: a, redirect: redirectURI, began: time.Now(), life: life,
		state: secret.New(random()), nonce: secret.New(random()), verifier: secret.New(verifier),
	}
	params := a.front()
	core.fillScopes(params, a.request, a.md.defaults)
	if a.md.openID {
		params.Set("nonce", z.nonce.Reveal())
	}
	if responseMode != "" {
		params.Set("response_mode", responseMode)
	}
	if err := core.addClaims(params, a.demand); err != nil {
		return nil, err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier)}
	var resources []string
	for name, values := range params {
		if name == "resource" {
			resources = values
			continue
		}
		// "Parameters sent without a value MUST be treated as if they were
		// omitted", and none "more than once" (RFC 6749 section 3.1).
		if value := params.Get(name); value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	address := (&oauth2.Config{
		ClientID:    core.ClientID,
		RedirectURL: redirectURI,
		Endpoint:    oauth2.Endpoint{AuthURL: a.md.doc.AuthorizationEndpoint},
	}).AuthCodeURL(z.state.Reveal(), options...)
	for _, r := range resources {
		address += "&resource=" + url.QueryEscape(r) // may come several times (RFC 8707 section 2)
	}
	z.url = secret.New(address)
	return z, nil
}

// random returns 256 bits for a state or nonce (RFC 6749 section 10.10).
func random() string {
	var b [32]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// URL returns where to send the person. It holds no secret, but whoever opens
// it acts for this Authorization, so show it to that person only.
func (z *Authorization) URL() string { return z.url.Reveal() }

// Redeem completes the sign-in with the parameters of the redirect: its query,
// or its form where the server posts it.
//
// ErrStateMismatch means that they belong to something else; it does not use
// the Authorization up, so wait for the right ones. Everything else does: an
// authorization code is sent once, whatever comes of it. If it is a *ServerError
// of a server that refuses a scope which every request asks for, its text says
// which to name in Config.OmitScopes; SignIn starts again without by itself.
//
// MSAL calls it AcquireTokenByAuthCode.
func (z *Authorization) Redeem(ctx context.Context, callback url.Values) (Token, error) {
	t, err := z.redeem(ctx, callback)
	if err == nil {
		return t, nil
	}
	if tries := z.attempt.tries(err); tries != nil {
		err = fmt.Errorf("%w; if %s is refused every time, name it in Config.OmitScopes", err, tries[0])
	}
	return Token{}, fmt.Errorf("msal: redeem: %w", err)
}

func (z *Authorization) redeem(ctx context.Context, callback url.Values) (Token, error) {
	if !z.owns(callback) {
		return Token{}, ErrStateMismatch
	}
	if z.used.Swap(true) {
		return Token{}, errors.New("this authorization has been redeemed before; start a new one with Authorize")
	}
	if age := time.Since(z.began); age > z.life {
		return Token{}, fmt.Errorf("%w: this authorization is %s old, more than %s; start a new one", ErrSignInTimeout, age.Round(time.Second), z.life)
	}
	code, err := z.code(callback)
	if err != nil {
		return Token{}, err
	}
	return z.attempt.redeem(ctx, url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {z.redirect},
		"code_verifier": {z.verifier.Reveal()},
	}, z.nonce.Reveal())
}

// owns tells whether a redirect answers this request. The comparison takes the
// same time for every wrong state.
func (z *Authorization) owns(callback url.Values) bool {
	state := callback["state"]
	return len(state) == 1 && subtle.ConstantTimeCompare([]byte(state[0]), []byte(z.state.Reveal())) == 1
}

// code takes the authorization code from a redirect whose state is ours.
func (z *Authorization) code(callback url.Values) (string, error) {
	for _, name := range []string{"code", "iss", "error", "error_description", "error_uri", "suberror", "error_subcode", "claims", "correlation_id"} {
		if len(callback[name]) > 1 { // RFC 6749 section 3.1
			return "", fmt.Errorf("the redirect has the parameter %q twice", name)
		}
	}
	if err := z.checkIssuer(callback); err != nil {
		return "", err
	}
	if callback.Get("error") != "" {
		return "", redirectError(callback)
	}
	code := callback.Get("code")
	switch {
	case code == "":
		return "", errors.New("the redirect has neither a code nor an error; pass all of its parameters to Redeem")
	case len(code) > maxCode || strings.ContainsFunc(code, func(r rune) bool { return r < 0x20 || r > 0x7e }):
		return "", errors.New("the redirect's code is too long or not printable ASCII")
	}
	return code, nil
}

// redirectError reads an error that came with a redirect (RFC 6749 section
// 4.1.2.1), and what Microsoft adds to it: MSAL for JavaScript reads suberror
// and claims, those for mobile systems error_subcode.
func redirectError(callback url.Values) *ServerError {
	said := func(name string) string { return forget(callback)(callback.Get(name)) }
	e := &ServerError{
		redirect: true,
		Code:     said("error"), Description: said("error_description"), URI: said("error_uri"),
		Suberror: cmp.Or(said("suberror"), said("error_subcode")),
		Codes:    parseCodes(nil, callback.Get("error_description")),
	}
	e.CorrelationID = cmp.Or(said("correlation_id"), correlation(e.Description))
	if claims := said("claims"); len(claims) <= maxChallenge {
		e.Claims = claims
	}
	return e
}

// issuedBy tells whether iss is the issuer of the metadata. Microsoft's, for
// many tenants, has a placeholder where answers name a tenant.
func issuedBy(iss, issuer string) bool {
	before, after, many := strings.Cut(issuer, "{tenantid}")
	tenant := strings.TrimSuffix(strings.TrimPrefix(iss, before), after)
	return iss == issuer || many && iss == before+tenant+after && tenantID(tenant)
}

// checkIssuer tells answers of different servers apart (RFC 9207 section 2.4).
func (z *Authorization) checkIssuer(callback url.Values) error {
	doc := z.attempt.md.doc
	iss, given := callback.Get("iss"), callback.Has("iss")
	switch {
	case given && !issuedBy(iss, doc.Issuer):
		return fmt.Errorf("the redirect's iss is %s, want %s", termsafe.Text(fmt.Sprintf("%q", forget(callback)(iss)), 200), doc.Issuer)
	case !given && doc.IssParameter:
		return fmt.Errorf("the redirect has no iss though %s announces it", doc.Issuer)
	}
	return nil
}
