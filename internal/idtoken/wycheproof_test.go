package idtoken

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

type vectors struct {
	TestGroups []struct {
		Comment string          `json:"comment"`
		Public  json.RawMessage `json:"public"`
		Private json.RawMessage `json:"private"` // alone: a symmetric key
		Tests   []struct {
			ID      int    `json:"tcId"`
			Comment string `json:"comment"`
			JWS     any    `json:"jws"` // an object for the JSON serialisation
			Result  string `json:"result"`
		} `json:"tests"`
	} `json:"testGroups"`
}

// deviations are the vectors that go another way here, on purpose: "file tcId
// comment". Those with a symmetric key are not listed, all of them are refused.
var deviations = map[string]string{
	"json_web_signature 346 Figure20":                "its key is for PS256, its token has PS384: refused",
	"json_web_signature 350 Figure20":                "likewise",
	"json_web_signature 347 Figure27":                "its key is for ES521, which RFC 7518 does not have: refused",
	"json_web_signature 351 Figure27":                "likewise",
	"json_web_key 7 rejectsKeyWithRocaVulnerability": "a key from a faulty smart card, an issuer's own affair: accepted",
}

// The vectors of C2SP/wycheproof for signatures and keys.
func TestWycheproof_KS04(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, file := range []string{"json_web_signature", "json_web_key"} {
		for _, group := range wycheproof(t, file).TestGroups {
			symmetric := group.Public == nil
			keys := wycheproofKeys(group.Public, group.Private)
			for _, test := range group.Tests {
				name := fmt.Sprint(file, " ", test.ID, " ", test.Comment)
				raw, ok := test.JWS.(string)
				if !ok {
					raw = string(must(json.Marshal(test.JWS)))
				}
				_, err := keys.VerifySignature(t.Context(), raw)
				want := test.Result == "valid" && !symmetric
				if _, ok := deviations[name]; ok {
					seen[name] = true
					want = !want
				}
				require.Equal(t, want, err == nil, "%s (%s): %v", name, group.Comment, err)
			}
		}
	}
	require.Len(t, seen, len(deviations), "a deviation is gone: take it off the list")
}

// wycheproof reads a file of vectors, or skips the test.
func wycheproof(t *testing.T, file string) (v vectors) {
	t.Helper()
	root := os.Getenv("STAYSIGNED_TESTDATA")
	if root == "" {
		t.Skip("STAYSIGNED_TESTDATA names no folder with data/wycheproof-json_web_*_test.json")
	}
	data, err := os.ReadFile(filepath.Join(root, "data", "wycheproof-"+file+"_test.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &v))
	return v
}

// wycheproofKeys puts one key, or a set, into Keys; none if all are refused.
func wycheproofKeys(public, private json.RawMessage) *Keys {
	key := public
	if key == nil {
		key = private
	}
	set := key
	var isSet struct{ Keys []any }
	if json.Unmarshal(key, &isSet) != nil || isSet.Keys == nil {
		set = json.RawMessage(`{"keys":[` + string(key) + `]}`)
	}
	k, err := ParseKeys(set)
	if err != nil {
		return new(Keys)
	}
	return k
}
