package strictjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4/json"
	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/strictjson"
)

// Both doors refuse the same documents, whatever they would be decoded into:
// go-jose's decoder alone lets duplicates pass in what it skips.
func TestRefused(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, row := range []struct{ name, data, want string }{
		{"DD-16 duplicate", `{"issuer":"evil","issuer":"good"}`, `member "issuer" appears twice`},
		{"TR-05 duplicate escaped", `{"access_token":"a","\u0061ccess_token":"b"}`, `"access_token" appears twice`},
		{"escaped twice", `{"\u0061":1,"\u0061":2}`, `"a" appears twice`},
		{"escaped surrogate pair", `{"😀":1,"\ud83d\uDE00":2}`, `appears twice`},
		{"escaped quote", `{"a\"":1,"a\u0022":2}`, `appears twice`},
		{"escaped slash", `{"a/":1,"a\/":2}`, `"a/" appears twice`},
		{"empty name", `{"":1,"":2}`, `"" appears twice`},
		{"in a member nobody reads", `{"x":{"a":1,"a":2}}`, `"a" appears twice`},
		{"below an array", `{"x":[0,[{"b":1},{"a":1,"c":{},"a":2}]]}`, `"a" appears twice`},
		{"after an inner object", `{"a":{"b":{"c":1}},"d":[{}],"a":2}`, `"a" appears twice`},
		{"space around", "{ \"a\" : 1 ,\n\t\"a\" : 2 }", `"a" appears twice`},
		{"name with structure in it", `{"{[,:":1,"{[,:":2}`, `appears twice`},
		{"duplicate name hostile", "{\"\u202e\":1,\"\u202e\":1}", `member "\u202e" appears twice`},
		{"duplicate name endless", `{"` + strings.Repeat("n", 900) + `":1,"` + strings.Repeat("n", 900) + `":1}`, `nnn"... appears twice`},
		{"DD-18 limit: depth, one more", deep(strictjson.MaxDepth + 1), "nested more than 32 deep"},
		{"DD-18 depth 10^4", `{"a":` + deep(10_000) + `}`, "nested more than 32 deep"},
		{"DD-18 limit: members, one more", members(strictjson.MaxMembers + 1), "more than 1000 members"},
		{"DD-18 elements", "[" + strings.Repeat("1,", 1_000_000) + "1]", "100000 elements"},
		{"DD-19 not UTF-8", "{\"a\":\"\xff\"}", "not UTF-8"},
		{"DD-19 surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "not UTF-8"},
		{"DD-19 high half", `{"a":"\ud800"}`, "surrogate"},
		{"DD-19 low half", `{"a":"\uDFFF"}`, "surrogate"},
		{"DD-19 two high halves", `{"a":"\ud800\ud800"}`, "surrogate"},
		{"DD-19 half and letter", `{"a":"\ud83dx"}`, "surrogate"},
		{"DD-19 half at the end", `{"a":"\ud83d\`, "surrogate"},
		{"DD-19 half in a name", `{"\udc00":1}`, "surrogate"},
		{"DD-19 byte order mark", "\ufeff{}", "byte order mark"},
		{"DD-19 trailing garbage", `{} x`, "not one JSON value"},
		{"DD-19 two objects", `{}{}`, "not one JSON value"},
		{"DD-19 NaN", `{"a":NaN}`, "not one JSON value"},
		{"empty", "", "empty"},
		{"white space", " \r\n\t", "empty"},
		{"cut", `{"a":"b`, "not one JSON value"},
		{"cut in an escape", `{"a":"\`, "not one JSON value"},
		{"unbalanced", `}{`, "not one JSON value"},
		{"only commas", strings.Repeat(",", 5000), "not one JSON value"},
		{"single quotes", `{'a':1}`, "not one JSON value"},
		{"comment", `{} // ok`, "not one JSON value"},
		{"trailing comma", `{"a":1,}`, "not one JSON value"},
		{"control in a string", "{\"a\":\"\n\"}", "not one JSON value"},
		{"leading zero", `{"a":01}`, "not one JSON value"},
		{"NUL after", "{}\x00", "not one JSON value"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, strictjson.Check([]byte(row.data)), row.want)
			var known struct {
				Issuer string `json:"issuer"`
			}
			for _, into := range []any{new(any), new(map[string]any), &known, new(json.RawMessage), new(jose.RawMessage), new(map[string]json.RawMessage)} {
				err := strictjson.Unmarshal([]byte(row.data), into)
				require.ErrorContains(t, err, row.want, "%T", into)
				require.Less(t, len(err.Error()), 200)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"object":                                `{}`,
		"space":                                 " \n{ } \r\t",
		"same name in other objects":            `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}],"c":"a"}`,
		"same name in an object that is closed": `{"a":{"x":1},"x":[{"y":1}],"y":1}`,
		"same value":                            `{"a":"a","b":"a","c":["a","a"]}`,
		"case variants":                         `{"sub":1,"SUB":2,"ſub":3}`,
		"DD-18 limit: depth, 32":                strings.Repeat(`{"a":`, strictjson.MaxDepth-1) + "[]" + strings.Repeat("}", strictjson.MaxDepth-1),
		"TR-28 limit: members, 1000":            members(strictjson.MaxMembers),
		"more names than the stack":             `{"a":` + members(100) + `,"b":` + members(100) + `,"c":1}`,
		"elements":                              "[" + strings.Repeat("0,", 99_999) + "0]",
		"pair":                                  `{"a":"\ud83d\ude00 \uD83D\uDE00"}`,
		"escaped backslash":                     `{"a":"\\ud800","b\\":"\\\\","b":"\""}`,
		"structure in strings":                  `{"a":"{[}],:\"{","b":"\\"}`,
		"NUL escape":                            `{"a":"\u0000"}`,
		"scalar":                                `-1.5e3`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, strictjson.Check([]byte(data)))
			require.NoError(t, strictjson.Unmarshal([]byte(data), new(any)))
		})
	}
}

func TestNamesMatchExactly(t *testing.T) { // DD-17, TR-05
	t.Parallel()
	var v struct {
		Issuer string `json:"issuer"`
		Token  string `json:"access_token"`
		Sub    string `json:"sub"`
	}
	require.NoError(t, strictjson.Unmarshal([]byte(`{"ISSUER":"x","Access_Token":"x","\u017fub":"x","sub":"me"}`), &v))
	require.Empty(t, v.Issuer)
	require.Empty(t, v.Token)
	require.Equal(t, "me", v.Sub)
}

type picky struct{}

var errPicky = errors.New("picky: no")

func (*picky) UnmarshalJSON([]byte) error { return errPicky }

// An error names the member at fault, and no value: a value may be a token.
func TestErrorsNameTheMember(t *testing.T) {
	t.Parallel()
	type answer struct {
		Token  string            `json:"access_token"`
		Expiry int8              `json:"expires_in"`
		Quoted int               `json:"quoted,string"`
		Keys   []struct{ N int } `json:"keys"`
		Inner  map[string]int    `json:"inner"`
	}
	for _, row := range []struct{ data, want string }{
		{`{"access_token":{"CANARY":1}}`, `member "access_token" is a JSON object, want one for string`},
		{`{"a":{"b":1},"access_token":["CANARY"]}`, `member "access_token" is a JSON array`},
		{`{"access_token":4711}`, `member "access_token" is a JSON number`},
		{`{"access_token":true}`, `member "access_token" is a JSON bool`},
		{`{"expires_in":4711}`, `member "expires_in" is a JSON number, want one for int8`},
		{`{"expires_in":"CANARY"}`, `member "expires_in" is a JSON string`},
		{`{"quoted":"CANARY4711"}`, `does not have the form`},
		{`{"keys":[{"N":1},{"x":{"y":1},"N":"CANARY"}]}`, `member "N" is a JSON string, want one for int`},
		{`{"inner":{"a":1,"b":"CANARY"}}`, `member "b" is a JSON string`},
		{`"CANARY"`, `the document is a JSON string`},
		{`{"access_token":CANARY}`, `not one JSON value`},
	} {
		err := strictjson.Unmarshal([]byte(row.data), new(answer))
		require.ErrorContains(t, err, row.want, row.data)
		require.NotContains(t, err.Error(), "CANARY")
		require.NotContains(t, err.Error(), "4711")
	}
	require.ErrorIs(t, strictjson.Unmarshal([]byte(`{"a":1}`), &struct {
		A picky `json:"a"`
	}{}), errPicky)
}

// What strictjson accepts, encoding/json reads too, and to the same values; and
// the two doors agree. What it refuses although encoding/json reads it has a
// reason that can be named.
func FuzzUnmarshal(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[true,null,"x\u00e9\ud83d\ude00"],"c":{"a":-1.5e3}}`, `{"a":1,"\u0061":2}`,
		`{"a":{"b":1,"b":2}}`, `{"\\":1,"\"":2}`, `"\ud800"`, "\ufeff{}", `[[[[]]]]`, `{"a":"\`, `}`, `,`, `{"a" :1 ,"a" :1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want any
		err := strictjson.Unmarshal(data, &got)
		checked := strictjson.Check(data)
		if err == nil {
			require.NoError(t, checked)
			require.NoError(t, json.Unmarshal(data, &want))
			require.Equal(t, want, got)
			return
		}
		require.Less(t, len(err.Error()), 700)
		if checked == nil { // a number that no float64 holds
			require.ErrorContains(t, err, "is a JSON number")
			require.Error(t, json.Unmarshal(data, &want))
			return
		}
		if json.Valid(data) {
			require.NotContains(t, err.Error(), "not one JSON value")
		}
	})
}

// The parts of what was checked are what encoding/json finds, and the grammar
// is its.
func FuzzParts(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[true,null,"x\u00e9"],"c":{"a":-1.5e3}}`, ` { "\u0061" : "}" , "\\" : [ ] , "\"" : { } } `, `[{"a":[1,2]},"\\\"," , 3 ]`,
		`{}`, `[]`, ` 7 `, `"a,b"`, `{"a"}`, `{"a":}`, `[1,]`, `{"a":1,}`, `["\q"]`, "[\"\n\"]", `{"":{"":[[],{}]}}`, `nul`, `["a""b"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := strictjson.Check(data)
		if err == nil || err.Error() == strictjson.Check([]byte("?")).Error() {
			require.Equal(t, json.Valid(data), err == nil)
		}
		if err != nil {
			return
		}
		object, array := map[string]json.RawMessage{}, []json.RawMessage{}
		for quoted, part := range strictjson.Parts(data) {
			if quoted == nil {
				array = append(array, part)
				continue
			}
			var name string
			require.NoError(t, json.Unmarshal(quoted, &name))
			object[name] = part
		}
		wantObject, wantArray := map[string]json.RawMessage{}, []json.RawMessage{}
		switch bytes.TrimSpace(data)[0] {
		case '{':
			require.NoError(t, json.Unmarshal(data, &wantObject))
		case '[':
			require.NoError(t, json.Unmarshal(data, &wantArray))
		}
		require.Equal(t, wantObject, object)
		require.Equal(t, wantArray, array)
	})
}

// Who has seen enough stops.
func TestPartsStop(t *testing.T) {
	t.Parallel()
	for _, part := range strictjson.Parts([]byte(`[1,2,3]`)) {
		require.Equal(t, "1", string(part))
		break
	}
}

func members(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

var claims = []byte(`{"aud":"6cb04018-a3f5-46a7-b995-940c78f5aef3","iss":"https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0","iat":1763850000,"nbf":1763850000,"exp":1763853900,"aio":"` +
	strings.Repeat("AXQAi/8IAAAA", 20) + `","name":"Ada Lovelace","nonce":"` + strings.Repeat("n", 43) + `","oid":"00000000-0000-0000-66f3-3332eca7ea81","preferred_username":"ada@example.com","email":"ada@example.com","rh":"` +
	strings.Repeat("0.AS", 30) + `","sub":"AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ","tid":"9188040d-6c67-4c5b-b112-36a304b66dad","uti":"fqiBqXLPj0eQa82S-IYFAA","ver":"2.0","groups":["` +
	strings.Repeat(`9d0fd5b6-0b1f-4a2c-8f0e-7a3a1c9c5a11","`, 8) + `x"],"at_hash":"77QmUPtjPfzWtF2AnpK9RQ","sid":"00112233-4455-6677-8899-aabbccddeeff"}`)

type claimSet struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Expiry   int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	Nonce    string `json:"nonce"`
	TenantID string `json:"tid"`
	ObjectID string `json:"oid"`
}

func BenchmarkUnmarshal(b *testing.B) {
	for name, unmarshal := range map[string]func([]byte, any) error{"strict": strictjson.Unmarshal, "go-jose": jose.Unmarshal, "encoding/json": json.Unmarshal} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(claims)))
			b.ReportAllocs()
			for b.Loop() {
				if err := unmarshal(claims, new(claimSet)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCheck(b *testing.B) {
	var worst []string
	for range 100 {
		worst = append(worst, members(strictjson.MaxMembers))
	}
	for name, data := range map[string][]byte{"claims": claims, "1 MiB of names": []byte("[" + strings.Join(worst, ",") + "]")} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := strictjson.Check(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A document of usual size is inspected on the stack alone. Only the best of some tries counts: encoding/json takes a
// scanner from a pool, which under the race detector forgets every fourth.
func TestCheckDoesNotAllocate(t *testing.T) {
	least := testing.AllocsPerRun(1, func() { require.NoError(t, strictjson.Check(claims)) })
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, func() { _ = strictjson.Check(claims) }))
	}
	require.Zero(t, least)
}

// A list of many things has as many members as its reader allows.
func TestUnmarshalUpTo(t *testing.T) {
	t.Parallel()
	var v map[string]any
	require.NoError(t, strictjson.UnmarshalUpTo([]byte(members(5000)), 5000, &v))
	require.Len(t, v, 5000)
	require.ErrorContains(t, strictjson.UnmarshalUpTo([]byte(members(5001)), 5000, &v), "more than 5000 members")
	require.ErrorContains(t, strictjson.UnmarshalUpTo([]byte(`{"a":{"b":1,"b":2}}`), 5000, &v), "twice")
	var typed struct {
		A map[string]string `json:"a"`
	}
	require.ErrorContains(t, strictjson.UnmarshalUpTo([]byte(`{"a":{"b":1}}`), 5000, &typed), `member "b" is a JSON number`)
}
