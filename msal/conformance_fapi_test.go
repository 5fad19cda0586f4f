package msal_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal/msaltest"
)

const fapi2 = "fapi2-security-profile-final-client-test-"

// fapiModules are those of the FAPI plans that are about what every client has to check. The suite plays them behind
// pushed authorization requests and with bound access tokens; here the request and the token are plain.
var fapiModules = []module{
	{name: fapi2 + "discovery-issuer-mismatch", suite: "metadata of another issuer", client: "sends nobody there", play: otherIssuer},
	{name: fapi2 + "invalid-authorization-response-iss", suite: "another issuer in the redirect", client: sendsNoCode,
		play: redirect("iss is", "iss", msaltest.DefaultURL+"invalid")},
	{name: fapi2 + "remove-authorization-response-iss", suite: "no issuer in the redirect, which was announced", client: sendsNoCode,
		play: redirect("no iss", "iss")},
	{name: fapi2 + "ensure-authorization-response-with-invalid-state-fails", suite: "another state", client: sendsNoCode,
		play: redirect("state does not match", "state", "1DfkpkXmTi")},
	{name: fapi2 + "ensure-authorization-response-with-invalid-missing-state-fails", suite: "no state", client: sendsNoCode,
		play: redirect("state does not match", "state")},
	{name: fapi2 + "invalid-iss", suite: "another issuer in the ID token", client: stops, play: claim("iss", msaltest.DefaultURL+"1")},
	{name: fapi2 + "invalid-missing-iss", suite: "no issuer", client: stops, play: claim("iss", nil)},
	{name: fapi2 + "invalid-aud", suite: "another audience", client: stops, play: claim("aud", clientID+"1")},
	{name: fapi2 + "invalid-missing-aud", suite: "no audience", client: stops, play: claim("aud", nil)},
	{name: fapi2 + "invalid-secondary-aud", suite: "a second audience that nobody trusts", client: stops,
		play: claim("aud", []string{clientID, "https://other1.example.com"})},
	{name: fapi2 + "valid-aud-as-array", suite: "the audience as a list of one", client: "signs in", play: func(s *suite) {
		forgery{claims: set("aud", []string{clientID})}.apply(s.p)
		s.passes(toTheEnd)
	}},
	{name: fapi2 + "invalid-expired-exp", suite: "an ID token that ended five minutes ago", client: stops, play: func(s *suite) {
		claim("exp", time.Now().Add(-5*time.Minute).Unix())(s)
	}},
	{name: fapi2 + "invalid-missing-exp", suite: "an ID token without an end", client: stops, play: claim("exp", nil)},
	{name: fapi2 + "invalid-nonce", suite: "another nonce", client: stops, play: claim("nonce", "invalid")},
	{name: fapi2 + "invalid-missing-nonce", suite: "no nonce", client: stops, play: claim("nonce", nil)},
	{name: fapi2 + "invalid-null-alg", suite: "an ID token without a signature", client: stops, play: unsignedToken},
	{name: fapi2 + "invalid-alternate-alg", suite: "a good signature, of an algorithm that was not announced", client: stops, play: otherAlgorithm},
	{name: fapi2 + "token-type-case-insensitivity", suite: "a token type in mixed case", client: "signs in, and sends Bearer", play: func(s *suite) {
		s.p.EditToken = edited(map[string]any{"token_type": "bEaReR"})
		token := s.passes(toTheEnd)
		require.Equal(s, "Bearer", token.Type)
	}},
	{name: fapi2 + "token-endpoint-response-without-expires_in", suite: "an access token of unknown life", client: "signs in, and takes it for five minutes",
		play: func(s *suite) {
			s.p.EditToken = edited(map[string]any{"expires_in": nil})
			token := s.passes(toTheEnd)
			require.Equal(s, 5*time.Minute, time.Until(token.Expiry))
		}},
	{name: "fapi2-security-profile-final-client-refresh-token-test", suite: "an API that refuses tokens until there have been two refreshes",
		client: "refreshes once for each request that is refused, with the newest refresh token", play: refusedByAPI},
	{name: "fapi1-advanced-final-client-test-iat-is-week-in-past", suite: "an ID token of last week", client: stops, play: func(s *suite) {
		claim("iat", time.Now().Add(-7*24*time.Hour).Unix())(s)
	}},
	{name: "fapi1-advanced-final-client-test-no-scope-in-token-endpoint-response", suite: "neither scope nor life in the answer",
		client: "takes what was asked for as granted", play: func(s *suite) {
			s.p.EditToken = edited(map[string]any{"scope": nil, "expires_in": nil})
			token := s.passes(toTheEnd)
			require.True(s, token.Scopes.Has("read"))
			require.Zero(s, token.Missing)
		}},
}

const sendsNoCode = "sends the code nowhere, and makes no further request"

// otherAlgorithm signs with a key that is published, in a way that is not: nothing but the list of algorithms is against it.
func otherAlgorithm(s *suite) {
	s.p.Algorithm = "ES256"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(s, err)
	s.p.EditKeys = func(m map[string]any) {
		m["keys"] = append(m["keys"].([]any), jose.JSONWebKey{Key: key.Public(), KeyID: "rsa"})
	}
	forgery{token: reheaded(`{"alg":"RS256","kid":"rsa"}`, rs256(key))}.apply(s.p)
	s.refused("refused: id token: alg", beforeRefusal)
}

// refusedByAPI has an API that takes no token of the first two.
func refusedByAPI(s *suite) {
	_, err := s.signIn()
	require.NoError(s, err)
	s.p.ResetLog()
	s.p.Fail("userinfo", msaltest.Fault{Status: 401, Body: "{}", Times: 3, Header: http.Header{
		"Www-Authenticate": {`Bearer realm="conformance", error="invalid_token"`},
	}})
	resp, err := s.c.HTTPClient(s.p.URL, "read").Get(s.p.URL + "/userinfo")
	require.NoError(s, err)
	require.NoError(s, resp.Body.Close())
	require.Equal(s, http.StatusUnauthorized, resp.StatusCode)
	require.Equal(s, "userinfo token userinfo", s.asked(), "one refresh, and no loop")
	require.NoError(s, s.userinfo())
	require.Equal(s, "userinfo token userinfo userinfo token userinfo", s.asked())
	require.True(s, s.p.SessionAlive("avery"), "no refresh token was sent twice")
}

// absentModules are not played, each for its reason.
var absentModules = []struct {
	why   string
	names []string
}{
	{"Userinfo is not built: the ID token says who somebody is, and a program that asks the userinfo endpoint as an API of its own compares sub itself.", []string{
		"oidcc-client-test-userinfo-invalid-sub", "oidcc-client-test-userinfo-signed",
		"oidcc-client-test-aggregated-claims", "oidcc-client-test-distributed-claims",
	}},
	{"An access token goes into a header and never into a body, which RFC 6750 leaves open to clients.", []string{
		"oidcc-client-test-userinfo-bearer-body",
	}},
	{"The client is public: it has no secret to authenticate with.", []string{"oidcc-client-test-client-secret-basic"}},
	{"Codes are all that is asked for: no implicit and no hybrid answer.", []string{
		"oidcc-client-test-nonce-unless-code-flow",
		"oidcc-client-test-invalid-chash", "oidcc-client-test-missing-chash",
		"oidcc-client-test-invalid-athash", "oidcc-client-test-missing-athash",
	}},
	{"Request objects are not built.", []string{"oidcc-client-test-request-uri-signed-rs256", "oidcc-client-test-request-uri-signed-none"}},
	{"Mutual TLS is not built.", []string{"oidcc-client-test-mtls-endpoint-aliases"}},
	{"Dynamic registration and WebFinger are not built: an application brings its client id and its issuer.", []string{
		"oidcc-client-test-dynamic-registration", "oidcc-client-test-discovery-webfinger-acct", "oidcc-client-test-discovery-webfinger-url",
	}},
	{"A native program has no address at which others could begin a sign-in, watch a session or end one.", []string{
		"oidcc-client-test-3rd-party-init-login", "oidcc-client-test-session-management",
		"oidcc-client-test-rp-frontchannel-opinitlogout", "oidcc-client-test-rp-frontchannel-rpinitlogout",
		"oidcc-client-test-rp-backchannel-rpinitlogout", "oidcc-client-test-rp-backchannel-rpinitlogout-alg-none",
		"oidcc-client-test-rp-backchannel-rpinitlogout-no-event", "oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-alg", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud",
		"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-event", "oidcc-client-test-rp-backchannel-rpinitlogout-wrong-iss",
	}},
	{"Logout at the server is not built: SignOut forgets and revokes.", []string{
		"oidcc-client-test-rp-init-logout", "oidcc-client-test-rp-init-logout-other-state", "oidcc-client-test-rp-init-logout-no-state",
	}},
	{"Pushed requests and bound access tokens (PAR, DPoP, mutual TLS) are not built. What is left of these is oidcc-client-test.", []string{
		fapi2 + "happy-path", fapi2 + "happy-path-no-dpop-nonce", fapi2 + "rs-dpop-auth-scheme-case-insensitivity",
	}},
}
