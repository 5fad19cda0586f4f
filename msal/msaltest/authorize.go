package msaltest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authorization is an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).
type authorization struct {
	client      string
	redirectURI string
	mode        string
	state       string
	scopes      []string
	challenge   string
	nonce       string
	hint        string
	prompt      []string
	offline     bool          // access_type=offline
	maxAge      time.Duration // negative: the request had none
	claims      string        // with Entra: the claims parameter,
	clientInfo  bool          // and whether client_info was asked for
}

// protocolError is what a client is told, through its redirect URI (RFC 6749 §4.1.2.1) or in an answer (§5.2).
type protocolError struct{ code, description string }

// authorize answers an authorization request with a redirect to the client or, with Interactive, with a page.
func (p *Platform) authorize(c *call) answer {
	m := p.manners()
	req, stop := m.readAuthorization(c, c.form)
	if stop != nil {
		return *stop
	}
	user, denied := p.choice(c, req.hint)
	switch {
	case denied:
		return m.declined(c, req)
	case p.Interactive && !slices.Contains(req.prompt, "none"):
		return p.consentPage(c, req)
	default:
		return m.grant(c, req, user)
	}
}

// readAuthorization returns the request, or the answer that ends it.
func (p *Platform) readAuthorization(c *call, form url.Values) (authorization, *answer) {
	req, err := p.readClient(form)
	if err != nil {
		// Whose redirect URI this is cannot be known, so the person is told and the client never
		// (RFC 6749 §4.1.2.1: "MUST NOT automatically redirect").
		a := page(http.StatusBadRequest, "This sign-in cannot go on", err.Error())
		return req, &a
	}
	if refused := p.readRequest(&req, form); refused != nil {
		a := p.refuse(c, req, refused)
		if p.ScopePage && refused.code == invalidScope {
			err := p.edited(refused, "", req.scopes)
			a = page(http.StatusBadRequest, "Error 400: "+err.code, err.description)
		}
		return req, &a
	}
	return req, nil
}

// readClient reads as much of the request as it takes to tell the client that the rest is wrong.
func (p *Platform) readClient(form url.Values) (authorization, error) {
	req := authorization{
		client:      form.Get("client_id"),
		redirectURI: form.Get("redirect_uri"),
		state:       form.Get("state"),
		mode:        p.responseModes()[0],
	}
	if mode := form.Get("response_mode"); slices.Contains(p.responseModes(), mode) {
		req.mode = mode
	}
	for _, name := range []string{"client_id", "redirect_uri", "state", "response_mode"} {
		if len(form[name]) > 1 {
			return req, errors.New("the parameter " + strconv.Quote(name) + " comes more than once")
		}
	}
	switch {
	case req.client == "":
		return req, errors.New("the request has no client_id")
	case p.ClientID != "" && req.client != p.ClientID:
		return req, errors.New("the client " + strconv.Quote(req.client) + " is not registered")
	case !p.redirectAllowed(req.redirectURI):
		return req, errors.New("the redirect_uri " + strconv.Quote(req.redirectURI) + " is not registered")
	}
	return req, nil
}

// readRequest reads the rest.
func (p *Platform) readRequest(req *authorization, form url.Values) *protocolError {
	req.scopes = strings.Fields(form.Get("scope"))
	req.challenge = form.Get("code_challenge")
	req.nonce = form.Get("nonce")
	req.hint = form.Get("login_hint")
	req.prompt = strings.Fields(form.Get("prompt"))
	req.offline = form.Get("access_type") == "offline"
	if err := (&call{form: form}).single(); err != nil {
		return &protocolError{"invalid_request", err.Error()}
	}
	if mode := form.Get("response_mode"); mode != "" && mode != req.mode {
		return &protocolError{"invalid_request", "response_mode must be one of " + strings.Join(p.responseModes(), ", ")}
	}
	switch {
	case form.Get("request") != "" || form.Get("request_uri") != "":
		return &protocolError{"request_not_supported", "request objects are not supported"}
	case form.Get("response_type") != "code":
		return &protocolError{"unsupported_response_type", "response_type must be code"}
	case form.Get("code_challenge_method") != "S256":
		// Without a method the challenge would be "plain" (RFC 7636 §4.3), which protects nothing.
		return &protocolError{"invalid_request", "code_challenge_method must be S256"}
	case !isVerifier(req.challenge):
		return &protocolError{"invalid_request", "code_challenge must be 43 to 128 unreserved characters"}
	}
	if err := checkPrompt(req.prompt); err != nil {
		return err
	}
	var err *protocolError
	if req.maxAge, err = readMaxAge(form.Get("max_age")); err != nil {
		return err
	}
	return p.rejected(req.scopes)
}

func checkPrompt(prompt []string) *protocolError {
	for _, value := range prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, value) {
			return &protocolError{"invalid_request", "there is no prompt " + strconv.Quote(value)}
		}
	}
	if slices.Contains(prompt, "none") && len(prompt) > 1 {
		return &protocolError{"invalid_request", "prompt=none stands alone"} // OpenID Connect Core §3.1.2.1
	}
	return nil
}

func readMaxAge(s string) (time.Duration, *protocolError) {
	if s == "" {
		return -1, nil
	}
	seconds, err := strconv.ParseInt(s, 10, 32)
	if err != nil || seconds < 0 {
		return -1, &protocolError{"invalid_request", "max_age must be a number of seconds"}
	}
	return time.Duration(seconds) * time.Second, nil
}

// grant signs the user in and sends the client a code.
func (p *Platform) grant(c *call, req authorization, user User) answer {
	granted := p.granted(req.scopes)
	s := p.lock()
	defer p.mu.Unlock()
	since, ok := s.authenticate(user.Subject, slices.Contains(req.prompt, "login"),
		slices.Contains(req.prompt, "none"), req.maxAge)
	if !ok {
		return p.refuse(c, req, &protocolError{"login_required", "nobody is signed in in this browser"})
	}
	x := p.newSession(s, c, user, req.client, granted)
	x.authTime, x.tellTime = since, req.maxAge >= 0
	p.renewal(s, x, req.offline, slices.Contains(req.prompt, "consent"))
	value := secret("code")
	s.codes[value] = &code{
		session:     x,
		redirectURI: req.redirectURI,
		challenge:   req.challenge,
		nonce:       req.nonce,
		expires:     time.Now().Add(or(p.CodeLife, time.Minute)),
	}
	return p.reply(req, x.issuer, url.Values{"code": {value}})
}

// refuse tells the client why there is no code.
func (p *Platform) refuse(c *call, req authorization, err *protocolError) answer {
	err = p.edited(err, "", req.scopes)
	params := url.Values{"error": {err.code}}
	if err.description != "" {
		params.Set("error_description", err.description)
	}
	return p.reply(req, c.issuer, params)
}
