package scopes_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

// onGraph are the rules of a client that knows nothing but Graph.
func onGraph() scopes.Rules { return scopes.Rules{Defaults: scopes.Defaults(), Graph: true} }

func TestExplain(t *testing.T) {
	t.Parallel()
	catalog, err := scopes.LoadCatalog(strings.NewReader(`{"permissions": [
		{"value": "Sites.All", "id": "89fe6a52-be36-487e-b7d8-d061c450a026", "adminConsentRequired": true, "adminDisplayName": "All sites", "enabled": false}]}`))
	require.NoError(t, err)
	for _, tc := range []struct {
		scope   string
		rules   scopes.Rules
		kind    scopes.Kind
		verdict scopes.Verdict
		meaning string
		admin   bool
	}{
		{"Sites.All", onGraph(), scopes.KindGraph, scopes.Sent, "All sites", true},
		{"https://graph.microsoft.us/SITES.ALL", onGraph(), scopes.KindGraph, scopes.Sent, "All sites", true},
		{"Sites.All", scopes.Rules{}, scopes.KindOther, scopes.Sent, "what it allows, only the server knows", false},
		{"api://x/Sites.All", onGraph(), scopes.KindOther, scopes.Sent, "what it allows, only its resource knows", false},
		{"Sites.Al", onGraph(), scopes.KindGraph, scopes.Sent, "not among the 1 permissions of the catalog (did you mean Sites.All?); if Graph has none of this name, sign-in fails with AADSTS650053", false},
		{"Mail.Read", onGraph(), scopes.KindGraph, scopes.Sent, "not among the 1 permissions of the catalog; if Graph has none of this name, sign-in fails with AADSTS650053", false},
		{"Mail.Read", scopes.Rules{Graph: true, AdminConsents: true}, scopes.KindGraph, scopes.Sent, "not among the 1 permissions of the catalog; if Graph has none of this name, sign-in fails with AADSTS650053", true},
		{"api://x/.default", onGraph(), scopes.KindDotDefault, scopes.Sent, "all permissions of the resource that the application's registration lists", false},
		{".default", onGraph(), scopes.KindDotDefault, scopes.Sent, "all permissions of the resource that the application's registration lists", false},
		{"api://x/.default", scopes.Rules{}, scopes.KindOther, scopes.Sent, "what it allows, only the server knows", false},
		{"email", onGraph(), scopes.KindDefault, scopes.Refused, "the person's address, if there is one", false},
		{"https://graph.microsoft.com/OpenID", onGraph(), scopes.KindDefault, scopes.Refused, "an ID token, without which nobody is known to have signed in", false},
		{"email", scopes.Rules{}, scopes.KindDefault, scopes.Sent, "the person's address, if there is one", false},
		{"EMAIL", scopes.Rules{}, scopes.KindOther, scopes.Sent, "what it allows, only the server knows", false},
		{"a b", onGraph(), scopes.KindInvalid, scopes.Refused, "", false},
		{"", scopes.Rules{}, scopes.KindInvalid, scopes.Refused, "", false},
	} {
		e := scopes.Explain([]string{tc.scope}, tc.rules, catalog)
		got := e.Scopes[0]
		require.Equal(t, tc.scope, got.Scope)
		require.True(t, got.Explicit)
		require.Equal(t, tc.kind, got.Kind, tc.scope)
		require.Equal(t, tc.verdict, got.Verdict, tc.scope)
		require.Equal(t, tc.meaning, got.Meaning)
		require.Equal(t, tc.admin, got.AdminConsent, tc.scope)
		require.Equal(t, tc.admin, e.AdminConsent.Has(tc.scope), tc.scope)
		require.Equal(t, got.Meaning == "All sites", strings.Contains(e.String(), "disabled: it is"))
	}
}

// TestExplainSuggests: a name that is two letters off is a slip, and of two such
// permissions the nearer one is meant.
func TestExplainSuggests(t *testing.T) {
	t.Parallel()
	var rows []string
	for i, name := range []string{"Mail.Read", "Mail.Send", "Mail.ReadWrite", "Tasks.Reed", "Tasks.Read", "Tasks.Rea"} {
		rows = append(rows, fmt.Sprintf(`{"value": %q, "id": "89fe6a52-be36-487e-b7d8-d061c450a02%d", "adminConsentRequired": false}`, name, i))
	}
	catalog, err := scopes.LoadCatalog(strings.NewReader(`{"permissions": [` + strings.Join(rows, ",") + `]}`))
	require.NoError(t, err)
	for scope, want := range map[string]string{
		"Mail.Raed":         "Mail.Read",
		"mial.send":         "Mail.Send",
		"Mail.Reads":        "Mail.Read",
		"Mai.Red":           "Mail.Read",
		"Mail.ReadWrites":   "Mail.ReadWrite",
		"Tasks.Reads":       "Tasks.Read",
		"Tasks.Rexd":        "Tasks.Read", // as near as Reed, and before it by the alphabet
		"Mail.Read.All":     "",
		"Mail.Rdraoe":       "",
		"M":                 "",
		graph + "mial.Send": "Mail.Send",
	} {
		meaning := scopes.Explain([]string{scope}, onGraph(), catalog).Scopes[0].Meaning
		_, hint, _ := strings.Cut(meaning, "did you mean ")
		hint, _, _ = strings.Cut(hint, "?")
		require.Equal(t, want, hint, scope)
	}
}

// TestExplainFindsAllFaults: an error tells of one kind of mistake, an
// explanation of all.
func TestExplainFindsAllFaults(t *testing.T) {
	t.Parallel()
	list := []string{"User.Read", "openid", "a b", "User.Read", "Email", "a b", ""}
	e := scopes.Explain(list, onGraph(), nil)
	var verdicts []scopes.Verdict
	for _, s := range e.Scopes[:len(list)] {
		verdicts = append(verdicts, s.Verdict)
	}
	require.Equal(t, []scopes.Verdict{scopes.Withheld, scopes.Refused, scopes.Refused, scopes.Withheld, scopes.Refused, scopes.Refused, scopes.Refused}, verdicts)
	_, err := scopes.Build(list, scopes.Defaults())
	require.Equal(t, err, e.Err)
	require.Zero(t, e.Sent)
	require.Empty(t, e.Requests)
	require.Len(t, e.Scopes, len(list)+2, "the defaults that are not named")
	text := e.String()
	require.True(t, strings.HasPrefix(text, `Refused, and nothing is sent, because of openid, "a b", Email, "".`+"\n"), text)
	require.Equal(t, 2, strings.Count(text, "refused   \"a b\"\n"), "in quotes, or one would look for two scopes")
	require.Equal(t, 1, strings.Count(text, "Sign in and read user profile"), "once is enough")
	require.NotContains(t, text, "offline_access", "there is nothing to say of defaults that nobody named")
}

func TestExplainTakesNothing(t *testing.T) {
	t.Parallel()
	e := scopes.Explain(nil, scopes.Rules{}, nil)
	require.NoError(t, e.Err)
	require.Zero(t, e.Sent)
	require.Contains(t, e.String(), "Sends no scope, none of them yours.\n")
	require.Contains(t, e.String(), "authorize no scope\n")
	require.NotPanics(t, func() { _ = scopes.Explanation{}.String() })
}

// TestExplainText: a word that does not fit, a hostile server and a hostile
// parameter.
func TestExplainText(t *testing.T) {
	t.Parallel()
	rules := onGraph()
	rules.Server = "https://idp.example/\x1b[2J\u202e" + strings.Repeat("x", 200)
	rules.Requests = func([]string) []scopes.Request {
		return []scopes.Request{{Step: "authorize", Scope: set(t, "openid"), Parameters: map[string][]string{
			"z": {"\x1b]0;title\a", "邮" + strings.Repeat("件", 100)}, "a": {"1", "2"},
		}}}
	}
	rules.Why = func(string) string { return "why\r\nPassword:" }
	e := scopes.Explain([]string{"https://graph.microsoft.com/" + strings.Repeat("DeviceManagement", 8) + ".Read.All"}, rules, nil)
	requireReadable(t, e)
	text := e.String()
	require.Contains(t, text, "left out  https://graph.microsoft.com/DeviceManagementD...tDeviceManagementDeviceManagement.Read.All\n")
	require.Contains(t, text, "\n          why Password:\n")
	require.Contains(t, text, "\n          a=1\n          a=2\n          z= ]0;title\n")
	require.Contains(t, text, "件...件")
}

// TestExplainJSON: sets are their wire form, errors what they say, permissions
// rows of a catalog.
func TestExplainJSON(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(scopes.Explain([]string{"User.Read"}, onGraph(), nil))
	require.NoError(t, err)
	var back struct {
		scopes.Explanation
		Error *string
	}
	require.NoError(t, json.Unmarshal(raw, &back))
	require.Equal(t, "User.Read openid profile email offline_access", back.Sent.String())
	require.Nil(t, back.Error)
	row, err := json.Marshal(back.Scopes[0].Permission)
	require.NoError(t, err)
	catalog, err := scopes.LoadCatalog(strings.NewReader(`{"permissions": [` + string(row) + `]}`))
	require.NoError(t, err)
	p, _ := scopes.BuiltinCatalog().Lookup("User.Read")
	again, ok := catalog.Lookup("User.Read")
	require.True(t, ok)
	require.Equal(t, p, again)

	refused := scopes.Explain([]string{"openid"}, onGraph(), nil)
	raw, err = json.Marshal(refused)
	require.NoError(t, err)
	var said map[string]any
	require.NoError(t, json.Unmarshal(raw, &said))
	require.Equal(t, refused.Err.Error(), said["error"])
	require.Equal(t, refused.TokenErr.Error(), said["tokenError"])
	require.Empty(t, said["sent"])
	require.NotContains(t, said, "Err")
	require.NotContains(t, said, "requests")
}

// TestExplainAllPermissions: every permission that Graph has is known by its id
// in every spelling. The file is too large to carry; STAYSIGNED_TESTDATA names
// the folder that has it as data/graph-delegated-permissions.json.
func TestExplainAllPermissions(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no catalog of all permissions to read")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "data", "graph-delegated-permissions.json"))
	require.NoError(t, err)
	catalog, err := scopes.LoadCatalog(strings.NewReader(string(raw)))
	require.NoError(t, err)
	var file struct {
		Permissions []struct {
			Value, ID            string
			AdminConsentRequired bool
		}
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	require.Len(t, file.Permissions, 807)
	for _, p := range file.Permissions {
		for _, scope := range []string{p.Value, strings.ToUpper(p.Value), graph + p.Value, "https://DOD-graph.microsoft.us//" + p.Value, "00000003-0000-0000-C000-000000000000/" + p.Value} {
			e := scopes.Explain([]string{scope}, scopes.Rules{Graph: true}, catalog)
			require.NoError(t, e.Err)
			got := e.Scopes[0]
			require.NotNil(t, got.Permission, scope)
			require.Equal(t, p.ID, got.Permission.ID, scope)
			require.Equal(t, p.AdminConsentRequired, got.AdminConsent, scope)
			require.Equal(t, p.AdminConsentRequired, e.AdminConsent.Has(scope), scope)
			requireReadable(t, e)
		}
	}
}

// requireReadable: whoever chose the scopes, the text does nothing to a terminal
// and fits, and the JSON is some.
func requireReadable(t *testing.T, e scopes.Explanation) {
	t.Helper()
	text := e.String()
	first, _, _ := strings.Cut(text, "\n")
	require.LessOrEqual(t, len(first), 80)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		columns := 0
		for _, r := range line {
			require.True(t, unicode.IsGraphic(r), "%q", line)
			columns++
			if unicode.Is(unicode.Han, r) {
				columns++
			}
		}
		require.LessOrEqual(t, columns, 100, line)
		require.Equal(t, strings.TrimRight(line, " "), line)
	}
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	require.True(t, json.Valid(raw))
}

// FuzzExplain: whatever is asked for, each scope has a verdict, what is sent and
// what is refused is what Build says, and the text can be shown.
func FuzzExplain(f *testing.F) {
	f.Add("User.Read\nMail.Raed\nopenid", true, "https://idp.example")
	f.Add("a b\n\x1b[2J\n\u202e\n\xff", false, "\u202e")
	f.Add("https://graph.microsoft.com/.default\n.default\n//\n/openid", true, "")
	f.Add(strings.Repeat("x", 1100)+"\n"+strings.Repeat("y\n", 9000), true, strings.Repeat("件", 99))
	f.Fuzz(func(t *testing.T, lines string, onGraph bool, server string) {
		list := strings.Split(lines, "\n")
		rules := scopes.Rules{Defaults: scopes.Defaults(), Graph: onGraph, Server: server}
		e := scopes.Explain(list, rules, nil)
		sent, err := scopes.Build(list, scopes.Defaults())
		require.Equal(t, sent, e.Sent)
		require.Equal(t, err, e.Err)
		for i, s := range list {
			got := e.Scopes[i]
			require.Equal(t, s, got.Scope)
			require.True(t, got.Explicit)
			require.Equal(t, got.Verdict == scopes.Sent || got.Verdict == scopes.Merged, sent.Has(s))
			wrong := got.Kind == scopes.KindInvalid || scopes.IsDefault(s) || strings.HasPrefix(got.Reason, "with it the request has more than")
			require.Equal(t, got.Verdict == scopes.Refused, wrong, "%q", s)
		}
		require.Equal(t, err != nil, slices.ContainsFunc(e.Scopes, func(s scopes.Explained) bool { return s.Verdict == scopes.Refused }))
		requireReadable(t, e)
	})
}
