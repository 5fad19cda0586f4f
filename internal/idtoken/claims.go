package idtoken

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/strictjson"
)

// maxSeconds is the end of the year 9999: later times overflow somewhere, and
// neither JSON nor RFC 3339 can write them down.
const maxSeconds = 253402300799

// Claims are what an ID token says. Issuer and Subject together name a person
// for ever (OpenID Connect Core 1.0 section 5.7), and so do TenantID and
// ObjectID on Microsoft's platform. Username, Name and Email are for showing
// only: people change them, and on multi-tenant platforms anybody can claim any.
type Claims struct {
	Issuer, Subject    string
	Audience           []string // sorted, each once: neither order nor repetition means anything
	AuthorizedParty    string   // azp
	Nonce              string
	TenantID, ObjectID string // tid and oid, "" where they are not strings

	Username    string // preferred_username, else upn, unique_name or email
	Name, Email string

	Expiry, IssuedAt time.Time
	AuthTime         time.Time // zero: absent

	Raw []byte // the payload, byte for byte
}

// Stored reads a token out of the application's own store, where it was put
// after [Keys.Verify] had passed it. It checks no signature, no audience and no
// time: never give it a token that came over a network.
func Stored(raw string) (Claims, error) {
	t, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	p, err := decode(t.payload)
	return p.Claims, err
}

// payload are the claims and what only the checks want to see.
type payload struct {
	Claims
	notBefore time.Time
	atHash    *string // tells empty from absent
	acr       string
}

// members are the payload as it is written. What a check rests on has the type of
// OpenID Connect Core 1.0 section 2, and a token with another one is refused.
// Members of type any are only shown, or mean something else at other providers:
// where they are not strings they are dropped.
type members struct {
	Iss      string  `json:"iss"`
	Sub      string  `json:"sub"`
	Aud      any     `json:"aud"`
	Exp      float64 `json:"exp"` // may have a fraction (RFC 7519 section 2)
	Iat      float64 `json:"iat"`
	Nbf      float64 `json:"nbf"`
	AuthTime float64 `json:"auth_time"`
	Azp      *string `json:"azp"`
	Nonce    string  `json:"nonce"`
	AtHash   *string `json:"at_hash"`

	ACR               any `json:"acr"`
	Tid               any `json:"tid"`
	Oid               any `json:"oid"`
	PreferredUsername any `json:"preferred_username"`
	UPN               any `json:"upn"`
	UniqueName        any `json:"unique_name"`
	Email             any `json:"email"`
	Name              any `json:"name"`
}

// decode reads the payload and applies the rules that need no context.
func decode(raw []byte) (payload, error) {
	var w members
	if err := strictjson.Unmarshal(raw, &w); err != nil {
		return payload{}, &Error{Claim: "claims", Err: err}
	}
	unprintable := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case w.Iss == "":
		return payload{}, &Error{Claim: "iss", Got: "missing", Want: "the issuer"}
	case w.Sub == "" || len(w.Sub) > 255 || strings.ContainsFunc(w.Sub, unprintable):
		return payload{}, &Error{Claim: "sub", Got: strconv.Itoa(len(w.Sub)) + " bytes or not ASCII", Want: "1 to 255 ASCII characters"}
	case w.Azp != nil && *w.Azp == "":
		return payload{}, &Error{Claim: "azp", Got: "empty", Want: "a client id, or no azp"}
	case w.Exp == 0:
		return payload{}, &Error{Claim: "exp", Got: "missing", Want: "seconds since 1970"}
	case w.Iat == 0:
		return payload{}, &Error{Claim: "iat", Got: "missing", Want: "seconds since 1970"}
	}
	text := func(v any) string { s, _ := v.(string); return s }
	p := payload{
		Claims: Claims{
			Issuer: w.Iss, Subject: w.Sub, Nonce: w.Nonce,
			TenantID: text(w.Tid), ObjectID: text(w.Oid),
			Username: cmp.Or(text(w.PreferredUsername), text(w.UPN), text(w.UniqueName), text(w.Email)),
			Name:     text(w.Name), Email: text(w.Email),
			Raw: raw,
		},
		atHash: w.AtHash, acr: text(w.ACR),
	}
	if w.Azp != nil {
		p.AuthorizedParty = *w.Azp
	}
	for _, t := range [...]struct {
		claim   string
		seconds float64
		to      *time.Time
	}{{"exp", w.Exp, &p.Expiry}, {"iat", w.Iat, &p.IssuedAt}, {"nbf", w.Nbf, &p.notBefore}, {"auth_time", w.AuthTime, &p.AuthTime}} {
		switch {
		case t.seconds < 0 || t.seconds > maxSeconds:
			return payload{}, &Error{Claim: t.claim, Got: "out of range", Want: "seconds since 1970, before the year 10000"}
		case t.seconds != 0: // some servers write 0 for "none"
			*t.to = time.Unix(int64(t.seconds), 0)
		}
	}
	if err := p.setAudience(w.Aud); err != nil {
		return payload{}, err
	}
	return p, nil
}

// setAudience takes one string or an array of strings.
func (p *payload) setAudience(aud any) error {
	all, ok := aud.([]any)
	if !ok {
		all = []any{aud}
	}
	for _, v := range all {
		s, ok := v.(string)
		if !ok {
			return &Error{Claim: "aud", Got: "missing or of another type", Want: "a string or an array of strings"}
		}
		p.Audience = append(p.Audience, s)
	}
	slices.Sort(p.Audience)
	p.Audience = slices.Compact(p.Audience)
	return nil
}
