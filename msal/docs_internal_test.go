package msal

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const errorsDocument = `# Errors

What a program does when something fails, by what kind of program it is; then what each error means. The tables are the
package's own, and ` + "`go test ./msal -run Docs -update`" + ` writes this page from them.

There are three kinds of errors. A *value* for ` + "`errors.Is`" + ` says what to do next. A ` + "`*msal.ServerError`" + ` for
` + "`errors.As`" + ` is what the server said, and its ` + "`Action`" + ` what to do about that. Everything else is of the network (a ` + "`net.Error`" + `),
the store or an argument, says so in its text, and leaves the session as it is. Where the text speaks of the server's answer, or of an id
token, the server has broken the protocol, or somebody has changed what it said: nothing of it was used, and whoever runs the
server wants to know. No text holds a secret.

## A tool that a person has started

` + "`ErrSignInRequired`" + ` means: call ` + "`SignIn`" + `, once. If that fails too, or the error is another one, show it and end;
` + "`Action`" + ` tells whether trying again makes sense.

%EXAMPLE ExampleServerError_Action%
Who signed out wants to know from where: ` + "`errors.Is(err, msal.ErrNotRevoked)`" + ` after ` + "`SignOut`" + ` means that this machine has
forgotten the session and only the server was not told. After any other error it may still be here.

Names come from the server, or from people who chose them. Print an ` + "`Account`" + `, which a terminal shows on one line as it is, or
` + "`token.Account.Name`" + ` with ` + "`%q`" + `. A ` + "`DevicePrompt`" + `, and what an error repeats of a server, is fit for a terminal.

## Is the server down, or the authority wrong?

A sign-in, and the first refresh on a machine, need the server's metadata. What comes in its place is one of these, which
` + "`errors.AsType[net.Error](err)`" + ` and ` + "`errors.AsType[*msal.ServerError](err)`" + ` find. The first three rows are the same for every request.

| what is there | what the error is | what to do |
|---|---|---|
| no network, a name that DNS does not know, nothing in time, an answer that was cut, a captive portal's page | a ` + "`net.Error`" + ` that is Temporary; what package net said of it is there for ` + "`errors.As`" + `, such as a ` + "`*net.DNSError`" + ` that IsNotFound | try again later; where it has never worked, correct ` + "`Config.Authority`" + ` |
| another's certificate, or a clock that is wrong | a ` + "`net.Error`" + ` that is not Temporary, and a ` + "`*tls.CertificateVerificationError`" + ` | correct the clock, the proxy or ` + "`Config.Authority`" + ` |
| a server that is not well, or had too many requests | a ` + "`*msal.ServerError`" + ` with ` + "`ActionRetry`" + ` or ` + "`ActionWait`" + `, and RetryAfter if it said | try again then; ` + "`KeepFresh`" + ` does |
| no metadata, a tenant that does not exist, a redirect, or metadata of another issuer | a ` + "`*msal.ServerError`" + ` with ` + "`ActionFixApp`" + ` | correct ` + "`Config.Authority`" + ` |

In one function, for a program that wants to know no more than whether to try again later:

%EXAMPLE Example_networkDown%
Metadata that was had once serves for good: a server that is down keeps nobody from what is stored here. The end of a caller's
context is a ` + "`net.Error`" + ` too where it ended a request, so look at the context first.

## A daemon

` + "`KeepFresh`" + ` waits and tries again by itself while the server or the network is not well, and does not ask more often than
the server wants. It returns when a person is needed: show its error, which ends in what that person has to do, and stay
signed out until somebody has. Do not begin a sign-in at every ` + "`ErrSignInRequired`" + `: where ` + "`Action`" + ` is not ` + "`ActionSignIn`" + `,
a policy, an administrator or the registration stands in the way, and the next sign-in would meet the same. Between two calls
of ` + "`Token`" + ` that fail with something else than ` + "`ErrSignInRequired`" + ` leave a pause. While the server wants to be left alone they cost no
request, nor, for a minute, does what neither a sign-in nor a refresh would change.

## A client of an API

` + "`HTTPClient`" + ` answers a 401 with one new token, which satisfies the API's claims challenge if a refresh can. If it cannot,
the request fails with ` + "`ErrSignInRequired`" + `, and the claims for the sign-in are in the error. That is so for a second factor, for
a policy about devices, and after a session was revoked (continuous access evaluation, which an application declares with
` + "`Config.Capabilities`" + ` "cp1"). A second 401 is the API's last word, and is returned. The claims go into the sign-in and are
forgotten with it; a challenge of anybody but the API of that client counts for nothing.

%EXAMPLE ExampleClient_HTTPClient_claims%
## Values

| value | what it means, and what to do |
|---|---|
%VALUES%
An ` + "`*msal.ImportError`" + ` says whose session could not be taken over from MSAL, and wraps why.

## What the server's answer asks for

` + "`ServerError.Action`" + ` is one of these. What leads there is the suberror, which Microsoft's platform gives, or else the error.
A status of 429 is ActionWait, whatever comes with it. What is in no row is ActionRetry if it has no error at all, or a status of
408 or from 500 on; else it is ActionGiveUp.

| value | what to do | suberror | error |
|---|---|---|---|
%ACTIONS%
Some refusals reach the person alone: the server shows a page and sends nobody back. Microsoft's platform does so where only an
administrator can consent (AADSTS90094) and where the application or its redirect URI is wrong (documented). Then there is no
` + "`ServerError`" + `: SignIn ends with ` + "`ErrSignInTimeout`" + `, after ` + "`Browser.Timeout`" + ` or (not verified) when the device code is over. Say
along with that error that the page in the browser has the reason, and may ask for an administrator.

A refresh token is forgotten only if the server says ` + "`invalid_grant`" + ` and means the token: on Microsoft's platform with the
suberror bad_token or token_expired, or without a suberror, claims, a complaint about scopes or consent, or AADSTS50196. Everything
else keeps the session, also where it is ` + "`ErrSignInRequired`" + `.

## Microsoft's numbers

They are for people: Microsoft changes them, and warns programs against them. The text of a ServerError ends in the hint. Where a
row names a value it is the Action, because error and suberror are not there or mislead.

| number | what is the matter; what to do | |
|---|---|---|
%HINTS%`

// TestDocs: docs/errors.md says what the code says.
func TestDocs(t *testing.T) {
	t.Parallel()
	values, actions := "", ""
	for _, v := range documented(t, "errors.go", "../scopes/defaults.go", "../scopes/grammar.go", "../cache/errors.go", "../cache/keys/passphrase.go") {
		if strings.HasPrefix(v.name, "Err") {
			values += fmt.Sprintf("| `%s.%s` | %s |\n", v.pkg, v.name, v.doc)
		}
	}
	for _, pkg := range []string{"msal", "scopes", "cache", "keys"} {
		api, err := os.ReadFile(filepath.Join("..", "api", pkg+".txt"))
		require.NoError(t, err)
		for line := range strings.Lines(string(api)) {
			if name, ok := strings.CutPrefix(line, "var Err"); ok {
				require.Contains(t, values, "`"+pkg+".Err"+strings.Fields(name)[0]+"`")
			}
		}
	}
	for _, v := range documented(t, "action.go") {
		actions += fmt.Sprintf("| `%s` | %s | %s | %s |\n", v.name, v.doc, leading(suberrors, v.value), leading(codes, v.value))
	}
	var rows strings.Builder
	for _, h := range hints {
		instead := ""
		for _, v := range documented(t, "action.go") {
			if h.instead != "" && v.value == h.instead {
				instead = "`" + v.name + "`"
			}
		}
		fmt.Fprintf(&rows, "| %s | %s | %s |\n", strings.ReplaceAll(h.names, " ", ", "), h.text, instead)
	}
	text := strings.NewReplacer("%VALUES%", values, "%ACTIONS%", actions, "%HINTS%", rows.String(),
		"%EXAMPLE ExampleServerError_Action%", body(t, "ExampleServerError_Action"),
		"%EXAMPLE Example_networkDown%", body(t, "Example_networkDown"),
		"%EXAMPLE ExampleClient_HTTPClient_claims%", body(t, "ExampleClient_HTTPClient_claims")).Replace(errorsDocument)
	path := filepath.Join("..", "docs", "errors.md")
	if flag.Lookup("update").Value.String() == "true" {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(have), "if it is meant to change: go test ./msal -run Docs -update")
}

// leading lists what leads to an action.
func leading(from map[string]Action, to Action) string {
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(from)), func(name string) bool { return from[name] != to })
	return strings.Join(names, ", ")
}

// value is a constant or variable with a comment.
type value struct {
	pkg, name, doc string
	value          Action
}

// documented reads the exported values of some files, with what is said of them.
func documented(t *testing.T, files ...string) (values []value) {
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		require.NoError(t, err)
		types := map[string]string{} // what is said of them
		for n := range ast.Preorder(file) {
			if declared, ok := n.(*ast.GenDecl); ok && declared.Tok == token.TYPE && declared.Doc != nil {
				types[declared.Specs[0].(*ast.TypeSpec).Name.Name] = flat(declared.Doc)
			}
		}
		for n := range ast.Preorder(file) {
			declared, ok := n.(*ast.GenDecl)
			if !ok || declared.Tok != token.CONST && declared.Tok != token.VAR {
				continue
			}
			for _, spec := range declared.Specs {
				v := spec.(*ast.ValueSpec)
				comment := v.Doc
				if comment == nil && !declared.Lparen.IsValid() {
					comment = declared.Doc
				}
				if comment == nil || !v.Names[0].IsExported() {
					continue
				}
				of := value{pkg: file.Name.Name, name: v.Names[0].Name}
				of.doc = strings.TrimPrefix(strings.TrimPrefix(flat(comment), of.name+": "), of.name+" ")
				if name, ok := strings.CutPrefix(of.doc, "is what every [*"); ok { // a type that says more
					name, _, _ = strings.Cut(name, "]")
					_, said, ok := strings.Cut(types[name], name+" ")
					require.True(t, ok, name)
					of.doc = "a `*" + file.Name.Name + "." + name + "` " + said
				}
				if literal, ok := v.Values[0].(*ast.BasicLit); ok {
					said, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					of.value = Action(said)
				}
				values = append(values, of)
			}
		}
	}
	require.NotEmpty(t, values)
	return values
}

func flat(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(comment.Text(), "|", `\|`)), " ")
}

// body is what an example does, as a block of code.
func body(t *testing.T, example string) string {
	source := ""
	for _, name := range []string{"example_test.go", "example_token_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		source += string(text)
	}
	_, text, ok := strings.Cut(source, "\nfunc "+example+"() {\n\t")
	require.True(t, ok, example)
	text, _, ok = strings.Cut(text, "\n\t// Output:")
	require.True(t, ok, example)
	return "```go\n" + strings.ReplaceAll(text, "\n\t", "\n") + "\n```\n"
}
