package msaltest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
)

// issued is what a grant has won, before it is written down as an answer.
type issued struct {
	session *session
	scopes  []string // of this access token; the session may have more
	nonce   string
	access  string
	refresh string // empty: none is given
}

// token serves the token endpoint (RFC 6749 §3.2).
func (p *Platform) token(c *call) answer {
	if err := c.single(); err != nil {
		return oauthError(http.StatusBadRequest, "invalid_request", err.Error())
	}
	if a := p.checkClient(c); a != nil {
		return *a
	}
	if err := p.rejected(strings.Fields(c.form.Get("scope"))); err != nil {
		return oauthError(http.StatusBadRequest, err.code, err.description)
	}
	got, err := p.redeem(c)
	if err != nil {
		return oauthError(http.StatusBadRequest, err.code, err.description)
	}
	return p.tokenAnswer(c, got)
}

// redeem does what the grant asks for. The whole of it happens under the lock: of two clients that present the same
// code or token, one is first.
func (p *Platform) redeem(c *call) (issued, *protocolError) {
	s := p.lock()
	defer p.mu.Unlock()
	switch grant := c.form.Get("grant_type"); grant {
	case grantCode:
		return p.redeemCode(s, c)
	case grantRefresh:
		return p.redeemRefresh(s, c)
	case grantDevice:
		return p.redeemDevice(s, c)
	case "":
		return issued{}, &protocolError{"invalid_request", "the request has no grant_type"}
	default:
		return issued{}, &protocolError{"unsupported_grant_type", "there is no grant_type " + strconv.Quote(grant)}
	}
}

// checkClient returns an answer if the request does not come from the client that the platform knows.
func (p *Platform) checkClient(c *call) *answer {
	id, secret := c.form.Get("client_id"), c.form.Get("client_secret")
	_, _, basic := c.BasicAuth()
	var complaint string
	switch {
	case id == "":
		complaint = "the request has no client_id"
	case p.ClientID != "" && id != p.ClientID:
		complaint = "the client " + strconv.Quote(id) + " is not registered"
	case basic:
		complaint = "send the client_id in the form, not in an Authorization header"
	case p.ClientSecret == "" && secret != "":
		complaint = "this client is public and has no secret"
	case secret != p.ClientSecret:
		complaint = "the client_secret is wrong"
	default:
		return nil
	}
	a := oauthError(http.StatusUnauthorized, "invalid_client", complaint)
	if basic {
		a.header.Set("WWW-Authenticate", `Basic realm="msaltest"`) // RFC 6749 §5.2: it must match what was tried
	}
	return &a
}

// newSession begins a family of tokens. The caller holds the lock.
func (p *Platform) newSession(s *state, c *call, user User, client string, scopes []string) *session {
	x := &session{
		user:     user,
		client:   client,
		issuer:   c.issuer,
		scopes:   scopes,
		authTime: time.Now(),
	}
	s.sessions = append(s.sessions, x)
	return x
}

// issue makes the tokens. The caller holds the lock.
func (p *Platform) issue(s *state, x *session, scopes []string) issued {
	got := issued{session: x, scopes: scopes, access: secret("at")}
	life := or(p.AccessTokenLife, time.Hour)
	if p.NoExpiry {
		life = 100 * 365 * 24 * time.Hour
	}
	s.access[digestOf(got.access)] = &accessToken{session: x, scopes: scopes, expires: time.Now().Add(life)}
	// The session decides, not this access token: a refresh for fewer scopes must not end the session
	// (RFC 6749 §6: the new refresh token has the scope of the old one).
	if x.renewable && (x.newest == nil || p.Rotation != NoRotation) {
		got.refresh = s.newRefreshToken(x)
	}
	return got
}

// tokenAnswer writes the answer of RFC 6749 §5.1.
func (p *Platform) tokenAnswer(c *call, got issued) answer {
	members := map[string]any{
		"token_type":   "Bearer",
		"access_token": got.access,
		"expires_in":   int64(or(p.AccessTokenLife, time.Hour) / time.Second),
	}
	if p.NoExpiry {
		delete(members, "expires_in")
	}
	if !p.OmitScope {
		members["scope"] = p.echo(got.scopes)
	}
	if p.RefreshIn > 0 {
		members["refresh_in"] = int64(p.RefreshIn / time.Second)
	}
	if got.refresh != "" {
		members["refresh_token"] = got.refresh
	}
	if p.OneResource && len(resourcesOf(got.scopes)) == 0 {
		delete(members, "access_token")
		delete(members, "expires_in")
	}
	if slices.Contains(got.scopes, "openid") && !p.NoOpenID {
		members["id_token"] = p.idToken(got)
	}
	if p.EditToken != nil {
		p.EditToken(c.form.Get("grant_type"), members)
	}
	return jsonAnswer(http.StatusOK, members)
}
