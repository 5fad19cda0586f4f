package msal_test

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// oidccModules are those of the plans oidcc-client-basic-certification, oidcc-client-config-certification and oidcc-client
// (comprehensive), for a public client that uses codes.
var oidccModules = []module{
	{name: "oidcc-client-test", suite: "nothing wrong", client: "signs in, and the access token works",
		play: func(s *suite) { s.passes(toTheEnd) }},
	{name: "oidcc-client-test-idtoken-sig-rs256", suite: "an ID token signed with RS256", client: "signs in",
		play: func(s *suite) { s.passes(toTheEnd) }},
	{name: "oidcc-client-test-idtoken-sig-none", suite: "an ID token without a signature", client: stops + ". The suite passes over the module then",
		play: unsignedToken},
	{name: "oidcc-client-test-invalid-sig-rs256", suite: "a signature that is wrong", client: stops, play: spoiled},
	{name: "oidcc-client-test-invalid-sig-es256", suite: "the same with ES256", client: stops, play: func(s *suite) {
		s.p.Algorithm = "ES256"
		spoiled(s)
	}},
	{name: "oidcc-client-test-invalid-sig-hs256", suite: "a MAC that is wrong, of a provider that has nothing else",
		client: "sends nobody there: a client without a secret can check no MAC", play: func(s *suite) {
			s.p.EditMetadata = func(m map[string]any) { m["id_token_signing_alg_values_supported"] = []string{"HS256"} }
			s.refused("signs id tokens with", beforePerson)
		}},
	{name: "oidcc-client-test-invalid-iss", suite: "another issuer in the ID token", client: stops,
		play: claim("iss", msaltest.DefaultURL+"invalid")},
	{name: "oidcc-client-test-invalid-aud", suite: "another audience", client: stops, play: claim("aud", clientID+"1")},
	{name: "oidcc-client-test-missing-aud", suite: "no audience", client: stops, play: claim("aud", nil)},
	{name: "oidcc-client-test-missing-iat", suite: "no time of issue", client: stops, play: claim("iat", nil)},
	{name: "oidcc-client-test-missing-sub", suite: "nobody", client: stops, play: claim("sub", nil)},
	{name: "oidcc-client-test-nonce-invalid", suite: "another nonce", client: stops, play: claim("nonce", "n-0S6_WzA2Mj")},
	{name: "oidcc-client-test-kid-absent-single-jwks", suite: "no key id, and one key", client: "signs in", play: withoutKeyID},
	{name: "oidcc-client-test-kid-absent-multiple-jwks", suite: "no key id, and several keys", client: "tries them, and signs in",
		play: func(s *suite) {
			s.p.RotateKeys()
			withoutKeyID(s)
		}},
	{name: "oidcc-client-test-ignores-unparseable-key-in-jwks", suite: "two keys of kinds that nobody knows beside the right one",
		client: "passes them over, and signs in", play: func(s *suite) {
			s.p.EditKeys = func(m map[string]any) {
				m["keys"] = append([]any{
					map[string]any{"kty": "AKP", "kid": "pq", "alg": "ML-DSA-1000", "pub": "AAAA"},
					map[string]any{"kty": "made-up", "kid": "x", "use": "sig"},
				}, m["keys"].([]any)...)
			}
			s.passes(toTheEnd)
		}},
	{name: "oidcc-client-test-userinfo-bearer-header", suite: "wants the access token in a header", client: "sends it there, once, and nowhere else",
		play: func(s *suite) {
			token := s.passes(toTheEnd)
			all := s.p.Requests()
			last := all[len(all)-1]
			require.Equal(s, []string{"Bearer " + token.AccessToken()}, last.Header.Values("Authorization"))
			require.Equal(s, []string{"GET", "/userinfo", ""}, []string{last.Method, last.URL, last.Body})
		}},
	{name: "oidcc-client-test-scope-userinfo-claims", suite: "has claims for profile and email", client: "asks for both, and reads the claims of the ID token",
		play: func(s *suite) {
			token := s.passes(toTheEnd)
			asked := strings.Fields(s.p.Requests()[2].Form.Get("scope"))
			require.Subset(s, asked, []string{"openid", "profile", "email"})
			var claims map[string]any
			require.NoError(s, token.Claims(&claims))
			require.Equal(s, []any{"Avery Example", "avery@idp.example"}, []any{claims["name"], claims["email"]})
		}},
	{name: "oidcc-client-test-form-post-error", suite: "an error that the browser posts",
		client: "says what the server said, and stops. The suite wants max_age=0 beside prompt=none, and that is not asked for here", play: postedError, sockets: true},
	{name: "oidcc-client-test-discovery-openid-config", suite: "has its endpoints elsewhere", client: "uses the addresses of the metadata",
		play: func(s *suite) {
			moved := []string{"authorization_endpoint", "token_endpoint"}
			s.p.EditMetadata = func(m map[string]any) {
				for _, name := range moved {
					m[name] = m[name].(string) + "?moved=" + name
				}
			}
			s.passes(toTheEnd)
			for i, name := range moved {
				require.Contains(s, s.p.Requests()[2+i].URL, "?moved="+name)
			}
		}},
	{name: "oidcc-client-test-discovery-jwks-uri-keys", suite: "has its keys elsewhere, at random", client: "fetches them there, before it sends anybody away",
		play: func(s *suite) {
			s.p.EditMetadata = func(m map[string]any) { m["jwks_uri"] = m["jwks_uri"].(string) + "?at=QkVtWmRhZk" }
			s.passes(toTheEnd)
			require.Equal(s, "/keys?at=QkVtWmRhZk", s.p.Requests()[1].URL)
		}},
	{name: "oidcc-client-test-discovery-issuer-mismatch", suite: "metadata of another issuer", client: "sends nobody there", play: otherIssuer},
	{name: "oidcc-client-test-signing-key-rotation", suite: "has other keys at the second sign-in", client: "fetches them once, and signs in",
		play: func(s *suite) {
			s.passes(toTheEnd)
			s.p.RotateKeys()
			s.p.RetireKeys()
			s.p.ResetLog()
			s.passes("authorize token keys userinfo")
		}},
	{name: "oidcc-client-test-signing-key-rotation-just-before-signing", suite: "has other keys when it signs", client: "fetches them once, and signs in",
		play: func(s *suite) {
			s.p.EditClaims = func(map[string]any) {
				s.p.RotateKeys()
				s.p.RetireKeys()
			}
			s.passes(beforeRefusal + " keys userinfo")
		}},
}

// stops is what a client does that refuses an ID token.
const stops = "makes no use of the answer, and no further request"

// withoutKeyID leaves out key ids, in the token and in the keys.
func withoutKeyID(s *suite) {
	_, key := s.p.SigningKey()
	s.p.EditKeys = func(m map[string]any) {
		for _, k := range m["keys"].([]any) {
			delete(k.(map[string]any), "kid")
		}
	}
	forgery{token: reheaded(`{"alg":"RS256"}`, rs256(key))}.apply(s.p)
	s.passes(toTheEnd)
}

// postedError plays the browser of somebody who is not signed in, over a real socket.
func postedError(s *suite) {
	s.p.ResponseModes = []string{"form_post"}
	_, err := s.c.With(msal.Params{Prompt: "none"}).SignIn(s.Context(), msal.Browser{Open: s.p.Browse}, "read")
	require.Equal(s, "login_required", asServerError(s, err).Code)
	require.Equal(s, "form_post", s.p.Requests()[2].Form.Get("response_mode"))
	s.nothingElse(beforeToken)
}

// refreshModules are those of the plan oidcc-client-refreshtoken, and two more of the suite that are in no plan.
var refreshModules = []module{
	{name: "oidcc-client-test-refresh-token", suite: "an access token that ends", client: "refreshes once, stores the new refresh token, and the new access token works",
		play: func(s *suite) {
			first := s.passes(toTheEnd)
			before := refreshTokens(s.T, s.store)
			time.Sleep(time.Until(first.Expiry))
			s.p.ResetLog()
			require.NoError(s, s.userinfo())
			require.Equal(s, "token userinfo", s.asked())
			require.Equal(s, before[0], s.p.TokenRequests("refresh_token")[0].Form.Get("refresh_token"))
			require.NotEqual(s, before, refreshTokens(s.T, s.store))
			require.NotEqual(s, "Bearer "+first.AccessToken(), s.p.Requests()[1].Header.Get("Authorization"))
			for scope := range strings.FieldsSeq(s.p.Requests()[0].Form.Get("scope")) {
				require.True(s, first.Scopes.Has(scope), "%s was not granted", scope)
			}
		}},
	{name: "oidcc-client-test-refresh-token-invalid-issuer", suite: "another issuer after the refresh", client: keeps,
		play: refreshed("iss", msaltest.DefaultURL+"invalid")},
	{name: "oidcc-client-test-refresh-token-invalid-sub", suite: "another person after the refresh", client: keeps,
		play: refreshed("sub", "avery-invalid")},
	{name: "oidcc-client-test-refresh-token-invalid-aud", suite: "another audience after the refresh", client: keeps,
		play: refreshed("aud", clientID+"1")},
	{name: "oidcc-client-test-refresh-token-invalid-azp", suite: "an authorized party that was not there before", client: keeps,
		play: refreshed("azp", clientID)},
}

// keeps is what a client does that refuses the ID token of a refresh.
const keeps = "makes no use of the answer and no further request, and keeps the session as it was"

// refreshed is a module whose ID token has another value of a claim after a refresh.
func refreshed(name string, value any) func(*suite) {
	return func(s *suite) {
		s.p.Rotation = msaltest.KeepOld
		first := s.passes(toTheEnd)
		before := s.record()
		time.Sleep(time.Until(first.Expiry))
		s.p.ResetLog()
		forgery{claims: set(name, value)}.apply(s.p)
		err := s.userinfo()
		require.ErrorContains(s, err, "refused: id token: "+name)
		require.NotErrorIs(s, err, msal.ErrSignInRequired)
		require.Equal(s, "token", s.asked())
		require.Equal(s, before, s.record())

		s.p.EditClaims = nil // the provider is right again: so is the session
		require.NoError(s, s.userinfo())
		require.Equal(s, "token token userinfo", s.asked())
	}
}

// record is all that is stored of the account.
func (s *suite) record() map[string]any {
	s.Helper()
	data, _, err := s.store.Get(s.Context(), recordKey(s.T, s.store))
	require.NoError(s, err)
	var record map[string]any
	require.NoError(s, json.Unmarshal(data, &record))
	return record
}
