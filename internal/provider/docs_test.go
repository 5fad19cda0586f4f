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

An authority is all that most providers need: which scopes they get, and what wins a refresh token, is found by its address, or else
by its metadata.

` + "`" + `` + "`" + `` + "`" + `go
for _, cfg := range []msal.Config{
	{ClientID: "123456789012-abc.apps.googleusercontent.com", InstalledAppSecret: "GOCSPX-not-a-secret", Authority: "https://accounts.google.com"},
	{ClientID: "my-app", Authority: "https://example.okta.com"},
	{ClientID: "Iv1.0123456789abcdef", Authority: "https://github.com/login/oauth"},
	{ClientID: "my-app", Authority: "https://sso.example.com/realms/main", Provider: msal.Provider{Name: "keycloak"}},
	{ClientID: "my-app", Authority: "https://id.example.com"}, // its metadata decides
} {
	client, err := msal.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := client.Explain(nil)
	fmt.Printf("%s: %q, perhaps %q\n", cfg.Authority, e.Sent, e.Undecided)
}
` + "`" + `` + "`" + `` + "`" + `

It prints what is sent without being asked for, and what only the metadata can tell:

` + "`" + `` + "`" + `` + "`" + `text
https://accounts.google.com: "openid profile email", perhaps ""
https://example.okta.com: "openid profile email offline_access", perhaps ""
https://github.com/login/oauth: "", perhaps ""
https://sso.example.com/realms/main: "openid profile email", perhaps ""
https://id.example.com: "", perhaps "openid profile email offline_access"
` + "`" + `` + "`" + `` + "`" + `

A profile is a value. Somebody who wants another one changes it:

` + "`" + `` + "`" + `` + "`" + `go
provider, ok := msal.LookupProvider("keycloak")
fmt.Println(provider.Defaults, ok)
provider.Defaults = append(provider.Defaults, scopes.OfflineAccess)
_, err := msal.New(msal.Config{
	ClientID:  "my-app",
	Authority: "https://sso.example.com/realms/main",
	Provider:  provider,
})
fmt.Println(err)
` + "`" + `` + "`" + `` + "`" + `

## Google, Okta, Auth0, Keycloak

What to register and what to write, each tried against the imitation of ` + "`" + `msaltest` + "`" + `, whose lines a program leaves out
([providers.md](providers.md) says what the imitations are worth). At a host of the provider's own no ` + "`" + `Provider.Name` + "`" + ` is needed;
at a domain of yours it is, or the metadata alone decides.

### Google

%EXAMPLE google%
- **Register** a client of the type "Desktop app". It comes with a "secret", which is none and has to be sent (documented):
  ` + "`" + `Config.InstalledAppSecret` + "`" + `.
- **Scopes** are whole addresses and name their API, so there is no audience.
- **Offline:** ` + "`" + `access_type=offline&prompt=consent` + "`" + ` go along, and ` + "`" + `offline_access` + "`" + ` does not, which Google refuses. While the
  consent screen is in testing a session ends after seven days (documented).
- **Device codes** are for clients of the type "TVs and Limited Input devices", and for a few scopes (documented).

### Okta

%EXAMPLE okta%
- **Register** a native application with the grants Authorization Code and Refresh Token, and its redirect URI with the
  port, which is compared (not verified); Device Authorization is a grant of its own.
- **Audience:** each custom authorization server has its own, so the authority chooses it. The org's, ` + "`" + `https://example.okta.com` + "`" + `,
  gives tokens that only Okta's own APIs take (documented).
- **Offline:** ` + "`" + `offline_access` + "`" + ` goes along, and wins a refresh token if the grant is allowed.
- **A domain of yours** takes ` + "`" + `Provider: msal.Provider{Name: "okta"}` + "`" + `.

### Auth0

%EXAMPLE auth0%
- **Register** an application of the type Native, and its callback URL with the port, which is compared (not verified).
- **Audience:** the identifier of the API. Without one the token is opaque, and good for ` + "`" + `/userinfo` + "`" + ` alone (documented).
  Tokens of two audiences are kept apart: a second API has ` + "`" + `client.With(msal.Params{Extra: ...})` + "`" + ` with its own, and a sign-in.
- **Offline:** ` + "`" + `offline_access` + "`" + ` goes along. The API has to have "Allow Offline Access", or there is silently no refresh
  token (documented): ` + "`" + `Token.Renewable` + "`" + ` is false.
- **A domain of yours** takes ` + "`" + `Name: "auth0"` + "`" + ` beside ` + "`" + `Authorize` + "`" + `. The authority ends in a slash in any case.

### Keycloak

%EXAMPLE keycloak%
- **Register** a client with "Client authentication" off and "Standard flow" on, and ` + "`" + `http://127.0.0.1/*` + "`" + ` among the valid
  redirect URIs, for any port (not verified); "OAuth 2.0 Device Authorization Grant" is a switch of its own.
- **Name it:** without ` + "`" + `Name: "keycloak"` + "`" + ` the metadata decides, and a realm that lists ` + "`" + `offline_access` + "`" + ` gives offline tokens.
- **Audience:** a client scope with an Audience mapper, which is asked for by its name where it is optional (documented).
- **Offline:** a refresh token comes by itself, for as long as the session at the server lasts. An offline token takes the role
  ` + "`" + `offline_access` + "`" + ` (documented) and ` + "`" + `Provider.Defaults` + "`" + `, as the second round above has it; naming the scope in a call is an error.

## What goes wrong

| what people see | what to do |
|---|---|
| ` + "`" + `default scopes refused by the server` + "`" + `, in the log | nothing: the sign-in went on without them, and the store remembers. ` + "`" + `Config.OmitScopes` + "`" + `, or a profile, spares the first request |
| a sign-in at each start, and ` + "`" + `Token.Renewable` + "`" + ` is false | there is no refresh token: the provider wants something else than the scope for one (` + "`" + `Provider.Offline` + "`" + `), or its administrator has to allow it, as at Auth0 (documented) |
| an error that the person sees, and the program never | Google shows a scope that it does not know on a page of its own (recorded), and so do servers with a redirect URI that is not registered |
| ` + "`" + `invalid_client` + "`" + ` or ` + "`" + `client_secret is missing` + "`" + `, and the provider has given out a "secret" | it goes to ` + "`" + `Config.InstalledAppSecret` + "`" + ` |
| a redirect URI that the provider does not know | the column "redirect" is what is sent; ` + "`" + `Browser.RedirectURI` + "`" + ` is for another one, with a port where the provider compares ports |

## The table

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
	for _, name := range []string{"google", "okta", "auth0", "keycloak"} {
		text = strings.Replace(text, "%EXAMPLE "+name+"%", example(t, name), 1)
	}
	path := filepath.Join("..", "..", "docs", "which-provider.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./internal/provider -run Docs -update")
}

// example returns the body of one in package msal, as a block of prose.
func example(t *testing.T, name string) string {
	source, err := os.ReadFile(filepath.Join("..", "..", "msal", "example_recipes_test.go"))
	require.NoError(t, err)
	_, body, found := strings.Cut(string(source), "\nfunc Example_"+name+"() {\n")
	require.True(t, found, name)
	body, _, found = strings.Cut(body, "\t// Output:")
	require.True(t, found, name)
	body = strings.ReplaceAll("\n"+body, "\n\t", "\n")
	return "```go" + body + "```\n"
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
