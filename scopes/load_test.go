package scopes

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"

	"github.com/stretchr/testify/require"
)

const (
	mailRead = `{"value": "Mail.Read", "id": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "adminConsentRequired": false,
		"adminDisplayName": "Read user mail", "adminDescription": "Allows the app to read mail.",
		"userDisplayName": "Read your mail", "userDescription": "Allows the app to read your mail.",
		"personalAccounts": true, "privilegeLevel": 3, "enabled": true, "alsoInMicrosoftDevxContent": true}`
	siteAll = `{"value": "Sites.All", "id": "89fe6a52-be36-487e-b7d8-d061c450a026", "adminConsentRequired": true}`
)

func load(rows ...string) (*Catalog, error) {
	return LoadCatalog(strings.NewReader(`{"_meta": {"count": 1}, "permissions": [` + strings.Join(rows, ",") + `]}`))
}

func TestLoadCatalog(t *testing.T) {
	t.Parallel()
	c, err := load(mailRead, siteAll)
	require.NoError(t, err)
	p, ok := c.Lookup("https://graph.microsoft.com/mail.read")
	require.True(t, ok)
	require.Equal(t, Permission{
		Value: "Mail.Read", ID: "570282fd-fa5c-430d-a7fd-fc8dc98a9dca",
		DisplayText: "Read user mail", Description: "Allows the app to read mail.",
		UserDisplayText: "Read your mail", UserDescription: "Allows the app to read your mail.",
		PersonalAccounts: true, PrivilegeLevel: 3, Enabled: true,
	}, p)
	p, ok = c.Lookup("SITES.ALL")
	require.True(t, ok)
	require.Equal(t, Permission{
		Value: "Sites.All", ID: "89fe6a52-be36-487e-b7d8-d061c450a026", AdminConsentRequired: true, Enabled: true,
	}, p, "what is absent is unknown, but for enabled")

	_, ok = c.Lookup("\u017fites.all")
	require.False(t, ok, "the long s is no s")

	c, err = load(strings.Replace(siteAll, "Sites", "Tasks", 1))
	require.NoError(t, err)
	_, ok = c.Lookup("Tas\u212as.All")
	require.False(t, ok, "the Kelvin sign is no k")

	c, err = load()
	require.NoError(t, err)
	require.Empty(t, c.byName)
}

// A hyphen stands for what does not exist, as in the tables of Microsoft's pages.
func TestLoadCatalogTakesAHyphenForNothing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]string{
		"id":                    `{"value": "App.Only", "id": "-", "adminConsentRequired": true}`,
		"admin flag":            `{"value": "App.Only", "id": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "adminConsentRequired": "-"}`,
		"the id is free then":   `{"value": "App.Only", "id": "89fe6a52-be36-487e-b7d8-d061c450a026", "adminConsentRequired": "-"}`,
		"the value is free too": `{"value": "Sites.All", "id": "-", "adminConsentRequired": "-"}`,
	} {
		c, err := load(row, siteAll)
		require.NoError(t, err, name)
		require.Len(t, c.byName, 1, name)
		_, ok := c.Lookup("Sites.All")
		require.True(t, ok, name)
	}

	c, err := load(`{"value": "X", "id": "570282fd-fa5c-430d-a7fd-fc8dc98a9dca", "adminConsentRequired": false,
		"personalAccounts": "-", "enabled": "-", "adminDescription": "-"}`)
	require.NoError(t, err)
	p, _ := c.Lookup("x")
	require.False(t, p.PersonalAccounts)
	require.False(t, p.Enabled)
	require.Equal(t, "-", p.Description, "a text is a text")
}

func TestLoadCatalogRefuses(t *testing.T) {
	t.Parallel()
	row := func(change ...string) string { return strings.NewReplacer(change...).Replace(mailRead) }
	for _, tc := range []struct{ name, rows, want string }{
		{"no value", row(`"value"`, `"Value"`), `permissions[1] (""): value is not a scope: it is empty`},
		{"a value that is no scope", row("Mail.Read\"", "Mail Read\""), `permissions[1] ("Mail Read"): value is not a scope: U+0020 (space)`},
		{"a qualified value", row("Mail.Read\"", "https://graph.microsoft.com/Mail.Read\""), "write the short name"},
		{"no id", row(`"id"`, `"ID"`), `permissions[1] ("Mail.Read"): id is "": write a GUID`},
		{"an id that is no GUID", row("570282fd-", "570282fdx"), `id is "570282fdxfa5c`},
		{"an id of other digits", row("570282fd", "570282fg"), `id is "570282fg-`},
		{"a short id", row("570282fd-", ""), `id is "fa5c-430d`},
		{"a null id", row(`"570282fd-fa5c-430d-a7fd-fc8dc98a9dca"`, "null"), `"id" is not of type string`},
		{"no admin flag", row(`"adminConsentRequired"`, `"x"`), `"adminConsentRequired" is missing`},
		{"a null admin flag", row(`Required": false`, `Required": null`), `"adminConsentRequired" is not of type bool`},
		{"an admin flag in words", row(`Required": false`, `Required": "No"`), `"adminConsentRequired" is not of type bool`},
		{"a level in words", row(`Level": 3`, `Level": "three"`), `"privilegeLevel" is not of type int`},
		{"a level beyond all numbers", row(`Level": 3`, `Level": `+strings.Repeat("9", 1e5)), `"privilegeLevel" is not of type int`},
		{"a number for a text", row(`"Read user mail"`, `1`), `"adminDisplayName" is not of type string`},
		{"a row that is no object", `["Mail.Read"]`, `permissions[1]: it is not an object`},
		{"a null row", `null`, `permissions[1] (""): value is not a scope`},
		{"the same value", mailRead + "," + row("570282fd", "570282fe", "Mail.Read\"", "mail.READ\""), `permissions[2] ("mail.READ"): "mail.read" is in permissions[1] already`},
		{"the same id", mailRead + "," + row("570282fd", "570282FD", "Mail.Read\"", "Mail.Send\""), `permissions[2] ("Mail.Send"): "570282fd-fa5c-430d-a7fd-fc8dc98a9dca" is in permissions[1] already`},
		{"a hostile value", row("Mail.Read\"", `\u001b[2J`+strings.Repeat("x", 1e5)+`"`), `permissions[1] (" [2Jxxx`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := load(siteAll, tc.rows)
			require.Nil(t, c)
			require.ErrorContains(t, err, tc.want)
			requirePlainError(t, err)
		})
	}
}

func TestLoadCatalogRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, want string }{
		{"nothing", ``, "unexpected end of JSON input"},
		{"cut", `{"permissions": [` + siteAll, "unexpected end of JSON input"},
		{"trailing data", `{"permissions": []} {}`, "invalid character '{' after top-level value"},
		{"no list", `{"value": []}`, `it is not an object with a list of "permissions"`},
		{"a null", `null`, `it is not an object with a list of "permissions"`},
		{"a list alone", `[` + siteAll + `]`, `it is not an object with a list of "permissions"`},
		{"a number", `{"permissions": ` + strings.Repeat("1", 1e5) + `}`, `it is not an object with a list of "permissions"`},
		{"8 MiB and a byte", `{"permissions": []}` + strings.Repeat(" ", maxCatalog-18), "it has more than 8388608 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := LoadCatalog(strings.NewReader(tc.file))
			require.Nil(t, c)
			require.EqualError(t, err, "scopes: load catalog: "+tc.want)
		})
	}

	_, err := LoadCatalog(strings.NewReader(`{"permissions": []}` + strings.Repeat(" ", maxCatalog-19)))
	require.NoError(t, err, "8 MiB")

	broken := errors.New("the disk is gone")
	_, err = LoadCatalog(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
}

func TestLoadCatalogCleansTexts(t *testing.T) {
	t.Parallel()
	c, err := load(strings.Replace(mailRead, "Read user mail", `Lire\u00a0\u001b[31m\u202e\u200b\r\n\u0085l’été 邮件`, 1))
	require.NoError(t, err)
	p, _ := c.Lookup("Mail.Read")
	require.Equal(t, "Lire\u00a0 [31m     l’été 邮件", p.DisplayText)
}

func requirePlainError(t testing.TB, err error) {
	t.Helper()
	require.Less(t, len(err.Error()), 1500)
	require.NotContains(t, err.Error(), "\x1b")
}

// The real catalog is too large to carry; STAYSIGNED_TESTDATA names the folder
// that has it as data/graph-delegated-permissions.json.
func TestLoadCatalogReadsTheRealFile(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("STAYSIGNED_TESTDATA")
	if folder == "" {
		t.Skip("STAYSIGNED_TESTDATA is not set: no catalog of all permissions to read")
	}
	f, err := os.Open(filepath.Join(folder, "data", "graph-delegated-permissions.json"))
	require.NoError(t, err)
	defer f.Close()
	c, err := LoadCatalog(f)
	require.NoError(t, err)

	var admin, personal, disabled, level int
	for _, p := range c.byName {
		admin += count(p.AdminConsentRequired)
		personal += count(p.PersonalAccounts)
		disabled += count(!p.Enabled)
		level += count(p.PrivilegeLevel > 0)
	}
	require.Equal(t, "807 permissions, 654 for admins, 52 personal, 2 disabled, 703 levels",
		fmt.Sprintf("%d permissions, %d for admins, %d personal, %d disabled, %d levels", len(c.byName), admin, personal, disabled, level))
	for name, p := range BuiltinCatalog().byName {
		require.Equal(t, c.byName[name], p, "what is built in is what the platform says")
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Whatever a file says, what is loaded can be looked up, and shown.
func FuzzLoadCatalog(f *testing.F) {
	f.Add([]byte(`{"permissions": [` + mailRead + `,` + siteAll + `]}`))
	f.Add([]byte(`{"permissions": [{"value": "-", "id": "-", "adminConsentRequired": "-"}]}`))
	f.Add([]byte(`{"permissions": [{}, null, 1]}`))
	f.Add([]byte(strings.Replace(`{"permissions": [`+mailRead+`]}`, "Read user mail", `\ud800\u0000\u200b`, 1)))
	f.Add([]byte(strings.Replace(`{"permissions": [`+mailRead+`]}`, "Mail.Read\"", "Kelvin\"", 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := LoadCatalog(strings.NewReader(string(data)))
		if err != nil {
			require.Nil(t, c)
			requirePlainError(t, err)
			return
		}
		require.True(t, json.Valid(data))
		ids := map[string]bool{}
		for _, p := range c.byName {
			_, err := New(p.Value)
			require.NoError(t, err)
			got, ok := c.Lookup("https://graph.microsoft.com/" + strings.ToUpper(p.Value))
			require.True(t, ok)
			require.Equal(t, p, got)
			require.True(t, isGUID(p.ID))
			require.False(t, ids[strings.ToLower(p.ID)])
			ids[strings.ToLower(p.ID)] = true
			for _, r := range p.DisplayText + p.Description + p.UserDisplayText + p.UserDescription {
				require.True(t, unicode.IsGraphic(r))
			}
		}
	})
}
