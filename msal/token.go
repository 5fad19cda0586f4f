package msal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/secret"
	"github.com/staysigned/staysigned/internal/strictjson"
	"github.com/staysigned/staysigned/scopes"
)

// Token is an access token and what is known about it. It is a value: pass it
// around and keep it as long as it lasts, but ask the Client again for each
// use, which costs next to nothing and keeps the session alive.
//
// The access token itself is in no field. No way of printing, logging or
// encoding a Token shows it, also not inside another value. The refresh token
// never leaves the package.
type Token struct {
	Type         string     // how to present it: "Bearer"
	Expiry       time.Time  // when the server stops taking it; ten years ahead if nobody said and there is no refresh token
	RefreshAfter time.Time  // from when on Token tries to replace it ahead of time
	Scopes       scopes.Set // granted, with those defaults that can be seen to be
	Missing      scopes.Set // asked for and not granted, as the caller wrote them (MSAL: declined scopes)
	Account      Account
	Renewable    bool // a refresh token is held: the next one comes without a person

	// Warning is set if the session could not be stored. The token is good,
	// and the session continues in this process, where storing it is tried
	// again; another process, or the next run, may have to sign in.
	Warning error

	access secret.String
	id     secret.String // the ID token: personal data, and of no use in a log
}

// AccessToken returns the access token, to be sent to the server whose scopes
// were asked for, and to no other. Never parse it: only that server knows what
// it means (RFC 9068 section 6).
func (t Token) AccessToken() string { return t.access.Reveal() }

// SetAuthHeader puts the token into the Authorization header of r, replacing
// what is there (RFC 6750 section 2.1). Client.HTTPClient does it for you and
// makes sure that no other server gets it.
func (t Token) SetAuthHeader(r *http.Request) {
	r.Header.Set("Authorization", t.Type+" "+t.AccessToken())
}

// Claims decodes the claims of the verified ID token into v, as json.Unmarshal
// does but for two things. Names match to the letter, so that a claim "Roles"
// takes the place of no other, and each field of a struct needs its tag. And a
// number as it was written is a json.RawMessage, not a json.Number.
//
// Claims describe the person at the time of the last sign-in, or refresh that
// brought an ID token. A server without OpenID Connect gives none, which is an
// error.
func (t Token) Claims(v any) error {
	parts := strings.Split(t.id.Reveal(), ".")
	if len(parts) != 3 {
		return errors.New("msal: claims: the token has no ID token; use one that Token, SignIn or Redeem has returned")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return errors.New("msal: claims: the ID token is not base64url")
	}
	if err := strictjson.Unmarshal(payload, v); err != nil {
		return fmt.Errorf("msal: claims: %w", err)
	}
	return nil
}
