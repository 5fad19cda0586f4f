package msal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/staysigned/staysigned/internal/strictjson"
)

// maxChallenge bounds a claims challenge: it comes from a resource server and
// goes into a URL.
const maxChallenge = 8 << 10

// parseChallenge reads a claims challenge, which is a JSON object (OpenID
// Connect Core 5.5) as such or in any of the four spellings of base64:
// Microsoft documents base64url and sends both.
func parseChallenge(challenge string) (string, error) {
	text := strings.TrimSpace(challenge)
	if len(text) > maxChallenge {
		return "", fmt.Errorf("claims challenge: its %d bytes are more than %d; report it to whoever runs the API", len(text), maxChallenge)
	}
	if !strings.HasPrefix(text, "{") {
		plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
		raw, err := base64.RawStdEncoding.DecodeString(plain)
		if err != nil {
			return "", errors.New("claims challenge: neither a JSON object nor base64; pass the value of claims from WWW-Authenticate")
		}
		text = string(raw)
	}
	var object map[string]json.RawMessage
	if err := strictjson.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return "", errors.New("claims challenge: not a JSON object; pass the value of claims from WWW-Authenticate, or ServerError.Claims")
	}
	return text, nil
}

// claimsParameter merges a challenge with the client's capabilities. Without
// either it is empty, and the parameter is not sent.
//
// What the client can do says Config.Capabilities alone (MSAL for Python and
// for JavaScript do the same; .NET unites, Go refuses): a resource server that
// could add to it would talk the client into promises that it does not keep.
// Everything else of the challenge stays as it is. An error means that the
// challenge cannot be merged; WithClaims reports it.
func (c *core) claimsParameter(challenge string) (string, error) {
	if len(c.Capabilities) == 0 {
		return withoutCapabilities(challenge), nil
	}
	claims, access := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if challenge != "" {
		if err := strictjson.Unmarshal([]byte(challenge), &claims); err != nil {
			return "", errors.New("claims challenge: not a JSON object")
		}
	}
	if given := claims["access_token"]; given != nil {
		if err := strictjson.Unmarshal(given, &access); err != nil {
			return "", errors.New("claims challenge: access_token is not an object of claims, so Config.Capabilities have no place in it; report it to whoever runs the API")
		}
	}
	if access == nil {
		access = map[string]json.RawMessage{} // it was null
	}
	var err error
	if access[capabilities], err = json.Marshal(map[string][]string{"values": c.Capabilities}); err != nil {
		return "", err
	}
	if claims["access_token"], err = json.Marshal(access); err != nil {
		return "", err
	}
	merged, err := json.Marshal(claims)
	return string(merged), err
}

// capabilities is the claim of access_token that says what a client can do.
const capabilities = "xms_cc"

// withoutCapabilities takes out of a challenge what it says the client can do;
// one that says nothing of it stays as it was written.
func withoutCapabilities(challenge string) string {
	var claims, access map[string]json.RawMessage
	if strictjson.Unmarshal([]byte(challenge), &claims) != nil || strictjson.Unmarshal(claims["access_token"], &access) != nil {
		return challenge // nothing, or no claims
	}
	if _, said := access[capabilities]; !said {
		return challenge
	}
	delete(access, capabilities)
	claims["access_token"], _ = json.Marshal(access) // what was read can be written
	without, _ := json.Marshal(claims)
	return string(without)
}

// addClaims adds the claims parameter to a request, if there is something to
// say (OpenID Connect Core 5.5): to the authorization request, to the start of a
// device flow, and to every token request, as MSAL does.
func (c *core) addClaims(v url.Values, d *demand) error {
	claims, err := c.claimsParameter(d.challenge())
	if claims != "" {
		v.Set("claims", claims)
	}
	return err
}

// challenge is what a token must satisfy, or "".
func (d *demand) challenge() string {
	if d == nil {
		return ""
	}
	return d.claims
}
