package msaltest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// DefaultURL is the issuer of a platform made by [New]. The name is reserved (RFC 6761 §6.5): no request for it can
// reach a real server by mistake.
const DefaultURL = "https://idp.example"

// Platform is an identity platform: an [http.Handler] that speaks OpenID Connect to public clients. Its zero value
// works and behaves as a strict, current provider does; every knob is a way to behave differently.
//
// The knobs are plain fields. Set them before the first request, or while none is under way; everything that may
// change during a request is a method, and methods are safe for concurrent use. Hooks (the fields that hold functions)
// are called without a lock held, for several requests at a time if those come in parallel.
//
// A Platform must not be copied after its first use.
type Platform struct {
	// URL is the issuer, without a query; it may have a path. Empty: the address given to [Platform.Serve], else
	// scheme and Host of the first request. [New] sets it to [DefaultURL], [Platform.Start] to the socket's address.
	URL string

	// ClientID is the one registered client. Empty: any client_id is served.
	ClientID string
	// ClientSecret is what providers of installed apps hand out as a "secret"; it is then required in the form of
	// every token request. Empty: the client is public, and a request that brings a secret is refused.
	ClientSecret string
	// RedirectURIs are the registered ones, compared exactly but for the port of a loopback address (RFC 8252 §7.3).
	// Nil: every https URI and every http URI of a loopback host.
	RedirectURIs []string
	// ExactPorts compares the port of a loopback address too. False: any port will do.
	ExactPorts bool

	// Entra makes the platform Microsoft's. Nil: an OpenID Provider with one issuer, which is URL.
	Entra *Entra
	// Layout is where the endpoints are. Zero: below URL, which is the issuer. With Entra it is not looked at.
	Layout Layout
	// NoOpenID leaves OpenID Connect out: no ID token, no keys, no userinfo, no logout, and metadata only as RFC 8414 has
	// it. False: an OpenID Provider.
	NoOpenID bool
	// NoDevice leaves the device endpoint out. False: there is one.
	NoDevice bool

	// Users are those who may sign in. Nil: one, who is called Avery Example; with Entra the organization also has an
	// administrator, Morgan, and Robin has a personal account. See [Platform.SignInAs].
	Users []User
	// Interactive shows a page with a Continue button at the authorization endpoint. False: redirects at once.
	Interactive bool

	// AccessTokenLife is what expires_in says and the userinfo endpoint enforces. 0: one hour.
	AccessTokenLife time.Duration
	// NoExpiry gives access tokens that last, and leaves expires_in out. False: they have a life, and it is said.
	NoExpiry bool
	// RefreshIn is sent as refresh_in, the time after which a client should refresh ahead. 0: not sent.
	RefreshIn time.Duration
	// CodeLife is how long an authorization code can be redeemed. 0: one minute.
	CodeLife time.Duration

	// Rotation says what happens to a refresh token that is used. Zero: [RotateStrict].
	Rotation Rotation
	// GracePeriod is how long a spent refresh token still works with [Grace]. 0: 30 seconds.
	GracePeriod time.Duration
	// Renewal says what wins a refresh token. Zero: [RenewByScope].
	Renewal Renewal
	// OfflineScopes are the scopes of which one wins it, where a scope does. Nil: offline_access.
	OfflineScopes []string

	// DeviceLife is how long a device code can be used. 0: 15 minutes.
	DeviceLife time.Duration
	// DeviceInterval is the least time between two polls. 0: 5 seconds. Negative: no interval is sent, which means 5
	// seconds too (RFC 8628 §3.2).
	DeviceInterval time.Duration
	// NoSlowDown answers every early poll as if it came in time. False: slow_down, and 5 seconds more from then on.
	NoSlowDown bool
	// AutoApproveAfter approves a device code at its n-th poll. 0: only [Platform.Approve] or the page do.
	AutoApproveAfter int

	// ScopesSupported is published in the metadata; it restricts nothing. Nil: openid, profile, email and
	// offline_access, or with NoOpenID nothing. Empty but not nil: the metadata has no scopes_supported.
	ScopesSupported []string
	// RejectScopes are answered with invalid_scope, which names them, wherever a request has a scope parameter.
	RejectScopes []string
	// KnownScopes are the only ones that a request may have; all others are refused like those of RejectScopes. Nil: every
	// scope is known.
	KnownScopes []string
	// OneResource takes what stands before the last slash of a scope for a resource, and a scope without a slash for a
	// resource itself. A request for several is refused, and an answer for none has no access token. False: scopes have
	// no resource.
	OneResource bool
	// ScopePage shows on a page of the platform's own that scopes are refused at the authorization endpoint, so that the
	// person is told and the client never. False: a redirect.
	ScopePage bool
	// GrantScopes returns the scopes that are granted of those requested. Nil: all of them.
	GrantScopes func(requested []string) []string
	// ScopeEcho writes the scope member of token answers. Nil: the granted scopes, joined by spaces.
	ScopeEcho func(granted []string) string
	// OmitScope leaves the scope member out of token answers: the client has to assume what it asked for
	// (RFC 6749 §5.1).
	OmitScope bool

	// ResponseModes are published and served. Nil: query and form_post, of which query is what a request without
	// response_mode gets.
	ResponseModes []string
	// OmitIss neither sends nor announces the iss parameter of RFC 9207. Entra has a knob of its own.
	OmitIss bool
	// Algorithm signs ID tokens: "RS256" or "ES256". Empty: RS256.
	Algorithm string

	// EditMetadata, EditKeys, EditClaims and EditToken change an answer just before it is sent (the claims: just
	// before they are signed): what is set stays, what is deleted is missing. The grant of EditToken is the request's
	// grant_type. Nil: nothing is changed.
	EditMetadata func(document map[string]any)
	EditKeys     func(document map[string]any)
	EditClaims   func(claims map[string]any)
	EditToken    func(grant string, answer map[string]any)
	// EditError changes an error just before it is sent, to the client by a redirect or as an answer of the token and
	// device endpoints, or to the person because of ScopePage. Nil: nothing is changed.
	EditError func(*Refusal)
	// ErrorStatus is the status of all errors of the token and device endpoints. 0: as RFC 6749 §5.2 has it.
	ErrorStatus int
	// FormAnswers makes the answers of the token and device endpoints forms, unless the request accepts JSON. False: they
	// are JSON.
	FormAnswers bool

	// StateFile is where the platform keeps its keys, sessions and grants, so that it goes on in the next process as if
	// it had never ended. It is written before the answer to a request that changed them; tokens are in it as hashes.
	// Codes that are on their way and the log are not. Empty: nothing outlives the process.
	StateFile string

	// AllowUnknown lets requests for unknown paths and other hosts fail without failing the test.
	AllowUnknown bool

	t       testing.TB // nil: not made by New
	mu      sync.Mutex
	state   *state
	apis    []*API
	kept    []byte // what StateFile holds
	keepErr error  // why it could not be read or written
	faults  []*queued
	log     []*Request
	host    string // the issuer while URL is empty
	servers []*server
}

// New returns a platform that reports misuse to t and closes its sockets when the test ends. Its issuer is
// [DefaultURL], reached in process through [Platform.Client].
func New(t testing.TB) *Platform {
	p := &Platform{URL: DefaultURL, t: t}
	t.Cleanup(p.Close)
	return p
}

// fatalf ends the test of a caller that misused the platform: a test double that shrugs hides the bug it is for.
func (p *Platform) fatalf(format string, args ...any) {
	message := "msaltest: " + fmt.Sprintf(format, args...)
	if p.t == nil {
		panic(message)
	}
	p.t.Helper()
	p.t.Fatal(message)
}

// errorf is fatalf for the goroutine of a request, where t.FailNow is not allowed.
func (p *Platform) errorf(format string, args ...any) {
	message := "msaltest: " + fmt.Sprintf(format, args...)
	if p.t == nil {
		panic(message)
	}
	p.t.Error(message)
}

// misused says which knob has a value that means nothing. It is asked at every request, because knobs may change
// between two.
func (p *Platform) misused() error {
	for name, life := range map[string]time.Duration{
		"AccessTokenLife": p.AccessTokenLife, "RefreshIn": p.RefreshIn, "CodeLife": p.CodeLife,
		"GracePeriod": p.GracePeriod, "DeviceLife": p.DeviceLife,
	} {
		if life < 0 {
			return fmt.Errorf("%s is %v, want zero or more", name, life)
		}
	}
	switch {
	case p.Rotation < RotateStrict || p.Rotation > NoRotation:
		return fmt.Errorf("the Rotation %d does not exist", p.Rotation)
	case !slices.Contains([]string{"", "RS256", "ES256"}, p.Algorithm):
		return fmt.Errorf("the Algorithm is %q, want RS256 or ES256", p.Algorithm)
	case slices.ContainsFunc(p.ResponseModes, func(m string) bool {
		return m != "query" && m != "form_post" && (m != "fragment" || p.Entra == nil)
	}):
		return fmt.Errorf("the ResponseModes are %q, want query, form_post or both, or with Entra fragment", p.ResponseModes)
	case p.Renewal < RenewByScope || p.Renewal > RenewNever:
		return fmt.Errorf("the Renewal %d does not exist", p.Renewal)
	case p.ErrorStatus != 0 && (p.ErrorStatus < 200 || p.ErrorStatus > 599):
		return fmt.Errorf("the ErrorStatus is %d, want that of an answer", p.ErrorStatus)
	}
	if err := p.Layout.misused(); err != nil {
		return err
	}
	if p.Entra != nil {
		if err := p.entraMisused(); err != nil {
			return err
		}
	}
	if u, err := url.Parse(p.URL); p.URL != "" && (err != nil || u.Host == "" || strings.ContainsAny(p.URL, "?#")) {
		return fmt.Errorf("the URL %q is not an issuer: want scheme, host and maybe a path", p.URL)
	}
	if err := p.stateFault(); err != nil {
		return err
	}
	return checkUsers(p.Users)
}

// or returns what a knob means: its value, or the default if it is zero.
func or(life, otherwise time.Duration) time.Duration {
	if life == 0 {
		return otherwise
	}
	return life
}
