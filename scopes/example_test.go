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

func ExampleCatalog_Lookup() {
	permission, ok := scopes.BuiltinCatalog().Lookup("https://graph.microsoft.com/user.read")
	fmt.Println(ok, permission.Value, permission.ID)
	fmt.Println(permission.UserDisplayText)
	// Output:
	// true User.Read e1fe6dd8-ba31-4d61-89e7-88639da4683d
	// Sign you in and read your profile
}
