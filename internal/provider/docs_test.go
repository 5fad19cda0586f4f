package provider

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/scopes"
)

var update = flag.Bool("update", false, "rewrite docs/which-provider.md")

const document = `# Which provider

What goes into a request beyond the caller's scopes, for the providers of which discovery alone would decide wrongly. A row is
found by the host of the authority, or by ` + "`Config.Provider.Name`" + ` on hosts of one's own. ` + "`msal.LookupProvider`" + ` returns it as a
value; what is set in ` + "`Config.Provider`" + ` stands over it, field by field. This page is written by
` + "`go test ./internal/provider -run Docs -update`" + ` from the table that the package itself uses.

All other providers are asked for what their metadata says that they understand: those of ` + "`openid profile email offline_access`" + `
that are in ` + "`scopes_supported`" + `, and the first three where it is not published. ` + "`openid`" + ` is always sent, unless the server is none of
OpenID Connect. The redirect is then to ` + "`http://127.0.0.1`" + `. A default that a provider refuses all the same is
left out at once where the sign-in can start again by itself, and by the refreshes of that session; the next sign-in asks for it
again. ` + "`Config.OmitScopes`" + ` spares it that.

| name, authority | scopes that are sent | how a refresh token is won | redirect | also | evidence |
|---|---|---|---|---|---|
%TABLE%
*Recorded*: seen in the traffic of the service. *Documented*: by the provider. *Reported*: by users. *Read in the source*: of the
provider. *Not verified*: common knowledge, and no more; say so if it is wrong.

Not here, because what they publish says it all: Salesforce (recorded), Ory Hydra (read in the source), and, not verified, Zitadel,
Authelia, authentik, Duende IdentityServer, FusionAuth.

## Without OpenID Connect

A server that does OAuth 2.0 alone gives access and does not say who gave it. There is then one account for each authority and
client, with an ` + "`ID`" + ` and no name. A second sign-in replaces the first, whoever signs in, and nobody can say whether it is the same
person: do not keep anybody's data under that ID. ` + "`Token.Claims`" + ` returns an error, and what only an ID token could show, such as
` + "`AllowedTenants`" + `, is refused before a browser opens.

Which kind a server is says its profile, or its metadata: one that has keys or anything else of OpenID Connect is a provider, and
every ID token is verified. One that was a provider is never taken for less afterwards.

Where there is neither a refresh token nor a life of the access token, as at GitHub, the token is used until the API refuses it:
` + "`Client.HTTPClient`" + ` sees that by itself, others call ` + "`ForceRefresh`" + `. Both end in ` + "`ErrSignInRequired`" + `.
`

// TestDocs: docs/which-provider.md says what the table says, with the comment of
// each row for its evidence.
func TestDocs(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	comments := rowComments(t)
	require.Len(t, comments, len(rows))
	for i, r := range rows {
		for _, word := range []string{"|", "`"} {
			require.NotContains(t, comments[i], word)
		}
		cells := []string{r.where(), r.sent(), r.won(), code(r.Loopback), r.also(), comments[i]}
		table.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	text := strings.Replace(document, "%TABLE%", table.String(), 1)
	path := filepath.Join("..", "..", "docs", "which-provider.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./internal/provider -run Docs -update")
}

// rowComments returns what stands above each row.
func rowComments(t *testing.T) (comments []string) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "table.go", nil, parser.ParseComments)
	require.NoError(t, err)
	above := map[int]string{} // by the line that follows
	for _, c := range file.Comments {
		above[fset.Position(c.End()).Line+1] = strings.Join(strings.Fields(c.Text()), " ")
	}
	for n := range ast.Preorder(file) {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == "rows" {
			for _, row := range spec.Values[0].(*ast.CompositeLit).Elts {
				comment := above[fset.Position(row.Pos()).Line]
				require.NotEmpty(t, comment, "a row without evidence: %s", fset.Position(row.Pos()))
				comments = append(comments, comment)
			}
		}
	}
	return comments
}

func (r row) where() string {
	place := map[Kind]string{
		Entra: "login.microsoftonline.com and the other clouds", B2C: "*.b2clogin.com", CIAM: "*.ciamlogin.com", ADFS: "/adfs",
	}[r.kind]
	switch {
	case r.v1:
		place = "the same with Endpoint: V1"
	case len(r.hosts) > 0:
		place = strings.Join(r.hosts, ", ") + r.path
	case r.kind == OIDC:
		return code(r.Name) + ", by name alone"
	}
	return code(r.Name) + ", " + code(place)
}

func (r row) sent() string {
	switch {
	case r.Defaults == nil:
		return "those that the metadata lists"
	case len(r.Defaults) == 0:
		return "none"
	}
	openID := slices.Contains(r.Defaults, scopes.OpenID)
	return code(strings.Join(r.Sends(scopes.Defaults().Slice(), nil, false, openID), " "))
}

func (r row) won() string {
	switch scope := strings.Contains(r.sent(), "offline"); {
	case r.Offline != nil && (scope || r.Defaults == nil):
		return "the scope, with " + code(r.Offline.Encode())
	case r.Offline != nil:
		return code(r.Offline.Encode())
	case scope || r.Defaults == nil:
		return "the scope"
	}
	return "by itself, where there is one"
}

func (r row) also() string {
	var also []string
	if r.Authorize != nil {
		also = append(also, code(r.Authorize.Encode()))
	}
	if r.NoOpenID {
		also = append(also, "no OpenID Connect")
	}
	for _, name := range slices.Sorted(maps.Keys(r.Endpoints)) {
		also = append(also, name+" "+code(r.Endpoints[name]))
	}
	if r.ScopeSeparator != "" {
		also = append(also, "scopes of answers are separated by "+code(r.ScopeSeparator))
	}
	if r.ScopeNames != nil {
		also = append(also, "other names of profile and email in answers")
	}
	for _, name := range r.InvalidGrant {
		also = append(also, code(name)+" is invalid_grant")
	}
	return strings.Join(also, "; ")
}

func code(s string) string { return "`" + s + "`" }
