// Package idtoken verifies ID tokens: the signature against the issuer's key
// set, and then every claim that OpenID Connect Core 1.0 section 3.1.3.7 asks a
// client to check. It does no I/O: keys come in as bytes, the time as a value.
//
// go-oidc verifies too, over the key set of this package. But it takes a token
// without iat or sub, with a foreign azp or a foreign second audience, and the
// last of two claims of one name; and it knows neither nonce nor leeway. So
// everything is checked here, on the exact bytes that were signed, and go-oidc's
// is the second opinion: either one refuses.
//
// In the order of a token: compact.go takes it apart, keys.go finds the key,
// claims.go reads the payload, check.go judges it, refresh.go compares it with
// its predecessor.
package idtoken

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/staysigned/staysigned/internal/termsafe"
)

// Check is what a token is held against.
type Check struct {
	// Issuer is what iss must be, byte for byte. It is ignored when IssuerFor is set.
	Issuer string

	// IssuerFor serves issuers that many tenants share, Microsoft's /common for
	// one: it returns what iss must be for a tenant, or why that tenant is not
	// welcome. It is only asked about a tid that can be a GUID in lower case.
	IssuerFor func(tid string) (string, error)

	ClientID         string
	TrustedAudiences []string // may stand in aud beside ClientID, never instead of it

	// Algorithms that a signature may have; nil means RS256. Names that are not
	// known here, none and the HMACs among them, allow nothing.
	Algorithms []string

	// Nonce is what the nonce claim must be. An empty one fails the check, unless
	// NonceOptional says that there may be nothing to compare: on a refresh
	// (section 12.2) and in the device flow, which sends none.
	Nonce         string
	NonceOptional bool

	// AccessToken came with the ID token. It is compared with at_hash where the
	// token has that claim.
	AccessToken string

	Now         time.Time
	Leeway      time.Duration // allowed between the two clocks; 0 means 2 minutes
	MaxIssueAge time.Duration // refuses a token issued longer ago; 0 means any age
	MaxAge      time.Duration // auth_time must be there and not be older; 0 means that it was not asked for
	ACR         []string      // acr must be one of these; nil means that none was asked for
}

// Verify returns the claims of an ID token that passes every check. The error is
// an [*Error] that names the first one that failed; it is [ErrUnknownKey] where
// newer keys could help. A bad signature is reported before anything else that is
// wrong: until it is verified, what the token says is not the issuer's word.
func (k *Keys) Verify(ctx context.Context, raw string, c Check) (Claims, error) {
	t, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	if c.Algorithms == nil {
		c.Algorithms = []string{"RS256"} // what OpenID Connect Core 1.0 section 3.1.3.7 (7) defaults to
	}
	if _, ok := algorithms[t.alg]; !ok || !slices.Contains(c.Algorithms, t.alg) {
		got := show(t.alg)
		if t.alg == "none" { // samples of Microsoft's v1.0 endpoint are so
			got += " (it is not signed)"
		}
		return Claims{}, &Error{Claim: "alg", Got: got, Want: "one of " + list(c.Algorithms)}
	}
	w := witness{keys: k, token: t}
	header, _, _ := strings.Cut(raw, ".")
	_, refused := oidc.NewVerifier(c.Issuer, &w, &oidc.Config{
		ClientID:             c.ClientID,
		SupportedSigningAlgs: c.Algorithms,
		SkipIssuerCheck:      c.IssuerFor != nil,
		SkipExpiryCheck:      true, // it has no leeway
	}).Verify(ctx, header+"..") // it takes the payload from the witness; decoding that too would cost a fifth more
	switch {
	case w.err != nil:
		return Claims{}, w.err
	case w.signer == nil:
		return Claims{}, secondOpinion(refused)
	}
	// Our own errors first: they say more.
	p, err := decode(t.payload)
	if err != nil {
		return Claims{}, err
	}
	if err := c.judge(&p, t.alg, w.signer, k.issuers); err != nil {
		return Claims{}, err
	}
	if refused != nil {
		return Claims{}, secondOpinion(refused)
	}
	return p.Claims, nil
}

// witness is the key set that go-oidc sees for one token. It saves parsing that
// a second time, and keeps what go-oidc would lose: whose key it was, and the
// error, of which only the text would come back.
type witness struct {
	keys   *Keys
	token  *token
	signer *key
	err    error
}

func (w *witness) VerifySignature(context.Context, string) ([]byte, error) {
	w.signer, w.err = w.keys.signer(w.token)
	return w.token.payload, w.err
}

func secondOpinion(refused error) error {
	reason := "its signature was not looked at"
	if refused != nil {
		reason = termsafe.Text(refused.Error(), 200)
	}
	return &Error{Claim: "token", Got: "refused by the second check, " + reason}
}
