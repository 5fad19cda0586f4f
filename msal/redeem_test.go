package msal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// edited returns a knob that sets members of a token answer; nil deletes one.
func edited(members map[string]any) func(string, map[string]any) {
	return func(_ string, answer map[string]any) {
		maps.Copy(answer, members)
		maps.DeleteFunc(answer, func(_ string, v any) bool { return v == nil })
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// Token answers that are refused: with a reason, with nothing of them in the
// error, and with nothing stored.
func TestHostileTokenAnswers(t *testing.T) {
	t.Parallel()
	set := func(name string, v any) map[string]any { return map[string]any{name: v} }
	many := map[string]any{}
	for i := range 1001 {
		many[fmt.Sprint("member", i)] = i
	}
	for name, tc := range map[string]struct {
		set  map[string]any
		body string // instead of an answer
		says string
	}{
		"TR-02 missing":               {set: set("access_token", nil), says: "access_token"},
		"TR-02 null":                  {set: set("access_token", raw("null")), says: "access_token"},
		"TR-02 number":                {set: set("access_token", 7), says: "token response"},
		"TR-02 empty":                 {set: set("access_token", ""), says: "access_token"},
		"TR-03 R-6750-2 CRLF":         {set: set("access_token", "stolen\r\nX: y"), says: "access_token"},
		"TR-03 R-6750-2 space":        {set: set("access_token", "stolen y"), says: "access_token"},
		"TR-03 R-6750-2 umlaut":       {set: set("access_token", "stölen"), says: "access_token"},
		"TR-03 too long":              {set: set("access_token", strings.Repeat("a", 1<<17)), says: "access_token"},
		"TR-04 R-6749-14 none":        {set: set("token_type", nil), says: "token_type"},
		"TR-04 R-6749-14 mac":         {set: set("token_type", "mac"), says: "token_type"},
		"TR-04 R-6749-14 hostile":     {set: set("token_type", "Evil\r\nX: \x1b[2Jy"), says: "token_type"},
		"TR-05 R-6749-3 twice":        {body: `{"token_type":"Bearer","access_token":"stolen","access_token":"stolen"}`, says: "JSON"},
		"TR-06 error":                 {body: `{"error":"access_denied"}`, says: "access_denied"},
		"TR-07 error and tokens":      {set: set("error", "server_error"), says: "server_error"},
		"TR-07 spelled with escapes":  {body: `{"\u0065rror":"access_denied","access_token":"stolen","token_type":"Bearer"}`, says: "access_denied"},
		"TR-10 -1":                    {set: set("expires_in", -1), says: "seconds"},
		"TR-10 int32 wrap":            {set: set("expires_in", -4294963696), says: "seconds"},
		"TR-10 least":                 {set: set("expires_in", raw("-9223372036854775808")), says: "seconds"},
		"TR-11 space":                 {set: set("expires_in", " 3600"), says: "seconds"},
		"TR-11 hex":                   {set: set("expires_in", "0x10"), says: "seconds"},
		"TR-11 exponent in a string":  {set: set("expires_in", "1e3"), says: "seconds"},
		"TR-11 empty":                 {set: set("expires_in", ""), says: "seconds"},
		"TR-12 1e400":                 {set: set("expires_in", raw("1e400")), says: "seconds"},
		"TR-12 NaN":                   {body: `{"token_type":"Bearer","access_token":"stolen","expires_in":NaN}`, says: "JSON"},
		"TR-14 true":                  {set: set("expires_in", true), says: "seconds"},
		"TR-14 object":                {set: set("expires_in", raw("{}")), says: "seconds"},
		"TR-14 array":                 {set: set("expires_in", raw("[3600]")), says: "seconds"},
		"TR-16 form":                  {body: "access_token=stolen&token_type=Bearer", says: "JSON"},
		"TR-17 BOM":                   {body: "\ufeff{}", says: "JSON"},
		"TR-17 garbage behind":        {body: `{"access_token":"stolen","token_type":"Bearer"} x`, says: "JSON"},
		"TR-17 two objects":           {body: `{"access_token":"stolen","token_type":"Bearer"}{}`, says: "JSON"},
		"TR-17 array":                 {body: `["stolen"]`, says: "JSON"},
		"TR-22 deep":                  {body: `{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, says: "JSON"},
		"TR-22 2 MB":                  {body: `{"a":"` + strings.Repeat("stolen", 1<<19) + `"}`, says: "1 MiB"},
		"TR-22 too many members":      {set: many, says: "JSON"},
		"TR-24 number":                {set: set("refresh_token", 7), says: "token response"},
		"TR-24 too long":              {set: set("refresh_token", strings.Repeat("r", 1<<17)), says: "refresh_token"},
		"TR-25 no ID token":           {set: set("id_token", nil), says: "no ID token"},
		"TR-26 not an ID token":       {set: set("id_token", "stolen.stolen.stolen"), says: "id token"},
		"TR-27 DPoP when not asked":   {set: set("token_type", "DPoP"), says: "token_type"},
		"CB-28 token of another kind": {set: set("id_token", raw("{}")), says: "token response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, callback := begin(t, p, c, "read")
			p.EditToken = edited(tc.set)
			if tc.body != "" {
				p.Fail("token", msaltest.Fault{Body: tc.body, ContentType: "application/json"})
			}
			_, err := z.Redeem(t.Context(), callback)
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "stolen")
			require.NotContains(t, err.Error(), "\x1b")
			require.Less(t, len(err.Error()), 1000)
			requireNobody(t, c)
		})
	}
}

// Token answers that are odd, and good.
func TestOddTokenAnswers(t *testing.T) {
	const shown, hour = 5 * time.Minute, time.Hour
	set := func(name string, v any) map[string]any { return map[string]any{name: v} }
	members := map[string]any{"ACCESS_TOKEN": "stolen", "Token_Type": "mac"} // TR-05: other names
	for i := range 900 {
		members[fmt.Sprint("member", i)] = i
	}
	for name, tc := range map[string]struct {
		set  map[string]any
		life time.Duration
		once bool // not to be used again without a refresh
	}{
		"TR-04 BEARER":              {set: set("token_type", "bEaReR"), life: hour},
		"TR-08 no expires_in":       {set: set("expires_in", nil), life: shown},
		"TR-08 null":                {set: set("expires_in", raw("null")), life: shown},
		"TR-09 0":                   {set: set("expires_in", 0), life: 0, once: true},
		"TR-11 string":              {set: set("expires_in", "3600"), life: hour},
		"TR-12 3600.0":              {set: set("expires_in", raw("3600.0")), life: hour},
		"TR-12 3599.9":              {set: set("expires_in", raw("3599.9")), life: hour - time.Second},
		"TR-12 1e3":                 {set: set("expires_in", raw("1e3")), life: 1000 * time.Second},
		"TR-13 overflow":            {set: set("expires_in", raw("99999999999999999999")), life: 10 * 365 * 24 * hour},
		"TR-13 1e18":                {set: set("expires_in", raw("1e18")), life: 10 * 365 * 24 * hour},
		"TR-24 no refresh token":    {set: set("refresh_token", nil), life: hour},
		"TR-24 empty refresh token": {set: set("refresh_token", ""), life: hour},
		"TR-28 R-6749-4 unknown":    {set: members, life: hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := msaltest.New(t)
				c := newClient(t, p)
				p.EditToken = edited(tc.set)
				token := signIn(t, p, c, "read")
				require.Equal(t, "Bearer", token.Type)
				require.Equal(t, tc.life, time.Until(token.Expiry))
				_, offline := tc.set["refresh_token"]
				require.Equal(t, !offline, token.Renewable)
				p.EditToken = nil
				again, err := c.Token(t.Context(), "read")
				require.NoError(t, err)
				require.Equal(t, tc.once, token.AccessToken() != again.AccessToken())
			})
		})
	}
}

// Nothing is assumed about sizes that a provider may choose.
func TestLargeAccessToken_R6749_5(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	large := strings.Repeat("A-._~+/9", 2<<10) + "=="
	p.EditClaims = func(claims map[string]any) { delete(claims, "at_hash") }
	p.EditToken = edited(map[string]any{"access_token": large})
	require.Equal(t, large, signIn(t, p, newClient(t, p), "read").AccessToken())
}

// A code that was issued for another sign-in, with the state of this one.
func TestCodeInjection_CB28(t *testing.T) {
	t.Parallel()
	p := msaltest.New(t)
	c := newClient(t, p)
	z, callback := begin(t, p, c, "read")
	_, attackers := begin(t, p, newClient(t, p), "read")
	_, err := z.Redeem(t.Context(), change(callback, "code", attackers.Get("code")))
	require.Equal(t, "invalid_grant", asServerError(t, err).Code)
	requireNobody(t, c)
}

// An ID token is verified before anything is stored.
func TestRedeemVerifies(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claim string
		value any // nil: delete
		says  string
	}{
		"CB-28 other nonce":   {"nonce", "x", "nonce"},
		"CB-28 no nonce":      {"nonce", nil, "nonce"},
		"other audience":      {"aud", "another-client", "aud"},
		"other issuer":        {"iss", "https://evil.example", "iss"},
		"no subject":          {"sub", nil, "sub"},
		"over":                {"exp", 1000, "exp"},
		"old":                 {"iat", 1000, "iat"},
		"other access token":  {"at_hash", "AAAAAAAAAAAAAAAAAAAAAA", "at_hash"},
		"no auth_time":        {"auth_time", nil, "auth_time"},
		"signed in long ago":  {"auth_time", 1000, "auth_time"},
		"another's for other": {"azp", "another-client", "azp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := msaltest.New(t)
			c := newClient(t, p)
			z, callback := begin(t, p, c.With(msal.Params{MaxAge: time.Hour}), "read")
			p.EditClaims = func(claims map[string]any) {
				if claims[tc.claim] = tc.value; tc.value == nil {
					delete(claims, tc.claim)
				}
			}
			_, err := z.Redeem(t.Context(), callback)
			require.ErrorContains(t, err, "refused: id token: "+tc.says)
			requireNobody(t, c)
			_, err = c.Token(t.Context(), "read")
			require.ErrorIs(t, err, msal.ErrSignInRequired)
		})
	}
}

// An answer that comes after the caller's deadline changes nothing.
func TestAnswerAfterDeadline_TR31(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		c := newClient(t, p)
		z, callback := begin(t, p, c, "read")
		p.Fail("token", msaltest.Fault{Delay: 10 * time.Second, After: true})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := z.Redeem(ctx, callback)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(began))
		time.Sleep(time.Minute)
		requireNobody(t, c)
	})
}
