package msal

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/internal/termsafe"
	"github.com/staysigned/staysigned/internal/wire"
	"github.com/staysigned/staysigned/scopes"
)

// answer is a successful token response (RFC 6749 section 5.1), found to be
// well-formed. Nothing of it is verified yet.
type answer struct {
	accessToken  string
	tokenType    string
	lifetime     time.Duration
	undated      bool          // the server did not say how long the access token lives
	refreshIn    time.Duration // Microsoft: when to refresh ahead of time; 0: not said
	refreshToken string
	idToken      string
	scope        string
	scopeGiven   bool
	raw          json.RawMessage
	received     time.Time
	date         time.Time // the server's clock, if it judges the ID token; zero: ours does
	number       uint64
	claims       string     // the challenge it was asked to satisfy
	refused      scopes.Set // defaults that the request went without, because the server had refused them
}

const (
	maxToken        = 64 << 10
	unknownLifetime = 5 * time.Minute           // for a token whose life the server does not tell
	maxLifetime     = 10 * 365 * 24 * time.Hour // nothing overflows below it
)

// post sends a token, device or revocation request. until, if not nil, may end
// it as long as nothing is on its way. An answer that is an OAuth error, or no
// answer of OAuth at all, is a *ServerError; what else can go wrong is a
// *wire.Error.
func (c *core) post(ctx context.Context, endpoint string, form url.Values, until context.Context) (wire.Answer, error) {
	a, err := c.wire.Post(ctx, endpoint, form, until)
	// Without an escape a name stands in the text as it is read. Most answers are not decoded twice.
	plain := !bytes.Contains(a.Body, []byte(`"error"`)) && !bytes.Contains(a.Body, []byte(`\`))
	if err == nil && a.Status < 300 && (plain || !refuses(a.Body)) {
		return a, nil
	}
	var refused *ServerError
	if err == nil {
		refused = parseError(a, form)
		if slices.Contains(c.profile.InvalidGrant, refused.Code) {
			refused.Code = "invalid_grant"
		}
	} else if failure := (*wire.Error)(nil); errors.As(err, &failure) && failure.Status >= 400 && !failure.Unknown() {
		refused = &ServerError{StatusCode: failure.Status, RetryAfter: failure.RetryAfter}
	} else {
		c.server.suspect(err)
		return a, err
	}
	if refused.throttled() && refused.RetryAfter == 0 && form.Get("grant_type") == "refresh_token" {
		refused.RetryAfter = restUnsaid // a poll has an interval of its own
	}
	c.server.suspect(refused)
	c.server.leaveAlone(refused, time.Since(c.epoch))
	return a, refused
}

// get fetches metadata or keys. A refusal is a *ServerError here too; what is no
// answer of the server's at all stays a *wire.Error.
func (c *core) get(ctx context.Context, url string) (wire.Answer, error) {
	a, err := c.wire.Get(ctx, url)
	failure, ok := errors.AsType[*wire.Error](err)
	if !ok || failure.Status < 300 {
		return a, err
	}
	refused := parseError(wire.Answer{Status: failure.Status, RetryAfter: failure.RetryAfter, Body: failure.Body}, nil)
	c.server.leaveAlone(refused, time.Since(c.epoch))
	return a, refused
}

// refuses tells whether a body with a status of success is an error all the
// same. Some servers do that.
func refuses(body []byte) bool {
	var e struct {
		Error json.RawMessage `json:"error"`
	}
	return strictjson.Unmarshal(body, &e) != nil || e.Error != nil && string(e.Error) != "null"
}

// parseError reads an error response (RFC 6749 section 5.2) and Microsoft's
// additions to it.
//
// A server that echoes the request would put its secrets into every log.
func parseError(a wire.Answer, form url.Values) *ServerError {
	var e struct {
		Error         string          `json:"error"`
		Description   string          `json:"error_description"`
		URI           string          `json:"error_uri"`
		Suberror      string          `json:"suberror"`
		Claims        string          `json:"claims"`
		CorrelationID string          `json:"correlation_id"`
		Codes         json.RawMessage `json:"error_codes"`
	}
	if strictjson.Unmarshal(a.Body, &e) != nil {
		e.Error = "" // an answer that cannot be understood never ends a session
	}
	if len(e.Claims) > maxChallenge {
		e.Claims = ""
	}
	clean := forget(form)
	return &ServerError{
		Code: clean(e.Error), Description: clean(e.Description), URI: clean(e.URI), Suberror: clean(e.Suberror),
		Claims: clean(e.Claims), CorrelationID: clean(cmp.Or(e.CorrelationID, correlation(e.Description))), Codes: parseCodes(e.Codes, e.Description),
		StatusCode: a.Status, RetryAfter: a.RetryAfter,
	}
}

// forget returns a function that blanks the secrets of a form.
func forget(form url.Values) func(string) string {
	var pairs []string
	for _, name := range []string{"refresh_token", "code", "code_verifier", "device_code", "token", "client_secret", "state"} {
		if v := form.Get(name); v != "" {
			pairs = append(pairs, v, "[secret]", url.QueryEscape(v), "[secret]")
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// parseCodes reads error_codes, whose numbers some versions write as strings,
// or else the AADSTS number at the head of the description.
func parseCodes(raw json.RawMessage, description string) (codes []int) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) <= 32 {
		for _, r := range list {
			if n, err := strconv.Atoi(strings.Trim(string(r), `"`)); err == nil {
				codes = append(codes, n)
			}
		}
	}
	if rest, ok := strings.CutPrefix(description, "AADSTS"); ok && codes == nil {
		number, _, _ := strings.Cut(rest, ":")
		if n, err := strconv.Atoi(number); err == nil {
			codes = []int{n}
		}
	}
	return codes
}

// parseAnswer reads a token response strictly: what a server gets wrong here
// would surface hours later as a session that ends.
func (c *core) parseAnswer(raw []byte, received time.Time) (*answer, error) {
	var m struct {
		AccessToken  string  `json:"access_token"`
		TokenType    string  `json:"token_type"`
		ExpiresIn    seconds `json:"expires_in"`
		RefreshIn    seconds `json:"refresh_in"`
		RefreshToken string  `json:"refresh_token"`
		IDToken      string  `json:"id_token"`
		Scope        *string `json:"scope"`
	}
	if err := strictjson.Unmarshal(raw, &m); err != nil {
		return nil, fmt.Errorf("token response: %w", err)
	}
	switch {
	case !strings.EqualFold(m.TokenType, "Bearer"):
		return nil, fmt.Errorf("token response: token_type is %s, want Bearer", termsafe.Text(strconv.Quote(m.TokenType), 40))
	case !isBearer(m.AccessToken):
		return nil, errors.New("token response: access_token is missing, too long, or holds characters that a header cannot carry")
	case len(m.RefreshToken) > maxToken:
		return nil, fmt.Errorf("token response: refresh_token is longer than %d bytes", maxToken)
	}
	a := &answer{
		accessToken: m.AccessToken, tokenType: "Bearer", refreshToken: m.RefreshToken, idToken: m.IDToken,
		lifetime: m.ExpiresIn.duration(unknownLifetime), refreshIn: m.RefreshIn.duration(0),
		undated: !m.ExpiresIn.given,
		raw:     raw, received: received, number: c.answers.Add(1),
	}
	if m.Scope != nil {
		a.scope, a.scopeGiven = *m.Scope, true
		if c.profile.ScopeSeparator != "" || c.profile.ScopeNames != nil {
			a.scope = c.profile.Answered(a.scope)
		}
	}
	return a, nil
}

// isBearer checks b64token of RFC 6750 section 2.1.
func isBearer(token string) bool {
	body := strings.TrimRight(token, "=")
	for i := range len(body) {
		c := body[i]
		ok := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-._~+/", c) >= 0
		if !ok {
			return false
		}
	}
	return body != "" && len(token) <= maxToken
}

// seconds is a number of seconds that some servers, Microsoft's v1.0 endpoint
// among them, write as a string.
type seconds struct {
	given bool
	n     float64
}

func (s *seconds) UnmarshalJSON(raw []byte) error {
	text := string(raw)
	if text == "null" {
		return nil
	}
	if unquoted, ok := strings.CutPrefix(text, `"`); ok {
		text = strings.TrimSuffix(unquoted, `"`)
		if strings.Trim(text, "0123456789") != "" || text == "" {
			return errors.New("a number of seconds is neither a number nor its digits")
		}
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || n < 0 || math.IsInf(n, 0) && strings.ContainsAny(text, "eE") {
		return errors.New("a number of seconds is not one, or negative")
	}
	*s = seconds{true, n}
	return nil
}

func (s seconds) duration(missing time.Duration) time.Duration {
	if !s.given {
		return missing
	}
	if s.n >= maxLifetime.Seconds() {
		return maxLifetime
	}
	return time.Duration(s.n) * time.Second
}

// notify sends a request whose answer has no content that matters.
func (c *core) notify(ctx context.Context, endpoint string, form url.Values) error {
	_, err := c.post(ctx, endpoint, form, nil)
	if failure, ok := errors.AsType[*wire.Error](err); ok && failure.Status >= 200 && failure.Status < 300 {
		return nil // not JSON, and need not be (RFC 7009 section 2.2)
	}
	return err
}
