package msal

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
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
		return "", fmt.Errorf("claims challenge: %d bytes are more than %d", len(text), maxChallenge)
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
		return "", errors.New("claims challenge: not a JSON object")
	}
	return text, nil
}

// claimsParameter merges a challenge with the client's capabilities. Without
// either it is empty, and the parameter is not sent.
func (c *core) claimsParameter(d *demand) (string, error) {
	challenge := ""
	if d != nil {
		challenge = d.claims
	}
	if len(c.Capabilities) == 0 {
		return challenge, nil
	}
	claims := map[string]map[string]json.RawMessage{}
	if challenge != "" {
		if err := strictjson.Unmarshal([]byte(challenge), &claims); err != nil {
			return "", errors.New("claims challenge: a member is not an object of claims")
		}
	}
	if claims["access_token"] == nil {
		claims["access_token"] = map[string]json.RawMessage{}
	}
	xmsCC, err := json.Marshal(map[string][]string{"values": c.Capabilities})
	if err != nil {
		return "", err
	}
	claims["access_token"]["xms_cc"] = xmsCC
	merged, err := json.Marshal(claims)
	return string(merged), err
}
