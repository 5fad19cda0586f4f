package msal

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseChallenge(t *testing.T) {
	t.Parallel()
	const object = `{"access_token":{"nbf":{"essential":true,"value":"1604106651?~>"}}}`
	for name, tc := range map[string]struct{ challenge, want, says string }{
		"JSON":                  {object, object, ""},
		"JSON in space":         {" \r\n\t" + object + "\n", object, ""},
		"empty object":          {"{}", "{}", ""},
		"MS-10 base64":          {base64.StdEncoding.EncodeToString([]byte(object)), object, ""},
		"MS-10 base64, bare":    {base64.RawStdEncoding.EncodeToString([]byte(object)), object, ""},
		"MS-10 base64url":       {base64.URLEncoding.EncodeToString([]byte(object)), object, ""},
		"MS-10 base64url, bare": {base64.RawURLEncoding.EncodeToString([]byte(object)), object, ""},
		"empty":                 {"", "", "not a JSON object"},
		"MS-10 bad base64":      {"!!!", "", "neither a JSON object nor base64"},
		"MS-10 array":           {"[]", "", "neither"},
		"MS-10 array in base64": {"WzFd", "", "not a JSON object"},
		"null in base64":        {"bnVsbA", "", "not a JSON object"},
		"text in base64":        {"c2VjcmV0LXRleHQ", "", "not a JSON object"},
		"two objects":           {"{}{}", "", "not a JSON object"},
		"twice":                 {`{"a":{},"a":{}}`, "", "not a JSON object"},
		"deep":                  {`{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + "}", "", "not a JSON object"},
		"not UTF-8":             {"{\"a\":\"\xff\"}", "", "not a JSON object"},
		"MS-10 1 MB":            {"{" + strings.Repeat(" ", 1<<20) + "}", "", "more than 8192"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseChallenge(tc.challenge)
			require.Equal(t, tc.want, got)
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		capabilities []string
		challenge    string
		want         string // "": the parameter is not sent
		says         string
	}{
		"neither":                {},
		"challenge as it is":     {challenge: `{"x": 1}`, want: `{"x": 1}`},
		"capabilities":           {capabilities: []string{"cp1"}, want: `{"access_token":{"xms_cc":{"values":["cp1"]}}}`},
		"both":                   {[]string{"cp1", "llt"}, `{"access_token":{"nbf":{"value":"1"}},"id_token":{"a":null}}`, `{"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["cp1","llt"]}},"id_token":{"a":null}}`, ""},
		"null":                   {[]string{"cp1"}, `{"access_token":null}`, `{"access_token":{"xms_cc":{"values":["cp1"]}}}`, ""},
		"a server's own xms_cc":  {[]string{"cp1"}, `{"access_token":{"xms_cc":{"values":["cp9"]}}}`, `{"access_token":{"xms_cc":{"values":["cp1"]}}}`, ""},
		"numbers keep digits":    {[]string{"cp1"}, `{"a":{"b":12345678901234567890}}`, `{"a":{"b":12345678901234567890},"access_token":{"xms_cc":{"values":["cp1"]}}}`, ""},
		"quotes in capabilities": {capabilities: []string{`"]}`}, want: `{"access_token":{"xms_cc":{"values":["\"]}"]}}}`},
		"other members":          {[]string{"cp1"}, `{"x":[1],"access_token":{}}`, `{"access_token":{"xms_cc":{"values":["cp1"]}},"x":[1]}`, ""},
		"R-MS-7 added to none":   {challenge: `{"access_token":{"nbf":{"value":"1"},"xms_cc":{"values":["cp1"]}},"id_token":{"a":null}}`, want: `{"access_token":{"nbf":{"value":"1"}},"id_token":{"a":null}}`},
		"R-MS-7 none but those":  {challenge: `{"access_token":{"xms_cc":{"values":["cp1"]}}}`, want: `{"access_token":{}}`},
		"R-MS-7 by escapes":      {challenge: `{"access\u005ftoken":{"xms\u005fcc":null}}`, want: `{"access_token":{}}`},
		"elsewhere":              {challenge: `{"id_token": {"xms_cc":{}}}`, want: `{"id_token": {"xms_cc":{}}}`},
		"no claims, as it is":    {challenge: `{"access_token": ["xms_cc"]}`, want: `{"access_token": ["xms_cc"]}`},
		"null, as it is":         {challenge: `{"access_token": null}`, want: `{"access_token": null}`},
		"not claims":             {[]string{"cp1"}, `{"access_token":[1]}`, "", "not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &core{settings: settings{Config: Config{Capabilities: tc.capabilities}}}
			got, err := c.claimsParameter(tc.challenge)
			if tc.says != "" {
				require.ErrorContains(t, err, tc.says)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	got, err := (&core{}).claimsParameter("")
	require.NoError(t, err)
	require.Empty(t, got)
}

// FuzzParseChallenge: what is accepted is a JSON object no longer than the
// bound; each spelling of it means the same; without capabilities it brings none;
// and with some it keeps all it says and gains them, or is refused.
func FuzzParseChallenge(f *testing.F) {
	for _, s := range []string{"{}", "e30=", "e30", `{"access_token":{"a":null}}`, `{"access_token":null}`, `{"access_token":{"xms_cc":{}}}`, `{"a":1}`, "[]", "eyJhIjoiPz8_In0", " { } ", "\u00a0{}", `{"":{}}`} {
		f.Add(s)
	}
	client := &core{settings: settings{Config: Config{Capabilities: []string{"cp1"}}}}
	f.Fuzz(func(t *testing.T, challenge string) {
		text, err := parseChallenge(challenge)
		if err != nil {
			require.Empty(t, text)
			require.Less(t, len(err.Error()), 200)
			return
		}
		require.LessOrEqual(t, len(text), maxChallenge)
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &object))
		require.NotNil(t, object)
		for _, spelling := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
			if encoded := spelling.EncodeToString([]byte(text)); len(encoded) <= maxChallenge {
				again, err := parseChallenge(encoded)
				require.NoError(t, err)
				require.Equal(t, text, again)
			}
		}
		plain, err := (&core{}).claimsParameter(text)
		require.NoError(t, err)
		var less map[string]any
		require.NoError(t, json.Unmarshal([]byte(plain), &less))
		require.NotContains(t, asObject(less["access_token"]), "xms_cc")
		merged, err := client.claimsParameter(text)
		if err != nil {
			return
		}
		var with map[string]any
		require.NoError(t, json.Unmarshal([]byte(merged), &with))
		access := asObject(with["access_token"])
		require.Equal(t, map[string]any{"values": []any{"cp1"}}, access["xms_cc"])
		for name, value := range asObject(object["access_token"]) {
			if name != "xms_cc" {
				require.Equal(t, value, access[name])
			}
		}
		object["access_token"], with["access_token"] = nil, nil
		require.Equal(t, object, with)
	})
}

func asObject(v any) map[string]any {
	object, _ := v.(map[string]any)
	return object
}
