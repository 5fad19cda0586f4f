package discovery

import (
	"fmt"
	"slices"
	"strings"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// asymmetric are the algorithms with which an ID token may be signed. "none"
// signs nothing; for HS256 and its like the key is the client secret, which a
// public client has not, or which is known to everybody.
var asymmetric = [...]string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
}

// Algorithms returns which of the algorithms that the provider signs ID tokens
// with are accepted. A document that does not say means RS256, the one that
// all have (OpenID Connect Discovery section 3: "RS256 MUST be included").
func (d *Document) Algorithms() ([]string, error) {
	if d.SigningAlgorithms == nil {
		return []string{"RS256"}, nil
	}
	var accepted []string
	for _, alg := range asymmetric {
		if slices.Contains(d.SigningAlgorithms, alg) {
			accepted = append(accepted, alg)
		}
	}
	if accepted == nil {
		return nil, fmt.Errorf("%s signs id tokens with %s; want one of %s",
			d.issuer(), shown(d.SigningAlgorithms), strings.Join(asymmetric[:], ", "))
	}
	return accepted, nil
}

// SupportsS256 returns an error if the provider says which PKCE methods it
// supports and S256 is not among them: with "plain" whoever reads the request
// can redeem the code (RFC 7636 section 7.2). Many that support it do not say
// so, Microsoft's among them.
func (d *Document) SupportsS256() error {
	if d.CodeChallengeMethods == nil || slices.Contains(d.CodeChallengeMethods, "S256") {
		return nil
	}
	return fmt.Errorf("%s supports the PKCE methods %s; want S256", d.issuer(), shown(d.CodeChallengeMethods))
}

func shown(list []string) string {
	if len(list) == 0 {
		return "(none)"
	}
	return `"` + termsafe.Text(strings.Join(list[:min(len(list), 20)], ", "), 200) + `"`
}
