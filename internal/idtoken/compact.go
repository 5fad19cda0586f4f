package idtoken

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/staysigned/staysigned/internal/strictjson"
)

const (
	maxToken  = 64 << 10 // the largest seen, full of group claims, are a tenth of it
	maxHeader = 8 << 10  // room for a certificate chain, which some send and nobody reads
)

// base64url refuses padding, the other alphabet, and set bits after the last
// byte, which would give one signature several spellings.
var base64url = base64.RawURLEncoding.Strict()

// token is a compact JWS (RFC 7515 section 7.1), taken apart, not yet believed.
type token struct {
	alg, kid  string
	message   []byte // what is signed: the first two parts as they were sent
	payload   []byte
	signature []byte
}

// parse refuses what is not the compact form of one signature. The size and the
// dots come first: libraries that split before they counted have been made to
// allocate gigabytes by a token of nothing but dots (CVE-2025-22868, -27144).
func parse(raw string) (*token, error) {
	switch {
	case len(raw) > maxToken:
		return nil, &Error{Claim: "token", Got: strconv.Itoa(len(raw)) + " bytes", Want: "at most " + strconv.Itoa(maxToken)}
	case strings.HasPrefix(raw, "{"):
		return nil, &Error{Claim: "token", Got: "a JWS in JSON", Want: "the compact form"}
	case strings.Count(raw, ".") == 4:
		return nil, &Error{Claim: "token", Got: "encrypted", Want: "a signed one: turn ID token encryption off for this client"}
	case strings.Count(raw, ".") != 2:
		return nil, &Error{Claim: "token", Got: "not a JWT", Want: "three parts between two dots"}
	case strings.ContainsAny(raw, "\r\n"): // the decoder skips these without a word
		return nil, &Error{Claim: "token", Got: "broken into lines", Want: "base64url alone"}
	}
	dot, last := strings.IndexByte(raw, '.'), strings.LastIndexByte(raw, '.')
	if dot > maxHeader {
		return nil, &Error{Claim: "header", Got: strconv.Itoa(dot) + " bytes", Want: "at most " + strconv.Itoa(maxHeader)}
	}
	var parts [3][]byte
	for i, part := range [...]string{raw[:dot], raw[dot+1 : last], raw[last+1:]} {
		var err error
		if parts[i], err = base64url.DecodeString(part); err != nil {
			names := [...]string{"header", "claims", "signature"}
			return nil, &Error{Claim: names[i], Want: "base64url without padding", Err: err}
		}
	}
	t := &token{message: []byte(raw[:last]), payload: parts[1], signature: parts[2]}
	return t, t.readHeader(parts[0])
}

// readHeader takes alg and kid. A key that the header brings along or points to
// (jwk, jku, x5c, x5u) is not even decoded: it is the signer's word for itself.
func (t *token) readHeader(raw []byte) error {
	var h struct {
		Alg  string          `json:"alg"`
		Kid  string          `json:"kid"`
		Typ  *string         `json:"typ"`
		Crit json.RawMessage `json:"crit"`
		B64  json.RawMessage `json:"b64"`
	}
	if err := strictjson.Unmarshal(raw, &h); err != nil {
		return &Error{Claim: "header", Err: err}
	}
	switch {
	case h.Crit != nil:
		// RFC 7515 section 4.1.11: what is listed MUST be understood. Nothing is.
		return &Error{Claim: "crit", Got: "present", Want: "no critical extensions"}
	case h.B64 != nil: // RFC 7797: the signature would cover other bytes
		return &Error{Claim: "b64", Got: "present", Want: "the plain form"}
	case h.Typ != nil && !strings.EqualFold(*h.Typ, "JWT") && !strings.EqualFold(*h.Typ, "application/jwt"):
		// RFC 8725 section 3.11: an access, logout or DPoP token under the same keys is no ID token.
		return &Error{Claim: "typ", Got: show(*h.Typ), Want: `"JWT" or none`}
	}
	t.alg, t.kid = h.Alg, h.Kid
	return nil
}
