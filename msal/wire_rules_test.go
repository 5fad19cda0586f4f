package msal_test

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

// TestWireRules reads what the golden files say, whoever wrote them: each
// default scope exactly once behind what the caller asked for, no parameter
// twice, no Authorization header.
func TestWireRules(t *testing.T) {
	if *updateWire {
		return // the files are not all there yet
	}
	for name, d := range goldens() {
		t.Run(name, func(t *testing.T) {
			file, err := os.ReadFile(filepath.Join(wireDir, name+".txt"))
			require.NoError(t, err)
			for i, exchange := range strings.Split(string(file), "-- request --\n")[1:] {
				request, _, _ := strings.Cut(exchange, "-- response --\n")
				require.NotContains(t, request, "\nAuthorization:")
				require.NotContains(t, request, "\nCookie:")
				d.check(t, parameters(t, request), i > 0 && strings.Contains(name, "refused-scope"))
			}
		})
	}
	files, err := os.ReadDir(wireDir)
	require.NoError(t, err)
	for _, f := range files {
		require.Contains(t, goldens(), strings.TrimSuffix(f.Name(), ".txt"), "a file of no test")
	}
}

// goldens names the files, and the dialects that they are in.
func goldens() map[string]dialect {
	all := map[string]dialect{}
	for name, d := range dialects {
		steps := []string{"authorize", "code", "refresh", "device"}
		if !d.variant {
			steps = append(steps, "pending", "poll")
		}
		if !d.variant && !d.keeps {
			steps = append(steps, "revocation")
		}
		for _, step := range steps {
			all[name+"-"+step] = d
		}
	}
	for _, name := range imports {
		d := dialects[name]
		d.explicit = "User.Read"
		all[name+"-import"] = d
	}
	for name, r := range refusals {
		all[r.dialect+"-refused-"+name] = dialects[r.dialect]
	}
	for name := range deviceRefusals {
		all["oidc-device-refused-"+name] = dialects["oidc"]
	}
	return all
}

// parameters reads a request's query, or its form.
func parameters(t *testing.T, request string) url.Values {
	t.Helper()
	request = strings.ReplaceAll(request, "\n&", "&")
	_, text, ok := strings.Cut(request, "\n?")
	if !ok {
		_, text, _ = strings.Cut(request, "\n\n")
	}
	text, _, _ = strings.Cut(text, "\n")
	v, err := url.ParseQuery(text)
	require.NoError(t, err)
	return v
}

// check holds one request against the dialect. The server may have refused
// offline_access just before.
func (d dialect) check(t *testing.T, v url.Values, refused bool) {
	t.Helper()
	for name, values := range v {
		require.NotContains(t, values, "", "%s: a parameter without a value counts as omitted, so omit it", name)
		if name != "resource" {
			require.Len(t, values, 1, name)
		}
	}
	require.Equal(t, clientID, v.Get("client_id"))
	if v.Has("device_code") || v.Has("token") {
		require.False(t, v.Has("scope"), "neither a poll nor a revocation has scopes")
		return
	}
	require.Equal(t, d.resource, v["resource"])
	want := strings.TrimSpace(d.explicit + " " + d.defaults)
	if d.first != nil && !v.Has("response_type") {
		want = strings.Join(d.first, " ") + " " + d.defaults
	}
	if refused {
		want = strings.TrimSuffix(want, " "+scopes.OfflineAccess)
	}
	require.Equal(t, want, v.Get("scope"))
	for s := range strings.FieldsSeq(wireDefaults) {
		named := slices.DeleteFunc(strings.Fields(v.Get("scope")), func(asked string) bool {
			return !scopes.IsDefault(asked) || !strings.HasSuffix(strings.ToLower(asked), s)
		})
		require.LessOrEqual(t, len(named), 1, "%s", named)
	}
	if d.params.Prompt == "" && v.Has("response_type") {
		google := strings.HasPrefix(d.explicit, "https://www.googleapis.com/")
		require.Equal(t, google, v.Get("access_type") == "offline")
		require.Equal(t, google, v.Get("prompt") == "consent")
	}
}
