package msal

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/cache"
	"github.com/staysigned/staysigned/msal/msaltest"
	"github.com/staysigned/staysigned/scopes"
)

// recordV1 is what testdata/record-v1.json says. Programs in the field have
// such records: neither the file nor this may change. A change of the format is
// a new schema with a file of its own.
var recordV1 = record{
	generation: "GENERATION",
	account: Account{
		ID: "https://idp.example#avery", Username: "avery@idp.example", Name: "Avery Example", Email: "avery@idp.example",
		Issuer: "https://idp.example", Subject: "avery",
		Tenant: "11111111-2222-4333-8444-555555555555", ObjectID: "99999999-8888-4777-8666-555555555555",
	},
	person:  members{},
	idToken: "header.payload.signature",
	grants: []grant{{
		refreshToken: "rt-1", scopes: "Mail.Read write", withheld: "Mail.Read", resource: "https://api.example/",
		thumbprint: "thumb", rest: members{"future": json.RawMessage("7")},
	}, {
		scopes: "dead", rest: members{},
	}},
	access: []access{{
		token: "at-1", tokenType: "Bearer", asked: "Mail.Read write", granted: "write openid profile offline_access",
		resource: "https://api.example/", obtained: time.UnixMilli(1767225600123), expiry: time.UnixMilli(1767229200123),
		refreshAfter: time.UnixMilli(1767228900123), rest: members{"future": json.RawMessage(`{"nested":[1,2.50,null]}`)},
	}, {
		token: "at-2", tokenType: "Bearer", obtained: time.UnixMilli(1767225600000), expiry: time.UnixMilli(1767229200000),
		refreshAfter: time.UnixMilli(1767227400000), rest: members{},
	}},
	pending: &pending{
		answer: json.RawMessage(`{"access_token":"at-3","expires_in":3600,"token_type":"Bearer"}`), asked: "Mail.Read",
		resource: "https://other.example/", received: time.UnixMilli(1767225700456), rest: members{"future": json.RawMessage("[true]")},
	},
	rest: members{"future": json.RawMessage(`"kept"`)},
}

func TestRecordV1(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/record-v1.json")
	require.NoError(t, err)
	r, err := decodeRecord(data, "")
	require.NoError(t, err)
	require.Equal(t, &recordV1, r)
	again, err := r.encode()
	require.NoError(t, err)
	require.Equal(t, string(data), string(again))
}

// TestRecordRefused: half a record is none. The error never shows a value.
func TestRecordRefused(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"nothing":               ``,
		"not an object":         `[]`,
		"null":                  `null`,
		"cut short":             `{"schema":1,"account":{"id":"secret"}`,
		"more behind it":        `{"schema":1,"account":{"id":"secret"}}{}`,
		"no schema":             `{"account":{"id":"secret"}}`,
		"schema 0":              `{"schema":0,"account":{"id":"secret"}}`,
		"a negative schema":     `{"schema":-1,"account":{"id":"secret"}}`,
		"a schema that is text": `{"schema":"1","account":{"id":"secret"}}`,
		"no account":            `{"schema":1}`,
		"nobody's account":      `{"schema":1,"account":{}}`,
		"an account twice":      `{"schema":1,"account":{"id":"secret"},"account":{"id":"other"}}`,
		"grants of no type":     `{"schema":1,"account":{"id":"secret"},"grants":{"secret":1}}`,
		"a grant of no type":    `{"schema":1,"account":{"id":"secret"},"grants":["secret"]}`,
		"a token of no type":    `{"schema":1,"account":{"id":"secret"},"access":[{"token":7}]}`,
		"a time of no type":     `{"schema":1,"account":{"id":"secret"},"access":[{"expires":"secret"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := decodeRecord([]byte(data), "")
			require.Error(t, err)
			require.NotErrorIs(t, err, errNewerSchema)
			require.NotContains(t, err.Error(), "secret")
		})
	}
	_, err := decodeRecord([]byte(`{"schema":2,"whatever":[]}`), "")
	require.ErrorIs(t, err, errNewerSchema)
}

// TestUnknownMembersSurvive: an older program that refreshes must not destroy
// what a newer one stored.
func TestUnknownMembersSurvive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := msaltest.New(t)
		store := cache.Memory()
		c, err := New(Config{ClientID: "a-test-client", Authority: p.URL, Cache: store, HTTPClient: p.Client()})
		require.NoError(t, err)
		token := signInHere(t, p, c, "read", "write")
		key := c.core.key(token.Account.ID)

		data, rev, err := store.Get(t.Context(), key)
		require.NoError(t, err)
		var stored map[string]any
		require.NoError(t, json.Unmarshal(data, &stored))
		stored["future"] = map[string]any{"a": "b"}
		stored["grants"].([]any)[0].(map[string]any)["future"] = "g"
		stored["account"].(map[string]any)["future"] = []any{"p"}
		kept := stored["access"].([]any)[0].(map[string]any)
		kept["future"], kept["asked"] = 1.5, "other" // a token that the refresh has nothing to do with
		kept["expires"] = kept["expires"].(float64) + float64(time.Hour.Milliseconds())
		data, err = json.Marshal(stored)
		require.NoError(t, err)
		_, err = store.Put(t.Context(), key, data, rev)
		require.NoError(t, err)

		time.Sleep(time.Until(token.Expiry))
		_, err = c.Token(t.Context(), "read", "write")
		require.NoError(t, err)
		data, _, err = store.Get(t.Context(), key)
		require.NoError(t, err)
		var now map[string]any
		require.NoError(t, json.Unmarshal(data, &now))
		require.Equal(t, stored["future"], now["future"])
		require.Equal(t, stored["account"], now["account"])
		grant := now["grants"].([]any)[0].(map[string]any)
		require.Equal(t, "g", grant["future"])
		require.NotEqual(t, stored["grants"].([]any)[0].(map[string]any)["refresh_token"], grant["refresh_token"], "it was refreshed")
		require.Equal(t, kept, now["access"].([]any)[0])
	})
}

// signInHere plays the browser between Authorize and Redeem.
func signInHere(t *testing.T, p *msaltest.Platform, c *Client, scope ...string) Token {
	t.Helper()
	z, err := c.Authorize(t.Context(), "http://127.0.0.1/callback", scope...)
	require.NoError(t, err)
	browser := p.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(z.URL())
	require.NoError(t, err)
	defer resp.Body.Close()
	var back *url.URL
	back, err = resp.Location()
	require.NoError(t, err)
	token, err := z.Redeem(t.Context(), back.Query())
	require.NoError(t, err)
	return token
}

// FuzzRecord: whatever decodes, encodes to what decodes to the same. A program
// that reads and writes a record, as each refresh does, changes nothing in it
// that it did not mean to.
func FuzzRecord(f *testing.F) {
	data, err := os.ReadFile("testdata/record-v1.json")
	require.NoError(f, err)
	f.Add(data)
	for _, seed := range []string{
		`{"schema":1,"account":{"id":"x"}}`,
		`{"schema":1,"account":{"id":"x"},"grants":null,"access":[],"pending":null}`,
		`{"schema":1,"account":{"id":"x"},"grants":[null,{}],"access":[{"expires":-1}],"pending":{}}`,
		`{"schema":1,"account":{"id":"\u2028<&>"},"future":"<&>","pending":{"answer":{"x":"<&>"}}}`,
		`{"schema":1,"account":{"id":"x"},"access":[{"expires":9223372036854775807,"obtained":-9223372036854775808}]}`,
		`{"schema":1,"account":{"id":"x"},"future":1e1000,"Schema":2,"schemа":3}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRecord(data, "")
		if err != nil {

			return
		}
		once, err := r.encode()
		require.NoError(t, err)
		again, err := decodeRecord(once, "")
		require.NoError(t, err)
		require.Equal(t, r.account, again.account)
		require.Equal(t, len(r.grants), len(again.grants))
		require.Equal(t, len(r.access), len(again.access))
		for i := range r.access {
			require.True(t, r.access[i].expiry.Equal(again.access[i].expiry))
		}
		twice, err := again.encode()
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

// Whoever adds a field to Account has it stored.
func TestFields(t *testing.T) {
	t.Parallel()
	var a Account
	got := members{}
	for name, field := range fields(&a) {
		*field = "the " + name
		got[name], _ = json.Marshal(*field)
	}
	data, err := json.Marshal(a)
	require.NoError(t, err)
	var want members
	require.NoError(t, json.Unmarshal(data, &want))
	require.Equal(t, want, got)
	require.Len(t, want, reflect.TypeFor[Account]().NumField())
}

// What has no escape is taken as it stands, all else is decoded.
func TestTakeString(t *testing.T) {
	for raw, want := range map[string]string{`"token"`: "token", `""`: "", `"\u0061\"\\"`: `a"\`, `"ü"`: "ü", `null`: ""} {
		var got string
		var err error
		take(members{"m": json.RawMessage(raw)}, "m", &got, &err)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	var got string
	var err error
	take(members{"m": json.RawMessage("1")}, "m", &got, &err)
	require.Error(t, err)
}

// Two resources may have scopes of the same name (RFC 8707). Where refresh
// tokens are bound to one, that of the other would be refused.
func TestRecordChoosesTheGrantOfTheResource(t *testing.T) {
	t.Parallel()
	asked, err := scopes.New("read")
	require.NoError(t, err)
	r := record{grants: []grant{
		{refreshToken: "rt-a", scopes: "read", resource: "https://a.example/"},
		{refreshToken: "rt-b", scopes: "read", resource: "https://b.example/"},
		{scopes: "read", resource: "https://c.example/"}, // its session is over
		{refreshToken: "rt-d", scopes: "write", resource: "https://d.example/"},
	}}
	for resource, want := range map[string]string{
		"https://a.example/": "rt-a", "https://b.example/": "rt-b",
		"https://c.example/": "rt-d", "https://d.example/": "rt-d", "": "rt-d", // the latest
	} {
		require.Equal(t, want, r.grantFor(request{want: asked, resource: resource}).refreshToken, resource)
	}
}

// The refresh token of one audience brings no token for another. Who names none
// takes what there is.
func TestRecordChoosesTheGrantOfTheAudience(t *testing.T) {
	t.Parallel()
	asked, err := scopes.New("read")
	require.NoError(t, err)
	a, b := grant{refreshToken: "rt-a", scopes: "read", resource: "audience=a"}, grant{refreshToken: "rt-b", scopes: "read", resource: "https://r.example audience=b"}
	none := grant{refreshToken: "rt", scopes: "read"}
	for name, tc := range map[string]struct {
		grants   []grant
		resource string
		want     string
	}{
		"its own":             {[]grant{a, b}, "audience=a", "rt-a"},
		"behind a resource":   {[]grant{a, b}, "https://r.example audience=b", "rt-b"},
		"of another resource": {[]grant{a, b}, "audience=b", "rt-b"},
		"of none":             {[]grant{a, b}, "audience=c", ""},
		"of part of a name":   {[]grant{a}, "audience=", ""},
		"the only one":        {[]grant{a}, "audience=b", ""},
		"none was named":      {[]grant{none}, "audience=a", ""},
		"none is named":       {[]grant{none, a}, "", "rt"},
		"it is all there is":  {[]grant{a}, "", "rt-a"},
	} {
		got := ""
		if g := (&record{grants: tc.grants}).grantFor(request{want: asked, resource: tc.resource}); g != nil {
			got = g.refreshToken
		}
		require.Equal(t, tc.want, got, name)
	}
}

func TestRecordHasFiftyAccessTokensAtMost(t *testing.T) {
	t.Parallel()
	var r record
	now := time.Now()
	for i := range 53 {
		name := strconv.Itoa(i)
		r.addAccess(access{token: name, asked: "scope-" + name, obtained: now, expiry: now.Add(time.Hour)})
	}
	require.Len(t, r.access, 50)
	for i, a := range r.access {
		require.Equal(t, strconv.Itoa(i+3), a.token, "the oldest go first")
	}
}
