package scopes_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/staysigned/staysigned/scopes"
)

// What an application asks for, and what goes on the wire.
func ExampleBuild() {
	request, err := scopes.Build([]string{"User.Read", "Mail.Read"}, scopes.Defaults())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(request)
	// Output: User.Read Mail.Read openid profile email offline_access
}

// Naming a default is refused before anything is sent, in every spelling that
// the platform takes for it.
func ExampleBuild_duplicate() {
	_, err := scopes.Build([]string{"User.Read", "OpenID", "https://graph.microsoft.com/offline_access"}, scopes.Defaults())
	if duplicate, ok := errors.AsType[*scopes.DuplicateDefaultError](err); ok {
		fmt.Println(strings.Join(duplicate.Scopes, "\n"))
	}
	// Output:
	// OpenID
	// https://graph.microsoft.com/offline_access
}

// A provider that refuses offline_access is not sent it; an application may
// still ask for it by name.
func ExampleBuild_omit() {
	offline, _ := scopes.New(scopes.OfflineAccess)
	request, err := scopes.Build([]string{"calendar"}, scopes.Defaults().Without(offline))
	fmt.Println(request, err)
	// Output: calendar openid profile email <nil>
}

// Why is my list of scopes refused? Each scope is a string of its own.
func ExampleNew() {
	_, err := scopes.New("User.Read Mail.Read")
	fmt.Println(err)
	// Output: invalid scope "User.Read Mail.Read" at index 0: U+0020 (space) is not allowed in a scope: pass two strings instead of one
}

// What was asked, less what a server granted, is what MSAL calls the declined
// scopes.
func ExampleParse() {
	asked, _ := scopes.New("User.Read", "Mail.Read")
	granted, err := scopes.Parse("openid profile User.Read")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(granted.Covers(asked), asked.Without(granted))
	// Output: false Mail.Read
}

// What does a permission of Microsoft Graph allow? The built-in catalog knows
// five; LoadCatalog reads all.
func ExampleCatalog_Lookup() {
	permission, ok := scopes.BuiltinCatalog().Lookup("https://graph.microsoft.com/user.read")
	fmt.Println(ok, permission.Value, permission.ID)
	fmt.Println(permission.UserDisplayText)
	// Output:
	// true User.Read e1fe6dd8-ba31-4d61-89e7-88639da4683d
	// Sign you in and read your profile
}

// What becomes of a list, for a client that adds the defaults and whose server
// is Microsoft's. Package msal knows the rules of a client by itself:
// msal.Client.Explain.
func ExampleExplain() {
	rules := scopes.Rules{Defaults: scopes.Defaults(), Graph: true}
	e := scopes.Explain([]string{"user.read", "OpenID", "api://my-api/Read"}, rules, nil)
	for _, s := range e.Scopes {
		if s.Explicit {
			fmt.Printf("%s (%s): %s\n", s.Scope, s.Kind, s.Verdict)
		}
	}
	fmt.Println(errors.Is(e.Err, scopes.ErrDuplicateDefault))
	// Output:
	// user.read (graph): withheld
	// OpenID (default): refused
	// api://my-api/Read (other): withheld
	// true
}

// The same for people, of any client and server.
func ExampleExplanation_String() {
	rules := scopes.Rules{Server: "https://login.example.com", Defaults: scopes.Defaults()}
	fmt.Print(scopes.Explain([]string{"calendar"}, rules, nil))
	// Output:
	// Sends 5 scopes, 1 of them yours.
	//
	// sent      calendar
	//           what it allows, only the server knows
	// added     openid
	//           an ID token, without which nobody is known to have signed in
	// added     profile
	//           the person's name
	// added     email
	//           the person's address, if there is one
	// added     offline_access
	//           a refresh token; without it the session ends with the access token
	//
	// On the wire to https://login.example.com
	// authorize scope=calendar openid profile email offline_access
}
