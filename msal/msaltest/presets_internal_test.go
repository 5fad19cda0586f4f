package msaltest

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const providersPage = `# Providers

What a platform of ` + "`msal/msaltest`" + ` does after ` + "`Imitate`" + `. **This is what the emulator imitates, which is not what the
provider does**: it is scopes and refresh tokens, as far as somebody has seen or read of them, at the settings that a
provider has by default or that are named here. Pages, names of claims, lives of tokens, limits and all else are the
emulator's own. A test against a preset shows that an application copes with such a provider; whether the provider is such
a one, only the provider shows.

How a fact is known: *recorded*, in traffic of the service; *documented*, by the provider; *read in source*, of the
provider; *reported*, by people who use it; *not verified*, as it is known in the trade and nobody has shown.

This page is written by ` + "`go test ./msal/msaltest -run Providers -update`" + ` from the table that ` + "`Imitate`" + ` reads.

| provider | what the preset does | evidence |
|---|---|---|
`

// TestProvidersPage: docs/providers.md says what the table says.
func TestProvidersPage(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString(providersPage)
	for _, x := range presets {
		name := "`" + x.name + "`"
		for _, f := range x.facts {
			require.Contains(t, []string{recorded, documented, source, reported, unverified, "as listed there"}, f.evidence, x.name)
			text.WriteString("| " + name + " | " + f.does + " | " + f.evidence + " |\n")
			name = ""
		}
	}
	file := filepath.Join("..", "..", "docs", "providers.md")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o644))
	}
	have, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text.String(), string(have), "if it is meant to change: go test ./msal/msaltest -run Providers -update")
}

// Every knob that a row sets is one that Imitate takes over, and the names in its comment are those of the table.
func TestImitateTakesAllOver(t *testing.T) {
	t.Parallel()
	for _, x := range presets {
		p := New(t)
		p.Imitate(x.name)
		want, have := reflect.ValueOf(x.knobs).Elem(), reflect.ValueOf(p).Elem()
		for i := range want.NumField() {
			field := want.Type().Field(i)
			if !field.IsExported() || field.Name == "URL" {
				continue
			}
			require.Equal(t, want.Field(i).IsZero(), have.Field(i).IsZero(), "%s: %s", x.name, field.Name)
			if field.Type.Kind() != reflect.Func {
				require.Equal(t, want.Field(i).Interface(), have.Field(i).Interface(), "%s: %s", x.name, field.Name)
			}
		}
		require.NotEmpty(t, x.facts, x.name)
	}
	text, err := os.ReadFile("presets.go")
	require.NoError(t, err)
	_, comment, _ := strings.Cut(string(text), "// Imitate makes")
	comment, _, _ = strings.Cut(comment, "func (p *Platform) Imitate")
	for _, name := range presetNames() {
		require.Contains(t, comment, `"`+name+`"`)
	}
}
