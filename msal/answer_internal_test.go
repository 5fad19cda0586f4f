package msal

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/wire"
)

// TestParseAnswer: what a server gets wrong in a token response shows at once,
// and not as a session that ends hours later.
func TestParseAnswer(t *testing.T) {
	t.Parallel()
	with := func(member string) string { return `{"access_token":"at","token_type":"Bearer",` + member + `}` }
	token := func(value string) string { return `{"access_token":` + value + `,"token_type":"Bearer"}` }
	kind := func(value string) string { return `{"access_token":"at","token_type":` + value + `}` }
	hour := answer{accessToken: "at", lifetime: time.Hour}
	undated := answer{accessToken: "at", lifetime: 300 * time.Second, undated: true}
	lasting := func(d time.Duration) answer { return answer{accessToken: "at", lifetime: d} }
	for name, tt := range map[string]struct {
		raw  string
		want answer
		err  string // what the error says; empty: there is none
	}{
		"TR-02 no access_token":               {raw: `{"token_type":"Bearer"}`, err: "access_token is missing"},
		"TR-02 access_token null":             {raw: token(`null`), err: "access_token is missing"},
		"TR-02 access_token empty":            {raw: token(`""`), err: "access_token is missing"},
		"TR-02 access_token a number":         {raw: token(`7`), err: `member "access_token" is a JSON number`},
		"TR-02 access_token an object":        {raw: token(`{}`), err: `member "access_token" is a JSON object`},
		"TR-03 access_token with CRLF":        {raw: token(`"a\r\nX: y"`), err: "a header cannot carry"},
		"TR-03 access_token with a space":     {raw: token(`"a b"`), err: "a header cannot carry"},
		"TR-03 access_token outside ASCII":    {raw: token(`"ä"`), err: "a header cannot carry"},
		"TR-03 access_token of padding alone": {raw: token(`"=="`), err: "a header cannot carry"},
		"TR-03 access_token padded within":    {raw: token(`"a=b"`), err: "a header cannot carry"},
		"TR-03 access_token too long":         {raw: token(`"` + strings.Repeat("a", maxToken+1) + `"`), err: "too long"},
		"TR-03 access_token of all it may be": {raw: token(`"aZ09-._~+/=="`), want: answer{accessToken: "aZ09-._~+/==", lifetime: unknownLifetime, undated: true}},
		"TR-03 access_token as long as it may be": {raw: token(`"` + strings.Repeat("a", maxToken) + `"`),
			want: answer{accessToken: strings.Repeat("a", maxToken), lifetime: unknownLifetime, undated: true}},
		"TR-04 no token_type":           {raw: `{"access_token":"at"}`, err: `token_type is "", want Bearer`},
		"TR-04 mac":                     {raw: kind(`"mac"`), err: `token_type is "mac", want Bearer`},
		"TR-04 DPoP":                    {raw: kind(`"DPoP"`), err: `token_type is "DPoP", want Bearer`},
		"TR-04 a header":                {raw: kind(`"Evil\r\nX: y"`), err: `token_type is "Evil\r\nX: y", want Bearer`},
		"TR-04 a number":                {raw: kind(`1`), err: `"token_type" is a JSON number`},
		"TR-04 a Kelvin sign":           {raw: kind(`"bearer\u212a"`), err: "want Bearer"},
		"TR-04 capitals":                {raw: kind(`"BEARER"`), want: undated},
		"TR-04 mixed":                   {raw: kind(`"bEaReR"`), want: undated},
		"TR-05 access_token twice":      {raw: with(`"access_token":"other"`), err: "twice"},
		"TR-05 also if escaped":         {raw: with(`"access\u005ftoken":"other"`), err: "twice"},
		"TR-05 a capital is a stranger": {raw: with(`"ACCESS_TOKEN":"other","expires_in":3600`), want: hour},
		"TR-08 no expires_in":           {raw: with(`"scope":"x"`), want: answer{accessToken: "at", lifetime: 300 * time.Second, undated: true, scope: "x", scopeGiven: true}},
		"TR-08 expires_in null":         {raw: with(`"expires_in":null`), want: undated},
		"TR-09 zero":                    {raw: with(`"expires_in":0`), want: lasting(0)},
		"TR-09 minus zero":              {raw: with(`"expires_in":-0`), want: lasting(0)},
		"TR-10 -1":                      {raw: with(`"expires_in":-1`), err: "negative"},
		"TR-10 wraps in 32 bits":        {raw: with(`"expires_in":-4294963696`), err: "negative"},
		"TR-10 least of 64 bits":        {raw: with(`"expires_in":-9223372036854775808`), err: "negative"},
		"TR-10 beyond a float":          {raw: with(`"expires_in":-1e999`), err: "negative"},
		"TR-11 text":                    {raw: with(`"expires_in":"3600"`), want: hour},
		"TR-11 text with a space":       {raw: with(`"expires_in":" 3600"`), err: "neither a number nor its digits"},
		"TR-11 hexadecimal text":        {raw: with(`"expires_in":"0x10"`), err: "neither a number nor its digits"},
		"TR-11 text with exponent":      {raw: with(`"expires_in":"1e3"`), err: "neither a number nor its digits"},
		"TR-11 text with sign":          {raw: with(`"expires_in":"-1"`), err: "neither a number nor its digits"},
		"TR-11 text with fraction":      {raw: with(`"expires_in":"3600.0"`), err: "neither a number nor its digits"},
		"TR-11 text with underscore":    {raw: with(`"expires_in":"3_600"`), err: "neither a number nor its digits"},
		"TR-11 text of other digits":    {raw: with(`"expires_in":"٣٦٠٠"`), err: "neither a number nor its digits"},
		"TR-11 empty text":              {raw: with(`"expires_in":""`), err: "neither a number nor its digits"},
		"TR-11 text NaN":                {raw: with(`"expires_in":"NaN"`), err: "neither a number nor its digits"},
		"TR-12 fraction of zero":        {raw: with(`"expires_in":3600.0`), want: hour},
		"TR-12 fraction":                {raw: with(`"expires_in":3599.9`), want: lasting(3599 * time.Second)},
		"TR-12 exponent":                {raw: with(`"expires_in":1e3`), want: lasting(1000 * time.Second)},
		"TR-12 exponent too great":      {raw: with(`"expires_in":1e400`), err: "a number of seconds is not one"},
		"TR-12 NaN":                     {raw: with(`"expires_in":NaN`), err: "not one JSON value"},
		"TR-13 beyond 64 bits":          {raw: with(`"expires_in":99999999999999999999`), want: lasting(maxLifetime)},
		"TR-13 1e18":                    {raw: with(`"expires_in":1e18`), want: lasting(maxLifetime)},
		"TR-13 text beyond 64 bits":     {raw: with(`"expires_in":"99999999999999999999"`), want: lasting(maxLifetime)},
		"TR-13 400 digits":              {raw: with(`"expires_in":` + strings.Repeat("9", 400)), want: lasting(maxLifetime)},
		"TR-13 just below":              {raw: with(`"expires_in":315359999`), want: lasting(maxLifetime - time.Second)},
		"TR-14 true":                    {raw: with(`"expires_in":true`), err: "a number of seconds is not one"},
		"TR-14 an object":               {raw: with(`"expires_in":{}`), err: "a number of seconds is not one"},
		"TR-14 an array":                {raw: with(`"expires_in":[3600]`), err: "a number of seconds is not one"},
		"TR-14 refresh_in too":          {raw: with(`"refresh_in":[60]`), err: "a number of seconds is not one"},
		"TR-24 no refresh_token":        {raw: with(`"expires_in":3600`), want: hour},
		"TR-24 empty":                   {raw: with(`"expires_in":3600,"refresh_token":""`), want: hour},
		"TR-24 null":                    {raw: with(`"expires_in":3600,"refresh_token":null`), want: hour},
		"TR-24 a number":                {raw: with(`"refresh_token":7`), err: `"refresh_token" is a JSON number`},
		"TR-24 too long":                {raw: with(`"refresh_token":"` + strings.Repeat("r", maxToken+1) + `"`), err: "refresh_token is longer than"},
		"everything": {raw: with(`"expires_in":3600,"refresh_in":"1800","refresh_token":"rt","id_token":"it","scope":"","more":[1]`),
			want: answer{accessToken: "at", lifetime: time.Hour, refreshIn: 30 * time.Minute, refreshToken: "rt", idToken: "it", scopeGiven: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, now := &core{}, time.Unix(1, 0)
			got, err := c.parseAnswer([]byte(tt.raw), now)
			if tt.err != "" {
				require.Nil(t, got)
				require.ErrorContains(t, err, tt.err)
				require.Less(t, len(err.Error()), 300)
				return
			}
			require.NoError(t, err)
			tt.want.tokenType, tt.want.raw, tt.want.received, tt.want.number = "Bearer", []byte(tt.raw), now, 1
			require.Equal(t, &tt.want, got)
		})
	}
}

// TestRefuses: TR-06 and TR-07. A 200 that has an error is one, whatever else
// it has; what only looks like one is none.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"error":"invalid_grant"}`: true,
		`{"error":"invalid_grant","access_token":"at","token_type":"Bearer"}`: true,
		`{"error":""}`:                                   true,
		`{"\u0065rr\u006Fr":"x"}`:                        true,
		`{"error":{}}`:                                   true,
		`{"error":true}`:                                 true,
		`{"access_token":"at","x":"\"error\""}`:          false,
		`{"access_token":"at","x":{"error":"y"}}`:        false,
		`{"access_token":"at","ERROR":"y"}`:              false,
		`{"access_token":"at","x":"error","\"error":""}`: false,
	} {
		require.Equal(t, want, refuses([]byte(body)), body)
	}
}

// TestParseError reads what servers say when they refuse.
func TestParseError(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]ServerError{
		`{"error":"invalid_grant","error_description":"d","error_uri":"u"}`:                      {Code: "invalid_grant", Description: "d", URI: "u"},
		`{"error":"e","suberror":"s","claims":"c","correlation_id":"i","error_codes":[1,"2",x]}`: {},
		`{"error":"e","suberror":"s","claims":"c","correlation_id":"i","error_codes":[1,"2"]}`:   {Code: "e", Suberror: "s", Claims: "c", CorrelationID: "i", Codes: []int{1, 2}},
		`{"error":"e","error_description":"AADSTS50196: loop"}`:                                  {Code: "e", Description: "AADSTS50196: loop", Codes: []int{50196}},
		`{"error":"e","error_description":"AADSTS50196: loop","error_codes":[7]}`:                {Code: "e", Description: "AADSTS50196: loop", Codes: []int{7}},
		`{"error":"e","error_description":"AADSTSx: loop","error_codes":{}}`:                     {Code: "e", Description: "AADSTSx: loop"},
		`{"error":"e","error_codes":[1.5,null,{},"x",-7]}`:                                       {Code: "e", Codes: []int{-7}},
		`{"error":"e","error_description":"AADB2C1: x.\r\nCorrelation ID: 0000aaaa-11bb-cccc-dd33-eeeeee333333\r\n"}`: {Code: "e",
			Description: "AADB2C1: x.\r\nCorrelation ID: 0000aaaa-11bb-cccc-dd33-eeeeee333333\r\n", CorrelationID: "0000aaaa-11bb-cccc-dd33-eeeeee333333"},
		`{"error":["invalid_grant"]}`:                      {},
		`{"error":"invalid_grant","error_description":{}}`: {},
		`{"error":"invalid_grant","error":"x"}`:            {},
		`{"Error":"invalid_grant"}`:                        {},
		`{}`:                                               {},
		`{"error":"e","claims":"` + strings.Repeat("c", maxChallenge+1) + `"}`: {Code: "e"},
	} {
		want.StatusCode, want.RetryAfter = 400, time.Second
		require.Equal(t, &want, parseError(wire.Answer{Status: 400, RetryAfter: time.Second, Body: []byte(body)}, nil), body)
	}
}

// TestErrorRepeatsNoSecret: a server that echoes a secret of the request, as it is or encoded, in whatever it says.
func TestErrorRepeatsNoSecret(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"refresh_token", "code", "code_verifier", "device_code", "token", "client_secret", "state"} {
		const secret = "a/very+long secret"
		said := "you sent " + secret + " and " + url.QueryEscape(secret)
		body, err := json.Marshal(map[string]string{
			"error": said, "error_description": said, "error_uri": said, "suberror": said, "claims": said, "correlation_id": said,
		})
		require.NoError(t, err)
		const clean = "you sent [secret] and [secret]"
		require.Equal(t, &ServerError{Code: clean, Description: clean, URI: clean, Suberror: clean, Claims: clean, CorrelationID: clean},
			parseError(wire.Answer{Body: body}, url.Values{name: {secret}}), name)
	}
}

// FuzzParseAnswer: what is accepted can be put into a header, ends some day,
// and is stored and read back as it is when it waits for its key.
func FuzzParseAnswer(f *testing.F) {
	f.Add(`{"access_token":"at","token_type":"bearer","expires_in":"3600","refresh_in":1e3,"refresh_token":"rt","scope":"a b"}`)
	f.Add(`{"access_token":"a==","token_type":"Bearer","expires_in":99999999999999999999,"scope":null,"id_token":"\u0000"}`)
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := (&core{}).parseAnswer([]byte(raw), time.Unix(1, 0))
		if err != nil {
			require.NotContains(t, err.Error(), "\n")
			return
		}
		require.Regexp(t, `^[0-9A-Za-z._~+/-]+=*$`, got.accessToken)
		require.True(t, got.lifetime >= 0 && got.lifetime <= maxLifetime, got.lifetime)
		require.True(t, got.refreshIn >= 0 && got.refreshIn <= maxLifetime, got.refreshIn)
		r := record{account: Account{ID: "x"}, pending: &pending{answer: got.raw}}
		data, err := r.encode()
		require.NoError(t, err)
		stored, err := decodeRecord(data, "")
		require.NoError(t, err)
		again, err := (&core{}).parseAnswer(stored.pending.answer, time.Unix(1, 0))
		require.NoError(t, err)
		again.raw = got.raw
		require.Equal(t, got, again)
	})
}

// FuzzParseError: whatever a server answers instead of tokens, the error has no secret of the request in it, fits on a line
// of a terminal, and ends a session only if it says invalid_grant and nothing that could mean something else.
func FuzzParseError(f *testing.F) {
	const sent = "0.AXoA+rt/sent=="
	for _, body := range []string{
		`{"error":"invalid_grant"}`, `{"error":"invalid_grant","error":"x"}`, `{"ERROR":"invalid_grant"}`, `{"error":["invalid_grant"]}`, `<html>invalid_grant`,
		`{"error":"invalid_grant","error_description":"AADSTS50196: loop"}`, `{"error":"invalid_grant","error_codes":[50196,"70000",1.5,null],"suberror":"basic_action"}`,
		`{"error":"` + sent + `","error_description":"` + url.QueryEscape(sent) + `","claims":"` + sent + sent + `","correlation_id":"` + sent + `"}`,
		`{"error":"\u001b[2J","error_description":"\u202e\r\nCorrelation ID: 0000aaaa-11bb-cccc-dd33-eeeeee333333","error_uri":"javascript:\u0000","suberror":"ü"}`,
	} {
		f.Add(400, []byte(body))
		f.Add(429, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := parseError(wire.Answer{Status: status, Body: body}, url.Values{"refresh_token": {sent}})
		for _, said := range []string{e.Code, e.Description, e.URI, e.Suberror, e.Claims, e.CorrelationID, e.Error()} {
			require.NotContains(t, said, sent)
			require.NotContains(t, said, url.QueryEscape(sent))
		}
		require.NotContains(t, strings.Map(visible, e.Error()), "\x00")
		require.Less(t, len(e.Error()), 4000)
		require.LessOrEqual(t, len(e.Claims), maxChallenge)
		require.LessOrEqual(t, len(e.Codes), 32)
		require.NotEmpty(t, e.Action())
		var m map[string]any
		understood := json.Unmarshal(body, &m) == nil
		if e.terminal(true) || e.terminal(false) {
			require.True(t, understood && m["error"] == "invalid_grant" && status != 429)
			require.True(t, e.needsPerson())
			require.True(t, e.terminal(false), "what ends a session at Microsoft's does so elsewhere")
		}
		if e.Code == "" && e.needsPerson() {
			require.NotEmpty(t, e.Suberror)
		}
	})
}
